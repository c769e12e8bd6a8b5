"""`wireroom doctor`: look at everything the wire room needs, and say the remedy for what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.output import AsJson, Exit, explained, print_json
from workers.settings import Settings, settings

if TYPE_CHECKING:
    from storage.gauges import Feeds

# Below this Redis lacks what the broker needs (kombu 5.7).
OLDEST_REDIS = (6, 2)
# A clock further off than this mistimes leases and Retry-After.
CLOCK_SECONDS = 5.0
LATE = timedelta(minutes=10)
LEAST_DISK = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One look: what was looked at, whether it is well, what was seen, and what to do if not."""

    check: str
    ok: bool
    seen: str
    remedy: str = ""


def add_to(root: typer.Typer) -> None:
    """Put `doctor` under the root command."""
    root.command("doctor")(doctor)


def doctor(
    *, as_json: AsJson = False, quiet: Annotated[bool, typer.Option("--quiet", help="Only faults.")] = False
) -> None:
    """Check settings, disk, database, migrations, Redis, queues, clock and workers; exits with 1 on a fault.

    Example: `wireroom doctor`
    """
    with explained():
        chosen = settings()
    findings = [finding for look in (_rules, _disk, _database, _redis, _workers) for finding in _looked(look, chosen)]
    for finding in findings:
        if as_json:
            print_json(asdict(finding))
        elif not (quiet and finding.ok):
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check:<14} {finding.seen}")
            if not finding.ok and finding.remedy:
                typer.echo(f"      → {finding.remedy}")
    raise typer.Exit(Exit.OK if all(finding.ok for finding in findings) else Exit.FAILED)


def _looked(look: Callable[[Settings], Iterator[Finding]], chosen: Settings) -> list[Finding]:
    """The findings of one look; whatever it raises is a finding too."""
    try:
        return list(look(chosen))
    except Exception as error:  # noqa: BLE001  # a doctor who faints has found something
        name = look.__name__.strip("_")
        return [
            Finding(
                check=name, ok=False, seen=f"{type(error).__name__}: {str(error).splitlines()[0]}", remedy=REMEDY[name]
            )
        ]


REMEDY = {
    "rules": "mend the file: no worker starts with it, and one that runs ingests nothing once it has to read it",
    "disk": "make the data folder writable, or set WIREROOM_DATA_DIR",
    "database": "start the database, or mend WIREROOM_DATABASE_URL",
    "redis": "start Redis (`wireroom run` starts one of its own), or mend WIREROOM_REDIS_URL",
    "workers": "see the logs of the workers",
}


def _rules(chosen: Settings) -> Iterator[Finding]:
    if chosen.rules is None:
        return
    from tasks.enrich import Enrichers

    Enrichers.load(chosen.rules)
    yield Finding(check="rules", ok=True, seen=str(chosen.rules))


def _disk(chosen: Settings) -> Iterator[Finding]:
    if chosen.database_url is not None and not chosen.embedded_redis:
        return  # the data folder holds nothing but signs of life
    folder = chosen.data_dir.resolve()
    present = folder if folder.exists() else folder.parent
    free = shutil.disk_usage(present).free
    yield Finding(
        check="disk",
        ok=free > LEAST_DISK,
        seen=f"{free / 1e9:.1f} GB free for {folder}",
        remedy="free some space: Redis and the database stop when the disk is full",
    )


def _database(chosen: Settings) -> Iterator[Finding]:
    from sqlalchemy import text

    from storage import documents, gauges, migrate, quarantine
    from storage.db import make_sessions, opened, reading

    if chosen.database_url is None and not (chosen.data_dir / "wireroom.db").exists():
        yield Finding(check="database", ok=True, seen="none yet: `wireroom run` makes it")
        return
    with opened(chosen.database) as engine:
        status = migrate.status(engine)
        yield Finding(check="database", ok=True, seen=engine.url.render_as_string(hide_password=True))
        yield Finding(
            check="migrations",
            ok=status.up_to_date,
            seen=str(status),
            remedy="wireroom db upgrade" if status.known else "a later release migrated it: install that one",
        )
        if not status.up_to_date:
            return
        now = datetime.now(UTC)
        with reading(make_sessions(engine)) as session:
            if engine.dialect.name == "postgresql":
                if session.execute(text("SHOW transaction_read_only")).scalar_one() == "on":
                    yield Finding(
                        check="writes",
                        ok=False,
                        seen="it takes none: it is a standby, or read-only",
                        remedy="let WIREROOM_DATABASE_URL name the server that does, or have this one take them",
                    )
                off = abs((session.execute(text("SELECT clock_timestamp()")).scalar_one() - now).total_seconds())
                yield _clock("database", off)
            yield _overdue(chosen, gauges.feeds(session, now))
            count, oldest = documents.backlog(session)
            yield _waiting(
                "documents", count, oldest, now, "start an ingest worker, or more: `wireroom worker --queues ingest`"
            )
            untold = gauges.outbox(session, chosen.stream)
            yield _waiting("outbox", untold.depth, untold.oldest, now, "start the relay: `wireroom relay`")
            held = quarantine.held_count(session)
            yield Finding(
                check="quarantine", ok=True, seen=f"{held} held" + (" (`wireroom quarantine list`)" if held else "")
            )


