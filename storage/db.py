"""Engine and session factory; `with sessions.begin() as session:` is the unit of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from storage.encode import to_json

# A worker that waits longer than this for SQLite's single writer has met a stuck process, not a busy one.
SQLITE_BUSY_MS = 15_000
# Pages that a connection keeps: the inner pages of the indexes of a large store, and what one transaction changes.
SQLITE_CACHE_KB = 8_000
# Longest a transaction may sit idle on Postgres: past it the process is frozen and holds others up. No statement here
# runs long enough to be worth compiling (jit), which a table that was not analyzed yet makes Postgres believe.
POSTGRES_OPTIONS = "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=20000 -c timezone=UTC -c jit=off"
# What Postgres calls it when it takes no writes: it is a standby, or was told so.
READ_ONLY = "25006"

Sessions = sessionmaker[Session]


def make_engine(url: str, *, sqlite_cache_kb: int = SQLITE_CACHE_KB) -> Engine:
    """An engine for one process; make it after a fork, dispose of it at the end.

    `postgres://` and `postgresql://` are taken for psycopg 3, the driver the project ships. `sqlite_cache_kb` is what
    each connection to SQLite keeps in memory, in KiB; on Postgres it says nothing.
    """
    try:
        parsed = make_url(url)
    except ValueError:
        raise ArgumentError("its port is no number") from None  # it may hold a password
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, json_serializer=to_json, connect_args={"timeout": SQLITE_BUSY_MS / 1000})
        event.listen(engine, "connect", partial(_sqlite_connected, cache_kb=sqlite_cache_kb))
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    engine = create_engine(
        parsed,
        json_serializer=to_json,
        pool_pre_ping=True,
        pool_size=5,
        # Else a database that is not UTF-8 has every text come as bytes, and fails with a TypeError somewhere.
        connect_args={"options": POSTGRES_OPTIONS, "connect_timeout": 5, "client_encoding": "UTF8"},
    )
    event.listen(engine, "handle_error", _postgres_failed)
    return engine


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """An engine for as long as it takes, whatever comes of it."""
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def make_sessions(engine: Engine) -> Sessions:
    """The session factory over `engine`; rows stay readable after commit."""
    return sessionmaker(engine, class_=Session, expire_on_commit=False)


def away(error: BaseException) -> bool:
    """Whether it is the database that failed (gone, restarted, full, busy), and not what it was asked to keep."""
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_sqlite(session: Session) -> bool:
    """Whether `session` speaks to SQLite, which has one writer and neither SKIP LOCKED nor advisory locks."""
    return session.get_bind().dialect.name == "sqlite"


def _postgres_failed(context: ExceptionContext) -> None:
    # A server that was made a standby keeps its connections: only a new one may lead to the one that takes writes.
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def _sqlite_connected(connection: Any, _record: object, *, cache_kb: int) -> None:
    # The driver's own BEGIN is deferred; a deferred transaction that turns writer fails at once when another writes.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"cache_size=-{cache_kb}",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    # Readers need no writer's lock: `execution_options(readonly=True)` says so.
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """A session that only reads, and so never waits for SQLite's writer; it connects with its first query."""
    with sessions(bind=_read_only(sessions.kw["bind"])) as session:
        yield session


def _read_only(engine: Engine) -> Engine:
    """The engine as readers use it: the same connections, whose transactions begin as those of readers do."""
    if _READ_ONLY not in engine.__dict__:
        engine.__dict__[_READ_ONLY] = engine.execution_options(readonly=True)
    held: Engine = engine.__dict__[_READ_ONLY]
    return held


# Where an engine keeps that: to make one for each reading costs more than a query.
_READ_ONLY = "wireroom_read_only"
