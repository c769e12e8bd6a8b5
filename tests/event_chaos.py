"""The event line under faults drawn at random: `PYTHONPATH=tests python tests/event_chaos.py --seconds 60 --seed 7`.

Writers commit and roll back, two relays publish, consumers with partitions write effects; relays, consumers and Redis
are killed, frozen and emptied meanwhile. At the end what was committed, streamed and done is compared. Prints one line
of JSON; exits with 1 if anything was lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import redis
import structlog
from dying_processes import started
from event_consumer import effects_file, serve
from event_ledger import Told, faults
from services import RedisServer, migrated, postgres_database, postgres_server, redis_server, wait_until

from storage import outbox
from storage.db import make_engine, make_sessions
from storage.records import Event
from workers.relay import Limits, Relay

KEY = "wireroom:events"
SUBJECTS = 9
LEASE = 1.0


def relay(database_url: str, redis_url: str) -> None:
    """A relay process with a short lease, so that a minute sees many handovers."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    limits = Limits(
        batch=20,
        lease=timedelta(seconds=LEASE),
        poll=0.02,
        poll_idle=0.05,
        check=timedelta(milliseconds=200),
        housekeeping=timedelta(milliseconds=500),
        backoff=0.5,
    )
    Relay(sessions=make_sessions(make_engine(database_url)), redis_url=redis_url, limits=limits).run(stop)


class Line:
    """Everything that runs, and what may happen to it."""

    def __init__(self, database_url: str, server: RedisServer, path: Path, chance: random.Random) -> None:
        self.database_url = database_url
        self.server = server
        self.path = path
        self.chance = chance
        self.over = threading.Event()
        self.committed: dict[str, list[Told]] = {}
        self.relays = [self._relay() for _ in range(2)]
        self.consumers = [self._consumer() for _ in range(2)]
        self.done: dict[str, int] = {}

    def _relay(self) -> BaseProcess:
        return started(relay, self.database_url, self.server.url)

    def _consumer(self) -> BaseProcess:
        return started(serve, self.server.url, str(self.path))

    def write(self, writer: int) -> None:
        """Commit events of this writer's subjects, one in ten transactions rolled back, one held open for long."""
        chance = random.Random(f"{self.chance.random()}-{writer}")
        sessions = make_sessions(make_engine(self.database_url))
        number = 0
        while not self.over.is_set():
            subject = f"subject-{writer}-{chance.randrange(SUBJECTS // 3)}"
            names = [f"{writer}-{number + step}" for step in range(chance.randint(1, 4))]
            number += len(names)
            with sessions() as session:
                outbox.record(session, [_event(name, subject) for name in names])
                session.flush()
                time.sleep(chance.choice((0.0, 0.0, 0.0, 0.01, 0.2)))
                if chance.random() < 0.1:
                    session.rollback()
                else:
                    session.commit()
                    self.committed.setdefault(subject, []).extend((name, subject) for name in names)
            time.sleep(chance.random() * 0.05)

    def fault(self) -> None:
        """One thing going wrong."""
        faults: list[Callable[[], None]] = [
            self.kill_relay,
            self.freeze_relay,
            self.kill_consumer,
            self.freeze_consumer,
            self.flush_redis,
            self.restart_redis,
            self.freeze_redis,
        ]
        chosen = self.chance.choice(faults)
        self.done[chosen.__name__] = self.done.get(chosen.__name__, 0) + 1
        chosen()

    def kill_relay(self) -> None:
        self._replace(self.relays, self._relay)

    def kill_consumer(self) -> None:
        self._replace(self.consumers, self._consumer)

    def freeze_relay(self) -> None:
        self._freeze(self.chance.choice(self.relays))

    def freeze_consumer(self) -> None:
        self._freeze(self.chance.choice(self.consumers))

    def flush_redis(self) -> None:
        with suppress(redis.RedisError):
            self.server.client().flushall()

    def restart_redis(self) -> None:
        self.server.restart(empty=True)

    def freeze_redis(self) -> None:
        self.server.freeze()
        time.sleep(self.chance.random() * 1.5)
        self.server.thaw()

    def _replace(self, processes: list[BaseProcess], make: Callable[[], BaseProcess]) -> None:
        victim = processes.pop(self.chance.randrange(len(processes)))
        victim.kill()
        victim.join()
        processes.append(make())

    def _freeze(self, process: BaseProcess) -> None:
        """Stop it for longer than its lease, and let it go on as a zombie."""
        os.kill(process.pid or 0, signal.SIGSTOP)
        time.sleep(LEASE * 1.5)
        os.kill(process.pid or 0, signal.SIGCONT)

    def stop(self) -> list[int | None]:
        """End every process in order; returns their exit codes."""
        for process in (*self.relays, *self.consumers):
            process.terminate()
        for process in (*self.relays, *self.consumers):
            process.join(timeout=30)
        return [process.exitcode for process in (*self.relays, *self.consumers)]


def _event(name: str, subject: str) -> Event:
    now = datetime.now(UTC)
    ce = {"id": name, "source": "/feeds/1", "type": "t", "subject": subject, "time": now.isoformat(), "data": {}}
    return Event(id=name, type="t", subject=subject, feed_id=1, time=now, body=json.dumps(ce).encode())


def run(database_url: str, folder: Path, *, seconds: float, seed: int) -> dict[str, object]:
    """One run; the result has `faults`, empty when all went well."""
    path = folder / "effects.db"
    effects = effects_file(str(path))
    with redis_server(folder / "redis") as server:
        line = Line(database_url, server, path, random.Random(seed))
        writers = [threading.Thread(target=line.write, args=(writer,)) for writer in range(3)]
        for thread in writers:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(line.chance.random() * 2)
            line.fault()
        line.over.set()
        for thread in writers:
            thread.join()
        committed = [told for told_of in line.committed.values() for told in told_of]

        def counted() -> int:
            return int(effects.execute("SELECT count(*) FROM effect").fetchone()[0])

        late = ""
        try:
            wait_until(lambda: counted() >= len(committed), seconds=60, what="every effect")
        except AssertionError as error:
            late = str(error)
        streamed = [(fields["id"], fields["subject"]) for _, fields in server.client().xrange(KEY)]
        codes = line.stop()
    told_of = effects.execute("SELECT id, subject FROM effect ORDER BY rowid").fetchall()
    (again,) = effects.execute("SELECT count FROM again").fetchone()
    effects.close()
    return {
        "seed": seed,
        "committed": len(committed),
        "faults_done": line.done,
        "handed_out_again": again,
        "exit_codes": codes,
        "late": late,
        "faults": faults(committed, streamed, told_of)[:20],
    }


def main() -> int:
    """Run on SQLite, or with `--postgres` on Postgres."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--postgres", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.postgres:
            with postgres_server() as maintenance, postgres_database(maintenance) as url:
                result = run(migrated(url), folder, seconds=chosen.seconds, seed=chosen.seed)
        else:
            result = run(migrated(f"sqlite:///{folder}/w.db"), folder, seconds=chosen.seconds, seed=chosen.seed)
    sys.stdout.write(json.dumps(result) + "\n")
    return 1 if result["faults"] or any(result["exit_codes"]) else 0  # type: ignore[call-overload]


if __name__ == "__main__":
    raise SystemExit(main())
