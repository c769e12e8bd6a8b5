"""What reading an entry costs: CPU per entry for each reader, and what remains when most items are known.

Run with `python -m benchmarks.formats [FEEDS]`. The feeds are made here: 30 items of about 4 kB each, half of them in
CDATA, German and English. `feedparser` is the library alone, without any of what turns its answer into entries.
"""

from __future__ import annotations

import io
import random
import sys
import time
from collections.abc import Callable
from html import escape

import feedparser

from tasks.formats import loose, parse
from tasks.urls import canonical, document_keys

ITEMS = 30
NEW = 2
ROUNDS = 3
URL = "https://paper.example/feed"
TEXT = (
    "Die Regierung hat am Dienstag in Berlin ein Gesetz vorgelegt und mit den Ländern über Kosten für Züge gesprochen "
    "The government said on Tuesday that talks about new railway lines would go on until the summer & beyond"
)
WORDS = TEXT.split()


def made(number: int, chance: random.Random) -> bytes:
    """Write one feed."""
    items = []
    for index in range(ITEMS):
        text = "".join(f"<p>{escape(' '.join(chance.choices(WORDS, k=45)))}</p>\n" for _ in range(14))
        body = f"<![CDATA[{text}]]>" if number % 2 else escape(text)
        items.append(
            f"<item><title>{escape(' '.join(chance.choices(WORDS, k=8)))}</title>"
            f"<link>https://paper.example/{number}/{index}?utm_source=rss&amp;id={index}</link>"
            f'<guid isPermaLink="false">p-{number}-{index}</guid>'
            f"<pubDate>Mon, 02 Mar 2026 05:{index:02d}:00 +0100</pubDate>"
            f"<dc:creator>Ada Holm</dc:creator><category>Stadt</category><category>Bahn</category>"
            f"<description>{escape(' '.join(chance.choices(WORDS, k=25)))}</description>"
            f"<content:encoded>{body}</content:encoded></item>"
        )
    spaces = 'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    head = "<title>Paper</title><language>de</language><lastBuildDate>Mon, 02 Mar 2026 06:00:00 +0100</lastBuildDate>"
    return (
        f'<?xml version="1.0"?>\n<rss version="2.0" {spaces}><channel>{head}{"".join(items)}</channel></rss>'.encode()
    )


def spent(work: Callable[[], object]) -> float:
    """CPU milliseconds of the best of a few rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best * 1_000


def main(feeds: int) -> None:
    """Measure and print."""
    chance = random.Random(7)
    bodies = [made(number, chance) for number in range(feeds)]
    texts = [body.decode() for body in bodies]
    broken = [body.replace(b"</title><link>", b"<b></title><link>") for body in bodies[: max(1, feeds // 10)]]
    parsed = [parse(body, content_type=None, url=URL) for body in bodies]
    known = [{entry.raw_sha256 for entry in one.entries} for one in parsed]
    some = [{entry.raw_sha256 for entry in one.entries[NEW:]} for one in parsed]
    addresses = [entry.url for one in parsed for entry in one.entries if entry.url]
    count = feeds * ITEMS

    def read(seen: list[set[str]] | None = None) -> None:
        for index, body in enumerate(bodies):
            parse(body, content_type=None, url=URL, seen=seen[index] if seen else ())

    rows = [
        ("feedparser, as it comes", spent(lambda: [feedparser.parse(io.BytesIO(body)) for body in bodies]), count),
        ("feedparser, as we call it", spent(lambda: [loose.read(text, URL) for text in texts]), count),
        ("our reader, all items new", spent(read), count),
        (f"our reader, {NEW} of {ITEMS} new, per new item", spent(lambda: read(some)), feeds * NEW),
        ("our reader, all items known, per item", spent(lambda: read(known)), count),
        ("malformed items", spent(lambda: [parse(b, content_type=None, url=URL) for b in broken]), len(broken) * ITEMS),
        ("canonical address", spent(lambda: [canonical.__wrapped__(url) for url in addresses]), count),
        ("identity keys", spent(lambda: [document_keys(one.entries) for one in parsed]), count),
    ]
    print(f"{feeds} feeds of {ITEMS} items, {sum(map(len, bodies)) / count / 1_000:.1f} kB per item")
    for name, milliseconds, entries in rows:
        print(f"{name:45} {milliseconds / entries:8.4f} ms/entry")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
