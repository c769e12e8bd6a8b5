"""A worker that is asked to stop: at a safe moment, when its tasks are done, and in the end whatever hangs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from kombu.asynchronous import Hub
from publisher import Piece, Publisher
from real_house import House
from services import redis_server, wait_until

from storage.models import Article, Document
from workers import stopping
from workers.settings import Settings
from workers.stopping import Stopping, patience


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    with redis_server(tmp_path / "redis") as server:
        made = House(tmp_path, sqlite_url, server, stop_seconds="1")
        yield made
        made.sessions.kw["bind"].dispose()


def child_of(worker: Any) -> psutil.Process:
    """The worker's only child, once it is there."""
    parent = psutil.Process(worker.pid)
    (child,) = wait_until(parent.children, seconds=60, what="the child")
    return child


@pytest.mark.timeout(120)
def test_a_worker_whose_child_hangs_ends_all_the_same_and_says_so(house: House) -> None:
    with house.process("worker", "--concurrency", "1") as worker:
        wait_until(lambda: list((house.folder / "alive").glob("worker-*")), seconds=60, what="the sign of life")
        child = child_of(worker)
        child.suspend()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(90) == 1, house.log("worker")[-2000:]
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, what="the child's end")
    assert '"worker.stop_overdue"' in house.log("worker")
    assert not list((house.folder / "alive").glob("worker-*"))


@pytest.mark.timeout(120)
def test_a_worker_that_is_asked_to_stop_ends_what_it_is_at_and_begins_nothing_more(
    tmp_path: Path, sqlite_url: str
) -> None:
    served = {f"f{n}": [Piece(guid=f"f{n}", headline=f"Meldung von f{n}")] for n in range(3)}
    with redis_server(tmp_path / "redis") as server, Publisher(feeds=served, delay=3.0) as publisher:
        house = House(tmp_path, sqlite_url, server, tick="5")
        house.subscribe(publisher, list(served))
        with house.process("worker", "--concurrency", "1") as worker, house.process("beat"):
            wait_until(lambda: publisher.requests.total() == 3, seconds=60, what="the requests")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(60) == 0, house.log("worker")[-2000:]
        assert house.count(Document) == 3  # the shard came to its end
        assert house.count(Article) == 0  # the message that it sent was left to others
        house.sessions.kw["bind"].dispose()


@pytest.mark.timeout(120)
def test_a_worker_that_waits_for_redis_can_be_stopped(house: House) -> None:
    house.server.kill()
    with house.process("worker", "--concurrency", "1") as worker:
        wait_until(lambda: "Cannot connect" in house.log("worker"), seconds=60, what="an attempt to connect")
        worker.send_signal(signal.SIGTERM)
        worker.wait(90)
    assert "stop_overdue" not in house.log("worker")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_worker_that_was_stopped_is_not_said_to_live(house: House, number: signal.Signals) -> None:
    with house.process("worker", "--concurrency", "1") as worker:
        wait_until(lambda: list((house.folder / "alive").glob("worker-*")), seconds=60, what="the sign of life")
        worker.send_signal(number)
        assert worker.wait(60) == 0, house.log("worker")[-2000:]
    assert not list((house.folder / "alive").glob("worker-*"))


class Loop:
    """A real event loop with our step before handlers that only note what they are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[int] = []
        self.hub = Hub()
        app = SimpleNamespace(conf=SimpleNamespace(worker_soft_shutdown_timeout=20))
        self.worker = SimpleNamespace(
            hub=self.hub,
            timer=self.hub.timer,
            app=app,
            consumer=SimpleNamespace(task_consumer=None),
            install_platform_tweaks=self.stand,
        )
        monkeypatch.setattr(Stopping, "_end", lambda *_: None)
        monkeypatch.setattr(stopping, "patience", lambda *_: 0.0)
        self.step = Stopping(self.worker)
        self.worker.install_platform_tweaks(self.worker)
        next(self.hub.create_loop())

    def stand(self, _worker: Any) -> None:
        """Set handlers, as Celery does."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda number, _: self.told.append(number))

    def turn_until_told(self) -> None:
        loop = self.hub.create_loop()
        for _ in range(1000):
            if self.told:
                return
            next(loop)
        raise AssertionError("nothing was told in a thousand turns")


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)}
    made = Loop(monkeypatch)
    yield made
    made.step.close(made.worker)
    made.step.thread.join()
    made.hub.close()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_waits_until_what_the_loop_is_at_has_ended(loop: Loop, number: signal.Signals) -> None:
    done: list[str] = []

    def half_a_message() -> None:
        os.kill(os.getpid(), number)
        done.append("other half" if not loop.told else "cut")

    loop.hub.call_soon(half_a_message)
    loop.turn_until_told()
    assert (done, loop.told) == (["other half"], [number])
    assert loop.worker.app.conf.worker_soft_shutdown_timeout == 0  # what runs was waited for already


def test_a_second_signal_is_for_now(loop: Loop) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    assert loop.told == []
    os.kill(os.getpid(), signal.SIGTERM)
    assert loop.told == [signal.SIGTERM]


def test_a_loop_that_does_not_turn_is_interrupted(monkeypatch: pytest.MonkeyPatch, loop: Loop) -> None:
    monkeypatch.setattr(stopping, "SOON", 0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    wait_until(lambda: loop.told, what="the signal")
    assert loop.told == [signal.SIGTERM]
    assert loop.worker.app.conf.worker_soft_shutdown_timeout == 20  # tasks that run have their time yet
    next(loop.hub.create_loop())
    assert loop.told == [signal.SIGTERM]  # not once more when the loop turns again


def test_a_signal_in_the_midst_of_a_stop_is_for_now(loop: Loop) -> None:
    loop.step.close(loop.worker)
    os.kill(os.getpid(), signal.SIGTERM)
    assert loop.told == [signal.SIGTERM]


def test_a_stop_may_take_what_its_tasks_are_left_and_a_little_more() -> None:
    chosen = Settings(stop_seconds=20, task_seconds=120)
    assert patience(chosen, signal.SIGTERM) == patience(chosen, signal.SIGQUIT) == 35  # compose gives it 40
    assert patience(chosen, signal.SIGINT) == patience(chosen, None) == 135


@pytest.mark.timeout(120)
@pytest.mark.parametrize("step", ["hub", "pool", "connection", "tasks"])
def test_a_worker_that_is_asked_to_stop_while_it_starts_ends_well(house: House, step: str) -> None:
    house.env |= {"STOPPED_AT": step}
    with house.process("worker", "--concurrency", "2", module="stopped_at_start") as worker:
        assert worker.wait(90) == 0, house.log("worker")[-2000:]
    said = house.log("worker")
    assert "worker.said" not in said  # what Celery's handler says; it stops the pool in the midst of the step
    assert '"level": "error"' not in said
    assert not list((house.folder / "alive").glob("worker-*"))
