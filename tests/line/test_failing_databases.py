"""A database that dies or is full in the midst of the work: either all of a document or nothing, and then all."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest
from dying_processes import started, writer_until_killed
from publisher import ALLOW, Piece, Publisher
from services import PostgresServer, migrated, postgres_database, postgres_process, wait_until
from sqlalchemy import make_url
from wire import Clock, articles, events, subscribe

from storage.db import make_engine, make_sessions
from tasks import intake, write
from tasks.fetch import FetchPolicy
from tasks.intake import take_in
from tasks.poll import poll_due
from tasks.room import Room

PIECES = [Piece(guid=f"g{number}", headline=f"Meldung Nummer {number}") for number in range(5)]


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    with postgres_process() as server:
        yield server


def test_postgres_killed_in_the_midst_of_a_transaction_keeps_all_of_it_or_nothing(
    mortal: PostgresServer, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.feeds["stadt"] = PIECES
    with postgres_database(mortal.url) as url:
        engine = make_engine(migrated(url))
        room = Room(sessions=make_sessions(engine), fetch=FetchPolicy(allow=ALLOW), clock=clock)
        subscribe(room, publisher)
        [(number, _)] = poll_due(room).documents
        record = write.outbox.record

        def killed(session: Any, told: Any) -> None:
            record(session, told)
            mortal.restart()

        with monkeypatch.context() as fault:
            fault.setattr(write.outbox, "record", killed)
            assert take_in(room, [number]) == []
        assert (articles(room), events(room)) == ([], [])
        clock.forward(minutes=1)
        take_in(room, [number])
        assert events(room) == ["article.created"] * len(PIECES)
        engine.dispose()


def test_documents_whose_feeds_could_not_be_read_together_are_ingested_one_by_one(
    mortal: PostgresServer, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.feeds |= {"stadt": PIECES, "land": [Piece(guid="l", headline="Vom Land")]}
    with postgres_database(mortal.url) as url:
        engine = make_engine(migrated(url))
        room = Room(sessions=make_sessions(engine), fetch=FetchPolicy(allow=ALLOW), clock=clock)
        for name in ("stadt", "land"):
            subscribe(room, publisher, name)
        numbers = [number for number, _ in poll_due(room).documents]
        read, fallen = intake.sources, []

        def away(room: Room, those: Any) -> Any:
            mortal.kill()
            try:
                return read(room, those)
            except Exception as error:
                fallen.append(error)
                raise
            finally:
                mortal.start()

        monkeypatch.setattr(intake, "sources", away)
        assert len(take_in(room, numbers)) == len(numbers) == 2
        assert len(fallen) == 1
        assert events(room) == ["article.created"] * (len(PIECES) + 1)
        engine.dispose()


def test_a_full_disk_under_sqlite_keeps_nothing_by_halves_and_goes_on_when_there_is_room(
    sqlite_url: str, publisher: Publisher, clock: Clock
) -> None:
    engine = make_engine(sqlite_url)
    room = Room(sessions=make_sessions(engine), fetch=FetchPolicy(allow=ALLOW), clock=clock)
    publisher.feeds["stadt"] = [
        Piece(guid=f"g{n}", headline=f"Meldung {n}", body=f"<p>{' '.join(f'wort{n}x{k}' for k in range(300))}</p>")
        for n in range(20)
    ]
    subscribe(room, publisher)
    [(number, _)] = poll_due(room).documents
    with engine.connect() as connection:  # the pool's only connection: the limit is its own
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        (pages,) = raw.execute("PRAGMA page_count").fetchone()
        raw.execute(f"PRAGMA max_page_count = {pages + 10}")
    assert take_in(room, [number]) == []
    assert (articles(room), events(room)) == ([], [])
    with engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA max_page_count = 1000000")  # type: ignore[union-attr]
    clock.forward(minutes=1)
    take_in(room, [number])
    assert events(room) == ["article.created"] * 20
    engine.dispose()


def test_two_writers_killed_around_checkpoints_leave_sqlite_sound(sqlite_url: str) -> None:
    path = make_url(sqlite_url).database or ""

    def written() -> int:
        with sqlite3.connect(path) as database:
            count = int(database.execute("SELECT count(*) FROM outbox").fetchone()[0])
        database.close()
        return count

    for turn in range(4):
        before = written()
        writers = [started(writer_until_killed, sqlite_url, number) for number in range(2)]
        wait_until(lambda before=before: written() > before + 20, what="writing")
        time.sleep(turn / 20)
        for writer in writers:
            assert writer.exitcode is None  # none of them was told that the file is busy
            writer.kill()
            writer.join()
            assert writer.exitcode == -signal.SIGKILL
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        count = database.execute("SELECT count(*), count(DISTINCT event_id) FROM outbox").fetchone()
    database.close()
    assert count[0] == count[1] > 0
