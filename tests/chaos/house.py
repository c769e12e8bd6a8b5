"""The processes of a wire room, started as an operator starts them, and started again when they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
# Seconds before a process that ended is started again, and until one that was asked to end must have ended.
PAUSE, PATIENCE = 1.0, 45.0


@dataclass
class Managed:
    """One process that is to run; `codes` counts how its lives have ended."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    again_at: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)

    def start(self) -> None:
        """Start it, its output behind what it said before."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=dict(self.env), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def children(self) -> list[psutil.Process]:
        """What it has started, as far as it lives."""
        with suppress(psutil.NoSuchProcess):
            if self.process is not None:
                return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def signal(self, number: int) -> None:
        """Send it a signal, if it is there."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def crash(self, *, whole: bool) -> None:
        """Kill it, with its children (a container) or alone (an orphaned pool)."""
        if self.process is None or self.process.poll() is not None:
            return
        if whole:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()


class House:
    """Every process by its name, kept running until `stop`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.env = os.environ | dict(env) | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
        self.processes: dict[str, Managed] = {}
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.seen: dict[int, float] = {}
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def add(self, name: str, *command: str) -> None:
        """A process from now on: a command of `wireroom`, or a module given as `-m` and its name."""
        command = command if command[0] == "-m" else ("-m", "workers", *command)
        made = Managed(name, (sys.executable, *command), self.env, self.folder / f"{name}.log")
        made.start()
        with self.lock:
            self.processes[name] = made

    def watch(self) -> None:
        """Start again what ends from now on."""
        self._keeper.start()

    def called(self, kind: str) -> list[Managed]:
        """The processes whose names begin so."""
        return [managed for name, managed in sorted(self.processes.items()) if name.startswith(kind)]

    def run(self, *command: str, seconds: float = 120.0) -> int:
        """A command of `wireroom`, to its end."""
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            return subprocess.run(
                [sys.executable, "-m", "workers", *command],
                env=self.env,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                timeout=seconds,
                check=False,
            ).returncode

    def stop(self) -> list[str]:
        """Ask everything to end; returns what did not, by name."""
        self.over.set()
        self._keeper.join()
        with self.lock:
            running = list(self.processes.values())
        for managed in running:
            managed.signal(signal.SIGCONT)
            managed.signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        stuck = []
        for managed in running:
            try:
                if managed.process is not None:
                    managed.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                stuck.append(managed.name)
                managed.crash(whole=True)
        return stuck + self._orphans()

    def note(self) -> None:
        """Remember every process that was started, so that none can outlive the run unseen."""
        for managed in list(self.processes.values()):
            for child in managed.children:
                with suppress(psutil.NoSuchProcess):
                    self.seen[child.pid] = child.create_time()

    def _orphans(self) -> list[str]:
        """What still lives of everything that was ever started, a moment after the end."""
        deadline = time.monotonic() + PATIENCE
        while (left := [found for pid, born in self.seen.items() if (found := _same(pid, born))]) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.5)
        names = []
        for process in left:
            with suppress(psutil.NoSuchProcess):
                names.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
                process.kill()
        return names

    def _keep(self) -> None:
        while not self.over.wait(0.2):
            now = time.monotonic()
            with self.lock:
                for managed in self.processes.values():
                    if managed.process is not None and (code := managed.process.poll()) is not None:
                        managed.codes[code] += 1
                        managed.process, managed.again_at = None, now + PAUSE
                    elif managed.process is None and now >= managed.again_at:
                        managed.start()


def _same(pid: int, born: float) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
