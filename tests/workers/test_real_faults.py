"""Real processes under one fault: poison, a frozen worker, Redis that hangs or is full, two beats, lost replies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from publisher import Piece, Publisher
from real_house import House, kill
from services import LossyProxy, redis_server, wait_until
from sqlmodel import col

from storage.models import Article, Document, DocumentState, OutboxEvent
from tasks import jobs
from tasks.fetch import FetchPolicy
from tasks.intake import work_off_waiting
from tasks.poll import poll_due
from tasks.room import Room
from workers.app import make_app
from workers.settings import Settings

NAMES = [f"f{number}" for number in range(6)]


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    with redis_server(tmp_path / "redis", appendonly=True) as server:
        made = House(tmp_path, sqlite_url, server)
        yield made
        made.sessions.kw["bind"].dispose()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    served = {name: [Piece(guid=f"{name}-{k}", headline=f"Meldung {k} von {name}") for k in range(5)] for name in NAMES}
    with Publisher(feeds=served) as made:
        yield made


def in_state(house: House, state: DocumentState) -> int:
    return house.count(Document, col(Document.state) == state)


def all_told_once(house: House, documents: int = len(NAMES)) -> bool:
    """Whether every document is done; then each of its articles must be there once, with one event."""
    if in_state(house, DocumentState.INGESTED) < documents:
        return False
    assert house.count(Article) == 5 * documents
    assert house.count(OutboxEvent, col(OutboxEvent.type).like("%article.created%")) == 5 * documents
    return True


@pytest.mark.timeout(240)
def test_a_document_that_kills_its_workers_child_is_quarantined_and_the_others_come_through(
    house: House, publisher: Publisher
) -> None:
    publisher.feeds["gift"] = [Piece(guid="gift", headline="GIFT")]
    house.subscribe(publisher, [*NAMES, "gift"])
    with house.process("worker", "--concurrency", "1", module="poisoned_worker") as worker, house.process("beat"):
        wait_until(lambda: in_state(house, DocumentState.QUARANTINED) == 1, seconds=200, what="the quarantine")
        wait_until(lambda: all_told_once(house), seconds=60, what="the other documents")
        assert worker.poll() is None
    assert house.log("worker").count("exited with 'signal 9") >= 3


@pytest.mark.timeout(180)
def test_what_a_frozen_worker_was_sent_is_done_by_another(house: House, publisher: Publisher) -> None:
    with house.process("worker", "--concurrency", "1") as frozen, house.process("beat"):
        signs = house.folder / "alive"
        wait_until(lambda: list(signs.glob("worker-*")), seconds=60, what="the first worker's sign of life")
        os.killpg(frozen.pid, signal.SIGSTOP)
        house.subscribe(publisher, NAMES)
        # A message that no worker knows, as an older or newer release may have left: it harms nothing.
        make_app(Settings(redis_url=house.server.url)).send_task("wireroom.from_another_release", queue="ingest")
        with house.process("worker", "--concurrency", "1"):
            wait_until(lambda: all_told_once(house), seconds=120, what="the work of the frozen worker")
            os.killpg(frozen.pid, signal.SIGCONT)
        kill(frozen)
    assert all_told_once(house)


@pytest.mark.timeout(240)
def test_a_redis_that_hangs_and_then_is_full_costs_time_and_no_article(house: House, publisher: Publisher) -> None:
    publisher.delay = 0.5
    house.subscribe(publisher, NAMES)
    with house.process("worker", "--concurrency", "1") as worker, house.process("beat"), house.process("relay"):
        wait_until(lambda: publisher.requests.total() >= 1, seconds=60, what="the first fetch")
        house.server.freeze()
        time.sleep(11)  # longer than a client waits for an answer
        house.server.thaw()
        with house.server.client() as client:
            client.config_set("maxmemory", 1)
            time.sleep(3)
            client.config_set("maxmemory", 0)
        with ExitStack() as heirs:
            running = [worker]

            def all_told() -> bool:
                if running[-1].poll() is not None:  # a full Redis ends a worker sooner or later; compose restarts it
                    running.append(heirs.enter_context(house.process("worker", "--concurrency", "1")))
                return all_told_once(house)

            try:
                wait_until(all_told, seconds=150, what="everything after all")
            except AssertionError as error:
                states = {state: in_state(house, state) for state in DocumentState}
                logs = "\n".join(house.log(name)[-5000:] for name in ("worker", "beat"))
                raise AssertionError(f"{error}: {[one.poll() for one in running]} {states}\n{logs}") from error
            wait_until(lambda: published(house) == 5 * len(NAMES), seconds=60, what="every event in the stream")


def published(house: House) -> int:
    with house.server.client() as client:
        return client.xlen("wireroom:events")


@pytest.mark.timeout(180)
def test_two_beats_poll_no_feed_twice(house: House, publisher: Publisher) -> None:
    house.subscribe(publisher, NAMES)
    with house.process("worker", "--concurrency", "2"), house.process("beat"), house.process("beat"):
        wait_until(lambda: all_told_once(house), seconds=120, what="all documents")
        time.sleep(3)  # six ticks of each
    assert publisher.requests == {(name, 200): 1 for name in NAMES}


def test_a_message_whose_reply_is_lost_comes_twice_and_is_done_once(house: House, publisher: Publisher) -> None:
    room = Room(sessions=house.sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)))
    house.subscribe(publisher, NAMES[:1])
    waiting = poll_due(room).documents
    proxy = LossyProxy(house.server.port)
    make_app(Settings(redis_url=proxy.url))
    proxy.swallow = b"LPUSH"
    jobs.send_documents([number for number, _ in waiting])
    assert (proxy.swallowed, house.server.client().llen("wireroom:ingest")) == (1, 2)
    for _ in range(2):
        work_off_waiting(room, 10)
    assert all_told_once(house, documents=1)
    proxy.close()


def test_a_hanging_redis_does_not_hold_the_sender_for_ever(house: House) -> None:
    app = make_app(Settings(redis_url=house.server.url))
    app.conf.broker_transport_options |= {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    house.server.freeze()
    jobs.send_documents([1])  # returns, having said that it could not
    house.server.thaw()
