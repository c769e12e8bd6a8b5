"""When to ask without validators, so that a server which answers 304 falsely is found out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.records import FetchOutcome, FetchResult
from tasks.cadence.state import Memory

_POLLS, _SPAN = 50, timedelta(hours=24)
# After one lie the server is watched, after a second its validators are not believed until a month has passed.
_WATCHED_POLLS, _WATCHED_SPAN = 10, timedelta(hours=6)
_DISTRUSTED, _PAROLE = 2, timedelta(days=30)


def after_poll(result: FetchResult, memory: Memory, now: datetime) -> Memory:
    """Count the poll; one that brought the whole document without being asked on condition restarts the count."""
    if result.outcome.failed or result.outcome is FetchOutcome.DEFERRED:
        return memory
    if memory.audited_at is None:
        return replace(memory, polls=0, audited_at=now)
    if result.lied:
        return replace(memory, polls=0, audited_at=now, lies=memory.lies + 1)
    if not result.audited:
        return replace(memory, polls=memory.polls + 1)
    if memory.lies >= _DISTRUSTED:
        return replace(memory, lies=1, audited_at=now) if now - memory.audited_at > _PAROLE else memory
    return replace(memory, polls=0, audited_at=now, lies=max(memory.lies - 1, 0))


def due(memory: Memory, now: datetime) -> bool:
    """Say whether a request at `now` should go without validators: once per max(24 h, 50 polls), oftener for liars."""
    if memory.audited_at is None:
        return False
    if memory.lies >= _DISTRUSTED:
        return True
    polls, span = (_WATCHED_POLLS, _WATCHED_SPAN) if memory.lies else (_POLLS, _SPAN)
    return memory.polls >= polls and now - memory.audited_at >= span
