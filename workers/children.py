"""What the children of a worker have counted, in a file per child and kind; those of the dead are added up in one.

The library keeps a dead child's files for ever, and children are replaced every few hundred tasks. Only the worker's
parent calls this, and never while it reads the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# Stands in the place of a process id: `counter_gone.db`, `histogram_gone.db`.
GONE = "gone"


class Children:
    """Collects what all processes of a worker have counted, of the metrics with these names."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        self.names = names
        self._all = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        """The families, added up."""
        return (family for family in self._all.collect() if family.name in self.names)  # type: ignore[no-untyped-call]


def fold(folder: Path) -> int:
    """Add the counts of dead processes to those of all the dead before them; returns how many files went."""
    left = [file for file in folder.glob("*.db") if _dead(file)]
    for pid in {_owner(file) for file in left}:
        mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    for file in left:
        if file.exists():  # a gauge's is gone by now
            _add(file, folder / f"{file.name.partition('_')[0]}_{GONE}.db")
            file.unlink()
    return len(left)


def _owner(file: Path) -> str:
    return file.stem.rpartition("_")[2]


def _dead(file: Path) -> bool:
    owner = _owner(file)
    if owner == GONE:
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's process has the number by now: looked at again when it is free
    return False


def _add(file: Path, to: Path) -> None:
    total = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    try:
        for key, value, *_ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            before, _at = total.read_value(key)  # type: ignore[no-untyped-call]
            total.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    finally:
        total.close()  # type: ignore[no-untyped-call]
