"""When to ask without validators, so that a server which answers 304 falsely is found out.

Only a row of 304s can hide anything: every 200 brought the document as it is. So the row is what is bounded.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.records import FetchOutcome, FetchResult
from tasks.cadence.state import Memory

# A row of 304s as long as both is broken by an audit, and one of a week whatever the polls in it.
_POLLS, _SPAN, _LONGEST = 50, timedelta(hours=24), timedelta(days=7)
# The first audit of a feed comes early: most servers that lie do so from the start.
_FIRST_POLLS = 10
# After one lie the server is watched, after a second its validators are not believed until a month has passed.
_WATCHED_POLLS, _WATCHED_SPAN = 10, timedelta(hours=6)
_DISTRUSTED, _PAROLE = 2, timedelta(days=30)


def after_poll(result: FetchResult, memory: Memory, now: datetime) -> Memory:
    """Count a 304; a document restarts the row, and an audit's verdict is remembered."""
    if result.outcome is FetchOutcome.NOT_MODIFIED:
        return replace(memory, polls=memory.polls + 1, audited_at=memory.audited_at or now)
    if result.outcome not in {FetchOutcome.CHANGED, FetchOutcome.SAME_BODY}:
        return memory
    if not result.audited:
        return replace(memory, polls=0, audited_at=now)
    if result.lied:
        return replace(memory, polls=0, audited_at=now, audits=0, lies=memory.lies + 1)
    if memory.lies >= _DISTRUSTED and now - (memory.audited_at or now) < _PAROLE:
        return memory
    return replace(memory, polls=0, audited_at=now, audits=memory.audits + 1, lies=max(memory.lies - 1, 0))


def due(memory: Memory, now: datetime) -> bool:
    """Say whether a request at `now` should go without validators."""
    if memory.audited_at is None:
        return False
    if memory.lies >= _DISTRUSTED:
        return True
    span = now - memory.audited_at
    if memory.lies:
        return memory.polls >= _WATCHED_POLLS and span >= _WATCHED_SPAN
    polls = _POLLS if memory.audits else _FIRST_POLLS
    return span >= _SPAN and (memory.polls >= polls or span >= _LONGEST)
