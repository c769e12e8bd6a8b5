"""A wire room of real processes, each started and killed by the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from publisher import Publisher
from services import RedisServer
from sqlalchemy import func, select

from storage import feeds
from storage.db import Sessions, make_engine, make_sessions
from storage.models import Article, Document, OutboxEvent

ROOT = Path(__file__).resolve().parents[1]


class House:
    """A database, a Redis and the processes of a wire room, each started and killed by the test."""

    def __init__(self, folder: Path, database_url: str, server: RedisServer, **settings: str) -> None:
        self.folder = folder
        self.server = server
        self.sessions: Sessions = make_sessions(make_engine(database_url))
        self.env = (
            os.environ
            | {
                "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
                "WIREROOM_DATABASE_URL": database_url,
                "WIREROOM_REDIS_URL": server.url,
                "WIREROOM_DATA_DIR": str(folder),
                "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32",
                "WIREROOM_TICK": "0.5",
                "WIREROOM_TASK_SECONDS": "10",
                "WIREROOM_HOST_LIMIT": "12",
                "WIREROOM_LOG_FORMAT": "json",
            }
            | {f"WIREROOM_{name.upper()}": value for name, value in settings.items()}
        )

    @contextmanager
    def process(self, *arguments: str, module: str = "workers") -> Iterator[subprocess.Popen[bytes]]:
        """A process of the wire room, with its log beside it; gone at the end. `module` has the command."""
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=self.env,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield running
        finally:
            kill(running)

    def log(self, name: str) -> str:
        """What a process has said so far."""
        return (self.folder / f"{name}.log").read_text()

    def subscribe(self, publisher: Publisher, names: list[str]) -> None:
        with self.sessions.begin() as session:
            for name in names:
                feeds.add(session, url=publisher.url(name), now=datetime.now(UTC))

    def count(self, model: type[Article | Document | OutboxEvent], *conditions: object) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0  # type: ignore[arg-type]


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children at once, as a crash would."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
