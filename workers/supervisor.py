"""Several processes under one: start in order, restart what fails, stop in reverse order and leave nothing running."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger()

# Seconds a process may take to end before it is killed: a worker's soft shutdown and a little more.
PATIENCE = 30.0
# Seconds before a process that ended by itself is started again; doubled each time, up to the cap.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A process that ran this long was healthy: the next pause is the first one again.
HEALTHY_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Loaded here: between fork and exec only the call itself may run, since another thread may hold the loader's lock.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends, however it ends (prctl(2); Linux only)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(kw_only=True)
class Child:
    """A process to keep running; `log` is where its output goes, ours where there is none."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float = 0.0

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only the supervisor."""
        out = self.log.open("ab") if self.log is not None else None
        try:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if out else None,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        finally:
            if out is not None:
                out.close()
        self.started = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return self.process.pid if self.process is not None else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Ask it to end, wait, and kill it when it does not."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            log.warning("child.killed", child=self.name, after_seconds=PATIENCE)
            process.kill()
            process.wait()


class Asked(Exception):
    """A signal asked to stop before everything was started."""


@dataclass(kw_only=True)
class Supervisor:
    """Children in the order of their start; they are stopped the other way round."""

    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    watching: bool = False
    starting: bool = False

    def heed(self) -> None:
        """Take signals from now on: a terminal that was closed, too, asks to stop. Before `run` they raise Asked."""
        for number in ASKING:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup means it
            signal.signal(number, self._asked)

    def add(self, child: Child) -> None:
        """Start a child and keep it running from now on."""
        # A signal may come while it starts: who raised Asked then would leave a process that nobody knows of.
        self.children.append(child)
        self.starting = True
        try:
            child.start()
        finally:
            self.starting = False
        if self.stopping:
            raise Asked
        log.debug("child.started", child=child.name, pid=child.pid)

    def run(self, between: Callable[[], None], *, pause: float = 0.2) -> None:
        """Watch the children until a signal asks to stop, calling `between` every `pause` seconds."""
        self.watching = True
        while not self.stopping:
            self._look()
            between()
            time.sleep(pause)

    def _asked(self, *_: object) -> None:
        self.stopping = True
        if not self.watching and not self.starting:
            raise Asked

    def _look(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                if now - child.started > HEALTHY_SECONDS:
                    child.pause = FIRST_PAUSE
                log.warning("child.ended", child=child.name, code=child.process.returncode, again_in=child.pause)
                child.process, child.again_at = None, now + child.pause
                child.pause = min(child.pause * 2, LONGEST_PAUSE)
            elif child.process is None and now >= child.again_at:
                child.start()

    def stop(self) -> None:
        """Stop all children, the last started first."""
        for number in ASKING:
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self.children):
            child.stop()
