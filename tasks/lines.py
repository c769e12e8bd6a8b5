"""What the row of a source says of its lines, as cleaning reads it."""

from __future__ import annotations

from collections.abc import Mapping

from storage import source_lines
from storage.models import SourceLines
from storage.records import KnownLines
from tasks.normalize import KnownLine


def known_lines(lines: SourceLines, extra: Mapping[str, int] = {}, articles: int = 0) -> dict[str, KnownLine]:
    """What a source's row says of its lines, with the counts of further articles added."""
    total = lines.articles + articles
    known = {
        key: KnownLine(key=key, seen=value[0] + extra.get(key, 0), articles=total)
        for key, value in lines.lines.items()
        if value[0] + extra.get(key, 0) > 1
    }
    before = source_lines.seen(lines, (*extra, *lines.rulings))
    fresh = {key: before[key] + seen for key, seen in extra.items() if key not in known}
    known |= {key: KnownLine(key=key, seen=seen, articles=total) for key, seen in fresh.items() if seen > 1}
    for key, (state, _) in lines.rulings.items():
        known[key] = KnownLine(key=key, seen=before[key], articles=total, state=KnownLines(state))
    return known
