"""Real processes under real faults: Redis restarted under a busy worker, a worker killed in the midst of its work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from publisher import Piece, Publisher
from services import RedisServer, redis_server, wait_until
from sqlalchemy import func, select
from sqlmodel import col

from storage import feeds
from storage.db import Sessions, make_engine, make_sessions
from storage.models import Article, Document, DocumentState, OutboxEvent

ROOT = Path(__file__).resolve().parents[2]


class House:
    """A database, a Redis and the processes of a wire room, each started and killed by the test."""

    def __init__(self, folder: Path, database_url: str, server: RedisServer) -> None:
        self.folder = folder
        self.server = server
        self.sessions: Sessions = make_sessions(make_engine(database_url))
        self.env = os.environ | {
            "WIREROOM_DATABASE_URL": database_url,
            "WIREROOM_REDIS_URL": server.url,
            "WIREROOM_DATA_DIR": str(folder),
            "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32",
            "WIREROOM_TICK": "0.5",
            "WIREROOM_TASK_SECONDS": "10",
            "WIREROOM_HOST_LIMIT": "12",
            "WIREROOM_LOG_FORMAT": "json",
        }

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of the wire room, with its log beside it; gone at the end."""
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", "workers", *arguments],
                env=self.env,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield running
        finally:
            kill(running)

    def log(self, name: str) -> str:
        """What a process has said so far."""
        return (self.folder / f"{name}.log").read_text()

    def subscribe(self, publisher: Publisher, names: list[str]) -> None:
        with self.sessions.begin() as session:
            for name in names:
                feeds.add(session, url=publisher.url(name), now=datetime.now(UTC))

    def count(self, model: type[Article | Document | OutboxEvent], *conditions: object) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0  # type: ignore[arg-type]


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children at once, as a crash would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    with redis_server(tmp_path / "redis", appendonly=True) as server:
        made = House(tmp_path, database_url, server)
        yield made
        made.sessions.kw["bind"].dispose()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    pieces = [f"f{n}" for n in range(12)]
    served = {
        name: [Piece(guid=f"{name}-{k}", headline=f"Meldung {k} von {name}") for k in range(10)] for name in pieces
    }
    with Publisher(feeds=served) as made:
        yield made


def ingested(house: House) -> int:
    return house.count(Document, col(Document.state) == DocumentState.INGESTED)


@pytest.mark.timeout(300)
def test_a_busy_worker_survives_a_restart_of_redis(house: House, publisher: Publisher) -> None:
    publisher.delay = 1.0
    house.subscribe(publisher, list(publisher.feeds))
    with house.process("worker", "--concurrency", "2") as worker, house.process("beat"):
        wait_until(lambda: publisher.requests.total() >= 2, seconds=60, what="the first fetches")
        house.server.restart()
        # Feeds whose turn could not be asked for while Redis was away are deferred, by one to two minutes.
        wait_until(lambda: ingested(house) == 12, seconds=200, what="all documents after the restart")
        assert worker.poll() is None, house.log("worker")[-2000:]
    assert house.count(Article) == 120


@pytest.mark.timeout(240)
def test_a_worker_killed_in_the_midst_loses_and_doubles_nothing(house: House, publisher: Publisher) -> None:
    house.subscribe(publisher, list(publisher.feeds))
    with house.process("beat"):
        with house.process("worker", "--concurrency", "2") as first:
            wait_until(lambda: ingested(house) >= 1, seconds=60, what="the first document")
            kill(first)
        with house.process("worker", "--concurrency", "2"):
            wait_until(lambda: ingested(house) == 12, seconds=120, what="what the killed worker held")
    assert house.count(Article) == 120
    assert house.count(OutboxEvent, col(OutboxEvent.type).like("%article.created%")) == 120


@pytest.mark.timeout(120)
def test_a_worker_that_is_asked_to_stop_ends_in_time_and_gives_its_work_back(
    house: House, publisher: Publisher
) -> None:
    publisher.delay = 2.0
    house.subscribe(publisher, list(publisher.feeds))
    with house.process("worker", "--concurrency", "1") as worker, house.process("beat"):
        wait_until(lambda: publisher.requests.total() >= 1, seconds=60, what="the first fetch")
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    publisher.delay = 0.0
    with house.process("worker", "--concurrency", "1"), house.process("beat"):
        wait_until(lambda: ingested(house) == 12, seconds=60, what="the work of the stopped worker")
    assert house.count(Article) == 120
