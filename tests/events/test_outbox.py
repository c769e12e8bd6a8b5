"""The outbox and its leases, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue

import pytest
from services import wait_until
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, col, select

from storage import leases, outbox, stream_ends
from storage.db import Sessions, away, make_engine, make_sessions
from storage.errors import LeaseLost
from storage.gauges import Queue
from storage.gauges import outbox as waiting
from storage.models import Feed
from storage.records import Event

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TTL = timedelta(seconds=10)


def event(name: str, *, subject: str = "a", at: datetime = NOW) -> Event:
    return Event(id=name, type="wireroom.article.created.v1", subject=subject, feed_id=1, time=at, body=b'{"x":1}')


def keep(sessions: Sessions, *names: str, at: datetime = NOW) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event(name, at=at) for name in names])


def placed(sessions: Sessions, after: int = 0) -> list[tuple[int, str]]:
    with sessions() as session:
        return [(found.position, found.id) for found in outbox.read_after(session, after, limit=1000)]


def feed(name: str) -> Feed:
    url = f"https://blatt.example/{name}"
    return Feed(url=url, created_at=NOW, next_fetch_at=NOW)


def test_an_event_is_kept_once_under_its_id_and_takes_one_place(sessions: Sessions) -> None:
    keep(sessions, "one", "two")
    keep(sessions, "two", "three", "one", "four", "three")
    keep(sessions, "four")
    keep(sessions, "five")
    assert placed(sessions) == [(1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "five")]


def test_all_fields_of_an_event_are_kept_as_they_are(sessions: Sessions) -> None:
    told = Event(
        id="one", type="t", subject="s", feed_id=None, time=NOW, body='{"ä":"\\u0000 „x“ \\\\"}'.encode(),
        traceparent="00-1-2-3",
    )  # fmt: skip
    with sessions.begin() as session:
        outbox.record(session, [told])
    with sessions() as session:
        kept = outbox.get(session, 1)
    assert kept == outbox.Stamped(
        position=1, id="one", type="t", subject="s", feed_id=None, created_at=NOW, body=told.body.decode(),
        traceparent="00-1-2-3",
    )  # fmt: skip


def test_a_document_s_many_events_are_kept_in_the_order_they_were_recorded_in(sessions: Sessions) -> None:
    names = [f"e{number}" for number in range(700)]
    with sessions.begin() as session:
        for start in range(0, 700, 7):
            outbox.record(session, [event(name) for name in names[start : start + 7]])
    keep(sessions, *reversed(names), "late")
    assert placed(sessions) == [(place, name) for place, name in enumerate([*names, "late"], 1)]


def test_what_is_rolled_back_leaves_no_gap(sessions: Sessions) -> None:
    keep(sessions, "one")
    with sessions() as session:
        outbox.record(session, [event("never")])
        session.rollback()
        outbox.record(session, [event("two")])
        session.commit()
    assert placed(sessions) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("end", [Session.rollback, Session.close, Session.expunge_all])
def test_a_session_that_is_used_again_tells_nothing_of_what_it_gave_up(
    sessions: Sessions, end: Callable[[Session], None]
) -> None:
    with sessions() as session:
        outbox.record(session, [event("one")])
        end(session)
        outbox.record(session, [event("two")])
        session.commit()
        session.commit()
    given_up = end is not Session.expunge_all
    assert [name for _, name in placed(sessions)] == (["two"] if given_up else ["one", "two"])


def test_events_of_a_savepoint_stay_or_go_with_it(sessions: Sessions) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event("one")])
        with session.begin_nested() as savepoint:
            outbox.record(session, [event("gone")])
            with session.begin_nested():
                outbox.record(session, [event("released, and gone with the savepoint around it")])
            savepoint.rollback()
        with session.begin_nested():
            outbox.record(session, [event("two")])
            with session.begin_nested() as savepoint:
                outbox.record(session, [event("gone, too")])
                savepoint.rollback()
            outbox.record(session, [event("three")])
        assert outbox.last_position(session) == 0
        outbox.record(session, [event("four")])
    assert placed(sessions) == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]


def test_a_commit_over_the_head_of_an_open_savepoint_keeps_its_events(sessions: Sessions) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event("one")])
        session.begin_nested()
        outbox.record(session, [event("two")])
    assert placed(sessions) == [(1, "one"), (2, "two")]


def test_rows_and_events_are_kept_together_or_not_at_all(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.add(feed("one"))
        outbox.record(session, [event("one")])
    with sessions() as session:
        outbox.record(session, [event("two")])
        session.add(feed("one"))
        with pytest.raises(IntegrityError):
            session.commit()
    with sessions() as session:
        assert len(session.scalars(select(col(Feed.id))).all()) == 1
    assert placed(sessions) == [(1, "one")]


@pytest.fixture
def postgres_sessions(postgres_url: str) -> Iterator[Sessions]:
    engine = make_engine(postgres_url)
    yield make_sessions(engine)
    engine.dispose()


@contextmanager
def in_a_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_writers_that_commit_in_another_order_than_they_began_take_their_places_as_they_commit(
    postgres_sessions: Sessions,
) -> None:
    with postgres_sessions() as first, postgres_sessions() as second:
        outbox.record(first, [event("began first")])
        first.execute(select(1))
        first.flush()
        outbox.record(second, [event("began second")])
        second.commit()
        assert placed(postgres_sessions) == [(1, "began second")]
        first.commit()
    assert placed(postgres_sessions, after=1) == [(2, "began first")]


def test_a_writer_waits_for_the_places_of_one_who_is_about_to_commit(postgres_sessions: Sessions) -> None:
    with postgres_sessions() as slow:
        outbox.record(slow, [event("slow")])
        outbox._write_last(slow)
        with in_a_thread(lambda: keep(postgres_sessions, "quick")):
            wait_until(lambda: blocked(postgres_sessions) == 1, what="the quick one waiting for the slow one")
            assert placed(postgres_sessions) == []
            slow.commit()
    assert placed(postgres_sessions) == [(1, "slow"), (2, "quick")]


def blocked(sessions: Sessions) -> int:
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with sessions() as session:
        return int(session.execute(asked).scalar_one())


def test_a_writer_who_is_killed_before_his_commit_gives_his_places_back(postgres_sessions: Sessions) -> None:
    keep(postgres_sessions, "one")
    with postgres_sessions() as killed:
        outbox.record(killed, [event("never")])
        outbox._write_last(killed)
        backend = killed.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with in_a_thread(lambda: keep(postgres_sessions, "two")):
            wait_until(lambda: blocked(postgres_sessions) == 1, what="the next one waiting")
            with postgres_sessions() as session:
                session.execute(text("SELECT pg_terminate_backend(:backend)"), {"backend": backend})
        with pytest.raises(DBAPIError) as refused:
            killed.commit()
        assert away(refused.value)
    assert placed(postgres_sessions) == [(1, "one"), (2, "two")]


def test_whoever_reads_by_position_sees_no_event_appear_below_it_while_many_write(postgres_sessions: Sessions) -> None:
    written: SimpleQueue[int] = SimpleQueue()

    def write(writer: int) -> None:
        for number in range(60):
            with postgres_sessions() as session:
                outbox.record(session, [event(f"{writer}-{number}-{part}") for part in range(1 + number % 3)])
                session.execute(text("SELECT pg_sleep(random() / 300)"))
                session.rollback() if number % 7 == 6 else session.commit()
        written.put(writer)

    read: list[tuple[int, str]] = []
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    while written.qsize() < len(threads):
        read += placed(postgres_sessions, after=read[-1][0] if read else 0)
    for thread in threads:
        thread.join()
    read += placed(postgres_sessions, after=read[-1][0])
    assert read == placed(postgres_sessions)
    assert [position for position, _ in read] == list(range(1, len(read) + 1))
    kept = sum(1 + number % 3 for number in range(60) if number % 7 != 6)
    assert len({name for _, name in read}) == len(read) == 4 * kept


def test_one_who_freezes_with_the_count_in_hand_is_disconnected_before_the_others_give_up(
    postgres_sessions: Sessions,
) -> None:
    show = text("SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout')")
    with postgres_sessions() as session:
        assert session.execute(show).one() == ("1min", "20s")
        outbox.record(session, [event("one")])
        outbox._write_last(session)
        assert session.execute(show).one() == ("10s", "20s")
        session.commit()
        assert session.execute(show).one() == ("1min", "20s")


def test_events_of_a_worker_of_the_release_before_get_their_places_too(sessions: Sessions) -> None:
    old = text(
        "INSERT INTO outbox (event_id, type, feed_id, subject, body, created_at)"
        " VALUES (:name, 't', 1, 's', '{}', '2026-11-23 08:00:00.000000') ON CONFLICT DO NOTHING"
    )
    for name in ("one", "three"):
        keep(sessions, name)
        with sessions.begin() as session:
            session.connection().execute(old, [{"name": f"{name} and a half"}, {"name": f"{name} and two halves"}])
    keep(sessions, "five")
    names = [
        *("one", "one and a half", "one and two halves"),
        *("three", "three and a half", "three and two halves"),
        "five",
    ]
    assert placed(sessions) == [(place, name) for place, name in enumerate(names, 1)]


def test_pruning_everything_old_never_hands_out_a_position_twice(sessions: Sessions) -> None:
    keep(sessions, "one", "two")
    with sessions.begin() as session:
        assert outbox.prune(session, NOW + timedelta(days=1), upto=2) == 1
    keep(sessions, "three")
    assert placed(sessions) == [(2, "two"), (3, "three")]


def test_pruning_keeps_what_is_young_or_not_yet_in_the_stream(sessions: Sessions) -> None:
    keep(sessions, "old-1", "old-2", "old-3")
    keep(sessions, "young", at=NOW + timedelta(days=2))
    with sessions.begin() as session:
        assert outbox.prune(session, NOW + timedelta(days=1), upto=2) == 2
        assert outbox.bounds(session) == outbox.Bounds(first=3, last=4)


def test_events_placed_again_come_behind_the_end_in_their_order_and_the_next_behind_them(sessions: Sessions) -> None:
    keep(sessions, "one", "two", "three")
    with sessions.begin() as session:
        assert outbox.place_again(session, after=1, end=2) == 2  # into places of which others have one
    assert placed(sessions) == [(1, "one"), (3, "two"), (4, "three")]
    with sessions.begin() as session:
        assert outbox.place_again(session, after=4, end=100) == 0
    keep(sessions, "four")
    with sessions() as session:
        assert outbox.last_position(session) == 101
    assert placed(sessions, after=4) == [(101, "four")]


def test_what_waits_is_what_comes_after_the_noted_end_of_the_stream(sessions: Sessions) -> None:
    keep(sessions, "one")
    keep(sessions, "two", "three", at=NOW + TTL)
    seen: list[Queue] = []
    for noted in (None, 1, 3, 2):
        with sessions.begin() as session:
            if noted is not None:
                stream_ends.note(session, "s", noted, now=NOW)
                stream_ends.note(session, "another", 3, now=NOW)
            seen.append(waiting(session, "s"))
            assert stream_ends.get(session, "s") == noted
    assert [(queue.depth, queue.oldest) for queue in seen] == [(3, NOW), (2, NOW + TTL), (0, None), (1, NOW + TTL)]


def test_reading_stops_after_so_many_bytes_but_always_gets_on(sessions: Sessions) -> None:
    keep(sessions, "one", "two", "three")

    def ids(found: Sequence[outbox.Stamped]) -> list[str]:
        return [one.id for one in found]

    with sessions() as session:
        assert ids(outbox.read_after(session, 0, limit=10, max_bytes=8)) == ["one", "two"]
        assert ids(outbox.read_after(session, 0, limit=10, max_bytes=1)) == ["one"]
        assert ids(outbox.read_after(session, 0, limit=10, before=3)) == ["one", "two"]


def test_an_event_is_found_by_its_id_and_by_its_time(sessions: Sessions) -> None:
    keep(sessions, "early")
    keep(sessions, "late", at=NOW + timedelta(hours=1))
    with sessions() as session:
        assert outbox.position_of(session, "late") == 2
        assert outbox.position_of(session, "unknown") is None
        assert outbox.first_since(session, NOW + timedelta(minutes=1)) == 2
        assert outbox.first_since(session, NOW + timedelta(days=1)) is None
        assert outbox.at(session, [1, 2, 3]) == {1: "early", 2: "late"}


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
