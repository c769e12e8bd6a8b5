"""Processes that are killed at an exact step. They are forked from a server that has the imports behind it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from sqlalchemy import event

from storage.db import make_engine, make_sessions
from tasks import ingest, intake, poll, prepare
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.relay import Limits, Relay

PROCESSES = multiprocessing.get_context("forkserver")
# Modules of the tests themselves cannot be named: the server knows no `pythonpath` of pytest's.
PROCESSES.set_forkserver_preload(
    ["workers.relay", "workers.subscriber.client", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlite3"]
)


def started(target: Any, *arguments: object) -> BaseProcess:
    """A process that runs `target(*arguments)`."""
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def outcome(process: BaseProcess) -> int | None:
    """Its exit code, negative for a signal."""
    process.join(timeout=60)
    return process.exitcode


def relay_until(moment: str, database_url: str, redis_url: str) -> None:
    """Relay in batches of three, until the first batch is `published`, or also `noted`: then die."""

    class Dies(Relay):
        def _note(self, done: int, now: datetime) -> None:
            super()._note(done, now)
            if done and moment == "noted":
                os.kill(os.getpid(), signal.SIGKILL)

        def _publish(self, now: datetime) -> int:
            published = super()._publish(now)
            if published and moment == "published":
                os.kill(os.getpid(), signal.SIGKILL)
            return published

    relay = Dies(sessions=make_sessions(make_engine(database_url)), redis_url=redis_url, limits=Limits(batch=3))
    while True:
        relay.step()


def die(*_: object, **__: object) -> None:
    """As a kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def hasty_room(database_url: str) -> Room:
    """A room whose leases end at once, so that an heir need not wait."""
    sessions = make_sessions(make_engine(database_url))
    return Room(
        sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)), lease=timedelta(seconds=0.3), grace=timedelta(0)
    )


# Where a worker may be when it dies: polling, and ingesting.
FETCHING = ("claimed", "fetched", "fetch written", "fetch committed")
INGESTING = ("taken", "parsed", "decided", "written", "committed")


def worker_until(moment: str, database_url: str) -> None:
    """Poll what is due and ingest what came, and die at a moment."""
    room = hasty_room(database_url)
    engine = room.sessions.kw["bind"]
    if moment == "claimed":
        _deadly(poll, "fetch_batches")
    elif moment == "fetched":
        _deadly(poll, "_keep")
    elif moment == "fetch written":
        _deadly(poll.outbox, "record")
    documents = poll.poll_due(room).documents
    if moment == "fetch committed":
        die()
    if moment == "taken":
        _deadly(prepare, "parse_guarded")
    elif moment == "parsed":
        _deadly(prepare, "deciding")
    elif moment == "decided":
        _deadly(ingest, "settle_decided")
    elif moment == "written":
        event.listen(engine, "commit", lambda connection: _die_with_events(connection))
    intake.work_off_waiting(room, len(documents))
    if moment == "committed":
        die()


def _deadly(module: ModuleType, name: str) -> None:
    """Whoever calls that function of the line dies."""
    if not hasattr(module, name):
        raise AttributeError(f"{module.__name__} has no {name} any more: nobody would die of it")
    setattr(module, name, die)


def _die_with_events(connection: Any) -> None:
    """Die before the commit that would have kept events, when everything was written."""
    if connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar():
        die()


def writer_until_killed(database_url: str, number: int) -> None:
    """Commit events for ever, and put the log of SQLite into the file every few commits."""
    from storage import outbox
    from storage.records import Event

    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    for count in range(1_000_000):
        name = f"{number}-{os.getpid()}-{count}"
        now = datetime.now().astimezone()
        with sessions.begin() as session:
            outbox.record(session, [Event(id=name, type="t", subject="s", feed_id=1, time=now, body=b"{}" * 2000)])
        if count % 3 == 0:
            with engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
