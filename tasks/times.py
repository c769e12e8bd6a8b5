"""Dates held against the clock: what calls itself published in the days to come is not believed. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.records import Entry, ParsedDocument

# Zones that were read wrongly put a date up to a day ahead.
_AHEAD = timedelta(days=2)


def believed(parsed: ParsedDocument, now: datetime) -> ParsedDocument:
    """Return the document without publications beyond `now` and two days; what the feed wrote stays beside them.

    A date in 2099 would stand before all others for ever; without one, an article stands where it was first seen.
    """
    latest = now + _AHEAD
    if not any(_beyond(entry, latest) for entry in parsed.entries):
        return parsed
    entries = (replace(entry, published_at=None) if _beyond(entry, latest) else entry for entry in parsed.entries)
    return replace(parsed, entries=tuple(entries))


def _beyond(entry: Entry, latest: datetime) -> bool:
    return entry.published_at is not None and entry.published_at > latest
