"""The outbox and its leases, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from storage import leases, outbox
from storage.db import Sessions
from storage.errors import LeaseLost
from storage.records import Event

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TTL = timedelta(seconds=10)


def event(name: str, *, subject: str = "a", at: datetime = NOW) -> Event:
    return Event(id=name, type="wireroom.article.created.v1", subject=subject, feed_id=1, time=at, body='{"x":1}')


def keep(sessions: Sessions, *names: str, at: datetime = NOW) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event(name, at=at) for name in names])


def stamp(sessions: Sessions, limit: int = 100, floor: int = 0) -> int:
    with sessions.begin() as session:
        return outbox.stamp(session, limit=limit, floor=floor)


def placed(sessions: Sessions, after: int = 0) -> list[tuple[int, str]]:
    with sessions() as session:
        return [(found.position, found.id) for found in outbox.read_after(session, after, limit=1000)]


def test_an_event_is_kept_once_under_its_id(sessions: Sessions) -> None:
    keep(sessions, "one", "two")
    keep(sessions, "two", "three")
    assert stamp(sessions) == 3
    assert placed(sessions) == [(1, "one"), (2, "two"), (3, "three")]


def test_what_is_rolled_back_leaves_no_gap(sessions: Sessions) -> None:
    keep(sessions, "one")
    with sessions() as session:
        outbox.record(session, [event("never")])
        session.rollback()
    keep(sessions, "two")
    stamp(sessions)
    assert placed(sessions) == [(1, "one"), (2, "two")]


def test_positions_go_on_where_they_stopped_in_batches(sessions: Sessions) -> None:
    keep(sessions, *(f"e{number}" for number in range(5)))
    assert [stamp(sessions, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    keep(sessions, "late")
    stamp(sessions)
    assert [position for position, _ in placed(sessions)] == [1, 2, 3, 4, 5, 6]
    assert placed(sessions, after=5) == [(6, "late")]


def test_pruning_everything_old_never_hands_out_a_position_twice(sessions: Sessions) -> None:
    keep(sessions, "one", "two")
    stamp(sessions)
    with sessions.begin() as session:
        assert outbox.prune(session, NOW + timedelta(days=1), upto=2) == 1
    keep(sessions, "three")
    stamp(sessions)
    assert placed(sessions) == [(2, "two"), (3, "three")]


def test_pruning_keeps_what_is_young_unstamped_or_not_yet_in_the_stream(sessions: Sessions) -> None:
    keep(sessions, "old-1", "old-2", "old-3")
    keep(sessions, "young", at=NOW + timedelta(days=2))
    stamp(sessions)
    keep(sessions, "unstamped")
    with sessions.begin() as session:
        assert outbox.prune(session, NOW + timedelta(days=1), upto=2) == 2
        assert outbox.bounds(session) == outbox.Bounds(first=3, last=4, waiting=1, oldest_waiting=NOW)


def test_a_restored_database_does_not_hand_out_positions_the_stream_already_has(sessions: Sessions) -> None:
    keep(sessions, "one")
    stamp(sessions, floor=100)
    assert placed(sessions) == [(101, "one")]


def test_reading_stops_after_so_many_bytes_but_always_gets_on(sessions: Sessions) -> None:
    keep(sessions, "one", "two", "three")
    stamp(sessions)
    with sessions() as session:
        assert len(outbox.read_after(session, 0, limit=10, max_bytes=8)) == 2
        assert len(outbox.read_after(session, 0, limit=10, max_bytes=1)) == 1
        assert [found.id for found in outbox.read_after(session, 0, limit=10, before=3)] == ["one", "two"]


def test_an_event_is_found_by_its_id_and_by_its_time(sessions: Sessions) -> None:
    keep(sessions, "early")
    keep(sessions, "late", at=NOW + timedelta(hours=1))
    stamp(sessions)
    with sessions() as session:
        assert outbox.position_of(session, "late") == 2
        assert outbox.position_of(session, "unknown") is None
        assert outbox.first_since(session, NOW + timedelta(minutes=1)) == 2
        assert outbox.first_since(session, NOW + timedelta(days=1)) is None


def take(sessions: Sessions, holder: str, now: datetime) -> leases.Held | None:
    with sessions.begin() as session:
        return leases.acquire(session, "relay", holder=holder, ttl=TTL, now=now)


def test_one_holder_at_a_time_and_a_higher_token_for_the_next(sessions: Sessions) -> None:
    first = take(sessions, "a", NOW)
    assert first is not None
    assert take(sessions, "b", NOW + TTL / 2) is None
    second = take(sessions, "b", NOW + TTL)
    assert second is not None
    assert second.token > first.token


def test_a_holder_that_lost_its_lease_can_neither_take_it_up_again_nor_write(sessions: Sessions) -> None:
    first = take(sessions, "a", NOW)
    assert first is not None
    assert take(sessions, "b", NOW + TTL) is not None
    assert take(sessions, "a", NOW + TTL) is None
    with sessions.begin() as session, pytest.raises(LeaseLost):
        leases.fence(session, first)


def test_a_holder_extends_its_own_lease_with_the_same_token_also_after_its_end(sessions: Sessions) -> None:
    first = take(sessions, "a", NOW)
    assert first is not None
    again = take(sessions, "a", NOW + TTL * 3)
    assert again is not None
    assert (again.token, again.until) == (first.token, NOW + TTL * 4)
    with sessions.begin() as session:
        leases.fence(session, first)


def test_a_released_lease_is_free_at_once(sessions: Sessions) -> None:
    first = take(sessions, "a", NOW)
    assert first is not None
    with sessions.begin() as session:
        leases.release(session, first, now=NOW)
    assert take(sessions, "b", NOW) is not None
