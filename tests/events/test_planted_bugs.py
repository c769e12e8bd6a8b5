"""The faults that the line is built against, planted on purpose: the checker sees each, and none in the real thing."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from dying_processes import outcome, started
from event_consumer import consume, consume_and_acknowledge_first
from event_ledger import Told, faults
from redis.backoff import NoBackoff
from redis.retry import Retry
from services import LossyProxy, RedisServer
from sqlalchemy import text
from sqlmodel import Session

from storage import outbox
from storage.db import Sessions, make_engine, make_sessions
from storage.models import OutboxEvent
from storage.records import Event
from workers.relay import Relay, State

KEY = "wireroom:events"


def event(name: str, subject: str) -> Event:
    now = datetime.now(UTC)
    ce = {"id": name, "source": "/feeds/1", "type": "t", "subject": subject, "time": now.isoformat(), "data": {}}
    return Event(id=name, type="t", subject=subject, feed_id=1, time=now, body=json.dumps(ce).encode())


def commit(sessions: Sessions, *told: Told) -> list[Told]:
    with sessions.begin() as session:
        outbox.record(session, [event(name, subject) for name, subject in told])
    return list(told)


def streamed(server: RedisServer) -> list[Told]:
    return [(fields["id"], fields["subject"]) for _, fields in server.client().xrange(KEY)]


def relay_all(relay: Relay) -> None:
    for _ in range(100):
        try:
            if relay.step() is State.IDLE:
                return
        except redis.RedisError:
            continue


class NaiveRelay:
    """Adds with `*` by a client that retries, and so twice."""

    def __init__(self, sessions: Sessions, url: str) -> None:
        self.sessions = sessions
        self.client = redis.Redis.from_url(url, decode_responses=True, retry=Retry(NoBackoff(), 3))
        self.last = 0

    def step(self) -> None:
        with self.sessions() as session:
            for found in outbox.read_after(session, self.last, limit=100):
                self.client.xadd(KEY, {"id": found.id, "subject": found.subject})
                self.last = found.position


def record_at_once(sessions: Sessions, session: Session, told: Event) -> None:
    """Take a place as a sequence hands one out: for good, and long before the commit."""
    with sessions.begin() as other:
        place = other.execute(text("UPDATE outbox_end SET position = position + 1 RETURNING position")).scalar_one()
    session.add(
        OutboxEvent(
            position=place,
            event_id=told.id,
            type=told.type,
            subject=told.subject,
            created_at=told.time,
            body=told.body.decode(),
        )
    )
    session.flush()


@pytest.fixture
def sessions(postgres_url: str) -> Iterator[Sessions]:
    engine = make_engine(postgres_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.mark.parametrize("planted", [True, False])
def test_places_taken_before_the_commit_lose_what_commits_late(
    sessions: Sessions, own_redis: RedisServer, planted: bool
) -> None:
    relay = Relay(sessions=sessions, redis_url=own_redis.url)
    with sessions() as late:
        told = event("late", "b")
        record_at_once(sessions, late, told) if planted else outbox.record(late, [told])
        late.flush()
        committed = commit(sessions, ("one", "a"), ("two", "a"))
        relay_all(relay)
        late.commit()
        committed.append(("late", "b"))
    relay_all(relay)
    found = streamed(own_redis)
    assert faults(committed, found, committed) == (["stream: late is lost"] if planted else [])
    relay.close()


@pytest.mark.parametrize("planted", [True, False])
def test_adding_with_a_star_doubles_what_lost_its_reply(
    sessions: Sessions, own_redis: RedisServer, planted: bool
) -> None:
    proxy = LossyProxy(own_redis.port)
    naive = NaiveRelay(sessions, proxy.url)
    real = Relay(sessions=sessions, redis_url=proxy.url)
    committed = commit(sessions, ("one", "a"))
    proxy.swallow = b"XADD"
    naive.step() if planted else relay_all(real)
    assert proxy.swallowed == 1
    expected = ["stream: one is there 2 times"] if planted else []
    assert faults(committed, streamed(own_redis), committed) == expected
    naive.client.close()
    real.close()
    proxy.close()


@pytest.mark.parametrize("planted", [True, False])
def test_acknowledging_before_the_effect_loses_it(
    sessions: Sessions, own_redis: RedisServer, tmp_path: Path, planted: bool
) -> None:
    committed = commit(sessions, *((f"e{number}", "a") for number in range(1, 6)))
    relay = Relay(sessions=sessions, redis_url=own_redis.url)
    relay_all(relay)
    relay.close()
    path = tmp_path / "effects.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE inbox (id TEXT PRIMARY KEY)")
        database.execute("CREATE TABLE effect (subject TEXT, position INTEGER)")
    target = consume_and_acknowledge_first if planted else consume
    assert outcome(started(target, own_redis.url, str(path), "before", 1)) == -signal.SIGKILL
    assert outcome(started(target, own_redis.url, str(path), "never", 1)) == 0
    effects = [(f"e{position}", "a") for (position,) in database.execute("SELECT position FROM effect ORDER BY rowid")]
    database.close()
    assert faults(committed, streamed(own_redis), effects) == (["effects: e3 is lost"] if planted else [])


def test_the_checker_sees_every_kind_of_fault() -> None:
    right = [("1", "a"), ("2", "a"), ("3", "b")]
    assert faults(right, right, right) == []
    assert faults(right, right[:2], right) == ["stream: 3 is lost"]
    assert faults(right, right, [*right, ("2", "a")]) == ["effects: 2 is there 2 times"]
    assert faults(right, [*right, ("4", "c")], right) == ["stream: 4 was never committed"]
    assert faults(right, right, [right[1], right[0], right[2]]) == ["effects: order of a is ['2', '1'], was ['1', '2']"]
    assert faults(right, [right[2], right[0], right[1]], right) == []
