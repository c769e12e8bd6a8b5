"""The rule itself: from (result, feed, now) to (time, reason), in the order in which the wishes are heard.

The rhythm proposes, the loss guard shortens, the floors lengthen, the clamp bounds, the masks shift, failures and
Retry-After have the last word, and jitter spreads what is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from storage.records import FetchOutcome, FetchResult
from tasks.cadence import audits, failures, moves, said
from tasks.cadence.state import DAY, HOUR, CadencePolicy, FeedState, Incident, Memory, NextPoll

# Seconds: what keeps a host busy is over in as many, a request or the turns of a worker that died.
_DEFERRED_WAIT = 20.0


def next_poll(
    result: FetchResult,
    feed: FeedState,
    now: datetime,
    policy: CadencePolicy = CadencePolicy(),
) -> NextPoll:
    """Return when to poll `feed` after `result`, why, what to remember, and what to tell."""
    if result.outcome is FetchOutcome.DEFERRED:
        return _deferred(result, feed, now)
    if feed.unread is not None and result.outcome in {FetchOutcome.NOT_MODIFIED, FetchOutcome.SAME_BODY}:
        # What did not change still cannot be read: fetching it well is no recovery.
        result = replace(result, outcome=FetchOutcome.PARSE, error=feed.unread)
    memory, incidents, moved = _learn(result, feed, now)
    seek = result.outcome.failed and failures.lost(result, memory, now)
    if seek:
        memory = replace(memory, sought_at=now)
    seconds, reason, firm = _interval(result, replace(feed, memory=memory), now, policy)
    if result.outcome.failed:
        pause = failures.wait(result.outcome, memory, now)
        row = f"{result.outcome.value}, failure {memory.failures}"
        seconds, reason, firm = (pause, row, False) if pause >= seconds else (seconds, f"{row}; {reason}", firm)
    asked = said.retry_after(result.headers, now)
    if asked is not None and min(asked, policy.retry_after_cap) >= seconds:
        seconds, reason, firm = min(asked, policy.retry_after_cap), f"Retry-After {asked:.0f} s", True
    at = said.past_mask(now + timedelta(seconds=_jittered(seconds, feed.feed_id, policy, firm=firm)), feed.hints)
    return NextPoll(
        at=at,
        reason=reason,
        interval=seconds,
        memory=memory,
        pull=pull(feed, now),
        audit=audits.due(memory, at),
        moved_to=moved,
        seek=seek,
        incidents=incidents,
    )


def _deferred(result: FetchResult, feed: FeedState, now: datetime) -> NextPoll:
    """Return the next try of a feed that had no turn: soon, or when its host may be free, never all at once."""
    wait = _DEFERRED_WAIT
    if result.retry_at is not None:
        wait = max(wait, (result.retry_at - now).total_seconds())
    at = now + timedelta(seconds=wait + _DEFERRED_WAIT * phase(feed.feed_id))
    reason = result.error or "no turn yet"
    return NextPoll(at=at, reason=reason, interval=wait, memory=feed.memory, pull=pull(feed, now))


def pull(feed: FeedState, now: datetime) -> float:
    """Return the root of the feed's weighted rate, entries a day: polls go in proportion to it."""
    return round(math.sqrt(feed.weight * feed.rhythm.rate(now)), 4)


def phase(feed_id: int) -> float:
    """Return the feed's place in [0, 1), the same in every process and version: what spreads feeds apart."""
    return int.from_bytes(blake2b(str(feed_id).encode(), digest_size=7).digest()) / 2**56


def _learn(result: FetchResult, feed: FeedState, now: datetime) -> tuple[Memory, tuple[Incident, ...], str | None]:
    memory = replace(feed.memory, validators_url=result.validators.url)
    if result.outcome.failed:
        memory, incidents = failures.after_failure(result, memory, now)
        return memory, incidents, None
    memory = moves.observe(result, audits.after_poll(result, memory, now), now)
    if feed.unread is not None:
        return memory, (), None  # a new document: whether it can be read, ingestion will say
    memory, incidents = failures.after_success(memory)
    target = moves.settled(memory, now, kin=feed.kin)
    if target is None or memory.move is None:
        return memory, incidents, None
    moved = Incident(kind="feed.moved", since=memory.move.since, details={"from": result.url, "to": target})
    return replace(memory, move=None), (*incidents, moved), target


def _interval(result: FetchResult, feed: FeedState, now: datetime, policy: CadencePolicy) -> tuple[float, str, bool]:
    """Return the seconds to the next poll of a healthy feed, the reason, and whether they are a promise to keep."""
    hourly = feed.rhythm.hourly(now)
    seconds = _by_rhythm(hourly, feed.weight, now, policy)
    rate = feed.rhythm.rate(now)
    reason = f"rhythm {rate:.2g} a day" if feed.rhythm.at else "rhythm not yet known"
    window = feed.rhythm.window
    if window:
        guard = 0.5 * window / max(hourly) * DAY
        if guard < seconds:
            seconds, reason = guard, f"loss guard: {window} entries a document"
    floors = _floors(result, feed, now, policy)
    highest = max(floors, key=lambda floor: floor[0])
    firm = highest[0] > seconds
    if firm:
        seconds, reason = highest
    if seconds > policy.ceiling and not firm:
        seconds, reason = policy.ceiling, f"at least every {policy.ceiling / HOUR:.0f} h"
    return seconds, reason, firm


def _floors(result: FetchResult, feed: FeedState, now: datetime, policy: CadencePolicy) -> list[tuple[float, str]]:
    """Return every lower bound with its reason; none but the operator's own may reach beyond the ceiling."""
    hints = feed.hints
    fresh = min(said.freshness(result.headers, now), policy.fresh_cap)
    pushed = policy.pushed if feed.pushed_until is not None and feed.pushed_until > now else 0.0
    return [
        (policy.floor, "the shortest interval"),
        (feed.floor or 0.0, "the feed's own floor"),
        (min(hints.ttl or 0, policy.ceiling), "the feed's ttl"),
        (min(hints.update_period or 0, policy.ceiling), "the feed's sy:updatePeriod"),
        (fresh, "fresh by Cache-Control or Expires"),
        (min(pushed, policy.ceiling), "its hub pushes"),
    ]


def _by_rhythm(hourly: Sequence[float], weight: float, now: datetime, policy: CadencePolicy) -> float:
    """Return the interval of the square-root law: polls go with the root of the rate, hour by hour.

    Polls a day are sqrt(weight x rate) x day / stretch; the next one is due when that adds up to a whole.
    """
    due, hour, elapsed = 1.0, now.hour, 0.0
    rest = HOUR - now.minute * 60 - now.second - now.microsecond / 1e6
    while elapsed < policy.ceiling:
        density = math.sqrt(weight * hourly[hour]) / policy.stretch
        if density * rest >= due:
            return elapsed + due / density
        due -= density * rest
        elapsed += rest
        hour, rest = (hour + 1) % 24, float(HOUR)
    return float(policy.ceiling)


def _jittered(seconds: float, feed_id: int, policy: CadencePolicy, *, firm: bool) -> float:
    """Spread `seconds` by the feed's own share; a promise (a floor, a Retry-After) is only ever lengthened."""
    share = phase(feed_id)
    return seconds * (1 + policy.jitter * (share if firm else 2 * share - 1))
