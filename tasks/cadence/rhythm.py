"""How often a feed publishes, and at which hours: decayed counts, a few numbers per feed however long it lives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Self

# Counts halve in a week: a feed that changes its habit is followed within days, a quiet week-end is not forgotten.
_HALF_LIFE_DAYS = 7.0
# What a feed is worth before it has shown anything: a third of an entry in a third of a day (see `rate`).
_PRIOR = 0.35
# Entries older than this say nothing about today's habit.
_HORIZON = timedelta(days=14)
_DAY = 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rhythm:
    """Entries by hour of day (UTC), decayed, over `days` of decayed observation; `window` is a document's length."""

    hours: tuple[float, ...] = (0.0,) * 24
    days: float = 0.0
    at: datetime | None = None
    window: int = 0

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Self:
        """Read what `to_json` wrote; nothing stored is a feed that was never seen."""
        if not stored or not stored.get("at"):
            return cls()
        return cls(
            hours=tuple(stored["hours"]),
            days=stored["days"],
            at=datetime.fromisoformat(stored["at"]),
            window=stored["window"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the time as ISO 8601."""
        at = self.at.isoformat() if self.at else None
        return {"hours": list(self.hours), "days": self.days, "at": at, "window": self.window}

    def seen(self, published: Iterable[datetime], *, window: int, now: datetime) -> Rhythm:
        """Return the rhythm after a document whose new entries were published at `published`.

        `window` is how many entries the document holds. The first document stands for the time that its entries
        span, at most 14 days; later ones for the time since the last.
        """
        moments = [min(moment, now) for moment in published]
        if self.at is None:
            moments = [moment for moment in moments if now - moment <= _HORIZON]
            span = max((now - min(moments)).total_seconds() / _DAY, 0.25) if moments else _HORIZON.days / 2
            return self._with(moments, kept=0.0, span=span, window=window, now=now)
        span = max((now - self.at).total_seconds() / _DAY, 0.0)
        return self._with(moments, kept=0.5 ** (span / _HALF_LIFE_DAYS), span=span, window=window, now=now)

    def _with(self, moments: list[datetime], *, kept: float, span: float, window: int, now: datetime) -> Rhythm:
        hours = [count * kept for count in self.hours]
        for moment in moments:
            hours[moment.hour] += 1.0
        return Rhythm(
            hours=tuple(round(count, 4) for count in hours),
            days=round(self.days * kept + span, 4),
            at=now,
            window=window or self.window,
        )

    def _as_of(self, now: datetime) -> tuple[float, float]:
        """Return the counts' sum and the days as they stand at `now`: silence since the last document counts."""
        if self.at is None:
            return 0.0, 0.0
        span = max((now - self.at).total_seconds() / _DAY, 0.0)
        kept = 0.5 ** (span / _HALF_LIFE_DAYS)
        return sum(self.hours) * kept, self.days * kept + span

    def rate(self, now: datetime) -> float:
        """Return the expected entries per day; a feed that was never seen is taken for one a day."""
        count, days = self._as_of(now)
        return (count + _PRIOR) / (days + _PRIOR)

    def hourly(self, now: datetime) -> tuple[float, ...]:
        """Return the expected entries per day at each hour of the day (UTC), shrunk towards the mean rate.

        Each hour is read from five (itself and two to each side). With few entries the mean weighs more; no hour
        falls below a tenth of it, since night desks exist.
        """
        mean = self.rate(now)
        return tuple([mean * share for share in _shares(self.hours)])


@lru_cache(maxsize=1024)
def _shares(hours: tuple[float, ...]) -> tuple[float, ...]:
    """Return each hour's rate as a multiple of the mean."""
    total = sum(hours)
    if total <= 0:
        return (1.0,) * 24
    trust = total / (total + 12.0)
    around = sum(hours[-3:]) + hours[0] + hours[1]  # the five hours around 23
    shares: list[float] = []
    for hour in range(24):
        around += hours[(hour + 2) % 24] - hours[hour - 3]
        share = trust * around / 5 * 24 / total + 1 - trust
        shares.append(share if share > 0.1 else 0.1)
    return tuple(shares)
