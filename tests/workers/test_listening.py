"""A worker that receives nothing although messages wait: connects anew, and ends when that does not help."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis.exceptions
from celery.worker import state
from publisher import Piece, Publisher
from real_house import House
from services import free_port, redis_server, wait_until

from storage.models import Article
from workers.app import make_app
from workers.listening import DEAF, EVERY, Listening
from workers.settings import Settings, settings


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    served = {"f0": [Piece(guid="f0", headline="Meldung von f0")]}
    with redis_server(tmp_path / "redis") as server, Publisher(feeds=served) as publisher:
        made = House(tmp_path, sqlite_url, server, metrics_port=str(free_port()))
        made.subscribe(publisher, ["f0"])
        yield made
        made.sessions.kw["bind"].dispose()


def health_of(house: House) -> int:
    """What the worker's `/healthz` answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{house.env['WIREROOM_METRICS_PORT']}/healthz") as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def send_for_the_feed(house: House) -> None:
    make_app(Settings(redis_url=house.server.url)).send_task("wireroom.poll_due")


@pytest.mark.timeout(120)
def test_a_worker_that_hears_nothing_connects_anew_and_goes_on(house: House) -> None:
    house.env |= {"DEAF": "once"}
    with house.process("worker", "--concurrency", "1", module="deaf_worker") as worker:
        send_for_the_feed(house)
        wait_until(lambda: '"worker.deaf"' in house.log("worker"), seconds=60, what="the word that it is deaf")
        wait_until(lambda: house.count(Article) == 1, seconds=60, what="the article")
        wait_until(lambda: health_of(house) == 200, seconds=20, what="the word that it is well")
        assert worker.poll() is None
    assert house.log("worker").count('"worker.deaf"') == 1


@pytest.mark.timeout(120)
def test_a_worker_that_stays_deaf_says_so_and_ends_and_its_heir_does_the_work(house: House) -> None:
    house.env |= {"DEAF": "always"}
    with house.process("worker", "--concurrency", "1", module="deaf_worker") as worker:
        wait_until(lambda: health_of(house) == 200, seconds=60, what="the word that it is well")
        send_for_the_feed(house)
        wait_until(lambda: health_of(house) == 503, seconds=60, what="the word that it is not well")
        assert worker.wait(60) == 1, house.log("worker")[-2000:]
    assert house.log("worker").count('"worker.deaf"') == 2
    assert not list((house.folder / "alive").glob("worker-*"))
    with house.process("worker", "--concurrency", "1"):
        wait_until(lambda: house.count(Article) == 1, seconds=60, what="the article")


# Looks until a worker is deaf; the first only sees how far it is.
LOOKS = 1 + int(DEAF // EVERY)


class Queue:
    """What a worker sees of one queue, without a Redis: how long it is, and whether it is consumed."""

    def __init__(self) -> None:
        self.length = 3
        self.fault: Exception | None = None
        self.active_queues = ["ingest"]

    def queue_declare(self, *, queue: str) -> Any:
        """What kombu says of a queue."""
        assert queue == "ingest"
        if self.fault is not None:
            raise self.fault
        return SimpleNamespace(message_count=self.length)


@dataclass(frozen=True)
class Taken:
    """A request that the worker has in hand."""

    id: str


class Worker:
    """As much of a worker as is looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.deaf = False
        self.queue = Queue()
        self.consumer = SimpleNamespace(
            task_consumer=SimpleNamespace(channel=self.queue),
            connection_errors=(redis.exceptions.ConnectionError,),
            channel_errors=(redis.exceptions.ResponseError,),
        )
        queues = SimpleNamespace(consume_from={"ingest": None})
        self.app = SimpleNamespace(
            conf=SimpleNamespace(worker_proc_alive_timeout=120.0), amqp=SimpleNamespace(queues=queues)
        )
        self.taken: set[Any] = set()
        self.begun: Counter[str] = Counter()
        monkeypatch.setattr(state, "reserved_requests", self.taken)
        monkeypatch.setattr(state, "total_count", self.begun)
        monkeypatch.setattr(state, "should_stop", None)
        self.listening = Listening(self)

    def look(self, times: int) -> None:
        """Look so many times."""
        for _ in range(times):
            self.listening.look()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    return Worker(monkeypatch)


def test_a_deaf_worker_connects_anew_and_ends_only_when_that_did_not_help(worker: Worker) -> None:
    worker.look(LOOKS - 1)
    assert not worker.deaf
    with pytest.raises(redis.exceptions.ConnectionError):
        worker.look(1)
    assert worker.deaf
    assert state.should_stop is None
    worker.look(LOOKS - 1)
    assert state.should_stop == 1


def test_a_worker_that_hears_again_is_well_and_has_its_two_chances_anew(worker: Worker) -> None:
    with pytest.raises(redis.exceptions.ConnectionError):
        worker.look(LOOKS)
    worker.begun["wireroom.poll_due"] += 1
    worker.look(1)
    assert not worker.deaf
    with pytest.raises(redis.exceptions.ConnectionError):
        worker.look(LOOKS)
    assert state.should_stop is None


def test_a_worker_is_not_deaf_while_a_task_comes_now_and_then(worker: Worker) -> None:
    for _ in range(5):
        worker.look(LOOKS - 1)
        worker.begun["wireroom.poll_due"] += 1
    assert not worker.deaf


def test_a_worker_is_not_deaf_while_it_may_be_at_what_it_took(worker: Worker) -> None:
    worker.taken.add(Taken("a"))
    seconds = settings().task_seconds + 120
    worker.look(LOOKS + int(seconds // EVERY) - 1)
    assert not worker.deaf
    with pytest.raises(redis.exceptions.ConnectionError):
        worker.look(1)


@pytest.mark.parametrize(
    "fault",
    [
        redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
        redis.exceptions.ConnectionError("away"),
        redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
    ],
)
def test_a_worker_is_not_deaf_when_redis_answers_nobody(worker: Worker, fault: Exception) -> None:
    worker.look(LOOKS - 1)
    worker.queue.fault = fault
    worker.look(LOOKS)
    worker.queue.fault = None
    worker.look(LOOKS - 2)
    assert not worker.deaf


def test_a_worker_is_not_deaf_when_nothing_waits_or_it_consumes_nothing(worker: Worker) -> None:
    worker.queue.length = 0
    worker.look(2 * LOOKS)
    worker.queue.length = 3
    worker.queue.active_queues = []  # it stops, or was told to pause
    worker.look(2 * LOOKS)
    assert not worker.deaf
