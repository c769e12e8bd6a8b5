"""How long to leave a failing feed alone, and what is said about it: never silence, never a stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from storage.records import FetchOutcome, FetchResult
from tasks.cadence.state import DAY, HOUR, MINUTE, Incident, Memory

# The first wait by kind of failure; each further one doubles it. A name server or a busy site is soon back, a wrong
# certificate or a refused login is not.
_FIRST_WAIT = {
    FetchOutcome.TIMEOUT: 5 * MINUTE,
    FetchOutcome.CONNECT: 5 * MINUTE,
    FetchOutcome.HTTP_5XX: 5 * MINUTE,
    FetchOutcome.DNS: 10 * MINUTE,
    FetchOutcome.THROTTLED: 15 * MINUTE,
    FetchOutcome.EMPTY: 15 * MINUTE,
    FetchOutcome.NOT_A_FEED: 30 * MINUTE,
    FetchOutcome.PARSE: 30 * MINUTE,
    FetchOutcome.BAD_ENCODING: 30 * MINUTE,
    FetchOutcome.TLS: 30 * MINUTE,
    FetchOutcome.HTTP_4XX: HOUR,
    FetchOutcome.GONE: 6 * HOUR,
}
_OTHER_WAIT = 30 * MINUTE
_CAP, _LATE_CAP, _LATE = 24 * HOUR, 7 * DAY, timedelta(days=14)
_TELL_AFTER, _TELL_SPAN = 3, timedelta(minutes=30)
_GONE_AFTER, _GONE_SPAN = 3, timedelta(hours=48)
_LOST_SPAN, _SEEK_EVERY = timedelta(hours=72), timedelta(days=7)


def wait(outcome: FetchOutcome, memory: Memory, now: datetime) -> float:
    """Return the seconds to wait after the failures that `memory` counts: doubling to a day, to a week after two."""
    since = memory.failing_since or now
    cap = _LATE_CAP if now - since > _LATE else _CAP
    if memory.told == "feed.gone":
        return float(_LATE_CAP)
    # 2^20 is beyond every cap; the bound keeps the power small for a feed that fails for years.
    return float(min(_FIRST_WAIT.get(outcome, _OTHER_WAIT) * 2 ** min(max(memory.failures, 1) - 1, 20), cap))


def after_failure(result: FetchResult, memory: Memory, now: datetime) -> tuple[Memory, tuple[Incident, ...]]:
    """Count a failure; the incident is due once for a row of failures, and once more if the feed turns out gone."""
    gone = result.outcome is FetchOutcome.GONE
    memory = replace(
        memory,
        failures=memory.failures + 1,
        failing_since=memory.failing_since or now,
        failing_as=result.outcome.value,
        gone=memory.gone + 1 if gone else 0,
        gone_since=(memory.gone_since or now) if gone else None,
    )
    if memory.told != "feed.gone" and _is_gone(memory, now):
        return replace(memory, told="feed.gone"), (_incident("feed.gone", result, memory),)
    if memory.told is None and _is_failing(memory, now):
        return replace(memory, told="feed.failing"), (_incident("feed.failing", result, memory),)
    return memory, ()


def after_success(memory: Memory) -> tuple[Memory, tuple[Incident, ...]]:
    """Close the row of failures; it is told only where the failing was."""
    if memory.failures == 0:
        return memory, ()
    incidents = (_incident("feed.recovered", None, memory),) if memory.told else ()
    healthy = replace(
        memory, failures=0, failing_since=None, failing_as=None, told=None, gone=0, gone_since=None, sought_at=None
    )
    return healthy, incidents


def lost(result: FetchResult, memory: Memory, now: datetime) -> bool:
    """Say whether the feed should be looked for elsewhere: nothing of it at its address for three days, once a week."""
    absent = result.status in {404, 410} or result.outcome is FetchOutcome.NOT_A_FEED
    since = now - (memory.failing_since or now)
    told_gone = memory.told == "feed.gone" and memory.sought_at is None
    if not absent or (since < _LOST_SPAN and not told_gone):
        return False
    return memory.sought_at is None or now - memory.sought_at >= _SEEK_EVERY


def _is_failing(memory: Memory, now: datetime) -> bool:
    return memory.failures >= _TELL_AFTER and now - (memory.failing_since or now) >= _TELL_SPAN


def _is_gone(memory: Memory, now: datetime) -> bool:
    return memory.gone >= _GONE_AFTER and now - (memory.gone_since or now) >= _GONE_SPAN


def _incident(kind: str, result: FetchResult | None, memory: Memory) -> Incident:
    if memory.failing_since is None:
        raise ValueError("an incident of a feed that does not fail")
    details = {"outcome": memory.failing_as, "failures": memory.failures}
    if result is not None:
        details |= {"status": result.status, "error": result.error}
    return Incident(kind=kind, since=memory.failing_since, details=details)
