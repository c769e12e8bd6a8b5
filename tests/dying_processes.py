"""Processes that are killed at an exact step. They are forked from a server that has the imports behind it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import datetime
from multiprocessing.process import BaseProcess
from typing import Any

from storage.db import make_engine, make_sessions
from workers.relay import Limits, Relay

PROCESSES = multiprocessing.get_context("forkserver")
# Modules of the tests themselves cannot be named: the server knows no `pythonpath` of pytest's.
PROCESSES.set_forkserver_preload(
    ["workers.relay", "workers.subscriber.client", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlite3"]
)


def started(target: Any, *arguments: object) -> BaseProcess:
    """A process that runs `target(*arguments)`."""
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def outcome(process: BaseProcess) -> int | None:
    """Its exit code, negative for a signal."""
    process.join(timeout=60)
    return process.exitcode


def relay_until(moment: str, database_url: str, redis_url: str) -> None:
    """Relay in batches of three, until the first batch is `stamped`, or `published`: then die."""

    class Dies(Relay):
        def _stamp(self) -> int:
            stamped = super()._stamp()
            if stamped and moment == "stamped":
                os.kill(os.getpid(), signal.SIGKILL)
            return stamped

        def _publish(self, now: datetime) -> int:
            published = super()._publish(now)
            if published and moment == "published":
                os.kill(os.getpid(), signal.SIGKILL)
            return published

    relay = Dies(sessions=make_sessions(make_engine(database_url)), redis_url=redis_url, limits=Limits(batch=3))
    while True:
        relay.step()
