"""What a source's articles have taught about its lines: one row per feed, since a document reads and writes all of it.

Counts are kept of every line for a while, of the frequent ones for long; an operator's rulings stay for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

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


def load_several(session: Session, ids: Collection[int]) -> dict[int, SourceLines]:
    """The rows of these sources by feed, empty ones where there are none yet."""
    query = select(SourceLines).where(col(SourceLines.feed_id).in_(ids))
    found = {row.feed_id: row for row in session.scalars(query)}
    return {feed_id: found.get(feed_id) or SourceLines(feed_id=feed_id) for feed_id in ids}


def count(row: SourceLines, taught: Iterable[Mapping[str, str]], now: datetime) -> None:
    """Count the lines (key → sample) of new articles, one mapping per article, and forget what is past its time."""
    today = int(now.timestamp() // 86400)
    lines: dict[str, list[Any]] = dict(row.lines)
    once = {key: int(day) for day, keys in row.once.items() for key in keys.split()}
    for article in taught:
        row.articles += 1
        for key, sample in article.items():
            if key in lines:
                lines[key] = [lines[key][0] + 1, today, sample[:SAMPLE]]
            elif key in once:
                # Most lines never come again: what they say is kept from the second time on.
                del once[key]
                lines[key] = [2, today, sample[:SAMPLE]]
            else:
                once[key] = today
    if row.articles >= HALVE_AT:
        row.articles //= 2
        lines = {key: [seen // 2, day, sample] for key, (seen, day, sample) in lines.items() if seen > 1}
        once = {}
    once |= {key: day for key, (seen, day, _) in lines.items() if seen == 1}
    lines = {key: value for key, value in lines.items() if value[0] > 1 and today - value[1] <= FORGET_DAYS}
    if len(lines) > MOST:
        kept = sorted(lines, key=lambda key: (lines[key][0], lines[key][1]), reverse=True)[:MOST]
        lines = {key: lines[key] for key in kept}
    row.lines, row.once = lines, _by_day(once, since=today - FORGET_DAYS, most=MOST - len(lines))


def _by_day(once: Mapping[str, int], *, since: int, most: int) -> dict[str, str]:
    """The keys that came once as they are kept: the `most` newest, of one day those that came first."""
    days: dict[int, list[str]] = {}
    for key, day in once.items():
        if day >= since:
            days.setdefault(day, []).append(key)
    kept: dict[str, str] = {}
    for day in sorted(days, reverse=True):
        some = days[day][:most]
        most -= len(some)
        if some:
            kept[str(day)] = " ".join(some)
    return kept


def seen(row: SourceLines, keys: Iterable[str]) -> dict[str, int]:
    """How many articles held the lines with these keys."""
    wanted = set(keys)
    if not wanted:
        return {}
    once = wanted.intersection(" ".join(row.once.values()).split())
    return {key: row.lines[key][0] if key in row.lines else int(key in once) for key in wanted}


def rule(row: SourceLines, key: str, state: KnownLines, sample: str) -> None:
    """Keep what an operator decided about a line; `LEARNED` takes a ruling back."""
    rulings = {name: value for name, value in row.rulings.items() if name != key}
    if state is not KnownLines.LEARNED:
        rulings[key] = [state.value, sample[:SAMPLE]]
    row.rulings = rulings
