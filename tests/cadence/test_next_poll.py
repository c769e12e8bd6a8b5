"""When a feed is polled next: the order of wishes, failures by kind, masks, and words that are said once."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.records import FeedHints, FetchOutcome, FetchResult
from tasks.cadence import CadencePolicy, FeedState, Memory, NextPoll, Rhythm, next_poll, phase

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
PLAIN = CadencePolicy(jitter=0.0)
DAILY = Rhythm(hours=(1 / 24 * 7,) * 24, days=7.0, at=NOW, window=20)


def result(outcome: FetchOutcome = FetchOutcome.NOT_MODIFIED, **fields: Any) -> FetchResult:
    named = {"url": "https://a.example/feed", "final_url": "https://a.example/feed", "duration_ms": 1.0} | fields
    return FetchResult(feed_id=7, outcome=outcome, started_at=NOW, **named)


def feed(memory: Memory = Memory(), **fields: Any) -> FeedState:
    return FeedState(feed_id=7, memory=memory, **{"rhythm": DAILY} | fields)


def seconds(plan: NextPoll, now: datetime = NOW) -> float:
    return (plan.at - now).total_seconds()


def test_a_feed_with_an_entry_a_day_is_polled_every_stretch() -> None:
    plan = next_poll(result(), feed(), NOW, PLAIN)
    assert seconds(plan) == pytest.approx(PLAIN.stretch, rel=0.05)
    assert plan.reason == "rhythm 1 a day"


def test_four_times_the_entries_give_twice_the_polls() -> None:
    busy = feed(rhythm=replace(DAILY, hours=(4 / 24 * 7,) * 24, window=200))
    ratio = seconds(next_poll(result(), feed(), NOW, PLAIN)) / seconds(next_poll(result(), busy, NOW, PLAIN))
    assert ratio == pytest.approx(2.0, rel=0.05)


def test_a_weightier_feed_is_polled_oftener() -> None:
    assert seconds(next_poll(result(), feed(weight=4.0), NOW, PLAIN)) == pytest.approx(PLAIN.stretch / 2, rel=0.05)


def test_the_night_is_slower_than_the_day() -> None:
    by_day = tuple(5.0 if 7 <= hour < 19 else 0.0 for hour in range(24))
    state = feed(rhythm=Rhythm(hours=by_day, days=7.0, at=NOW, window=500))
    noon = seconds(next_poll(result(), state, NOW, PLAIN))
    midnight = NOW.replace(hour=22)
    night = seconds(next_poll(result(), state, midnight, PLAIN), midnight)
    assert night > 1.5 * noon


def test_half_a_document_may_not_roll_past_between_polls() -> None:
    short = Rhythm(hours=(48 / 24 * 7,) * 24, days=7.0, at=NOW, window=4)
    plan = next_poll(result(), feed(rhythm=short), NOW, replace(PLAIN, stretch=10 * 86400))
    assert seconds(plan) == pytest.approx(0.5 * 4 / 48 * 86400, rel=0.1)
    assert "loss guard" in plan.reason


@pytest.mark.parametrize(
    ("fields", "headers", "expected", "reason"),
    [
        ({"floor": 7200.0}, {}, 7200, "the feed's own floor"),
        ({"hints": FeedHints(ttl=5400)}, {}, 5400, "the feed's ttl"),
        ({"hints": FeedHints(ttl=9_999_999)}, {}, 86400, "the feed's ttl"),
        ({"hints": FeedHints(update_period=7000)}, {}, 7000, "the feed's sy:updatePeriod"),
        ({}, {"cache-control": "public, max-age=3600"}, 3600, "fresh by Cache-Control or Expires"),
        ({}, {"cache-control": 'max-age="99999"'}, 6 * 3600, "fresh by Cache-Control or Expires"),
        ({}, {"cache-control": "max-age=5000", "age": "1000"}, 4000, "fresh by Cache-Control or Expires"),
        (
            {},
            {"date": "Mon, 23 Nov 2026 05:00:00 GMT", "expires": "Mon, 23 Nov 2026 06:30:00 GMT"},
            5400,
            "fresh by Cache-Control or Expires",
        ),
        ({"pushed_until": NOW + timedelta(days=1)}, {}, 12 * 3600, "its hub pushes"),
    ],
)
def test_every_floor_is_kept_and_named(
    fields: dict[str, Any], headers: dict[str, str], expected: float, reason: str
) -> None:
    plan = next_poll(result(headers=headers), feed(**fields), NOW, PLAIN)
    assert seconds(plan) == pytest.approx(expected)
    assert plan.reason == reason


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "no-cache, max-age=3600"},
        {"cache-control": "no-store"},
        {"expires": "0"},
        {"expires": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"cache-control": "s-maxage=9000"},
        {"cache-control": "x-max-age=9000"},
    ],
)
def test_what_is_not_fresh_asks_for_no_pause(headers: dict[str, str]) -> None:
    assert next_poll(result(headers=headers), feed(), NOW, PLAIN).reason == "rhythm 1 a day"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7200"}, 7200),
        ({"retry-after": "999999"}, 86400),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:00 GMT"}, 7200),
        # The server's clock is a year behind: the distance counts.
        ({"retry-after": "Sun, 23 Nov 2025 12:00:00 GMT", "date": "Sun, 23 Nov 2025 10:00:00 GMT"}, 7200),
    ],
)
@pytest.mark.parametrize("outcome", [FetchOutcome.HTTP_5XX, FetchOutcome.THROTTLED, FetchOutcome.NOT_MODIFIED])
def test_retry_after_is_honoured_on_any_answer(outcome: FetchOutcome, headers: dict[str, str], expected: int) -> None:
    plan = next_poll(result(outcome, headers=headers), feed(), NOW, CadencePolicy())
    assert expected <= seconds(plan) <= expected * 1.1
    assert plan.reason.startswith("Retry-After")


def test_skipped_hours_and_days_are_left_alone() -> None:
    hints = FeedHints(skip_hours=frozenset(range(10, 18)))
    assert next_poll(result(), feed(hints=hints), NOW, PLAIN).at == NOW.replace(hour=18)
    hints = FeedHints(skip_days=frozenset({0, 1}))
    assert next_poll(result(), feed(hints=hints), NOW, PLAIN).at == datetime(2026, 11, 25, tzinfo=UTC)


def test_a_mask_of_everything_is_void() -> None:
    hints = FeedHints(skip_hours=frozenset(range(24)))
    assert seconds(next_poll(result(), feed(hints=hints), NOW, PLAIN)) == pytest.approx(PLAIN.stretch, rel=0.05)


def fail(times: int, outcome: FetchOutcome, memory: Memory = Memory()) -> tuple[list[NextPoll], datetime]:
    """Fail `times` in a row, each poll at the time that was planned."""
    plans: list[NextPoll] = []
    now = NOW
    for _ in range(times):
        plan = next_poll(result(outcome, status=404), feed(memory), now, PLAIN)
        plans.append(plan)
        memory, now = plan.memory, plan.at
    return plans, now


def test_failures_double_the_wait_up_to_a_day_and_after_two_weeks_to_seven() -> None:
    plans, _ = fail(40, FetchOutcome.HTTP_4XX)
    waits = [plan.interval for plan in plans]
    assert waits[:6] == [3600, 7200, 14400, 28800, 57600, 86400]
    assert waits[-1] == 7 * 86400
    assert waits == sorted(waits)


def test_a_failing_feed_is_never_polled_oftener_than_a_healthy_one() -> None:
    plans, _ = fail(1, FetchOutcome.TIMEOUT)
    assert plans[0].interval == pytest.approx(PLAIN.stretch, rel=0.05)


def test_failing_and_recovered_are_said_once() -> None:
    plans, now = fail(10, FetchOutcome.DNS)
    assert [incident.kind for plan in plans for incident in plan.incidents] == ["feed.failing"]
    back = next_poll(result(), feed(plans[-1].memory), now, PLAIN)
    assert [incident.kind for incident in back.incidents] == ["feed.recovered"]
    assert next_poll(result(), feed(back.memory), back.at, PLAIN).incidents == ()
    assert back.memory.failures == 0


def test_a_short_hiccup_is_not_told() -> None:
    plans, now = fail(2, FetchOutcome.TIMEOUT)
    assert [plan.incidents for plan in plans] == [(), ()]
    assert next_poll(result(), feed(plans[-1].memory), now, PLAIN).incidents == ()


def test_410_is_gone_after_three_over_two_days_and_still_looked_at_weekly() -> None:
    plans, now = fail(12, FetchOutcome.GONE)
    kinds = [incident.kind for plan in plans for incident in plan.incidents]
    assert kinds == ["feed.failing", "feed.gone"]
    assert plans[-1].interval == 7 * 86400
    back = next_poll(result(FetchOutcome.CHANGED), feed(plans[-1].memory), now, PLAIN)
    assert [incident.kind for incident in back.incidents] == ["feed.recovered"]


def test_documents_that_cannot_be_read_fail_the_feed_although_they_are_fetched() -> None:
    memory, kinds, now = Memory(), [], NOW
    for outcome in (FetchOutcome.CHANGED, FetchOutcome.NOT_MODIFIED, FetchOutcome.SAME_BODY) * 3:
        plan = next_poll(result(outcome), feed(memory, unread="no element found"), now, PLAIN)
        kinds += [incident.kind for incident in plan.incidents]
        memory, now = plan.memory, plan.at
    assert kinds == ["feed.failing"]
    assert memory.failing_as == "parse"
    readable = next_poll(result(FetchOutcome.NOT_MODIFIED), feed(memory), now, PLAIN)
    assert [incident.kind for incident in readable.incidents] == ["feed.recovered"]
    assert readable.incidents[0].since == memory.failing_since


TARGET = "https://b.example/feed"


def moving(
    *statuses: int, polls: int, step: timedelta, kin: str | None = TARGET, first: str = "changed"
) -> list[NextPoll]:
    memory, now, plans = Memory(), NOW, []
    hops = tuple((status, TARGET) for status in statuses)
    for number in range(polls):
        outcome = FetchOutcome.NOT_MODIFIED if number else FetchOutcome(first)
        plan = next_poll(result(outcome, hops=hops, final_url=TARGET), feed(memory, kin=kin), now, PLAIN)
        plans.append(plan)
        memory, now = plan.memory, now + step
    return plans


def test_a_permanent_move_is_believed_after_five_polls_and_three_days() -> None:
    plans = moving(301, 308, polls=8, step=timedelta(hours=13))
    moved = [plan.moved_to for plan in plans]
    assert moved == [None] * 6 + [TARGET, None]
    assert [incident.kind for plan in plans for incident in plan.incidents] == ["feed.moved"]


def test_a_move_is_not_believed_while_one_hop_is_temporary() -> None:
    assert {plan.moved_to for plan in moving(301, 302, polls=20, step=timedelta(days=1))} == {None}


def test_a_move_to_a_feed_that_shares_nothing_is_not_believed() -> None:
    plans = moving(301, polls=20, step=timedelta(days=1), kin="https://a.example/feed")
    assert {plan.moved_to for plan in plans} == {None}


def test_a_move_of_the_very_same_document_needs_no_further_proof() -> None:
    plans = moving(301, polls=6, step=timedelta(days=1), kin=None, first="same_body")
    assert [plan.moved_to for plan in plans] == [None] * 4 + [TARGET, None]


def test_a_day_without_the_redirect_starts_the_count_anew() -> None:
    plans = moving(301, polls=4, step=timedelta(days=1))
    plain = next_poll(result(), feed(plans[-1].memory), NOW + timedelta(days=4), PLAIN)
    assert plain.memory.move is None


def test_deferred_changes_nothing_but_the_time() -> None:
    plan = next_poll(result(FetchOutcome.DEFERRED), feed(), NOW)
    assert plan.memory == Memory()
    assert 20 <= seconds(plan) <= 40


def test_the_jitter_of_a_feed_is_stable_and_of_many_is_spread() -> None:
    assert phase(7) == phase(7) == pytest.approx(phase(7))
    shares = sorted(phase(number) for number in range(1000))
    assert shares[0] < 0.01
    assert shares[-1] > 0.99
    assert abs(sum(shares) / 1000 - 0.5) < 0.03
    spread = [seconds(next_poll(result(), replace(feed(), feed_id=number), NOW)) for number in range(200)]
    assert max(spread) / min(spread) == pytest.approx(1.1 / 0.9, rel=0.02)


def test_memory_survives_json() -> None:
    plans, _ = fail(5, FetchOutcome.GONE)
    memory = replace(plans[-1].memory, audited_at=NOW, lies=1, validators_url="https://a.example/")
    moved = moving(301, polls=2, step=timedelta(days=1))[-1].memory
    for one in (memory, moved, Memory()):
        assert Memory.from_json(one.to_json()) == one
    assert Memory().to_json() == {}
    assert Memory.from_json(None) == Memory()
    rhythm = Rhythm().seen([NOW], window=3, now=NOW)
    assert Rhythm.from_json(rhythm.to_json()) == rhythm
    assert Rhythm.from_json(None) == Rhythm()
    assert Memory.from_json({"of_a_later_version": 1}) == Memory()


headers = st.dictionaries(
    st.sampled_from(["retry-after", "cache-control", "expires", "date", "age"]),
    st.one_of(
        st.text(alphabet=string.printable, max_size=30),
        st.integers(-5, 10**12).map(str),
        st.integers(0, 10**9).map(lambda number: f"max-age={number}"),
        st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    ),
)


@given(
    outcome=st.sampled_from(list(FetchOutcome)),
    headers=headers,
    failures=st.integers(0, 5000),
    feed_id=st.integers(0, 2**62),
    ttl=st.one_of(st.none(), st.integers(0, 10**8)),
    hours=st.lists(st.floats(0, 1000), min_size=24, max_size=24),
    window=st.integers(0, 10_000),
)
def test_whatever_a_server_says_the_next_poll_is_between_a_minute_and_ten_days(
    outcome: FetchOutcome,
    headers: dict[str, str],
    failures: int,
    feed_id: int,
    ttl: int | None,
    hours: list[float],
    window: int,
) -> None:
    rhythm = Rhythm(hours=tuple(hours), days=7.0, at=NOW, window=window)
    memory = Memory(
        failures=failures,
        failing_since=NOW - timedelta(days=failures) if failures else None,
    )
    state = FeedState(feed_id=feed_id, memory=memory, rhythm=rhythm, hints=FeedHints(ttl=ttl))
    plan = next_poll(result(outcome, headers=headers), state, NOW)
    # One that had no turn was not asked: the publisher's minute is not touched.
    assert (20 if outcome is FetchOutcome.DEFERRED else 60) <= seconds(plan) <= 10 * 86400
    assert plan.reason
