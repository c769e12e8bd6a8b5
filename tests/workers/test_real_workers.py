"""Real processes under real faults: Redis restarted under a busy worker, a worker killed in the midst of its work."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from publisher import Piece, Publisher
from real_house import House, kill
from services import wait_until
from sqlmodel import col

from storage.models import Article, Document, DocumentState, OutboxEvent


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


@pytest.mark.timeout(240)
def test_a_busy_worker_survives_a_restart_of_redis(house: House, publisher: Publisher) -> None:
    publisher.delay = 1.0
    house.subscribe(publisher, list(publisher.feeds))
    with house.process("worker", "--concurrency", "2") as worker, house.process("beat"):
        wait_until(lambda: publisher.requests.total() >= 2, seconds=60, what="the first fetches")
        house.server.restart()
        wait_until(lambda: ingested(house) == 12, seconds=180, what="all documents after the restart")
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
def test_documents_whose_messages_were_lost_need_no_fetch_worker(house: House, publisher: Publisher) -> None:
    house.subscribe(publisher, list(publisher.feeds))
    with house.process("worker", "--queues", "fetch", "--concurrency", "1"), house.process("beat"):
        wait_until(lambda: house.count(Document) == 12, seconds=60, what="the documents")
    house.server.client().flushall()
    with house.process("worker", "--queues", "ingest", "--concurrency", "1"), house.process("beat"):
        wait_until(lambda: ingested(house) == 12, seconds=90, what="what had no message")


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


@pytest.mark.timeout(120)
def test_a_worker_that_cannot_go_on_says_so_with_its_exit_code(house: House) -> None:
    house.server.client().config_set("maxmemory", 1)
    with house.process("worker", "--concurrency", "1") as worker:
        wait_until(lambda: worker.poll() is not None, seconds=60, what="the worker's end")
        assert worker.returncode == 1, house.log("worker")[-2000:]
    assert "OutOfMemoryError" in house.log("worker")
