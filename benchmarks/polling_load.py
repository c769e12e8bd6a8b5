"""Publish times to poll against: made up with day, night and weekend, or read from what a database has seen.

A feed is the sorted list of its publish times in seconds from the start of the simulation; times below zero are what
its first document holds.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime

DAY, HOUR = 86400.0, 3600.0
START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
# Entries that a document holds at once.
WINDOW = 30
PAST_DAYS = 30


@dataclass
class Load:
    """The publish times of many feeds over `days`."""

    feeds: list[list[float]]
    days: float

    def published(self, feed: int, after: float, until: float) -> list[float]:
        """The feed's entries published in (after, until]."""
        times = self.feeds[feed]
        return times[bisect_right(times, after) : bisect_right(times, until)]


def synthetic(feeds: int, days: float, *, seed: int = 7) -> Load:
    """Feeds with log-normal rates (median two entries a day, one in forty above fifty), each with its own day.

    Seven in ten keep a desk's hours around a peak of their own, the others publish round the clock; week-ends carry
    between a tenth and all of a weekday's copy.
    """
    rng = random.Random(seed)
    return Load([_feed(rng, days) for _ in range(feeds)], days)


def _feed(rng: random.Random, days: float) -> list[float]:
    rate = min(max(rng.lognormvariate(math.log(2.0), 1.6), 0.02), 200.0)
    peak, depth = rng.gauss(12.0, 3.5), rng.uniform(0.75, 0.97) if rng.random() < 0.7 else rng.uniform(0.0, 0.4)
    weekend = rng.uniform(0.1, 1.0)
    times: list[float] = []
    moment, top = -PAST_DAYS * DAY, rate * 2.2
    while moment < days * DAY:
        moment += rng.expovariate(top / DAY)
        hour = moment / HOUR % 24
        swing = 1 + depth * math.cos((hour - peak) / 24 * 2 * math.pi)
        week = weekend if moment // DAY % 7 >= 5 else 1.0
        if rng.random() < swing * week * rate / top:
            times.append(moment)
            if rng.random() < 0.08:  # copy comes in bursts: a correction, a second take
                times += [moment + rng.expovariate(1 / 600.0) for _ in range(rng.randint(1, 3))]
    return sorted(time for time in times if time < days * DAY)


def recorded(database: str, days: float) -> Load:
    """The publish times of the articles in a Wireroom database: its newest `days`, and what came before as history."""
    from sqlalchemy import select
    from sqlmodel import col

    from storage.db import make_engine, make_sessions
    from storage.models import Article

    with make_sessions(make_engine(database))() as session:
        query = select(col(Article.feed_id), col(Article.published_at)).where(col(Article.published_at).is_not(None))
        rows = [(feed_id, at.timestamp()) for feed_id, at in session.execute(query)]
    if not rows:
        raise SystemExit("no article in that database carries a publish time")
    start = max(at for _, at in rows) - days * DAY
    by_feed: dict[int, list[float]] = {}
    for feed_id, at in rows:
        by_feed.setdefault(feed_id, []).append(at - start)
    return Load([sorted(times) for times in by_feed.values() if max(times) > 0], days)
