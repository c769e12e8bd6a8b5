"""How other pollers choose the next interval, from their published sources, in seconds; `scale` fits them to a budget.

Each policy is an object per feed with `next(times, new, now)`: the entries known, how many of them this poll brought.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from typing import Protocol

DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0


class Policy(Protocol):
    """One feed's scheduler."""

    def next(self, times: list[float], new: int, now: float) -> float:
        """The seconds to the next poll."""


class Fixed:
    """The same interval for all."""

    name = "fixed interval"

    def __init__(self, scale: float, rng: random.Random) -> None:
        self.interval = HOUR * scale
        self.phase: float | None = rng.random()

    def next(self, times: list[float], new: int, now: float) -> float:
        """The interval; only the first is shortened to spread feeds over it."""
        first, self.phase = self.phase, None
        return self.interval * (first if first is not None else 1.0)


class Miniflux:
    """`entry_frequency`: the publishing rate of the last week, between five minutes and a day."""

    name = "Miniflux entry_frequency"

    def __init__(self, scale: float, rng: random.Random) -> None:
        self.scale = scale

    def next(self, times: list[float], new: int, now: float) -> float:
        """Seven days over the week's entries (their mean gap), a day where there are fewer than two."""
        week = times[bisect_right(times, now - 7 * DAY) :]
        if len(week) < 2:
            return DAY
        gap = (week[-1] - week[0]) / (len(week) - 1)
        weekly = math.ceil(7 * DAY / gap) if gap > 0 else 0
        return min(max(7 * DAY / weekly * self.scale, 5 * MINUTE), DAY) if weekly else DAY


class NewsBlur:
    """`get_next_scheduled_update` for a feed with one subscriber, its caps scaled with the rest."""

    name = "NewsBlur, one subscriber"

    def __init__(self, scale: float, rng: random.Random) -> None:
        self.scale, self.rng = scale, rng

    def next(self, times: list[float], new: int, now: float) -> float:
        """Minutes by stories a day of the last month, and up to a quarter more at random."""
        month = len(times) - bisect_right(times, now - 30 * DAY)
        a_day = month / 30
        minutes = 45.0 if a_day >= 1 else 360 - 360 * a_day if a_day > 0 else 24 * 60.0
        seconds = min(minutes * MINUTE, 4 * HOUR) * self.scale
        return seconds * (1 + self.rng.random() / 4)


class RssFetcher:
    """mediacloud's rss-fetcher: up by an hour when mostly known stories come, down by one when mostly new ones do."""

    name = "rss-fetcher"

    def __init__(self, scale: float, rng: random.Random) -> None:
        self.scale, self.minutes, self.newest = scale, 360.0, 0.0

    def next(self, times: list[float], new: int, now: float) -> float:
        """The interval after one step of its additive rule."""
        if new:
            self.newest = now
        known = min(len(times), 30) - new
        share = 101.0 if not new else 100 * known / (new + known)
        if share >= 67:
            recent = now - self.newest < 31 * DAY
            self.minutes = min(self.minutes + (10 if recent or share < 100 else 60), 24 * 60)
        elif share < 33:
            self.minutes = max(360.0 if self.minutes > 360 else self.minutes - 60, 10.0)
        return self.minutes * MINUTE * self.scale


PEERS = (Fixed, Miniflux, NewsBlur, RssFetcher)
