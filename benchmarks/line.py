"""The line side by side with plain feedparser: our real daemons poll feeds made here, from a server on loopback.

Run with `python -m benchmarks.line [--feeds 100] [--database URL]`. Redis, `relay --beat` and a worker with one child
are started as an operator starts them, everything on. Rounds: cold, unchanged (304), 5 % of the feeds with two new
entries, and the same bytes without validators. CPU is of whole process trees (a Postgres server's is its own).
The baseline, in the same run, is feedparser with its defaults over the same documents, in this process.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import feedparser
from sqlalchemy import func, select, update
from sqlmodel import col

from benchmarks.line_feeds import ENTRIES, feed
from storage import feeds, gauges
from storage.db import Sessions, make_engine, make_sessions
from storage.models import Article, Document, Feed, Fetch
from storage.records import FetchOutcome
from workers import embedded
from workers.settings import Settings

FRESH = 2  # new entries of a feed that changed
CHANGED = 20  # one feed of so many changes
PATIENCE = 600.0  # seconds a round may take
TICK = os.sysconf("SC_CLK_TCK")
FAR = timedelta(days=9)


class Wire(ThreadingHTTPServer):
    """Serves `/N` as feed N; `changed` feeds have new entries, without `validators` every answer is a 200."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.validators = True
        self.changed: frozenset[int] = frozenset()
        self.kept: dict[tuple[int, int], bytes] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def document(self, number: int) -> bytes:
        """The bytes of a feed as it stands now."""
        fresh = FRESH if number in self.changed else 0
        if (number, fresh) not in self.kept:
            self.kept[number, fresh] = feed(number, fresh=fresh)
        return self.kept[number, fresh]


class _Handler(BaseHTTPRequestHandler):
    server: Wire
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.server.document(int(self.path[1:]))
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        same = self.server.validators and self.headers.get("If-None-Match") == tag
        self.send_response(304 if same else 200)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", "0" if same else str(len(body)))
        if self.server.validators:
            self.send_header("ETag", tag)
        self.end_headers()
        if not same:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("--feeds", type=int, default=100)
    wanted.add_argument("--database", help="URL of an empty Postgres database; default: SQLite in a temporary folder")
    given = wanted.parse_args()
    wire = Wire()
    for number in range(given.feeds):
        wire.document(number)
    print(f"{given.feeds} feeds × {ENTRIES} entries; load of this machine {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder, _daemons(Path(folder), given.database) as (sessions, pids):
        _subscribe(sessions, wire, given.feeds)
        before = _baseline(wire, given.feeds)
        _round("cold", sessions, pids, given.feeds, given.feeds * ENTRIES, before)
        _round("unchanged", sessions, pids, given.feeds, 0, before)
        wire.changed = frozenset(range(0, given.feeds, CHANGED))
        _round("5 % changed", sessions, pids, given.feeds, len(wire.changed) * FRESH, before)
        wire.validators = False
        _round("same body", sessions, pids, given.feeds, 0, before)
        print(f"feedparser alone, before and after: {before:.2f} and {_baseline(wire, given.feeds):.2f} ms per entry")
        names = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[-40:] for pid in pids}
        for pid in pids:
            print(f"  {sum(_resident(one) for one in _tree(pid)):6.0f} MB  {names[pid]}")
        print(f"  {sum(_resident(one) for pid in pids for one in _tree(pid)):6.0f} MB  all")


@contextmanager
def _daemons(folder: Path, database: str | None) -> Iterator[tuple[Sessions, list[int]]]:
    url = database or f"sqlite:///{folder / 'wireroom.db'}"
    env = dict(os.environ) | {"WIREROOM_DATA_DIR": str(folder), "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32"}
    env |= {"WIREROOM_DATABASE_URL": url, "WIREROOM_HOST_DELAY": "0", "WIREROOM_HOST_LIMIT": "100"}
    ours = [sys.executable, "-m", "workers"]
    subprocess.run([*ours, "db", "upgrade"], env=env, check=True, stdout=subprocess.DEVNULL)
    commands = [
        embedded.command(folder, folder / "redis.sock"),
        [*ours, "relay", "--beat"],
        [*ours, "worker", "--concurrency", "1"],
    ]
    engine = make_engine(url)
    running: list[subprocess.Popen[bytes]] = []
    with (folder / "daemons.log").open("wb") as out:
        try:
            for command in commands:
                running.append(subprocess.Popen(command, env=env, stdout=out, stderr=out))
                time.sleep(1)
            time.sleep(7)  # imports are no part of a round
            yield make_sessions(engine), [process.pid for process in running]
        finally:
            for process in reversed(running):
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=60)
            engine.dispose()


def _subscribe(sessions: Sessions, wire: Wire, count: int) -> None:
    now = datetime.now(UTC)
    with sessions.begin() as session:
        for number in range(count):
            feeds.add(session, url=f"http://127.0.0.1:{wire.server_port}/{number}", now=now + FAR)


def _baseline(wire: Wire, count: int) -> float:
    """CPU of feedparser in ms per entry, over some of the documents."""
    bodies = [wire.document(number) for number in range(min(count, 15))]
    start = time.process_time()
    for body in bodies:
        feedparser.parse(io.BytesIO(body))
    return (time.process_time() - start) / len(bodies) / ENTRIES * 1000


def _round(name: str, sessions: Sessions, pids: list[int], count: int, new: int, baseline: float) -> None:
    held, fetched = _numbers(sessions)
    before, start = _cpu(pids), time.monotonic()
    with sessions.begin() as session:
        due = datetime.now(UTC) - timedelta(seconds=1)
        session.connection().execute(update(Feed).values(next_fetch_at=due))
    while not _done(sessions, fetched, count):
        if time.monotonic() - start > PATIENCE:
            raise SystemExit(f"{name}: not done after {PATIENCE:.0f} s")
        time.sleep(0.1)
    wall, spent = time.monotonic() - start, _cpu(pids) - before
    if (stored := _numbers(sessions)[0] - held) != new:
        raise SystemExit(f"{name}: {new} entries were offered, {stored} stored")
    each = f"{spent / count * 1000:7.2f} ms per feed"
    if new >= count:
        each += f"  {spent / new * 1000:6.2f} ms per entry = {spent / new * 1000 / baseline:.2f} × feedparser"
    print(f"{name:12} {spent:7.2f} s CPU  {wall:6.1f} s wall  {each}")


def _done(sessions: Sessions, fetched: int, count: int) -> bool:
    with sessions() as session:
        polled = select(func.count(func.distinct(col(Fetch.feed_id)))).where(
            col(Fetch.id) > fetched, col(Fetch.outcome) != FetchOutcome.DEFERRED
        )
        waiting = select(func.count()).select_from(Document).where(col(Document.due_at).is_not(None))
        told = gauges.outbox(session, Settings().stream).depth == 0
        return told and session.scalar(polled) == count and not session.scalar(waiting)


def _numbers(sessions: Sessions) -> tuple[int, int]:
    with sessions() as session:
        held = session.scalar(select(func.count()).select_from(Article)) or 0
        return held, session.scalar(select(func.max(col(Fetch.id)))) or 0


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _tree(int(child)))]


def _cpu(pids: list[int]) -> float:
    """Seconds of CPU of these process trees so far, children that have ended among them."""
    ticks = 0
    for pid in (one for root in pids for one in _tree(root)):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICK


def _resident(pid: int) -> float:
    """MB of a process; pages shared with its parent count in both."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024**2


if __name__ == "__main__":
    main()
