"""A worker that dies at an exact step, a commit whose word is lost, a task that comes thrice: each article once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from dying_processes import FETCHING, INGESTING, hasty_room, outcome, started, worker_until
from publisher import Piece, Publisher
from services import wait_until
from sqlalchemy.exc import OperationalError
from wire import Clock, articles, events, poll_and_ingest, subscribe

from storage import feeds
from storage.models import Document, DocumentState
from tasks.intake import sweep, take_in, work_off_waiting
from tasks.poll import poll_due
from tasks.room import Room

PIECES = [Piece(guid=f"g{number}", headline=f"Meldung Nummer {number}") for number in range(5)]


@pytest.mark.parametrize("moment", [*FETCHING, *INGESTING])
def test_a_worker_killed_at_any_step_leaves_its_heir_each_article_once(
    database_url: str, publisher: Publisher, moment: str
) -> None:
    for name in ("stadt", "land"):
        publisher.feeds[name] = PIECES
    room = hasty_room(database_url)
    for name in ("stadt", "land"):
        subscribe(room, publisher, name)
    assert outcome(started(worker_until, moment, database_url)) == -signal.SIGKILL

    def all_done() -> bool:
        poll_due(room)
        for _ in sweep(room):
            work_off_waiting(room, 10)
        return len(articles(room)) == 2 * len(PIECES)

    wait_until(all_done, what="what the dead worker held")
    assert sorted(set(events(room))) == ["article.created"]
    assert len(events(room)) == 2 * len(PIECES)
    room.sessions.kw["bind"].dispose()


@contextmanager
def commit_unheard(room: Room) -> Iterator[list[int]]:
    """The next transactions are committed, and the word of it is lost on the way."""
    begin, lost = room.sessions.begin, [0]

    @contextmanager
    def deaf() -> Iterator[Any]:
        with begin() as session:
            yield session
        lost[0] += 1
        raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    room.sessions.begin = deaf  # type: ignore[assignment]
    try:
        yield lost
    finally:
        room.sessions.begin = begin  # type: ignore[method-assign]


def test_a_commit_whose_word_is_lost_is_not_done_again(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["stadt"] = PIECES
    subscribe(room, publisher)
    with commit_unheard(room), pytest.raises(OperationalError):
        poll_due(room)
    clock.forward(minutes=1)
    [(number, _)] = poll_due(room).documents
    with commit_unheard(room) as lost, pytest.raises(OperationalError):
        take_in(room, [number])
    assert lost[0] == 1  # it was claimed, and nobody knows
    clock.forward(minutes=1)
    claim = room.sessions.begin
    calls = [0]

    @contextmanager
    def second_is_unheard() -> Iterator[Any]:
        calls[0] += 1
        with claim() as session:
            yield session
        if calls[0] == 2:
            raise OperationalError("COMMIT", {}, Exception("server closed the connection unexpectedly"))

    room.sessions.begin = second_is_unheard  # type: ignore[assignment]
    take_in(room, [number])
    room.sessions.begin = claim  # type: ignore[method-assign]
    clock.forward(minutes=1)
    assert take_in(room, [number]) == []
    with room.sessions() as session:
        assert session.get_one(Document, number).state is DocumentState.INGESTED
    assert events(room) == ["article.created"] * len(PIECES)


def test_a_task_that_comes_three_times_at_once_is_done_once(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["stadt"] = PIECES
    feed_id = subscribe(room, publisher)
    given: list[int] = []

    def three(work: Any) -> None:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def claim() -> None:
        with room.sessions.begin() as session:
            claimed = feeds.claim_due(session, now=clock(), limit=10, lease=timedelta(seconds=5))
        given.extend(feed.id for feed in claimed)

    three(claim)
    assert given == [feed_id]
    clock.forward(seconds=10)
    poll_due(room)
    three(lambda: work_off_waiting(room, 10))
    assert events(room) == ["article.created"] * len(PIECES)


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_polls_no_feed_twice_at_once(
    room: Room, publisher: Publisher, clock: Clock, jump: timedelta
) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    clock.now += jump
    for _ in range(3):
        poll_due(room)
    asked = publisher.requests.total()
    assert asked <= 2
    clock.forward(days=1)
    poll_due(room)
    assert publisher.requests.total() == asked + 1
