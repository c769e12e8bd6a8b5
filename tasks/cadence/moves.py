"""Permanent redirects: believed only when they last, because a captive portal answers 301 too."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.records import FetchOutcome, FetchResult
from tasks.cadence.state import Memory, Move

_PERMANENT = frozenset({301, 308})
_POLLS, _SPAN = 5, timedelta(hours=72)


def observe(result: FetchResult, memory: Memory, now: datetime) -> Memory:
    """Note whether this poll's redirects were all permanent and led where they led before."""
    if not result.hops or any(status not in _PERMANENT for status, _ in result.hops):
        return replace(memory, move=None)
    move = memory.move
    if move is not None and move.target == result.final_url:
        return replace(memory, move=replace(move, polls=move.polls + 1))
    same = result.outcome in {FetchOutcome.SAME_BODY, FetchOutcome.NOT_MODIFIED}
    return replace(memory, move=Move(target=result.final_url, since=now, same=same))


def settled(memory: Memory, now: datetime, *, kin: str | None) -> str | None:
    """Return the address that the feed has moved to: same target in five polls over 72 hours, and the same feed.

    The same it is where the first document there was the one held from here, or held entries known from here (`kin`).
    """
    move = memory.move
    if move is None or move.polls < _POLLS or now - move.since < _SPAN:
        return None
    return move.target if move.same or kin == move.target else None
