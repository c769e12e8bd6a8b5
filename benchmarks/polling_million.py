"""A million feeds: what claiming the due ones and writing them back costs, and the plan that the database follows.

python -m benchmarks.polling_million [--feeds 10000,100000,1000000] [--postgres]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from storage import feeds, migrate
from storage.db import Sessions, is_sqlite, make_engine, make_sessions
from storage.models import Feed
from storage.records import FetchOutcome, FetchResult
from tasks.cadence import next_poll
from tasks.memory import state_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHARD = 100
# Shards that are polled before counting, so that pages are where they are kept, and while it is counted.
WARM, SHARDS = 5, 30
# A feed is due once an hour; its rhythm is that of a small newsroom.
RHYTHM = '{"hours": [0,0,0,0,0,1,2,3,3,2,2,2,2,2,2,2,1,1,1,1,0,0,0,0], "days": 9.5, "at": "%s", "window": 30}'

FILL = """
INSERT INTO feed (url, status, priority, settings, created_at, next_fetch_at, next_fetch_reason, failures, seen, hints,
                  rhythm, state, pull)
SELECT 'https://host' || (n % 5000) || '.example/feed/' || n, 'active', 0, '{{}}', {now}, {due}, 'rhythm 3 a day', 0,
       '{{}}', '{{}}', '{rhythm}', '{{}}', 1.7
