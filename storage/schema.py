"""Where a database's schema stands, asked without SQLAlchemy and Alembic: 30 MB that a health check has no use for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg

MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
ASK = "SELECT version_num FROM alembic_version"
# Seconds that connecting may take.
PATIENCE = 5


class Unreachable(Exception):
    """The database does not answer, or takes no writes; the text says how."""


def newest() -> str:
    """The revision that this version of the code needs: migrations are numbered, and the last one is the head."""
    return max(file.name.partition("_")[0] for file in MIGRATIONS.glob("[0-9]*_*.py"))


def revision(url: str) -> str | None:
    """The revision of the database at a SQLAlchemy URL, None where there is no schema yet; raises Unreachable.

    The connection is opened for this and closed. A SQLite file that is not there is not made.
    """
    scheme, _, rest = url.partition("://")
    if scheme.startswith("sqlite"):
        return _of_sqlite(rest[1:].partition("?")[0])
    try:
        with psycopg.connect(f"postgresql://{rest}", connect_timeout=PATIENCE) as connection:
            if connection.execute("SHOW transaction_read_only").fetchone() == ("on",):
                raise Unreachable("takes no writes: it is a standby, or read-only")
            row = connection.execute(ASK).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.Error as error:
        raise Unreachable(f"does not answer ({type(error).__name__})") from error
    return row[0] if row else None


def _of_sqlite(path: str) -> str | None:
    if not Path(path).exists():
        raise Unreachable("its file is not there yet")
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
            row = connection.execute(ASK).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise Unreachable(f"does not answer ({type(error).__name__})") from error
    return row[0] if row else None
