"""A publisher for the walk-through of `.ci/containers`: /1.xml to /<feeds>.xml, each with items of its own words.

`python publisher.py FEEDS ITEMS`; every SIGHUP adds ten items to each feed. /ledger has the guids of all items so far,
/all.opml the subscriptions.
"""

from __future__ import annotations

import random
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FEEDS, ITEMS = int(sys.argv[-2]), int(sys.argv[-1])
BASE = "http://publisher:8000"
SYLLABLES = tuple(
    f"{onset}{vowel}{end}" for onset in "bdfghklmnprstvwz" for vowel in "aeiou" for end in ("", "n", "r", "s")
)
editions = [0]


def sentence(seed: int, length: int) -> str:
    """So many words that only this seed gives: copies of one story are not the subject here."""
    drawn = random.Random(seed)
    return " ".join("".join(drawn.choices(SYLLABLES, k=drawn.randint(2, 4))) for _ in range(length)).capitalize() + "."


def guid(feed: int, number: int) -> str:
    """An item's identity."""
    return f"walk-{feed}-{number}"


def item(feed: int, number: int) -> str:
    """One RSS item."""
    seed = feed * 100_000 + number
    body = "".join(f"<p>{sentence(seed * 100 + paragraph, 24)}</p>" for paragraph in range(6))
    return (
        f"<item><guid isPermaLink='false'>{guid(feed, number)}</guid><title>{sentence(seed, 6)}</title>"
        f"<link>{BASE}/{feed}/{number}.html</link><description>{sentence(seed * 100 + 50, 14)}</description>"
        f"<content:encoded><![CDATA[{body}]]></content:encoded></item>"
    )


def numbers() -> range:
    """The items that are out."""
    return range(1, ITEMS + editions[0] * 10 + 1)


def ledger() -> str:
    """The guids of all items that are out, one per line."""
    return "".join(f"{guid(feed, number)}\n" for feed in range(1, FEEDS + 1) for number in numbers())


def subscriptions() -> str:
    """Every feed, as OPML."""
    outlines = "".join(f'<outline type="rss" text="Desk {n}" xmlUrl="{BASE}/{n}.xml"/>' for n in range(1, FEEDS + 1))
    return f'<?xml version="1.0"?><opml version="2.0"><head/><body>{outlines}</body></opml>'


def feed(number: int) -> str:
    """One feed as RSS, newest first."""
    items = "".join(item(number, entry) for entry in reversed(numbers()))
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>Desk {number}</title><link>{BASE}/</link><description>Desk</description>{items}</channel></rss>"
    )


def answer(path: str) -> str | None:
    """The document at a path."""
    if path == "/ledger":
        return ledger()
    if path == "/all.opml":
        return subscriptions()
    name = path.removeprefix("/").removesuffix(".xml")
    return feed(int(name)) if name.isdigit() and 1 <= int(name) <= FEEDS else None


class Handler(BaseHTTPRequestHandler):
    """Answers GET."""

    def do_GET(self) -> None:
        """Send the document, or 404."""
        text = answer(self.path)
        body = (text or "not here").encode()
        self.send_response(404 if text is None else 200)
        self.send_header("Content-Type", "application/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _more(*_: object) -> None:
    editions[0] += 1


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, _more)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
