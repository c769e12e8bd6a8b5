"""Memory and descriptors of every process over the run, and whether they grow.

A process that is killed every minute shows no slope of its own. What counts is a role's level at the same age, early
and late in the run: that rises with a leak in a long life, and also with what a process takes because there is more in
the database.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from statistics import median

import psutil

from .house import House

# A process is judged once it is so many seconds old: its imports and first caches are no leak.
GROWN = 20.0
# What may be added from the first to the last third of a run: allocators and caches breathe.
MEGABYTES, SHARE, DESCRIPTORS = 40.0, 0.3, 12
# Fewer samples than that in a third say nothing.
ENOUGH = 5
# One look: seconds into the run, resident megabytes, open descriptors.
Sample = tuple[float, float, int]


class Gauges:
    """Looks at every process each two seconds."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.samples: dict[str, list[Sample]] = defaultdict(list)
        self._over = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> dict[str, list[Sample]]:
        """The samples by role."""
        self._over.set()
        self._thread.join()
        return self.samples

    def _look(self) -> None:
        while not self._over.wait(2.0):
            self.house.note()
            at = time.monotonic() - self._began
            for name, managed in list(self.house.processes.items()):
                role = name.rstrip("0123456789")
                if managed.process is not None:
                    self._sample(role, managed.process.pid, at)
                for child in managed.children:
                    if child.pid != getattr(managed.process, "pid", None):
                        self._sample(f"{role} child", child.pid, at)

    def _sample(self, role: str, pid: int, at: float) -> None:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if "tasks.formats.child" in " ".join(process.cmdline()):
                role = "parse child"
            if time.time() - process.create_time() >= GROWN:
                self.samples[role].append((at, process.memory_info().rss / 2**20, process.num_fds()))


def growth(samples: dict[str, list[Sample]]) -> dict[str, dict[str, float]]:
    """How much each role took in the first third of the run and in the last."""
    told: dict[str, dict[str, float]] = {}
    end = max((at for row in samples.values() for at, _, _ in row), default=0.0)
    for role, row in sorted(samples.items()):
        early = [sample for sample in row if sample[0] <= end / 3]
        late = [sample for sample in row if sample[0] >= end * 2 / 3]
        if min(len(early), len(late)) >= ENOUGH:
            told[role] = {
                "mb_early": round(_middle(early, 1), 1),
                "mb_late": round(_middle(late, 1), 1),
                "fds_early": _middle(early, 2),
                "fds_late": _middle(late, 2),
            }
    return told


def leaks(told: dict[str, dict[str, float]]) -> list[str]:
    """The roles that are not flat."""
    found = []
    for role, levels in told.items():
        added = levels["mb_late"] - levels["mb_early"]
        if added > max(MEGABYTES, SHARE * levels["mb_early"]):
            found.append(f"memory: {role} grew from {levels['mb_early']} to {levels['mb_late']} MB")
        if levels["fds_late"] - levels["fds_early"] > DESCRIPTORS:
            found.append(f"descriptors: {role} grew from {levels['fds_early']} to {levels['fds_late']}")
    return found


def _middle(samples: Sequence[Sample], which: int) -> float:
    return float(median(sample[which] for sample in samples))
