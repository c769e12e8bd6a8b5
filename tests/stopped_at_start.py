"""A worker that is asked to stop at a slow step of its start: `STOPPED_AT=pool python -m stopped_at_start worker`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from celery.concurrency.prefork import TaskPool
from celery.worker import components
from celery.worker.consumer.connection import Connection
from celery.worker.consumer.tasks import Tasks

from workers import stopping
from workers.cli.root import main

STEPS: dict[str, tuple[Any, str]] = {
    "hub": (components.Hub, "start"),
    "pool": (TaskPool, "on_start"),
    "connection": (Connection, "start"),
    "tasks": (Tasks, "start"),
}


def slow_and_signalled(step: Callable[..., None]) -> Callable[..., None]:
    """The step, taking longer than a worker's event loop is waited for, and a signal at its beginning."""

    def slow(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(3 * stopping.SOON)
        step(*arguments)

    return slow


if __name__ == "__main__":
    stopping.SOON = 0.5  # type: ignore[misc]  # a test need not wait for longer
    owner, name = STEPS[os.environ["STOPPED_AT"]]
    setattr(owner, name, slow_and_signalled(getattr(owner, name)))
    main()
