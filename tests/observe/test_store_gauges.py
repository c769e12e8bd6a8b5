"""The relay tells what database and Redis know: depths, ages, freshness as quantiles, lag of every group."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event as Signal

import pytest
from services import RedisServer, wait_until
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from storage import documents, feeds, gauges, outbox
from storage.db import Sessions
from storage.models import Feed, FeedStatus
from storage.records import Event
from workers.gauges import RelayCollector
from workers.relay import Relay

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
Told = dict[tuple[str, str], float]


@pytest.fixture
def relay(sessions: Sessions, redis_url: str) -> Iterator[Relay]:
    made = Relay(sessions=sessions, redis_url=redis_url, clock=lambda: NOW)
    yield made
    made.close()


def told(relay: Relay) -> Told:
    """Every sample by name and the value of its label."""
    return {
        (sample.name.removeprefix("wireroom_"), next(iter(sample.labels.values()), "")): sample.value
        for family in RelayCollector(relay, clock=lambda: NOW).collect()
        for sample in family.samples
    }


def subscribed(session: Session, number: int, *, fetched: timedelta, late: timedelta = timedelta()) -> Feed:
    feed = feeds.add(session, url=f"https://blatt.example/{number}.xml", now=NOW - timedelta(days=1))
    feed.last_success_at, feed.next_fetch_at = NOW - fetched, NOW - late
    session.add(feed)
    session.flush()
    return feed


def event(number: int, at: datetime) -> Event:
    return Event(
        id=f"id-{number}", type="wireroom.article.created.v1", subject=f"s{number}", feed_id=1, time=at, body=b"{}"
    )


def test_a_relay_that_stands_by_says_nothing_of_the_store(relay: Relay) -> None:
    assert {name for name, _ in told(relay) if not name.startswith("relay_")} == set()
    assert told(relay)["relay_active", ""] == 0


def test_freshness_and_lateness_of_feeds_are_quantiles(relay: Relay, sessions: Sessions) -> None:
    with sessions.begin() as session:
        for number in range(1, 11):
            subscribed(session, number, fetched=timedelta(seconds=60 * number))
        subscribed(session, 11, fetched=timedelta(hours=5), late=timedelta(hours=1))
        paused = subscribed(session, 12, fetched=timedelta(days=9), late=timedelta(days=9))
        paused.status = FeedStatus.PAUSED
    relay.step()
    seen = told(relay)
    assert (seen["feeds", "active"], seen["feeds", "paused"], seen["feeds_due", ""]) == (11, 1, 1)
    assert seen["feed_freshness_seconds", "0.5"] == 360
    assert seen["feed_freshness_seconds", "0.9"] == 600
    assert seen["feed_freshness_seconds", "1"] == 5 * 3600
    assert (seen["feed_overdue_seconds", "0.9"], seen["feed_overdue_seconds", "1"]) == (0, 3600)


def test_a_feed_that_is_being_fetched_is_not_overdue(sessions: Sessions) -> None:
    with sessions.begin() as session:
        subscribed(session, 1, fetched=timedelta(minutes=1), late=timedelta(minutes=1))
        feeds.claim_due(session, now=NOW, limit=1, lease=timedelta(seconds=180))
    with sessions() as session:
        assert gauges.feeds(session, NOW + timedelta(minutes=1)).due == 0


def test_documents_that_wait_are_counted_with_the_age_of_the_first(relay: Relay, sessions: Sessions) -> None:
    with sessions.begin() as session:
        feed = subscribed(session, 1, fetched=timedelta())
        rows = [
            {"feed_id": feed.id, "sha256": documents.digest(b"a"), "url": feed.url,
             "fetched_at": NOW - timedelta(seconds=age), "due_at": due}
            for age, due in ((90, NOW), (30, NOW), (500, None))
        ]  # fmt: skip
        documents.store(session, {documents.digest(b"a"): b"a"}, rows)
    relay.step()
    seen = told(relay)
    assert (seen["waiting", "documents"], seen["waiting_age_seconds", "documents"]) == (2, 90)


def test_the_outbox_is_deep_until_it_is_relayed_and_groups_lag_until_they_acknowledge(
    relay: Relay, sessions: Sessions, shared_redis: RedisServer
) -> None:
    relay.step()
    with sessions.begin() as session:
        outbox.record(session, [event(n, NOW - timedelta(seconds=60 - n)) for n in range(5)])
    seen = told(relay)
    assert (seen["waiting", "outbox"], seen["waiting_age_seconds", "outbox"]) == (5, 60)
    relay.step()
    client = shared_redis.client()
    client.xgroup_create(relay.key, "search", "0")
    client.xgroup_create(relay.key, "archive/0", "0")
    client.xgroup_create(relay.key, "archive/1", "3-0")
    client.xreadgroup("search", "one", {relay.key: ">"}, count=2)
    client.xack(relay.key, "search", "1-0")
    client.xadd(f"{relay.key}:dead", {"group": "search"})
    client.lpush("wireroom:ingest", "message")
    seen = told(relay)
    assert (seen["waiting", "outbox"], seen["stream_entries", ""], seen["stream_position", ""]) == (0, 5, 5)
    assert (seen["stream_lag_events", "search"], seen["stream_pending", "search"]) == (4, 1)
    assert seen["stream_lag_seconds", "search"] == 59
    # Of a group that shares partitions the one that is furthest behind counts.
    assert (seen["stream_lag_events", "archive"], seen["stream_lag_seconds", "archive"]) == (5, 60)
    assert (seen["dead_letters", ""], seen["queue_messages", "ingest"], seen["queue_messages", "fetch"]) == (1, 1, 0)
    assert seen["redis_memory_used_bytes", ""] > 0
    client.close()


def test_a_redis_that_is_away_is_said_to_be_and_hides_nothing_else(sessions: Sessions, own_redis: RedisServer) -> None:
    relay = Relay(sessions=sessions, redis_url=own_redis.url, clock=lambda: NOW)
    relay.step()
    own_redis.kill()
    seen = told(relay)
    assert (seen["redis_up", ""], seen["database_up", ""]) == (0, 1)
    assert ("stream_entries", "") not in seen
    assert seen["waiting", "outbox"] == 0
    relay.close()


def test_a_database_that_is_away_is_not_said_of_redis(
    relay: Relay, shared_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay.step()
    with shared_redis.client() as client:
        client.xgroup_create(relay.key, "search", "0", mkstream=True)

    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    for name in ("documents", "recorded_at"):
        monkeypatch.setattr(gauges, name, away)
    seen = told(relay)
    assert (seen["redis_up", ""], seen["database_up", ""]) == (1, 0)
    assert seen["stream_lag_events", "search"] == 0
    assert ("stream_lag_seconds", "search") not in seen


def test_a_database_that_is_frozen_does_not_hold_what_is_told(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    relay.step()
    thawed = Signal()
    asked = gauges.documents

    def frozen(session: Session, *_: object) -> gauges.Queue:
        thawed.wait(60)
        return asked(session)

    for name in ("documents", "recorded_at"):
        monkeypatch.setattr(gauges, name, frozen)
    monkeypatch.setattr("workers.gauges.PATIENCE", 2.0)
    collector = RelayCollector(relay)
    for _ in range(2):  # the second one asks no second time
        seen = {family.name: family.samples[0].value for family in collector.collect() if family.samples}
        assert (seen["wireroom_redis_up"], seen["wireroom_database_up"]) == (1, 0)
    thawed.set()
    monkeypatch.undo()

    def up() -> bool:
        return any(f.name == "wireroom_database_up" and f.samples[0].value == 1 for f in collector.collect())

    wait_until(up, what="a database that answers")


def test_many_groups_are_not_all_told_of(relay: Relay, shared_redis: RedisServer) -> None:
    relay.step()
    client = shared_redis.client()
    for number in range(80):
        client.xgroup_create(relay.key, f"group{number:02}", "0", mkstream=True)
    assert sum(name == "stream_lag_events" for name, _ in told(relay)) == 50
    client.close()


def test_a_long_queue_is_counted_up_to_a_bound(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "MOST", 3)
    with sessions.begin() as session:
        outbox.record(session, [event(n, NOW) for n in range(9)])
    with sessions() as session:
        assert gauges.outbox(session, "wireroom:events").depth == 4


def test_what_was_published_before_is_not_measured_again_when_redis_lost_it(
    sessions: Sessions, shared_redis: RedisServer, redis_url: str
) -> None:
    relay = Relay(sessions=sessions, redis_url=redis_url, clock=lambda: NOW)
    measured: list[str] = []
    relay.listeners.append(lambda events, _now: measured.extend(one.id for one in events))
    relay.step()
    with sessions.begin() as session:
        outbox.record(session, [event(n, NOW) for n in range(3)])
    relay.step()
    assert measured == ["id-0", "id-1", "id-2"]
    shared_redis.client().flushall()
    relay.clock = lambda: NOW + timedelta(seconds=2)
    relay.step()
    assert relay.stream.tip().length == 3
    assert len(measured) == 3
    relay.close()