def _overdue(chosen: Settings, feeds: Feeds) -> Finding:
    from storage.models import FeedStatus

    active, longest = feeds.by_status[FeedStatus.ACTIVE.value], timedelta(seconds=round(max(feeds.overdue, default=0)))
    # One that is not meant to run is not late.
    stopped = chosen.embedded_redis and not chosen.redis_socket.exists()
    return Finding(
        check="feeds",
        ok=stopped or longest < LATE,
        seen=f"{active} active, {feeds.due} due" + (f", the first for {longest}" if feeds.due else ""),
        remedy="start what polls them, or more of it: `wireroom beat`, `wireroom worker --queues fetch`",
    )


def _waiting(name: str, count: int, oldest: datetime | None, now: datetime, remedy: str) -> Finding:
    late = oldest is not None and now - oldest > LATE
    age = f", the oldest since {oldest:%H:%M:%S} UTC" if oldest else ""
    return Finding(check=name, ok=not late, seen=f"{count} waiting{age}", remedy=remedy)


def _clock(whose: str, seconds: float) -> Finding:
    return Finding(
        check="clock",
        ok=seconds < CLOCK_SECONDS,
        seen=f"{seconds:.1f} s off the {whose}'s",
        remedy="synchronise the clocks (NTP): leases and Retry-After depend on them",
    )


def _redis(chosen: Settings) -> Iterator[Finding]:
    import redis

    from workers.readiness import no_writes

    if chosen.embedded_redis and not chosen.redis_socket.exists():
        yield Finding(check="redis", ok=True, seen="the embedded one is not running: `wireroom run` starts it")
        return
    client = redis.Redis.from_url(chosen.redis, socket_timeout=3, socket_connect_timeout=3)
    info = client.info()
    version = tuple(int(part) for part in str(info["redis_version"]).split(".")[:2])
    yield Finding(
        check="redis",
        ok=version >= OLDEST_REDIS,
        seen=f"version {info['redis_version']}, {info['used_memory_human']} used",
        remedy="Redis 6.2 is the oldest that works",
    )
    if (fault := no_writes(info)) is not None:
        yield Finding(
            check="writes",
            ok=False,
            seen=f"Redis {fault}",
            remedy="give it memory or disk, or let WIREROOM_REDIS_URL name the one that takes writes; nothing is lost",
        )
    seconds, micros = client.time()
    yield _clock("Redis", abs(seconds + micros / 1e6 - datetime.now(UTC).timestamp()))
    limit, policy = int(info.get("maxmemory", 0)), info.get("maxmemory_policy", "noeviction")
    if limit and policy != "noeviction":
        yield Finding(
            check="eviction",
            ok=False,
            seen=f"maxmemory-policy {policy}",
            remedy="CONFIG SET maxmemory-policy noeviction: an evicted queue binding drops messages silently",
        )
    if limit:
        share = int(info["used_memory"]) / limit
        yield Finding(check="memory", ok=share < 0.7, seen=f"{share:.0%} of maxmemory", remedy="give Redis more memory")
    yield Finding(
        check="durability",
        ok=bool(info.get("aof_enabled")),
        seen="append-only file on" if info.get("aof_enabled") else "no append-only file",
        remedy="appendonly yes: without it a restart of Redis empties queues and stream (both are refilled, later)",
    )
    lengths = {queue: client.llen(f"wireroom:{queue}") for queue in ("fetch", "ingest")}
    yield Finding(check="queues", ok=True, seen=", ".join(f"{name} {length}" for name, length in lengths.items()))
    client.close()


def _workers(chosen: Settings) -> Iterator[Finding]:
    from workers import health

    for process, age in sorted(health.ages(chosen).items()):
        yield Finding(
            check=process,
            ok=age < health.STALE_SECONDS,
            seen=f"last sign of life {age:.0f} s ago",
            remedy="restart it; its log says what it was doing. If it was stopped on purpose, remove its file "
            f"in {health.folder(chosen)}",
        )
