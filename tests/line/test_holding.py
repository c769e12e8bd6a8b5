"""What a worker holds: extended while it works, another's soon after its death, and not held against a document."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from publisher import ALLOW, Publisher
from services import wait_until
from sqlalchemy.exc import OperationalError
from wire import Clock, articles, events, subscribe

from storage import documents, feeds, quarantine
from storage.db import Sessions
from storage.models import Document, DocumentState, Feed
from tasks import intake
from tasks.fetch import FetchPolicy
from tasks.holding import holding
from tasks.intake import sweep, take_in, work_off_waiting
from tasks.poll import poll_due
from tasks.room import Room

SHORT = timedelta(seconds=0.6)


def stored(room: Room, *ids: int) -> list[Document]:
    with room.sessions() as session:
        return [session.get_one(Document, document_id) for document_id in ids]


def claimed(room: Room, document_id: int) -> Document:
    with room.sessions.begin() as session:
        [document] = documents.claim(session, now=room.clock(), lease=room.lease, ids=[document_id])
    return document


@pytest.fixture
def real_time(sessions: Sessions) -> Room:
    """A room whose clock runs, with a lease of a moment."""
    return Room(sessions=sessions, fetch=FetchPolicy(allow=ALLOW), lease=SHORT)


def test_a_lease_is_extended_while_its_holder_works(real_time: Room, publisher: Publisher) -> None:
    subscribe(real_time, publisher)
    [(number, _)] = poll_due(real_time).documents
    mine = claimed(real_time, number)
    with holding(real_time, documents.extend, {mine.id: mine.lease_token or ""}):
        time.sleep(2 * SHORT.total_seconds())
        assert list(sweep(replace(real_time, grace=timedelta(0)))) == []
    assert wait_until(lambda: list(sweep(real_time)), what="the end of the lease") == [[number]]


def test_a_holder_that_lost_its_lease_extends_nothing(real_time: Room, publisher: Publisher) -> None:
    feed_id = subscribe(real_time, publisher)
    with real_time.sessions.begin() as session:
        [mine] = feeds.claim_due(session, now=real_time.clock(), limit=1, lease=timedelta(0))
    with real_time.sessions.begin() as session:
        [theirs] = feeds.claim_due(session, now=real_time.clock(), limit=1, lease=timedelta(minutes=1))
        feeds.extend(session, {feed_id: mine.lease_token or ""}, datetime(2100, 1, 1, tzinfo=UTC))
    with real_time.sessions() as session:
        assert session.get_one(Feed, feed_id).next_fetch_at == theirs.next_fetch_at


def test_a_database_that_is_away_is_not_held_against_the_document(
    room: Room, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(room, publisher)
    [(number, _)] = poll_due(room).documents

    def away(*_: object) -> None:
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    with monkeypatch.context() as outage:
        outage.setattr(intake, "ingest", away)
        for _ in range(2 * room.poison_after):
            assert take_in(room, [number]) == []
            clock.forward(seconds=6)
    assert stored(room, number)[0].attempts == 0
    take_in(room, [number])
    assert events(room) == ["article.created"]


def failing(room: Room, number: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document fails as often as it takes to become suspicious."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as fault:
        fault.setattr(intake, "ingest", broken)
        for _ in range(room.poison_after):
            take_in(room, [number])
            clock.forward(minutes=1)


# What it does alone, how that reads, and at which attempt it counts: a start may be slow without any fault.
TRIED = {
    "killed": ("import os; os.kill(os.getpid(), 9)", "it kills its process (signal 9)", 4),
    "failed": ("raise ZeroDivisionError('a fault of ours')", "it fails: ZeroDivisionError: a fault of ours", 4),
    "hung": ("import time; time.sleep(60)", "it takes longer than 0 s", 7),
}


@pytest.mark.parametrize("how", TRIED)
def test_what_fails_alone_is_quarantined_with_how_it_failed(
    room: Room, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    subscribe(room, publisher)
    [(number, _)] = poll_due(room).documents
    program, reason, attempt = TRIED[how]
    room.alone, room.alone_seconds = (sys.executable, "-c", program), 30.0 if how != "hung" else 0.2
    failing(room, number, clock, monkeypatch)
    for _ in range(attempt - room.poison_after - 1):
        assert take_in(room, [number]) == []
        clock.forward(minutes=1)
    [refused] = take_in(room, [number])
    assert refused.state is DocumentState.QUARANTINED
    with room.sessions() as session:
        [held] = quarantine.listing(session, state=None, feed_id=None, limit=2)
    assert held.error == f"tried {attempt} times and never finished; alone, {reason}"


def test_what_can_be_ingested_alone_is_and_nothing_is_quarantined(
    room: Room, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    subscribe(room, publisher)
    [(number, _)] = poll_due(room).documents
    monkeypatch.setenv("WIREROOM_DATABASE_URL", database_url)
    room.alone = (sys.executable, "-m", "workers", "ingest-alone")
    failing(room, number, clock, monkeypatch)
    assert take_in(room, [number]) == []
    assert [article.headline for article in articles(room)] == ["Altenbrück bekommt ein neues Hallenbad"]
    assert stored(room, number)[0].state is DocumentState.INGESTED


def test_urgent_copy_overtakes_and_what_waited_long_is_not_overtaken(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    ids = {}
    for name, priority, pause in (("alt", 0, 90), ("neu", 0, 10), ("eilig", 1, 0)):
        publisher.feeds[name] = publisher.feeds["stadt"]
        feed_id = subscribe(room, publisher, name)
        with room.sessions.begin() as session:
            session.get_one(Feed, feed_id).priority = priority
        [(ids[name], _)] = poll_due(room).documents
        clock.forward(seconds=pause)
    done = [work_off_waiting(room, 1).ingested[0].document_id for _ in ids]
    assert done == [ids["alt"], ids["eilig"], ids["neu"]]


def test_a_document_that_was_tried_before_is_taken_alone(room: Room, publisher: Publisher, clock: Clock) -> None:
    numbers = []
    for name in ("eins", "zwei", "drei"):
        publisher.feeds[name] = publisher.feeds["stadt"]
        subscribe(room, publisher, name)
        numbers += [number for number, _ in poll_due(room).documents]
        clock.forward(seconds=1)
    claimed(room, numbers[0])  # …and its worker is never heard of again
    clock.forward(minutes=10)
    assert [done.document_id for done in work_off_waiting(room, 10).ingested] == numbers[1:]
    assert [done.document_id for done in work_off_waiting(room, 10).ingested] == numbers[:1]
