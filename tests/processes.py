"""Processes of the wire room as they are started in earnest, with metrics on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from publisher import Publisher
from services import RedisServer, free_port, wait_until

from storage import feeds
from storage.db import Sessions, make_engine, make_sessions
from workers import metrics

ROOT = Path(__file__).resolve().parents[1]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def counted() -> set[Any]:
    """Every metric that some process counts."""
    registries = {registry for of in metrics.OF.values() for registry in of}
    return {metric for registry in registries for metric in registry._names_to_collectors.values()}


def declared() -> dict[str, list[str]]:
    """The labels of each, by the name of its family."""
    return {metric._name: list(metric._labelnames) for metric in counted()}


def everything() -> Iterator[Metric]:
    """Their families."""
    return (family for metric in counted() for family in metric.collect())


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """How `Process.samples` names a sample."""
    return name, frozenset(labels.items())


@dataclass
class Process:
    """A running command, its log, and the port of its metrics."""

    command: tuple[str, ...]
    port: int
    log: Path
    running: subprocess.Popen[bytes]

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of an answer; status 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def samples(self) -> Samples:
        """Every sample of /metrics by name and labels; empty while nothing listens."""
        status, text = self.get("/metrics")
        return {
            key(sample.name, **sample.labels): sample.value
            for family in text_string_to_metric_families(text if status == 200 else "")
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """One sample; 0 while it is not there."""
        return self.samples().get(key(name, **labels), 0.0)

    def families(self) -> set[str]:
        """The names that /metrics gives a type, without the process' own."""
        found = re.findall(r"^# TYPE (\S+)", self.get("/metrics")[1], re.MULTILINE)
        return {name.removesuffix("_total") for name in found if name.startswith("wireroom_")}

    def children(self) -> list[int]:
        """The process ids of its children."""
        file = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children")
        return [int(pid) for pid in file.read_text().split()]


@dataclass
class Shown:
    """A database, a Redis and the processes that a test starts."""

    folder: Path
    database_url: str
    redis: RedisServer
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions: Sessions = make_sessions(make_engine(self.database_url))

    def start(self, *command: str, **settings: str) -> Process:
        """Start a command with a metrics port of its own and wait until it is shown."""
        port = free_port()
        env = os.environ | {
            "WIREROOM_DATABASE_URL": self.database_url,
            "WIREROOM_REDIS_URL": self.redis.url,
            "WIREROOM_DATA_DIR": str(self.folder),
            "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32",
            "WIREROOM_TICK": "0.3",
            "WIREROOM_HOST_LIMIT": "12",
            "WIREROOM_LOG_FORMAT": "json",
            "WIREROOM_METRICS_PORT": str(port),
            **{f"WIREROOM_{name.upper()}": value for name, value in settings.items()},
        }
        log = self.folder / f"{'-'.join(command[:2])}-{port}.log"
        with log.open("wb") as out:
            running = subprocess.Popen(
                [sys.executable, "-m", "workers", *command],
                env=env, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        process = Process(command=command, port=port, log=log, running=running)
        self.processes.append(process)
        wait_until(lambda: process.get("/healthz")[0] == 200 or running.poll(), seconds=60, what=f"{command} alive")
        assert running.poll() is None, log.read_text()[-1000:]
        return process

    def subscribe(self, publisher: Publisher) -> None:
        """Add every feed of a publisher."""
        with self.sessions.begin() as session:
            for name in publisher.feeds:
                feeds.add(session, url=publisher.url(name), now=datetime.now(UTC))

    def close(self) -> None:
        """End every process at once."""
        for process in self.processes:
            if process.running.poll() is None:
                os.killpg(process.running.pid, signal.SIGKILL)
            process.running.wait()
        self.sessions.kw["bind"].dispose()
