"""What cleaning costs: articles a second on one core, beside the two scripts that anybody would write first.

Run with `python -m benchmarks.clean_speed [CASES]`. CASES is a file of a line-cleaning yardstick, one JSON object a
line with `headline`, `teaser` and `lines_in`; without it, the lines are those of this project's own feeds. Each figure
is the best of several rounds that take turns, so the ratios hold on a machine that does other work, too.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from lxml import etree

from benchmarks.clean_adapter import clean
from benchmarks.line_feeds import feed
from storage.records import Entry
from tasks.formats import parse
from tasks.normalize import clean_copy, normalize

FEEDS = 20
ROUNDS = 5
Case = tuple[str, str, Sequence[str]]


def entries() -> list[Entry]:
    """The entries of some feeds as the line gets them: headline, teaser, some 3.3 kB of HTML."""
    read = [parse(feed(number), content_type=None, url="https://bench.example/feed") for number in range(FEEDS)]
    return [entry for document in read for entry in document.entries]


def cases(path: Path | None) -> list[Case]:
    """Headline, teaser and lines of each article."""
    if path is None:
        return [
            _as_lines(item) for number in range(FEEDS) for item in ElementTree.fromstring(feed(number)).iter("item")
        ]
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [(row["headline"] or "", row["teaser"] or "", row["lines_in"]) for row in rows]


def _as_lines(item: ElementTree.Element) -> Case:
    """An entry as a crawler would hand it over: headline and teaser twice, then the body."""
    headline, teaser = item.findtext("title", ""), item.findtext("description", "")
    content = item.findtext("{http://purl.org/rss/1.0/modules/content/}encoded", "")
    blocks = [block.text for block in clean_copy(content, headline=headline, teaser=teaser).blocks]
    return headline, teaser, [headline, teaser, headline, teaser, *blocks]


def drop_repeats(headline: str, teaser: str, lines: Sequence[str]) -> list[str]:
    """The trivial script: a line goes if it has come before."""
    return list(dict.fromkeys(lines))


def drop_folded(headline: str, teaser: str, lines: Sequence[str]) -> list[str]:
    """The second try: case, quotes and punctuation do not count."""
    seen: dict[str, str] = {}
    for line in lines:
        seen.setdefault("".join(filter(str.isalnum, line.casefold())), line)
    return list(seen.values())


def best(jobs: dict[str, Callable[[], None]]) -> dict[str, float]:
    """The least CPU seconds of each job, over rounds in which they take turns."""
    least: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            least[name] = min(time.process_time() - start, least.get(name, 1e9))
    return least


def _each(function: Callable[..., Any], items: Sequence[tuple[Any, ...]]) -> Callable[[], None]:
    def job() -> None:
        for item in items:
            function(*item)

    return job


def _parsed(entry: Entry) -> None:
    if entry.content:
        etree.fromstring(entry.content.value.encode(), etree.HTMLParser(encoding="utf-8"))


def report(path: Path | None) -> Iterator[str]:
    """The lines of the report."""
    articles, items = cases(path), [(entry,) for entry in entries()]
    gc.collect()
    gc.freeze()
    spent = best(
        {
            "lines: drop exact repeats": _each(drop_repeats, articles),
            "lines: drop folded repeats": _each(drop_folded, articles),
            "lines: clean": _each(clean, articles),
            "HTML: lxml alone": _each(_parsed, items),
            "HTML: normalize": _each(normalize, items),
        }
    )
    for name, seconds in spent.items():
        count = len(items) if name.startswith("HTML") else len(articles)
        yield f"{name:28} {count / seconds:9.0f} articles/s {seconds / count * 1e6:8.1f} µs"
    cleaned = spent["lines: clean"] / spent["lines: drop folded repeats"]
    normalized = spent["HTML: normalize"] / spent["HTML: lxml alone"]
    yield f"clean takes {cleaned:.2f} of the folded script's time, normalize {normalized:.1f} of lxml's"


def main() -> None:
    for line in report(Path(sys.argv[1]) if len(sys.argv) > 1 else None):
        print(line)


if __name__ == "__main__":
    main()
