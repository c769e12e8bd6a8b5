"""Delay from publication to poll, at equal numbers of requests: Wireroom's rule against a fixed interval and peers.

python -m benchmarks.polling_simulator [--feeds 200] [--days 15] [--database URL] [--plot docs/polling-delay.svg]
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.plot import lines
from benchmarks.polling_load import DAY, HOUR, START, WINDOW, Load, recorded, synthetic
from benchmarks.polling_peers import PEERS, Policy
from storage.records import FetchOutcome, FetchResult
from tasks.cadence import CadencePolicy, FeedState, next_poll, within

BUDGETS = (6, 12, 24, 48)
# The first days teach; they are not measured.
LEARNING = 5.0


@dataclass
class Outcome:
    """What a policy came to over the measured days; delays and gaps in seconds."""

    days: float
    feeds: int
    polls: int = 0
    delays: list[float] = field(default_factory=list)
    by_feed: dict[int, list[float]] = field(default_factory=dict)
    longest_gap: float = 0.0
    lost: int = 0

    @property
    def polls_a_day(self) -> float:
        """Polls per feed and day."""
        return self.polls / self.days / self.feeds

    @property
    def mean(self) -> float:
        """Mean delay of an entry."""
        return sum(self.delays) / len(self.delays)

    @property
    def p95(self) -> float:
        """The delay that one entry in twenty exceeds."""
        return sorted(self.delays)[int(len(self.delays) * 0.95)]

    @property
    def mean_of_feeds(self) -> float:
        """Mean over feeds of their mean delay."""
        means = [sum(delays) / len(delays) for delays in self.by_feed.values()]
        return sum(means) / len(means)


class Wireroom:
    """Our own rule: the very function that the workers call, with the rhythm that ingestion learns."""

    def __init__(self, load: Load, budget: float) -> None:
        feeds = len(load.feeds)
        self.per_minute = feeds * budget / 1440
        self.policy = CadencePolicy()
        self.states = [FeedState(feed_id=number) for number in range(feeds)]
        self.pulls = [1.0] * feeds
        self.shared_out = -1e9
        self.results = {
            outcome: FetchResult(feed_id=0, url="u", final_url="u", outcome=outcome, started_at=START, duration_ms=1.0)
            for outcome in (FetchOutcome.CHANGED, FetchOutcome.NOT_MODIFIED)
        }

    def next(self, feed: int, new: list[float], now: float) -> float:
        """The seconds to the feed's next poll."""
        moment = _moment(now)
        state = self.states[feed]
        if now - self.shared_out > 6 * HOUR:
            self.policy = within(self.policy, Counter(self.pulls).items(), per_minute=self.per_minute)
            self.shared_out = now
        if new:
            rhythm = state.rhythm.seen([_moment(at) for at in new], window=WINDOW, now=moment)
            state = FeedState(feed_id=feed, rhythm=rhythm, memory=state.memory)
        result = self.results[FetchOutcome.CHANGED if new else FetchOutcome.NOT_MODIFIED]
        plan = next_poll(result, state, moment, self.policy)
        self.states[feed] = FeedState(feed_id=feed, rhythm=state.rhythm, memory=plan.memory)
        self.pulls[feed] = round(plan.pull, 2)
        return (plan.at - moment).total_seconds()


def _moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def run(load: Load, decide: Callable[[int, list[float], float], float]) -> Outcome:
    """Poll every feed of the load from its start to its end, each time when `decide` says."""
    outcome = Outcome(days=load.days - LEARNING, feeds=len(load.feeds))
    queue = [(0.0, feed, -40 * DAY) for feed in range(len(load.feeds))]
    heapq.heapify(queue)
    while queue:
        now, feed, before = heapq.heappop(queue)
        if now >= load.days * DAY:
            continue
        new = load.published(feed, before, now)
        if now >= LEARNING * DAY:
            outcome.polls += 1
            outcome.longest_gap = max(outcome.longest_gap, now - before)
            measured = [now - at for at in new if at >= LEARNING * DAY]
            outcome.delays += measured
            if measured:
                outcome.by_feed.setdefault(feed, []).extend(measured)
            outcome.lost += max(len(new) - WINDOW, 0)
        elif before < 0:
            new = new[-WINDOW:]
        heapq.heappush(queue, (now + max(decide(feed, new, now), 1.0), feed, now))
    return outcome


def peer(load: Load, kind: type, target: float) -> Outcome:
    """Run a peer's policy, scaled until it makes the target's polls a day (within one in a hundred)."""
    low, high = 1e-3, 1e3
    outcome = None
    for _ in range(24):
        scale = (low * high) ** 0.5
        rng = random.Random(11)
        policies: list[Policy] = [kind(scale, rng) for _ in load.feeds]
        known = [[] for _ in load.feeds]  # type: list[list[float]]

        def decide(feed: int, new: list[float], now: float) -> float:
            known[feed] += new  # noqa: B023
            return policies[feed].next(known[feed], len(new), now)  # noqa: B023

        outcome = run(load, decide)
        if abs(outcome.polls_a_day / target - 1) < 0.01:
            break
        low, high = (scale, high) if outcome.polls_a_day > target else (low, scale)
    if outcome is None:
        raise AssertionError("no run was made")
    return outcome


def main() -> None:
    """Print the table for each budget and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--days", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", help="replay the publish times of this database instead")
    parser.add_argument("--budgets", default=",".join(str(budget) for budget in BUDGETS))
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    load = (
        recorded(chosen.database, chosen.days)
        if chosen.database
        else synthetic(chosen.feeds, chosen.days, seed=chosen.seed)
    )
    print(f"{len(load.feeds)} feeds, {sum(map(len, load.feeds))} entries, {load.days:.0f} days")
    print("| policy | polls/feed/day | mean delay | p95 | mean of feeds | longest wait (h) | lost |")
    print("|---|---|---|---|---|---|---|")
    curves: dict[str, list[tuple[float, float]]] = {}
    for budget in (float(text) for text in chosen.budgets.split(",")):
        own = run(load, Wireroom(load, budget).next)
        outcomes = {"Wireroom": own} | {kind.name: peer(load, kind, own.polls_a_day) for kind in PEERS}
        for name, outcome in outcomes.items():
            minutes = f"{outcome.mean / 60:.1f} | {outcome.p95 / 60:.0f} | {outcome.mean_of_feeds / 60:.0f}"
            gap = f"{outcome.longest_gap / HOUR:.1f}"
            print(f"| {name} | {outcome.polls_a_day:.1f} | {minutes} | {gap} | {outcome.lost} |", flush=True)
            curves.setdefault(name, []).append((outcome.polls_a_day, outcome.mean / 60))
    if chosen.plot:
        chosen.plot.write_text(lines(curves, x="polls per feed and day", y="mean delay, minutes"))


if __name__ == "__main__":
    main()
