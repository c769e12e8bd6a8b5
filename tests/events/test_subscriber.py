"""The client under what befalls a downstream service: each event handled, in order per subject, gaps told."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import redis
from dying_processes import outcome, started
from event_consumer import consume
from services import RedisServer, wait_until

from storage.outbox import Stamped
from workers.stream import Stream, connect
from workers.subscriber import (
    Event,
    Gap,
    GapError,
    PartitionMismatch,
    Select,
    Subscriber,
    SubscriberError,
    dead_letters,
    drop,
    partition_of,
    retry,
)
from workers.subscriber.events import event_of

KEY = "wireroom:events"
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def entry(position: int, **changes: Any) -> dict[str, str]:
    """What the relay would add at a position: seven subjects in turn, a minute apart."""
    name = changes.pop("id", f"event-{position}")
    subject = changes.pop("subject", f"article-{position % 7}")
    kind = changes.pop("type", "wireroom.article.created.v1")
    feed = changes.pop("feed", position % 3)
    at = changes.pop("at", START + timedelta(minutes=position))
    article = {"id": subject, "language": "de", "tags": []} | changes
    data = {"article": article} if ".article." in kind else {}
    ce = {
        "id": name,
        "source": f"/feeds/{feed}",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "data": data,
    }
    return {"id": name, "type": kind, "subject": subject, "feed": str(feed), "ce": json.dumps(ce)}


def publish(client: redis.Redis, positions: range, **changes: Any) -> None:
    with client.pipeline(transaction=True) as pipe:
        for position in positions:
            pipe.xadd(KEY, entry(position, **changes), id=f"{position}-0")
        pipe.execute()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as opened:
        yield opened


def subscriber(url: str, **options: Any) -> Subscriber:
    quick = {"group": "search", "start": "beginning", "retry_base": 0.01, "block": 0.1, "lease": 3.0}
    return Subscriber(url, **(quick | options))


def handled(url: str, **options: Any) -> list[int]:
    """Positions that a consumer handles until nothing is left."""
    positions: list[int] = []
    subscriber(url, **options).run(lambda event: positions.append(event.position), until_idle=True)
    return positions


def pending(client: redis.Redis, group: str = "search") -> int:
    return int(client.xpending(KEY, group)["pending"])


def test_every_event_is_handled_once_and_in_order(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 201))
    assert handled(redis_url, batch=16) == list(range(1, 201))
    assert pending(client) == 0
    assert handled(redis_url) == []
    publish(client, range(201, 204))
    assert handled(redis_url) == [201, 202, 203]


def test_a_handler_gets_the_event_with_its_article(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(5, 6), headline="Waldbrand")
    got: list[Event] = []
    subscriber(redis_url).run(got.append, until_idle=True)
    (event,) = got
    assert (event.position, event.id, event.subject, event.feed, event.tries) == (5, "event-5", "article-5", 2, 0)
    assert event.article is not None
    assert event.article["headline"] == "Waldbrand"
    assert event.time == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("beginning", 1),
        ("now", None),
        (4, 5),
        ("event-6", 7),
        (START + timedelta(minutes=8), 8),
        (START + timedelta(minutes=7, seconds=1), 8),
        (START - timedelta(days=1), 1),
        (START + timedelta(days=1), None),
    ],
)
def test_a_new_group_begins_where_it_is_told(
    redis_url: str, client: redis.Redis, start: Any, first: int | None
) -> None:
    publish(client, range(1, 12))
    expected = [] if first is None else list(range(first, 12))
    assert handled(redis_url, start=start) == expected
    publish(client, range(12, 13))
    assert handled(redis_url, start=start) == [12]


def test_a_time_finds_its_place_although_a_late_commit_stands_further_on(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 5))
    publish(client, range(5, 6), at=START)
    publish(client, range(6, 9))
    assert handled(redis_url, start=START + timedelta(minutes=6)) == [6, 7, 8]


def test_starting_after_an_unknown_event_says_so(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 3))
    with pytest.raises(SubscriberError, match="nowhere"):
        handled(redis_url, start="nowhere")


TAG = {"kind": "place", "label": "Wien", "scheme": "iso3166", "code": "AT-9"}


@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        (Select(), [1, 2, 3, 4]),
        (Select(types=("feed.*",)), [2]),
        (Select(types=("wireroom.article.created.v1",)), [1, 3, 4]),
        (Select(types=("article.created", "feed.gone")), [1, 2, 3, 4]),
        (Select(feeds=frozenset({3})), [3]),
        (Select(languages=("de",)), [1, 3]),
        (Select(languages=("DE-at",)), [3]),
        (Select(tags=("wien",)), [3, 4]),
        (Select(tags=("place:Wien",), languages=("en",)), [4]),
        (Select(tags=("iso3166:at-9",)), [3, 4]),
        (Select(tags=("topic:wien",)), []),
    ],
)
def test_only_what_is_selected_is_handled(
    redis_url: str, client: redis.Redis, select: Select, wanted: list[int]
) -> None:
    publish(client, range(1, 2), feed=1)
    publish(client, range(2, 3), type="wireroom.feed.gone.v1", feed=2)
    publish(client, range(3, 4), feed=3, language="de-AT", tags=[TAG])
    publish(client, range(4, 5), feed=4, language="en", tags=[TAG])
    assert handled(redis_url, select=select) == wanted
    assert pending(client) == 0


def test_a_failing_event_is_tried_again_while_only_its_own_subject_waits(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 22))
    order: list[int] = []
    failures = iter([True, True, False])

    def handle(event: Event) -> None:
        if event.position == 3 and next(failures):
            raise RuntimeError("the index is away")
        order.append(event.position)

    subscriber(redis_url, retry_base=0.05).run(handle, until_idle=True)
    assert sorted(order) == list(range(1, 22))
    assert [position for position in order if position % 7 == 3] == [3, 10, 17]
    assert order.index(3) > order.index(21)
    assert pending(client) == 0
    assert client.hgetall(f"{KEY}:tries:search") == {}


def test_the_handler_is_told_how_often_an_event_failed(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 2))
    tries: list[int] = []

    def handle(event: Event) -> None:
        tries.append(event.tries)
        if len(tries) < 4:
            raise RuntimeError

    subscriber(redis_url).run(handle, until_idle=True)
    assert tries == [0, 1, 2, 3]


def test_after_so_many_tries_an_event_is_a_dead_letter_with_its_reason(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 9))
    order: list[int] = []

    def handle(event: Event) -> None:
        if event.position == 1:
            raise ValueError("no such section")
        order.append(event.position)

    subscriber(redis_url, max_tries=3).run(handle, until_idle=True)
    assert sorted(order) == list(range(2, 9))
    (letter,) = dead_letters(client, KEY)
    assert (letter.group, letter.reason, letter.tries) == ("search", "ValueError: no such section", 3)
    assert (letter.event.position, letter.event.article) == (1, {"id": "article-1", "language": "de", "tags": []})
    assert pending(client) == 0


def test_a_dead_letter_is_tried_again_on_request_and_dropped_on_request(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 4))

    def refuse(event: Event) -> None:
        raise ValueError("closed")

    subscriber(redis_url, max_tries=1).run(refuse, until_idle=True)
    first, second, third = dead_letters(client, KEY, group="search")
    retry(client, KEY, first)
    drop(client, KEY, second)
    assert [letter.number for letter in dead_letters(client, KEY)] == [third.number]
    assert handled(redis_url) == [1]
    retry(client, KEY, third)
    subscriber(redis_url).run(refuse, until_idle=True)
    (back,) = dead_letters(client, KEY)
    assert (back.event.position, back.tries) == (3, 2)
    assert list(dead_letters(client, KEY, group="other")) == []


def test_an_entry_that_is_no_event_is_a_dead_letter_and_stops_nobody(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 2))
    client.xadd(KEY, {"id": "odd", "type": "x"}, id="2-0")
    publish(client, range(3, 4))
    assert handled(redis_url) == [1, 3]
    (letter,) = dead_letters(client, KEY)
    assert "no event" in letter.reason


def test_an_event_that_is_published_again_under_its_id_is_not_handled_again(
    redis_url: str, client: redis.Redis
) -> None:
    publish(client, range(1, 3))
    assert handled(redis_url) == [1, 2]
    publish(client, range(3, 4), id="event-1")
    publish(client, range(4, 5))
    assert handled(redis_url) == [4]


def test_a_stop_finishes_the_event_in_hand_and_leaves_the_rest_to_the_next(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 11))
    first = subscriber(redis_url, batch=10, lease=300.0)
    order: list[int] = []

    def handle(event: Event) -> None:
        if event.position == 4:
            first.stop()
        order.append(event.position)

    first.run(handle)
    assert order == [1, 2, 3, 4]
    assert pending(client) == 6
    # The lease was given back: the next consumer need not wait for it to run out.
    assert handled(redis_url, lease=300.0) == [5, 6, 7, 8, 9, 10]
    assert [info["name"] for info in client.xinfo_consumers(KEY, "search")] != [first.consumer]


def test_a_group_keeps_its_number_of_partitions(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 3))
    handled(redis_url, partitions=2)
    with pytest.raises(PartitionMismatch, match="made with 2"):
        handled(redis_url, partitions=3)


def test_one_consumer_alone_reads_all_partitions_in_order_per_subject(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 101))
    positions = handled(redis_url, partitions=4)
    assert sorted(positions) == list(range(1, 101))
    for subject in range(7):
        mine = [position for position in positions if position % 7 == subject]
        assert mine == sorted(mine)


def test_what_a_hand_written_consumer_left_pending_is_taken_over(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 6))
    client.xgroup_create(KEY, "search", "0")
    client.xreadgroup("search", "by-hand", {KEY: ">"}, count=3)
    client.xack(KEY, "search", "2-0")
    assert handled(redis_url) == [1, 3, 4, 5]
    assert [info["name"] for info in client.xinfo_consumers(KEY, "search")] != ["by-hand"]


# --- gaps --------------------------------------------------------------------------------------------------------


def replay(after: int, before: int) -> Iterator[Event]:
    for position in range(after + 1, before):
        yield event_of(position, entry(position), replayed=True)


def test_events_trimmed_unread_are_an_explicit_gap(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 4))
    handled(redis_url)
    publish(client, range(4, 11))
    client.xtrim(KEY, minid="8-0", approximate=False)
    with pytest.raises(GapError, match="after position 3 and before 8"):
        handled(redis_url)
    # It stays one until somebody deals with it.
    with pytest.raises(GapError):
        handled(redis_url)
    gaps: list[Gap] = []
    assert handled(redis_url, on_gap=gaps.append) == [8, 9, 10]
    assert gaps == [Gap(after=3, before=8)]
    assert handled(redis_url) == []


def test_a_gap_is_filled_from_the_database_before_what_comes_after_it(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 4))
    handled(redis_url)
    publish(client, range(4, 11))
    client.xtrim(KEY, minid="8-0", approximate=False)
    assert handled(redis_url, replay=replay) == [4, 5, 6, 7, 8, 9, 10]


def test_what_fails_out_of_the_database_is_tried_again_before_anything_overtakes_it(
    redis_url: str, client: redis.Redis
) -> None:
    publish(client, range(1, 20))
    client.xtrim(KEY, minid="15-0", approximate=False)
    order: list[int] = []
    failures = iter([True, True, False])

    def handle(event: Event) -> None:
        if event.position == 5 and next(failures):
            raise RuntimeError("away")
        order.append(event.position)

    subscriber(redis_url, start=0, replay=replay).run(handle, until_idle=True)
    assert order == list(range(1, 20))


def test_a_pending_entry_that_was_trimmed_is_a_gap_and_leaves_no_trace(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 7))
    client.xgroup_create(KEY, "search", "0")
    client.xreadgroup("search", "died", {KEY: ">"}, count=4)
    client.xtrim(KEY, minid="3-0", approximate=False)
    assert handled(redis_url, replay=replay) == [1, 2, 3, 4, 5, 6]
    assert pending(client) == 0


def test_a_gap_is_noticed_although_its_consumer_died_before_it_could_note_it(
    redis_url: str, client: redis.Redis
) -> None:
    publish(client, range(1, 4))
    handled(redis_url)
    publish(client, range(4, 9))
    client.xtrim(KEY, minid="6-0", approximate=False)
    client.xreadgroup("search", "died", {KEY: ">"})
    gaps: list[Gap] = []
    assert handled(redis_url, on_gap=gaps.append) == [6, 7, 8]
    assert gaps == [Gap(after=3, before=6)]


def test_a_group_that_was_moved_on_by_hand_sees_no_gap(redis_url: str, client: redis.Redis) -> None:
    publish(client, range(1, 4))
    handled(redis_url)
    publish(client, range(4, 9))
    client.xgroup_setid(KEY, "search", "6-0")
    assert handled(redis_url) == [7, 8]


def test_a_group_that_was_moved_back_by_hand_reads_again_what_its_memory_does_not_hold(
    redis_url: str, client: redis.Redis
) -> None:
    publish(client, range(1, 9))
    handled(redis_url)
    client.delete(f"{KEY}:seen:search")
    client.xgroup_setid(KEY, "search", "5-0")
    assert handled(redis_url) == [6, 7, 8]


# --- an unfriendly Redis -----------------------------------------------------------------------------------------


class Running:
    """A subscriber on a thread of its own, with what it handled."""

    def __init__(self, url: str, **options: Any) -> None:
        self.positions: list[int] = []
        self.subscriber = subscriber(url, **options)
        self.thread = threading.Thread(target=self.subscriber.run, args=(self._handle,))
        self.thread.start()

    def _handle(self, event: Event) -> None:
        self.positions.append(event.position)

    def stop(self) -> None:
        self.subscriber.stop()
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(url: str, **options: Any) -> Running:
        started.append(Running(url, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_a_redis_that_lost_its_data_makes_nobody_handle_anything_again(
    own_redis: RedisServer, running: Callable[..., Running]
) -> None:
    publish(own_redis.client(), range(1, 6))
    one = running(own_redis.url)
    wait_until(lambda: len(one.positions) == 5, what="five events")
    own_redis.restart(empty=True)
    publish(own_redis.client(), range(1, 9))  # as the relay does
    wait_until(lambda: 8 in one.positions, what="the new events")
    assert one.positions == list(range(1, 9))


@pytest.mark.parametrize("before", [3, 5])
def test_events_in_hand_when_redis_lost_its_data_and_the_lease_with_it_are_handled(
    own_redis: RedisServer, before: int
) -> None:
    client = own_redis.client()
    publish(client, range(1, 9))
    one = subscriber(own_redis.url, batch=8)
    positions: list[int] = []

    def handle(event: Event) -> None:
        if event.position == before and not event.tries:
            client.flushall()
            publish(client, range(1, 9))
            one._until.clear()
        positions.append(event.position)

    one.run(handle, until_idle=True)
    assert positions == list(range(1, 9))


def test_a_group_that_is_set_back_with_the_stream_handles_nothing_again(
    own_redis: RedisServer, running: Callable[..., Running]
) -> None:
    client = own_redis.client()
    publish(client, range(1, 6))
    one = running(own_redis.url)
    wait_until(lambda: len(one.positions) == 5, what="five events")
    with client.pipeline(transaction=True) as pipe:
        pipe.flushall()
        pipe.xgroup_create(KEY, "search", "2-0", mkstream=True)  # where the relay last saw it
        for position in range(1, 9):
            pipe.xadd(KEY, entry(position), id=f"{position}-0")
        pipe.execute()
    wait_until(lambda: 8 in one.positions, what="the new events")
    assert one.positions == list(range(1, 9))


def test_a_group_that_the_relay_sets_on_under_a_new_consumer_has_no_gap(
    own_redis: RedisServer, running: Callable[..., Running]
) -> None:
    client = own_redis.client()
    one = running(own_redis.url)  # before the relay: it makes the group at the beginning of an empty stream
    wait_until(lambda: client.exists(KEY) and client.xinfo_groups(KEY), what="the group")
    time.sleep(0.3)
    told = [
        Stamped(position=n, id=f["id"], type=f["type"], subject=f["subject"], feed_id=1, created_at=START, body=f["ce"])
        for n in range(1, 9)
        for f in [entry(n)]
    ]
    with connect(own_redis.url) as writer:
        Stream(writer, KEY).append(lambda _tip: told, restore=lambda: {"search": 5})
    wait_until(lambda: 8 in one.positions, what="the events after what was done")
    assert one.positions == [6, 7, 8]


def test_a_frozen_redis_is_waited_for(own_redis: RedisServer, running: Callable[..., Running]) -> None:
    publish(own_redis.client(), range(1, 3))
    one = running(own_redis.url)
    wait_until(lambda: len(one.positions) == 2, what="two events")
    one.subscriber.client.connection_pool.connection_kwargs["socket_timeout"] = 0.3
    own_redis.freeze()
    time.sleep(0.5)
    own_redis.thaw()
    publish(own_redis.client(), range(3, 5))
    wait_until(lambda: len(one.positions) == 4, what="the events after the thaw")
    assert one.positions == [1, 2, 3, 4]


def test_a_consumer_without_the_right_to_read_says_so(own_redis: RedisServer) -> None:
    client = own_redis.client()
    publish(client, range(1, 3))
    client.execute_command("ACL", "SETUSER", "guest", "on", ">pw", "~*", "+ping", "+xinfo")
    url = own_redis.url.replace("redis://", "redis://guest:pw@")
    with pytest.raises(redis.exceptions.NoPermissionError):
        handled(url)


def test_several_consumers_share_the_partitions_and_keep_the_order(
    redis_url: str, client: redis.Redis, running: Callable[..., Running]
) -> None:
    ones = [running(redis_url, partitions=4, lease=1.0) for _ in range(3)]
    wait_until(lambda: all(one.subscriber._held for one in ones), what="a share for each")
    publish(client, range(1, 301))
    wait_until(lambda: sum(len(one.positions) for one in ones) >= 300, what="all events")
    for one in ones:
        one.stop()
    everything = [position for one in ones for position in one.positions]
    assert sorted(everything) == list(range(1, 301))
    for subject in range(7):
        for one in ones:
            mine = [position for position in one.positions if position % 7 == subject]
            assert mine == sorted(mine)


def test_a_consumer_that_hangs_before_it_has_its_share_keeps_no_partition_from_being_read(
    redis_url: str, client: redis.Redis, running: Callable[..., Running]
) -> None:
    working = running(redis_url, partitions=4, lease=1.0)
    wait_until(lambda: len(working.subscriber._held) == 4, what="all partitions")
    # Another one joins, lives, and never takes a partition: its main thread hangs.
    alive = threading.Event()

    def beat() -> None:
        while not alive.wait(0.2):
            seconds, micro = client.time()
            client.zadd(f"{KEY}:members:search", {"hanging": seconds + micro / 1e6})

    heart = threading.Thread(target=beat)
    heart.start()
    publish(client, range(1, 31))
    wait_until(lambda: len(working.positions) == 30, what="every event")
    alive.set()
    heart.join()
    assert sorted(working.positions) == list(range(1, 31))


def test_a_handler_slower_than_the_lease_keeps_its_partition(
    redis_url: str, client: redis.Redis, running: Callable[..., Running]
) -> None:
    publish(client, range(1, 3))
    positions: list[int] = []
    slow = subscriber(redis_url, lease=0.6)

    def handle(event: Event) -> None:
        time.sleep(1.5)
        positions.append(event.position)

    thread = threading.Thread(target=slow.run, args=(handle,), kwargs={"until_idle": True})
    thread.start()
    wait_until(lambda: slow._held, what="the lease")
    rival = running(redis_url, lease=0.6)
    thread.join(timeout=20)
    assert positions == [1, 2]
    assert rival.positions == []


# --- processes that die ------------------------------------------------------------------------------------------


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    path = tmp_path / "effects.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE inbox (id TEXT PRIMARY KEY)")
        connection.execute("CREATE TABLE effect (subject TEXT, position INTEGER)")
    connection.close()
    return path


def consumer(url: str, path: Path, moment: str, partitions: int = 1) -> BaseProcess:
    return started(consume, url, str(path), moment, partitions)


def rows(path: Path) -> list[tuple[str, int]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT subject, position FROM effect ORDER BY rowid").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_consumer_killed_around_its_effect_has_the_effect_once(
    redis_url: str, client: redis.Redis, effects: Path, moment: str
) -> None:
    publish(client, range(1, 9))
    assert outcome(consumer(redis_url, effects, moment)) == -signal.SIGKILL
    assert pending(client) > 0
    assert outcome(consumer(redis_url, effects, "never")) == 0
    assert [position for _, position in rows(effects)] == list(range(1, 9))
    assert pending(client) == 0


def test_an_event_that_kills_its_consumer_is_a_dead_letter_and_those_behind_it_are_not(
    redis_url: str, client: redis.Redis, effects: Path
) -> None:
    publish(client, range(1, 6))
    deaths = 0
    while outcome(consumer(redis_url, effects, "poison")) != 0:
        deaths += 1
        assert deaths < 10
    assert deaths == 4  # the first delivery, and three counted tries
    assert [position for _, position in rows(effects)] == [1, 3, 4, 5]
    (letter,) = dead_letters(client, KEY)
    assert (letter.event.position, letter.reason) == (2, "its consumer died with it again and again")


def test_a_consumer_that_woke_up_after_its_lease_handles_nothing_more(
    redis_url: str, client: redis.Redis, effects: Path
) -> None:
    publish(client, range(1, 31))
    sleeper = consumer(redis_url, effects, "10")
    wait_until(lambda: len(rows(effects)) == 10, what="ten effects")
    time.sleep(1.2)
    heir = consumer(redis_url, effects, "never")
    assert outcome(heir) == 0
    for number in (signal.SIGCONT, signal.SIGTERM):
        os.kill(sleeper.pid or 0, number)
    assert outcome(sleeper) == 0
    assert [position for _, position in rows(effects)] == list(range(1, 31))


def test_consumers_killed_in_turn_lose_nothing_and_keep_the_order(
    redis_url: str, client: redis.Redis, effects: Path
) -> None:
    consumers = [consumer(redis_url, effects, "serve", partitions=3) for _ in range(2)]
    for first in range(1, 241, 60):
        publish(client, range(first, first + 60))
        time.sleep(0.3)
        victim = consumers.pop(0)
        victim.kill()
        victim.join()
        consumers.append(consumer(redis_url, effects, "serve", partitions=3))
    wait_until(lambda: len(rows(effects)) >= 240, seconds=30, what="every effect")
    for one in consumers:
        one.terminate()
        assert outcome(one) == 0
    positions = [position for _, position in rows(effects)]
    assert sorted(positions) == list(range(1, 241))
    for subject in range(7):
        mine = [position for position in positions if position % 7 == subject]
        assert mine == sorted(mine)


def test_the_client_can_be_lifted_out_of_the_project(tmp_path: Path) -> None:
    source = ROOT / "workers" / "subscriber"
    target = tmp_path / "wire_client"
    target.mkdir()
    for module in source.glob("*.py"):
        (target / module.name).write_text(module.read_text(encoding="utf-8"), encoding="utf-8")
    probe = (
        "import sys; import wire_client; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'celery','sqlmodel','sqlalchemy','feedparser','structlog','pydantic','workers','tasks','storage'}))"
    )
    arguments = [sys.executable, "-c", probe]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_partition_of_a_subject_is_the_same_in_every_language() -> None:
    assert [partition_of(subject, 8) for subject in ("article-1", "story/1", "Größe")] == [6, 4, 5]
