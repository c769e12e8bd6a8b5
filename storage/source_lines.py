"""What a source's articles have taught about its lines: one row per feed, since a document reads and writes all of it.

Counts are kept of every line for a while, of the frequent ones for long; an operator's rulings stay for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from storage.models import SourceLines
from storage.records import KnownLines

# Lines remembered per source: a page has some dozen that recur; the rest of the room is for finding them.
MOST = 1500
# Past this many articles all counts are halved: what a source stopped printing is forgotten in time.
HALVE_AT = 400
# Days after which a line that did not come again is forgotten.
FORGET_DAYS = 60
# Characters of a line that are kept to show what it says.
SAMPLE = 160


def load(session: Session, feed_id: int) -> SourceLines:
    """The row of a source, an empty one where there is none yet."""
    return session.get(SourceLines, feed_id) or SourceLines(feed_id=feed_id)


def count(row: SourceLines, taught: Iterable[Mapping[str, str]], now: datetime) -> None:
    """Count the lines (key → sample) of new articles, one mapping per article, and forget what is past its time."""
    today = int(now.timestamp() // 86400)
    lines: dict[str, list[Any]] = {key: list(value) for key, value in row.lines.items()}
    for article in taught:
        row.articles += 1
        for key, sample in article.items():
            seen = lines[key][0] if key in lines else 0
            # Most lines never come again: what they say is kept from the second time on.
            lines[key] = [seen + 1, today, sample[:SAMPLE] if seen else ""]
    if row.articles >= HALVE_AT:
        row.articles //= 2
        lines = {key: [seen // 2, day, sample] for key, (seen, day, sample) in lines.items() if seen > 1}
    lines = {key: value for key, value in lines.items() if today - value[1] <= FORGET_DAYS}
    if len(lines) > MOST:
        kept = sorted(lines, key=lambda key: (lines[key][0], lines[key][1]), reverse=True)[:MOST]
        lines = {key: lines[key] for key in kept}
    row.lines = lines


def rule(row: SourceLines, key: str, state: KnownLines, sample: str) -> None:
    """Keep what an operator decided about a line; `LEARNED` takes a ruling back."""
    rulings = {name: value for name, value in row.rulings.items() if name != key}
    if state is not KnownLines.LEARNED:
        rulings[key] = [state.value, sample[:SAMPLE]]
    row.rulings = rulings
