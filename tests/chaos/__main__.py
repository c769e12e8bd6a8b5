"""Run the wire room under faults and compare: prints a line of JSON; exit code 1, and the logs kept, for any fault."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import structlog
from event_consumer import effects_file
from services import PostgresServer, migrated, postgres_database, postgres_process, redis_server
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from storage import feeds, webhooks
from storage.db import Sessions, make_engine, make_sessions
from storage.models import Feed
from tasks.webhooks import new_secret
from workers.settings import Settings, settings

from . import checker, evidence, gauges, schedule
from .house import House
from .inbox import Inbox
from .nemesis import Nemesis
from .press import Press

FEEDS = [f"zeitung{number}" for number in range(1, 9)]
# Seconds after the last fault within which everything must have come to rest.
DRAIN = 240.0
# Faults of one kind that are printed; a run that loses a reader has hundreds of the same.
SHOWN = 8
log = structlog.get_logger()


def _kind(fault: str) -> str:
    return fault.partition(":")[0]


def environment(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """The settings of the house: those of production, with shorter times where a run would only wait."""
    return {
        "WIREROOM_DATABASE_URL": database_url,
        "WIREROOM_REDIS_URL": redis_url,
        "WIREROOM_DATA_DIR": str(folder),
        "WIREROOM_ALLOW_NETWORKS": "127.0.0.0/8",
        "WIREROOM_TICK": "0.5",
        "WIREROOM_TASK_SECONDS": "20",
        "WIREROOM_STOP_SECONDS": "3",
        "WIREROOM_HOST_LIMIT": "4",
        "WIREROOM_LOG_FORMAT": "json",
    }


class Run:
    """One run with everything in it."""

    def __init__(self, folder: Path, database_url: str, *, seconds: float, seed: int, stack: ExitStack) -> None:
        self.folder, self.seconds, self.seed = folder, seconds, seed
        self.redis = stack.enter_context(redis_server(folder / "redis", appendonly=True))
        self.press = stack.enter_context(Press(FEEDS, seed))
        self.inbox = stack.enter_context(Inbox(seed))
        engine = make_engine(database_url)
        stack.callback(engine.dispose)
        self.sessions: Sessions = make_sessions(engine)
        self.effects = folder / "effects.db"
        effects_file(str(self.effects)).close()
        env = environment(folder, database_url, self.redis.url)
        os.environ.update(env)
        settings.cache_clear()
        self.house = House(folder, env)
        self.gauges = gauges.Gauges(self.house)
        self.over = threading.Event()
        self._names = {self.press.url(name): name for name in FEEDS}

    def start(self) -> None:
        """Subscribe to the feeds and start every process."""
        now = datetime.now(UTC)
        with self.sessions.begin() as session:
            for url in self._names:
                feeds.add(session, url=url, now=now)
            webhooks.add(session, url=self.inbox.url, secret=new_secret(), filters={}, position=0, now=now)
        for number, queues in enumerate(("all", "all", "ingest"), 1):
            self.house.add(f"worker{number}", "worker", "--queues", queues, "--concurrency", "1")
        self.house.add("beat", "beat")
        for number in (1, 2):
            self.house.add(f"relay{number}", "relay")
            self.house.add(f"reader{number}", "-m", "chaos.reader", self.redis.url, str(self.effects))
        self.house.add("sender", "-m", "chaos.sender")
        self.house.watch()
        self.gauges.start()

    def go(self, postgres: PostgresServer | None) -> dict[str, Any]:
        """Publish, break and heal for the time given, then drain and compare."""
        nemesis = Nemesis(self.house, self.press, self.redis, postgres, self.sessions, Settings())
        asking = threading.Thread(target=self._ask, daemon=True)
        publishing = threading.Thread(target=self.press.work, kwargs={"pause": 0.35}, daemon=True)
        asking.start()
        publishing.start()
        nemesis.run(schedule.drawn(self.seed, self.seconds, postgres=postgres is not None), seconds=self.seconds)
        self.press.over.set()
        publishing.join()
        self.inbox.moody = 0.0
        drained = self._drain()
        levels = gauges.growth(self.gauges.stop())
        found = evidence.collect(self.sessions, self.redis.client(), self.effects, self.inbox.bodies, self._names)
        codes = {name: dict(managed.codes) for name, managed in self.house.processes.items() if managed.codes}
        self.over.set()
        asking.join()
        stuck = [f"stuck: {name}" for name in self.house.stop()]
        faults = [*checker.faults(self.press.book, found), *gauges.leaks(levels), *stuck]
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "database": "sqlite" if postgres is None else "postgres",
            "drained_in": drained,
            "pieces": len(self.press.book.now),
            "accepted": sum(len(versions) for versions in self.press.book.accepted.values()),
            "articles": len(found.articles),
            "revisions": sum(len(article.versions) for article in found.articles),
            "events": len(found.outbox),
            "effects": len(found.effects),
            "posted": self.inbox.got.total(),
            "faults_done": dict(sorted(nemesis.done.items())),
            "ended": codes,
            "levels": levels,
            "faults": len(faults),
            "kinds": Counter(map(_kind, faults)),
            "what": [one for _, those in groupby(sorted(faults, key=_kind), _kind) for one in list(those)[:SHOWN]],
        }

    def _ask(self) -> None:
        """A publisher would not be asked as often as this: every feed is due all the time."""
        while not self.over.wait(1.5):
            try:
                with self.sessions.begin() as session:
                    ids = session.scalars(select(col(Feed.id))).all()
                    feeds.ask(session, ids, now=datetime.now(UTC))
            except DBAPIError as error:
                log.info("asking failed", error=type(error).__name__)

    def _drain(self) -> float | None:
        """Until all that was published is accepted, ingested, told, handled and posted; None when it never was."""
        began = time.monotonic()
        while time.monotonic() - began < DRAIN:
            time.sleep(0.5)
            try:
                if not self.press.book.missing and self._at_rest():
                    return round(time.monotonic() - began, 1)
            except DBAPIError as error:
                log.info("draining", error=type(error).__name__)
        missing = self.press.book.missing
        log.warning("never at rest", missing=len(missing), of=missing[:5], **evidence.waiting(self.sessions))
        return None

    def _at_rest(self) -> bool:
        events = evidence.told(self.sessions)
        posted = sum(1 for name in list(self.inbox.bodies) if name)
        return (
            not any(evidence.waiting(self.sessions).values())
            and evidence.done(self.effects) >= events
            and posted >= events
            and self.redis.client().xlen(evidence.KEY) >= events
        )


def run(
    folder: Path, database_url: str, postgres: PostgresServer | None, *, seconds: float, seed: int
) -> dict[str, Any]:
    """One run; the result's `faults` is 0 when all went well."""
    with ExitStack() as stack:
        made = Run(folder, database_url, seconds=seconds, seed=seed, stack=stack)
        stack.callback(made.house.stop)
        made.start()
        return made.go(postgres)


@contextmanager
def database(folder: Path, *, sqlite: bool) -> Iterator[tuple[str, PostgresServer | None]]:
    """A migrated database, and the server that may be killed."""
    if sqlite:
        yield migrated(f"sqlite:///{folder}/wireroom.db"), None
        return
    with postgres_process() as server, postgres_database(server.url) as url:
        yield migrated(url), server


def main() -> int:
    """Run and print; the logs stay in a folder when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sqlite", action="store_true", help="on SQLite instead of Postgres")
    parser.add_argument("--keep", action="store_true", help="keep the logs whatever comes of it")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="wireroom-chaos-"))
    with (folder / "chaos.log").open("w") as out:
        structlog.configure(
            processors=[structlog.processors.TimeStamper(), structlog.processors.JSONRenderer()],
            logger_factory=structlog.PrintLoggerFactory(out),
        )
        with database(folder, sqlite=chosen.sqlite) as (url, server):
            result = run(folder, url, server, seconds=chosen.seconds, seed=chosen.seed)
    failed = bool(result["faults"])
    if failed or chosen.keep:
        result["logs"] = str(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(result) + "\n")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
