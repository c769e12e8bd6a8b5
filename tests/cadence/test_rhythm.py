"""A feed's rhythm: counts that fade, hours that differ, and nothing that one odd day can overthrow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.cadence import Rhythm

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def spread(count: int, days: float) -> list[datetime]:
    return [NOW - timedelta(days=days) * (number + 0.5) / count for number in range(count)]


def test_a_feed_never_seen_is_taken_for_one_entry_a_day() -> None:
    assert Rhythm().rate(NOW) == 1.0
    assert Rhythm().hourly(NOW) == (1.0,) * 24


def test_the_first_document_tells_the_rate_from_its_span() -> None:
    rhythm = Rhythm().seen(spread(30, 3.0), window=30, now=NOW)
    assert rhythm.rate(NOW) == pytest.approx(10.0, rel=0.15)
    assert rhythm.window == 30


def test_a_first_document_of_old_entries_means_a_quiet_feed() -> None:
    rhythm = Rhythm().seen([NOW - timedelta(days=90)] * 20, window=20, now=NOW)
    assert rhythm.rate(NOW) < 0.1


def test_a_rate_is_followed_within_a_week() -> None:
    rhythm = Rhythm().seen(spread(30, 10.0), window=30, now=NOW)
    for day in range(1, 15):
        at = NOW + timedelta(days=day)
        rhythm = rhythm.seen([at - timedelta(hours=hour) for hour in range(24)], window=30, now=at)
        if day == 7:
            assert rhythm.rate(at) > 12
    assert rhythm.rate(at) == pytest.approx(24, rel=0.3)


def test_silence_lowers_the_rate_without_any_document() -> None:
    rhythm = Rhythm().seen(spread(30, 3.0), window=30, now=NOW)
    rates = [rhythm.rate(NOW + timedelta(days=day)) for day in (0, 1, 7, 30, 365)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.01


def test_hours_differ_once_there_are_enough_entries_to_say_so() -> None:
    noon = [NOW - timedelta(days=day, minutes=minute) for day in range(10) for minute in (1, 20, 40)]
    hourly = Rhythm().seen(noon, window=30, now=NOW).hourly(NOW)
    assert hourly[11] > 3 * hourly[23]
    few = Rhythm().seen(noon[:2], window=30, now=NOW).hourly(NOW)
    assert max(few) < 2 * min(few)


def test_a_publish_time_in_the_future_counts_as_now() -> None:
    rhythm = Rhythm().seen([NOW + timedelta(days=400)], window=1, now=NOW)
    assert rhythm.hours[NOW.hour] == 1.0


@given(
    hours=st.lists(st.floats(0, 500), min_size=24, max_size=24),
    days=st.floats(0, 15),
    silent=st.floats(0, 400),
)
def test_the_hours_of_a_day_average_to_its_rate(hours: list[float], days: float, silent: float) -> None:
    rhythm = Rhythm(hours=tuple(hours), days=days, at=NOW, window=10)
    later = NOW + timedelta(days=silent)
    hourly, rate = rhythm.hourly(later), rhythm.rate(later)
    assert min(hourly) >= 0.0999 * rate
    # Only the floor of a tenth can lift the mean.
    assert rate * 0.999 <= sum(hourly) / 24 <= rate * 1.1 + 1e-9
