"""A worker's counts are those of all its children, the living and the dead, and its files do not pile up."""

from __future__ import annotations

import os
import signal

import pytest
from processes import Process, Shown
from publisher import Publisher
from services import wait_until


def counted(worker: Process) -> float:
    """Entries that the worker says it has made articles of."""
    return worker.value("wireroom_entries_total", outcome="created")


def fetches(worker: Process) -> float:
    """Attempts at feeds that the worker says it has made, whatever came of them."""
    return sum(number for (name, _), number in worker.samples().items() if name == "wireroom_fetches_total")


@pytest.mark.timeout(240)
def test_counts_of_children_add_up_and_outlive_them(house: Shown, publisher: Publisher) -> None:
    house.subscribe(publisher)
    worker = house.start("worker", "--concurrency", "2")
    house.start("beat")
    wait_until(lambda: counted(worker) == 120, seconds=60, what="all entries counted")
    wait_until(lambda: fetches(worker) == 12, seconds=60, what="all fetches counted, which are when their task ends")
    assert worker.value("wireroom_documents_total", state="ingested", cause="poll") == 12
    assert worker.value("wireroom_events_recorded_total") >= 120
    assert worker.value("wireroom_ingest_delay_seconds_count") == 12
    assert worker.value("wireroom_pool_size") == 2
    assert worker.value("wireroom_children_started_total") == 2
    # Both children have worked: their files are what was added up.
    folder = next((house.folder / "metrics").iterdir())
    before = {int(file.stem.rpartition("_")[2]) for file in folder.glob("counter_*.db")}
    assert set(worker.children()) <= before

    killed = worker.children()
    for child in killed:
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: worker.value("wireroom_children_started_total") == 4, seconds=60, what="new children")
    wait_until(
        lambda: not any(f"_{child}.db" in file.name for child in killed for file in folder.iterdir()),
        seconds=30,
        what="the files of the dead gone",
    )
    assert counted(worker) == 120
    assert worker.value("wireroom_ingest_delay_seconds_count") == 12
    assert worker.value("wireroom_documents_total", state="ingested", cause="poll") == 12


@pytest.mark.timeout(180)
def test_a_child_that_dies_in_its_task_is_told_as_lost_and_is_not_busy(house: Shown, publisher: Publisher) -> None:
    publisher.delay = 20.0
    house.subscribe(publisher)
    worker = house.start("worker", "--concurrency", "1", shard="1")
    house.start("beat")
    wait_until(lambda: publisher.thinking, seconds=60, what="a child in the midst of a fetch")
    wait_until(lambda: worker.value("wireroom_pool_busy") == 1, seconds=60, what="a busy child")
    (child,) = worker.children()
    publisher.delay = 0.0
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: worker.value("wireroom_children_lost_total") >= 1, seconds=60, what="the lost child")
    wait_until(lambda: worker.value("wireroom_pool_busy") == 0, seconds=60, what="an idle child")
