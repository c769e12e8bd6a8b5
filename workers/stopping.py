"""How a worker stops: between two things that it does, and in the end for certain.

Celery stops its pool inside the signal's handler, whatever it was just doing. Half a message read from a child, or
half of one written to it, is then waited for without end, and so is a child that hangs: the process lives, consumes
nothing, and no restart policy sees it. What is killed here is safe: it is a row whose lease ends. A worker that is
still starting has taken nothing, and ends before it does.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from types import FrameType
from typing import Any, Final

import billiard
import structlog
from celery import bootsteps
from celery.platforms import EX_OK
from celery.worker import state
from kombu.common import ignore_errors

from workers import health
from workers.settings import Settings, settings

# Seconds in which the event loop should come to a signal; one that waits for Redis meanwhile is interrupted then.
SOON: Final = 5.0
# Seconds that a stop may take beyond those its tasks are left; compose gives a worker 40 in all.
BEYOND: Final = 15.0
# Seconds between two looks whether tasks still run.
EVERY: Final = 0.1
CUTS_SHORT: Final = frozenset({signal.SIGTERM, signal.SIGQUIT})


class Stopping(bootsteps.StartStopStep):
    """Takes no more messages, waits for the tasks that run, has Celery stop between two turns of its event loop."""

    requires = frozenset({"celery.worker.components:Hub", "celery.worker.components:Timer"})

    def __init__(self, worker: Any, **_: Any) -> None:
        """Have Celery set its handlers, when the worker starts, behind ours: no step may start between the two."""
        self.worker = worker
        self.celerys = worker.install_platform_tweaks
        worker.install_platform_tweaks = self._stand
        self.handlers: dict[int, Any] = {}
        self.asked: SimpleQueue[int | None] = SimpleQueue()  # its put may be called in a handler
        self.heard = threading.Event()
        self.begun = threading.Event()
        self.turning = threading.Event()
        self.signals = 0
        self.thread = threading.Thread(target=self._see_to_it, name="stopping", daemon=True)

    def _stand(self, worker: Any) -> None:
        self.celerys(worker)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self.handlers[number] = signal.getsignal(number)
            signal.signal(number, self._signalled)
        worker.hub.call_soon(self.turning.set)
        self.thread.start()

    def close(self, _worker: Any) -> None:
        """A stop begins, for whatever reason: an error that the worker cannot recover from is one."""
        self.begun.set()
        self.asked.put(None)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1
        if self.signals > 1 or self.begun.is_set():
            self._hand_over(number, frame)  # whoever asks twice means now
        else:
            self.asked.put(number)

    def _hand_over(self, number: int, frame: FrameType | None = None) -> None:
        if self.heard.is_set():  # tasks were given their time; Celery would sleep through all of it once more
            self.worker.app.conf.worker_soft_shutdown_timeout = 0
        self.begun.set()
        self.handlers[number](number, frame)

    def _hear(self, number: int) -> None:
        self.heard.set()
        consumer = self.worker.consumer
        if number in CUTS_SHORT and consumer.task_consumer:
            ignore_errors(consumer, consumer.task_consumer.cancel)
        self._look(number, time.monotonic() + (settings().stop_seconds if number in CUTS_SHORT else 0.0))

    def _look(self, number: int, until: float) -> None:
        if self.begun.is_set():
            return
        if state.reserved_requests and time.monotonic() < until:
            self.worker.timer.call_after(EVERY, self._look, (number, until))
        else:
            self._hand_over(number)

    def _see_to_it(self) -> None:
        number = self.asked.get()
        seconds = patience(settings(), number)
        until = time.monotonic() + seconds
        if number is not None and not self.turning.is_set():
            state.should_stop = EX_OK  # a worker that starts has taken nothing yet; it looks at this before it does
        elif number is not None:
            self.worker.hub.call_soon(self._hear, number)
            if not self.heard.wait(SOON):
                os.kill(os.getpid(), number)
        time.sleep(max(0.0, until - time.monotonic()))
        self._end(seconds)

    def _end(self, seconds: float) -> None:
        children = [child.pid for child in billiard.active_children()]
        structlog.get_logger().error("worker.stop_overdue", after_seconds=seconds, killed=children)
        for child in children:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(child, signal.SIGKILL)
        health.gone(settings(), health.worker_name(self.worker))
        os._exit(1)


def patience(chosen: Settings, number: int | None) -> float:
    """Seconds that a stop may take; `number` is the signal that asked for it, None if none did.

    Only SIGTERM and SIGQUIT cut tasks short; a first Ctrl-C, or an error, lets those that run come to their end.
    """
    return (chosen.stop_seconds if number in CUTS_SHORT else chosen.task_seconds) + BEYOND
