"""What dead children have counted is kept in one file, and theirs are gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from workers.children import fold

CHILD = """
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
registry = CollectorRegistry()
Counter("done", "d", ["what"], registry=registry).labels("copy").inc({0})
Histogram("took", "t", buckets=(1, 5), registry=registry).observe({0})
Gauge("busy", "b", multiprocess_mode="livesum", registry=registry).set(1)
"""


def child(folder: Path, amount: int) -> None:
    """A process that counts, and dies."""
    env = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "PATH": ""}
    subprocess.run([sys.executable, "-c", CHILD.format(amount)], env=env, check=True)


def told(folder: Path) -> dict[str, float]:
    """What a scrape would say."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_counts_and_histograms_are_the_same_after_folding(tmp_path: Path) -> None:
    for amount in (1, 2, 7):
        child(tmp_path, amount)
    before = told(tmp_path)
    assert before["done_total['copy']"] == 10
    assert (before["took_sum[]"], before["took_count[]"], before["took_bucket['5.0']"]) == (10, 3, 2)
    assert fold(tmp_path) == 9
    after = told(tmp_path)
    assert after == {name: value for name, value in before.items() if name != "busy[]"}


def test_a_dead_child_is_not_busy(tmp_path: Path) -> None:
    child(tmp_path, 1)
    assert told(tmp_path)["busy[]"] == 1
    fold(tmp_path)
    assert "busy[]" not in told(tmp_path)


def test_files_do_not_grow_with_the_number_of_children(tmp_path: Path) -> None:
    sizes = []
    for number in range(1, 9):
        child(tmp_path, 1)
        fold(tmp_path)
        assert told(tmp_path)["done_total['copy']"] == number
        sizes.append((len(list(tmp_path.iterdir())), sum(file.stat().st_size for file in tmp_path.iterdir())))
    assert len(set(sizes)) == 1


def test_the_living_are_left_alone(tmp_path: Path) -> None:
    code = CHILD.format(3) + "\nprint('up', flush=True); input()"
    living = subprocess.Popen(
        [sys.executable, "-c", code],
        env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert living.stdout is not None
    assert living.stdout.readline() == b"up\n"
    assert fold(tmp_path) == 0
    assert told(tmp_path)["busy[]"] == 1
    living.communicate(b"\n")
    assert fold(tmp_path) == 3


@pytest.mark.parametrize("kind", ["counter", "histogram"])
def test_a_file_of_the_dead_is_added_once(tmp_path: Path, kind: str) -> None:
    child(tmp_path, 4)
    fold(tmp_path)
    before = told(tmp_path)
    fold(tmp_path)
    assert told(tmp_path) == before
    assert (tmp_path / f"{kind}_gone.db").exists()
