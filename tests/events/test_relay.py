"""The relay under everything that can befall it: nothing lost, nothing doubled, order kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from dying_processes import outcome, relay_until, started
from redis.exceptions import RedisError
from services import LossyProxy, RedisServer, redis_server, wait_until
from sqlalchemy import delete, update
from sqlmodel import col

from storage import gauges, outbox, readers, stream_ends
from storage.db import Sessions, make_engine, make_sessions
from storage.models import OutboxEnd, OutboxEvent, StreamEnd
from storage.records import Event
from workers.relay import Limits, Relay, State
from workers.stream import ForeignStream

KEY = "wireroom:events"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def relaying(sessions: Sessions, server: RedisServer, clock: Clock, **limits: object) -> Iterator[Relay]:
    relay = Relay(
        sessions=sessions,
        redis_url=server.url,
        clock=clock,
        limits=replace(Limits(check=timedelta(0), housekeeping=timedelta(0)), **limits),
    )
    yield relay
    relay.stream.client.close()


def event(number: int, *, at: datetime, subject: str | None = None) -> Event:
    name = f"event-{number}"
    return Event(
        id=name,
        type="wireroom.article.created.v1",
        subject=subject or f"article-{number % 7}",
        feed_id=number % 3,
        time=at,
        body=f'{{"id":"{name}"}}'.encode(),
    )


def keep(sessions: Sessions, numbers: range, *, at: datetime) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event(number, at=at) for number in numbers])


def drain(relay: Relay) -> None:
    for _ in range(200):
        if relay.step() is State.IDLE:
            return
    raise AssertionError("the relay does not come to rest")


def streamed(server: RedisServer) -> list[tuple[int, str]]:
    return [(int(entry.partition("-")[0]), fields["id"]) for entry, fields in server.client().xrange(KEY)]


def stored(sessions: Sessions) -> list[tuple[int, str]]:
    with sessions() as session:
        return [(found.position, found.id) for found in outbox.read_after(session, 0, limit=100_000)]


def test_what_is_committed_goes_out_in_order_and_only_that(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock, batch=4) as relay:
        keep(sessions, range(10), at=clock())
        with sessions() as session:
            outbox.record(session, [event(99, at=clock())])
            session.rollback()
        drain(relay)
        keep(sessions, range(10, 12), at=clock())
        drain(relay)
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(12)] == stored(sessions)


def test_an_entry_has_the_flat_fields_that_a_filter_reads(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(1, 2), at=clock())
        drain(relay)
    assert own_redis.client().xrange(KEY) == [
        (
            "1-0",
            {
                "id": "event-1",
                "type": "wireroom.article.created.v1",
                "subject": "article-1",
                "feed": "1",
                "ce": '{"id":"event-1"}',
            },
        )
    ]


def test_a_transaction_that_commits_late_is_published_all_the_same(
    postgres_url: str, own_redis: RedisServer, clock: Clock
) -> None:
    engine = make_engine(postgres_url)
    sessions = make_sessions(engine)
    with relaying(sessions, own_redis, clock) as relay:
        with sessions() as late:
            outbox.record(late, [event(0, at=clock())])
            late.flush()
            keep(sessions, range(1, 5), at=clock())
            drain(relay)
            assert [name for _, name in streamed(own_redis)] == [f"event-{number}" for number in range(1, 5)]
            late.commit()
        drain(relay)
    assert streamed(own_redis)[-1] == (5, "event-0")
    engine.dispose()


def test_two_relays_take_turns_and_never_double(sessions: Sessions, own_redis: RedisServer, clock: Clock) -> None:
    with relaying(sessions, own_redis, clock) as first, relaying(sessions, own_redis, clock) as second:
        keep(sessions, range(3), at=clock())
        drain(first)
        assert second.step() is State.STANDBY
        clock.move(seconds=16)
        keep(sessions, range(3, 6), at=clock())
        drain(second)
        assert first.step() is State.STANDBY
        assert (first.active, second.active) == (False, True)
        keep(sessions, range(6, 9), at=clock())
        second.close()
        drain(first)
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(9)]


def test_a_relay_that_slept_past_its_lease_writes_nothing_out_of_turn(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock) as zombie, relaying(sessions, own_redis, clock) as heir:
        keep(sessions, range(2), at=clock())
        drain(zombie)
        # It falls asleep before it publishes two more.
        keep(sessions, range(2, 4), at=clock())
        asleep_at = clock()
        clock.move(seconds=60)
        keep(sessions, range(4, 6), at=clock())
        drain(heir)
        # It wakes up where it stood, still believing in its lease.
        assert zombie.active
        assert zombie._publish(asleep_at) == 0
        keep(sessions, range(6, 8), at=clock())
        clock.now = asleep_at
        assert zombie.step() is State.STANDBY
        assert not zombie.active
        clock.move(seconds=61)
        drain(heir)
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(8)] == stored(sessions)


def test_a_zombie_in_the_middle_of_publishing_loses_the_race_whole(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock) as zombie, relaying(sessions, own_redis, clock) as heir:
        keep(sessions, range(4), at=clock())
        assert zombie.step() is State.BUSY
        keep(sessions, range(4, 8), at=clock())
        read = zombie._missing

        def read_and_sleep(tip, now):  # type: ignore[no-untyped-def]
            found = read(tip, now)
            clock.move(seconds=60)
            keep(sessions, range(8, 10), at=clock())
            drain(heir)
            return found

        zombie._missing = read_and_sleep  # type: ignore[method-assign]
        assert zombie._publish(clock()) == 0
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(10)]


def test_a_redis_emptied_while_the_relay_was_about_to_add_takes_no_entry_after_a_hole(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(4), at=clock())
        drain(relay)
        keep(sessions, range(4, 8), at=clock())
        read = relay._missing

        def read_and_lose(tip, now):  # type: ignore[no-untyped-def]
            found = read(tip, now)
            own_redis.restart(empty=True)
            return found

        relay._missing = read_and_lose  # type: ignore[method-assign]
        assert relay._publish(clock()) == 0
        assert streamed(own_redis) == []
        relay._missing = read  # type: ignore[method-assign]
        drain(relay)
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(8)]


@pytest.mark.parametrize("loss", ["flushall", "restart"])
def test_a_redis_that_lost_its_data_is_filled_again_with_the_same_ids(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, loss: str
) -> None:
    with relaying(sessions, own_redis, clock, batch=3) as relay:
        keep(sessions, range(10), at=clock())
        drain(relay)
        before = streamed(own_redis)
        if loss == "flushall":
            own_redis.client().flushall()
        else:
            own_redis.restart(empty=True)
        drain(relay)
        assert relay.counters.rebuilt == 1
    assert streamed(own_redis) == before == stored(sessions)


def test_a_stream_that_is_filled_again_begins_with_its_retention(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(3), at=clock())
        clock.move(days=4)
        keep(sessions, range(3, 5), at=clock())
        drain(relay)
    assert streamed(own_redis) == [(4, "event-3"), (5, "event-4")]


def test_groups_stand_where_they_stood_when_redis_lost_everything(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    client = own_redis.client()
    with relaying(sessions, own_redis, clock) as relay:
        client.xgroup_create(KEY, "search", "0", mkstream=True)
        client.xgroup_create(KEY, "alerts", "0")
        keep(sessions, range(10), at=clock())
        drain(relay)
        client.xreadgroup("search", "one", {KEY: ">"}, count=6)
        client.xack(KEY, "search", "1-0", "2-0", "4-0")
        relay.step()
        client.flushall()
        # One subscriber is quicker than the relay and makes its group anew, on nothing.
        client.xgroup_create(KEY, "alerts", "$", mkstream=True)
        drain(relay)
    groups = {group["name"]: group["last-delivered-id"] for group in client.xinfo_groups(KEY)}
    assert groups == {"search": "2-0", "alerts": "0-0"}
    delivered = client.xreadgroup("search", "one", {KEY: ">"}, count=100)[0][1]
    assert [entry for entry, _ in delivered] == [f"{number}-0" for number in range(3, 11)]


def test_a_group_that_was_given_up_is_forgotten(sessions: Sessions, own_redis: RedisServer, clock: Clock) -> None:
    client = own_redis.client()
    with relaying(sessions, own_redis, clock) as relay:
        client.xgroup_create(KEY, "search", "0", mkstream=True)
        keep(sessions, range(2), at=clock())
        drain(relay)
        with sessions() as session:
            assert readers.positions(session, KEY) == {"search": 0}
        client.xgroup_destroy(KEY, "search")
        drain(relay)
        with sessions() as session:
            assert readers.positions(session, KEY) == {}


def test_the_stream_keeps_what_a_group_has_not_read_beyond_its_retention(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    client = own_redis.client()
    with relaying(sessions, own_redis, clock) as relay:
        client.xgroup_create(KEY, "slow", "0", mkstream=True)
        keep(sessions, range(6), at=clock())
        drain(relay)
        client.xreadgroup("slow", "one", {KEY: ">"}, count=4)
        client.xack(KEY, "slow", "1-0", "2-0")
        clock.move(days=5)
        drain(relay)
        assert [position for position, _ in streamed(own_redis)] == [3, 4, 5, 6]
        assert relay.counters.trimmed_unread == 0
        client.xack(KEY, "slow", "3-0", "4-0")
        client.xreadgroup("slow", "one", {KEY: ">"}, count=4)
        client.xack(KEY, "slow", "5-0", "6-0")
        drain(relay)
        assert streamed(own_redis) == []
        keep(sessions, range(6, 7), at=clock())
        drain(relay)
    assert streamed(own_redis) == [(7, "event-6")]


def test_past_its_cap_the_stream_drops_unread_events_and_raises_an_alarm(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = own_redis.client()
    # A logger of its own: the module's may be bound to what an earlier test of this process had configured.
    said = structlog.testing.CapturingLogger()
    monkeypatch.setattr("workers.relay.log", structlog.wrap_logger(said, processors=[]))
    with relaying(sessions, own_redis, clock, stream_entries=5) as relay:
        client.xgroup_create(KEY, "slow", "0", mkstream=True)
        keep(sessions, range(12), at=clock())
        drain(relay)
        assert relay.counters.trimmed_unread == 7
    assert [position for position, _ in streamed(own_redis)] == [8, 9, 10, 11, 12]
    alarms = [call.kwargs for call in said.calls if call.kwargs["event"] == "relay.trimmed_unread"]
    assert [alarm["groups"] for alarm in alarms] == [["slow"]] * len(alarms)
    assert alarms
    assert len(stored(sessions)) == 12


def test_the_stream_is_capped_by_memory_as_well(sessions: Sessions, own_redis: RedisServer, clock: Clock) -> None:
    with relaying(sessions, own_redis, clock, stream_bytes=20_000) as relay:
        with sessions.begin() as session:
            outbox.record(
                session, [replace(event(number, at=clock()), body=b'"' + b"x" * 1000 + b'"') for number in range(100)]
            )
        drain(relay)
        assert relay.stream.size() < 30_000
    assert streamed(own_redis)[-1] == (100, "event-99")


@pytest.mark.parametrize("cap", [{"stream_entries": 40}, {"stream_bytes": 50_000}])
def test_a_burst_between_two_housekeepings_goes_little_beyond_the_cap(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, cap: dict[str, int]
) -> None:
    with relaying(sessions, own_redis, clock, batch=10, housekeeping=timedelta(hours=1), **cap) as relay:
        with sessions.begin() as session:
            outbox.record(
                session, [replace(event(number, at=clock()), body=b'"' + b"x" * 1000 + b'"') for number in range(200)]
            )
        lengths = []
        while relay.step() is not State.IDLE:
            lengths.append(relay.stream.tip().length)
    assert max(lengths) <= 60
    assert streamed(own_redis)[-1] == (200, "event-199")


def test_the_outbox_is_pruned_of_what_is_old_but_not_of_what_the_stream_lacks(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(3), at=clock())
        drain(relay)
        clock.move(days=31)
        keep(sessions, range(3, 5), at=clock())
        drain(relay)
    assert stored(sessions) == [(4, "event-3"), (5, "event-4")]


def test_a_stream_of_another_database_is_refused(sessions: Sessions, own_redis: RedisServer, clock: Clock) -> None:
    own_redis.client().xadd(KEY, {"id": "someone-elses"}, id="1-0")
    keep(sessions, range(2), at=clock())
    with relaying(sessions, own_redis, clock) as relay, pytest.raises(ForeignStream, match="someone-elses"):
        drain(relay)


def test_a_database_restored_from_an_older_copy_goes_on_after_the_stream(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    own_redis.client().xadd(KEY, {"id": "of-the-lost-hours"}, id="50-0")
    keep(sessions, range(2), at=clock())
    with relaying(sessions, own_redis, clock) as relay:
        drain(relay)
    assert streamed(own_redis) == [(50, "of-the-lost-hours"), (51, "event-0"), (52, "event-1")]


def restore(sessions: Sessions, last: int, *, noted: int | None) -> None:
    """Bring the database back to where it was when `last` was its last position."""
    with sessions.begin() as session:
        session.execute(delete(OutboxEvent).where(col(OutboxEvent.position) > last))
        session.execute(update(OutboxEnd).values(position=last))
        session.execute(delete(StreamEnd))
        if noted is not None:
            stream_ends.note(session, KEY, noted, now=NOW)


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("written", [0, 1, 3, 4, 20])
def test_what_is_written_after_a_restore_comes_behind_the_stream_s_end_however_much_it_is(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, written: int, running: bool
) -> None:
    with relaying(sessions, own_redis, clock, batch=2) as before, relaying(sessions, own_redis, clock) as after:
        keep(sessions, range(6), at=clock())
        drain(before)
        restore(sessions, 3, noted=2)
        # The workers are quicker than the relay.
        keep(sessions, range(100, 100 + written), at=clock())
        if not running:
            before.close()
        drain(before if running else after)
        keep(sessions, range(200, 202), at=clock())
        drain(before if running else after)
    told = [*range(6), *range(100, 100 + written), 200, 201]
    assert streamed(own_redis) == [(place, f"event-{number}") for place, number in enumerate(told, 1)]
    assert stored(sessions) == [*streamed(own_redis)[:3], *streamed(own_redis)[6:]]
    with sessions() as session:
        assert gauges.outbox(session, KEY).depth == 0


@pytest.mark.parametrize(("noted", "again"), [(2, [2]), (None, [1, 2])])
def test_where_the_stream_has_nothing_left_of_what_was_restored_the_note_says_what_it_had(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, noted: int | None, again: list[int]
) -> None:
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(1), at=clock() - timedelta(days=4))
        keep(sessions, range(1, 6), at=clock())
        drain(relay)
        own_redis.client().xtrim(KEY, minid="5-0", approximate=False)
        restore(sessions, 3, noted=noted)
        keep(sessions, range(100, 101), at=clock())
        drain(relay)
    names = ["event-4", "event-5", *(f"event-{number}" for number in again), "event-100"]
    assert streamed(own_redis) == [(place, name) for place, name in enumerate(names, 5)]


def test_how_much_waits_is_known_whether_or_not_a_relay_runs(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    def waiting() -> int:
        with sessions() as session:
            return gauges.outbox(session, KEY).depth

    keep(sessions, range(1), at=clock() - timedelta(days=4))
    assert waiting() == 1
    with relaying(sessions, own_redis, clock) as relay, relaying(sessions, own_redis, clock) as standby:
        # Too old for a new stream: nobody waits for it.
        drain(relay)
        assert (streamed(own_redis), waiting()) == ([], 0)
        keep(sessions, range(1, 4), at=clock())
        assert (standby.step(), waiting()) == (State.STANDBY, 3)
        drain(relay)
        assert waiting() == 0
        relay.close()
        keep(sessions, range(4, 6), at=clock())
        assert waiting() == 2
        own_redis.kill()
        with pytest.raises(RedisError):
            standby.step()
        assert waiting() == 2


@pytest.mark.parametrize("restarted", [False, True])
def test_what_somebody_else_writes_into_the_stream_keeps_no_event_out_of_it(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, restarted: bool
) -> None:
    with relaying(sessions, own_redis, clock) as first:
        keep(sessions, range(2), at=clock())
        drain(first)
        keep(sessions, range(2, 4), at=clock())
        own_redis.client().xadd(KEY, {"id": "vandal"}, id="1764000000000-0")
        if restarted:
            first.close()
            with relaying(sessions, own_redis, clock) as second:
                drain(second)
        else:
            drain(first)
        keep(sessions, range(4, 5), at=clock())
        with relaying(sessions, own_redis, clock) as last:
            clock.move(seconds=60)
            drain(last)
    assert [name for _, name in streamed(own_redis)] == [
        *("event-0", "event-1", "vandal", "event-2", "event-3", "event-4")
    ]


def test_a_full_redis_takes_nothing_and_then_everything(
    sessions: Sessions, own_redis: RedisServer, clock: Clock
) -> None:
    client = own_redis.client()
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(2), at=clock())
        drain(relay)
        keep(sessions, range(2, 5), at=clock())
        client.config_set("maxmemory", "1")
        with pytest.raises(RedisError):
            drain(relay)
        client.config_set("maxmemory", "0")
        drain(relay)
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(5)]


@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "dies meanwhile"])
def test_a_redis_whose_disk_is_full_takes_nothing_by_halves_and_then_everything(
    sessions: Sessions, tmp_path: Path, clock: Clock, *, dies: bool
) -> None:
    with redis_server(tmp_path / "redis", appendonly=True) as server, relaying(sessions, server, clock) as relay:
        keep(sessions, range(2), at=clock())
        drain(relay)
        server.fill_disk()
        told = 2

        def tell() -> None:
            nonlocal told
            while told < 9:  # what it takes before it notices is in its memory only
                keep(sessions, range(told, told + 1), at=clock())
                told += 1
                drain(relay)

        with pytest.raises(RedisError, match="MISCONF"):
            tell()
        assert [position for position, _ in streamed(server)] == list(range(1, len(streamed(server)) + 1))
        server.empty_disk()
        if dies:
            server.restart()
        wait_until(lambda: _drained(relay), what="a Redis that writes again")
        assert streamed(server) == [(number + 1, f"event-{number}") for number in range(told)] == stored(sessions)


def _drained(relay: Relay) -> bool:
    try:
        drain(relay)
    except RedisError:
        return False
    return True


@pytest.mark.parametrize("moment", ["published", "noted"])
def test_a_relay_killed_between_two_steps_leaves_its_heir_nothing_to_mend(
    database_url: str, sessions: Sessions, own_redis: RedisServer, clock: Clock, moment: str
) -> None:
    clock.now = datetime.now(UTC)
    keep(sessions, range(8), at=clock())
    assert outcome(started(relay_until, moment, database_url, own_redis.url)) == -signal.SIGKILL
    assert [position for position, _ in streamed(own_redis)] == [1, 2, 3]
    with sessions() as session:
        assert stream_ends.get(session, KEY) == (3 if moment == "noted" else None)
    clock.move(seconds=60)
    with relaying(sessions, own_redis, clock) as heir:
        drain(heir)
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(8)] == stored(sessions)


def test_writers_that_commit_and_roll_back_at_once_lose_nothing_to_running_relays(
    sessions: Sessions, own_redis: RedisServer
) -> None:
    stop = threading.Event()
    limits = Limits(batch=7, lease=timedelta(seconds=1), poll=0.005, poll_idle=0.02, backoff=0.05)
    relays = [Relay(sessions=sessions, redis_url=own_redis.url, limits=limits) for _ in range(2)]
    threads = [threading.Thread(target=relay.run, args=(stop,)) for relay in relays]

    def write(writer: int) -> None:
        for number in range(writer * 1000, writer * 1000 + 40):
            with sessions() as session:
                outbox.record(session, [event(number, at=datetime.now(UTC), subject=f"article-{writer}")])
                session.rollback() if number % 10 == 9 else session.commit()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads + writers:
        thread.start()
    own_redis.client().flushall()
    for thread in writers:
        thread.join()
    wait_until(lambda: len(streamed(own_redis)) == 4 * 36, what="every committed event in the stream")
    stop.set()
    for thread in threads:
        thread.join()
    assert streamed(own_redis) == stored(sessions)
    for writer in range(4):
        mine = [name for _, name in streamed(own_redis) if int(name.removeprefix("event-")) // 1000 == writer]
        expected = [f"event-{number}" for number in range(writer * 1000, writer * 1000 + 40) if number % 10 != 9]
        assert mine == expected


def test_a_frozen_redis_does_not_hold_the_relay_for_ever(
    sessions: Sessions, own_redis: RedisServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.stream.SOCKET_TIMEOUT", 0.3)
    with relaying(sessions, own_redis, clock) as relay:
        keep(sessions, range(2), at=clock())
        own_redis.freeze()
        with pytest.raises(RedisError):
            drain(relay)
        own_redis.thaw()
        drain(relay)
    assert len(streamed(own_redis)) == 2


def test_the_process_is_told_to_stop_and_gives_its_lease_back(sessions: Sessions, own_redis: RedisServer) -> None:
    stop = threading.Event()
    relay = Relay(sessions=sessions, redis_url=own_redis.url)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    wait_until(lambda: relay.active, what="an active relay")
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()
    with relaying(sessions, own_redis, Clock()) as next_one:
        next_one.clock = lambda: datetime.now(UTC)
        next_one.step()
        assert next_one.active


def test_a_reply_that_got_lost_adds_nothing_twice(sessions: Sessions, own_redis: RedisServer, clock: Clock) -> None:
    proxy = LossyProxy(own_redis.port)
    relay = Relay(sessions=sessions, redis_url=proxy.url, clock=clock, limits=Limits(check=timedelta(0)))
    keep(sessions, range(3), at=clock())
    drain(relay)
    keep(sessions, range(3, 6), at=clock())
    proxy.swallow = b"XADD"
    drain_through_errors(relay)
    assert proxy.swallowed == 1
    assert streamed(own_redis) == [(number + 1, f"event-{number}") for number in range(6)]
    relay.stream.client.close()
    proxy.close()


def drain_through_errors(relay: Relay) -> None:
    for _ in range(200):
        try:
            if relay.step() is State.IDLE:
                return
        except RedisError:
            continue
    raise AssertionError("the relay does not come to rest")
