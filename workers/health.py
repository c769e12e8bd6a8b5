"""Signs of life: a file per process, touched by the loop that does the work; the health check reads its age.

Liveness looks at nothing else: a container that is restarted because Redis is away only makes things worse.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

from celery import bootsteps

from workers.settings import Settings, settings

# Seconds between signs, and the age at which a process counts as stuck.
EVERY_SECONDS = 5.0
STALE_SECONDS = 60.0


def folder(chosen: Settings) -> Path:
    """Where the processes of this machine leave their signs."""
    return chosen.data_dir.resolve() / "alive"


def sign(chosen: Settings, process: str) -> None:
    """Say that `process` turns its loop."""
    file = folder(chosen) / f"{process}@{socket.gethostname()}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{time.time():.0f}\n")


def gone(chosen: Settings, process: str) -> None:
    """A process that ends properly takes its sign away."""
    (folder(chosen) / f"{process}@{socket.gethostname()}").unlink(missing_ok=True)


def ages(chosen: Settings) -> dict[str, float]:
    """Seconds since each process of this machine gave its last sign."""
    host = socket.gethostname()
    files = folder(chosen).glob(f"*@{host}") if folder(chosen).is_dir() else ()
    return {file.name.partition("@")[0]: time.time() - file.stat().st_mtime for file in files}


class Pulse:
    """Called with every turn of a loop, gives a sign every few seconds."""

    def __init__(self, chosen: Settings, process: str) -> None:
        """The next call gives the first sign."""
        self.chosen, self.process, self.due = chosen, process, 0.0

    def __call__(self) -> None:
        """Give a sign if it is time."""
        now = time.monotonic()
        if now >= self.due:
            self.due = now + EVERY_SECONDS
            sign(self.chosen, self.process)


def worker_name(worker: Any) -> str:
    """What a worker is called here: by the queues that it serves."""
    return f"worker-{'-'.join(sorted(queue for queue in worker.app.amqp.queues.consume_from))}"


class Sign(bootsteps.StartStopStep):
    """A worker's sign of life, given by the event loop that also takes messages, while it takes any.

    The loop stands still while the worker tries to reach Redis; what it calls between two attempts gives signs then.
    """

    requires = frozenset({"celery.worker.components:Timer"})

    def __init__(self, worker: Any, **_: Any) -> None:
        """Keep nothing yet; the timer is there only when the worker starts."""
        self.worker = worker
        self.name = worker_name(worker)
        self.entry: Any = None
        worker.deaf = False  # workers/listening.py sees when it is

    def start(self, worker: Any) -> None:
        """Give a sign now and regularly."""
        # Here and not at the top, since every process gives signs and only workers have these.
        from celery.worker import state
        from celery.worker.consumer import consumer

        self._sign()
        self.entry = worker.timer.call_repeatedly(EVERY_SECONDS, self._sign)
        pulse = Pulse(settings(), self.name)

        def between_attempts() -> None:
            state.maybe_shutdown()
            pulse()

        setattr(consumer, "maybe_shutdown", between_attempts)  # noqa: B010  # Celery has no other place for it

    def stop(self, _worker: Any) -> None:
        """Take the sign away."""
        if self.entry is not None:
            self.entry.cancel()
        gone(settings(), self.name)

    # Celery's own looks at whether a step has an object; SIGTERM and SIGQUIT come this way.
    terminate = stop

    def _sign(self) -> None:
        if not self.worker.deaf:
            sign(settings(), self.name)