FROM {numbers}
"""


@contextmanager
def database(*, postgres: bool) -> Iterator[str]:
    """An empty migrated database."""
    if postgres:
        from tests.services import postgres_database, postgres_server

        with postgres_server() as server, postgres_database(server) as url:
            migrate.upgrade(make_engine(url))
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'million.db'}"
        migrate.upgrade(make_engine(url))
        yield url


def fill(session: Session, count: int) -> None:
    """Put `count` feeds in, due one after the other over an hour around now."""
    rhythm = RHYTHM % (NOW - timedelta(hours=5)).isoformat()
    if is_sqlite(session):
        numbers = f"(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c)"
        due = f"strftime('%Y-%m-%d %H:%M:%f', '{NOW:%F %T}', (n * 3600.0 / {count} - 1800) || ' seconds') || '000'"
        now = f"'{NOW:%F %T}.000000'"
    else:
        numbers = f"generate_series(1, {count}) AS n"
        now = f"timestamptz '{NOW.isoformat()}'"
        due = f"{now} + (n * 3600.0 / {count} - 1800) * interval '1 second'"
    session.execute(text(FILL.format(now=now, due=due, rhythm=rhythm.replace(":", "\\:"), numbers=numbers)))


def cpu_of(session: Session) -> tuple[float, float]:
    """CPU milliseconds so far of this process, and of the database's process that serves `session`."""
    here = time.process_time() * 1000
    if is_sqlite(session):
        return here, 0.0
    backend = session.scalar(text("SELECT pg_backend_pid()"))
    fields = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()
    return here, (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def written_by(session: Session) -> float:
    """Kilobytes that the database has written ahead so far."""
    if is_sqlite(session):
        file = session.scalar(text("SELECT file FROM pragma_database_list WHERE name = 'main'"))
        return Path(f"{file}-wal").stat().st_size / 1024
    return float(session.scalar(text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")) or 0) / 1024


def measured(sessions: Sessions) -> tuple[float, float, float, float]:
    """Poll shards; per feed: CPU ms here and in the database, kB written ahead, and the median of the wall time."""
    engine = sessions.kw["bind"]
    if engine.dialect.name == "sqlite":
        # What is written ahead stays in its file, where it can be counted.
        connection = engine.raw_connection()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
        connection.close()
    polls(sessions, WARM)
    with sessions() as session:
        before, written = cpu_of(session), written_by(session)
    wall = polls(sessions, SHARDS)
    with sessions() as session:
        after, total = cpu_of(session), written_by(session)
    feeds_polled = SHARDS * SHARD
    here, there = ((late - early) / feeds_polled for early, late in zip(before, after, strict=True))
    return here, there, (total - written) / feeds_polled, wall / SHARD


def polls(sessions: Sessions, times: int) -> float:
    """Poll so many shards; the median milliseconds of one."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        with sessions.begin() as session:
            shard(session)
        spent.append((time.perf_counter() - begun) * 1000)
    return sorted(spent)[times // 2]


def timed(work: Callable[[], object], times: int) -> float:
    """The median milliseconds that `work` takes."""
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        spent.append((time.perf_counter() - begun) * 1000)
    return sorted(spent)[times // 2]


def shard(session: Session) -> list[Feed]:
    """Claim a shard, decide each feed's next poll, write the shard back."""
    claimed = list(feeds.claim_due(session, now=NOW, limit=SHARD, lease=timedelta(minutes=3)))
    if len(claimed) != SHARD:
        raise SystemExit(f"only {len(claimed)} feeds were due")
    rows = []
    for feed in claimed:
        result = FetchResult(
            feed_id=feed.id,
            url=feed.url,
            final_url=feed.url,
            outcome=FetchOutcome.NOT_MODIFIED,
            started_at=NOW,
            duration_ms=20.0,
        )
        plan = next_poll(result, state_of(feed), NOW)
        rows.append(
            {"id": feed.id, "token": feed.lease_token, "next_fetch_at": plan.at, "next_fetch_reason": plan.reason}
            | {"moved_to": None, "status": feed.status, "etag": None, "last_modified": None, "body_sha256": None}
            | {"last_fetched_at": NOW, "last_success_at": NOW, "last_changed_at": None, "failures": 0}
            | {"failing_since": None, "failing_as": None, "state": plan.memory.to_json(), "pull": plan.pull}
        )
    feeds.finish(session, rows)
    return claimed


def plan_of(session: Session) -> str:
    """What the database says it does to claim a shard."""
    from sqlalchemy import event

    seen: list[tuple[str, object]] = []
    engine = session.get_bind()

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("UPDATE feed") and not seen:
            seen.append((statement, parameters))

    feeds.claim_due(session, now=NOW, limit=SHARD, lease=timedelta(minutes=3))
    event.remove(engine, "before_cursor_execute", note)
    prefix = "EXPLAIN QUERY PLAN " if is_sqlite(session) else "EXPLAIN (COSTS OFF) "
    statement, parameters = seen[0]
    rows = session.connection().exec_driver_sql(prefix + statement, parameters).all()  # type: ignore[arg-type]
    session.rollback()
    return "\n".join(f"    {row[-1]}" for row in rows)


def main() -> None:
    """Print cost per feed for each size, then the plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", default="10000,100000,1000000")
    parser.add_argument("--postgres", action="store_true")
    chosen = parser.parse_args()
    print("| feeds | CPU here, ms a feed | in the database | written ahead, kB | wall, ms | share out the budget, ms |")
    print("|---|---|---|---|---|---|")
    plan = ""
    for count in (int(size) for size in chosen.feeds.split(",")):
        with database(postgres=chosen.postgres) as url:
            engine = make_engine(url)
            sessions = make_sessions(engine)
            with sessions.begin() as session:
                fill(session, count)
            with sessions.begin() as session:
                session.connection().exec_driver_sql("ANALYZE")
            here, there, written, wall = measured(sessions)
            with sessions() as session:
                sharing = timed(lambda: feeds.pulls(session), 3)
                plan = plan_of(session)
            engine.dispose()
            of_database = f"{there:.3f}" if chosen.postgres else "in it"
            print(
                f"| {count:,} | {here:.3f} | {of_database} | {written:.2f} | {wall:.3f} | {sharing:.0f} |", flush=True
            )
    print(f"\nPlan of the claim at the largest size:\n{plan}")


if __name__ == "__main__":
    main()
