"""The operator's budget of requests shared out: which stretch makes all feeds together keep to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tasks.cadence.state import DAY, CadencePolicy

# No feed is polled so seldom that a budget could not be kept with it, and none oftener than the floor anyway.
_SHORTEST, _LONGEST = 1.0, 10_000.0 * DAY


def within(policy: CadencePolicy, pulls: Iterable[tuple[float, int]], *, per_minute: float) -> CadencePolicy:
    """Return `policy` with the stretch at which all feeds together make `per_minute` requests.

    `pulls` says how many feeds there are of each pull (`NextPoll.pull`). Floor and ceiling count: a budget below what
    the ceiling demands is overrun, and one that the floors cannot use up is left over.
    """
    known = [(pull, feeds) for pull, feeds in pulls if pull > 0 and feeds > 0]
    if not known:
        return policy
    low, high = _SHORTEST, _LONGEST
    for _ in range(60):
        middle = (low * high) ** 0.5
        if _per_minute(known, middle, policy) > per_minute:
            low = middle
        else:
            high = middle
    return replace(policy, stretch=round(high, 3))


def _per_minute(pulls: Iterable[tuple[float, int]], stretch: float, policy: CadencePolicy) -> float:
    """Return the requests a minute of all feeds at this stretch."""
    return sum(feeds * 60 / min(max(stretch / pull, policy.floor), policy.ceiling) for pull, feeds in pulls)
