"""The store as a command opens it: the schema at the newest migration, or a word on how to get it there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workers.cli.output import Exit, explained, fail
from workers.settings import Settings, settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from storage.db import Sessions
    from storage.migrate import SchemaStatus
    from tasks.room import Room


@contextmanager
def opened_store() -> Iterator[Sessions]:
    """Sessions on the database in force; the embedded one is made and migrated on the spot."""
    from storage import migrate
    from storage.db import make_sessions, opened

    with explained():
        chosen = settings()
        if chosen.database_url is None:
            chosen.data_dir.mkdir(parents=True, exist_ok=True)
        with opened(chosen.database) as engine:
            status = migrate.status(engine)
            if not status.up_to_date:
                _bring_up(chosen, engine, status)
            yield make_sessions(engine)


def check_rules(chosen: Settings) -> None:
    """Read the desk's rules before the work that needs them begins; raises RulesError."""
    if chosen.rules is not None:
        from tasks.enrich.rules import load_desk

        load_desk(chosen.rules)


def _bring_up(chosen: Settings, engine: Engine, status: SchemaStatus) -> None:
    from storage import migrate

    if chosen.database_url is None or not status.known:
        migrate.upgrade(engine)  # refuses what a later release migrated, and says so
        return
    fail(f"the database schema is not this version's ({status}): run `wireroom db upgrade`", Exit.UNAVAILABLE)


@contextmanager
def opened_room() -> Iterator[Room]:
    """The room of a command that does the work itself; log lines go to standard error at WARNING."""
    from workers.logs import quiet
    from workers.rooms import room_of

    with opened_store() as sessions:
        quiet()
        yield room_of(settings(), sessions)
