"""`wireroom run` as somebody has it in a terminal: asked to stop at any moment, it leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from services import wait_until

from workers.supervisor import ASKING, Asked, Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """`wireroom run` in a terminal of its own, and what it has shown so far."""

    def __init__(self, folder: Path, term: str = "xterm") -> None:
        self.folder = folder
        self.end, side = pty.openpty()
        os.set_blocking(self.end, False)
        self.shown = b""
        self.running = subprocess.Popen(
            [sys.executable, "-m", "workers", "run", "--no-sample"],
            env=os.environ | {"WIREROOM_DATA_DIR": str(folder), "TERM": term},
            cwd=ROOT,
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(side)

    def read(self) -> str:
        """All that was shown until now."""
        with suppress(BlockingIOError, OSError):
            while more := os.read(self.end, 65536):
                self.shown += more
        return self.shown.decode(errors="replace")

    def close(self) -> None:
        """Close it, as who closes the window does."""
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.running.pid).children(recursive=True)


@pytest.fixture
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "room", getattr(request, "param", "xterm"))
    yield made
    made.close()
    if made.running.poll() is None:
        for process in [*made.children(), psutil.Process(made.running.pid)]:
            process.kill()
        made.running.wait()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def is_up(terminal: Terminal) -> bool:
    signs = {file.name.partition("@")[0] for file in (terminal.folder / "alive").glob("*")}
    return signs >= {"worker-fetch-ingest", "relay", "beat"} and "3 processes" in terminal.read()


@pytest.mark.timeout(180)
def test_a_terminal_that_is_closed_stops_all_in_order(terminal: Terminal) -> None:
    wait_until(lambda: is_up(terminal), seconds=90, what="the live view")
    children = terminal.children()
    terminal.close()
    assert terminal.running.wait(60) == 0
    assert alive(children) == []
    assert list((terminal.folder / "alive").glob("*")) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_asked_to_stop_while_it_starts_leaves_nothing_behind(
    terminal: Terminal, number: signal.Signals
) -> None:
    children = wait_until(terminal.children, seconds=90, what="the first process")
    terminal.running.send_signal(number)
    assert terminal.running.wait(60) == 0, terminal.read()
    assert alive(children) == []
    assert "Traceback" not in terminal.read()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("terminal", ["dumb"], indirect=True)
def test_a_terminal_in_which_nothing_can_be_drawn_is_told_in_lines(terminal: Terminal) -> None:
    wait_until(lambda: "relay.active" in terminal.read(), seconds=90, what="a line of the relay's log")
    terminal.running.send_signal(signal.SIGINT)
    assert terminal.running.wait(60) == 0
    assert "wireroom.stopped" in terminal.read()
    assert "\x1b" not in terminal.read()


class Startled(Child):
    """A child in whose start a signal comes, just when its process is there."""

    def start(self) -> None:
        super().start()
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_process_that_starts_as_the_signal_comes_is_stopped_too() -> None:
    before = {number: signal.getsignal(number) for number in ASKING}
    supervisor = Supervisor()
    child = Startled(name="sleeper", command=["sleep", "60"], env=dict(os.environ))
    try:
        supervisor.heed()
        with pytest.raises(Asked):
            supervisor.add(child)
        assert child.process is not None
        supervisor.stop()
        assert child.process.poll() is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.process is not None:
            child.process.kill()
