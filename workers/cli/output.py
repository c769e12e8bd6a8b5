"""How the commands speak: tables for people, JSON for machines, errors with a remedy, exit codes for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from errno import EADDRINUSE, EPIPE
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from uuid import UUID

import typer

if TYPE_CHECKING:
    from rich.console import Console


class Exit(IntEnum):
    """What a script may rely on; 2 (wrong usage) is the command line's own."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNAVAILABLE = 5


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line in listings.")]


def plain(value: Any) -> Any:
    """`value` as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, StrEnum):
        return value.value
    raise TypeError(f"no JSON form for {type(value).__name__}")


def print_json(value: Any) -> None:
    """One JSON value on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=plain))


def listing(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """A table of rows with the same keys, or one JSON object per line; `empty` says what to do when there are none."""
    if as_json:
        for row in rows:
            print_json(row)
        return
    if not rows:
        typer.echo(empty)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(short(value)) for value in row.values()))
    console_of(width=200).print(table)


def console_of(*, width: int, **options: Any) -> Console:
    """Standard output for what is set in lines: as wide as the terminal, or `width` where there is none."""
    from rich.console import Console

    class Quiet(Console):
        """One whose reader may go away: for `| head` that is no error."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(EPIPE, "nobody reads on")  # a number, since that is how typer knows it

    console = Quiet(**options)
    return console if console.is_terminal else Quiet(width=width, **options)


# All of C0 and C1 but tab and line feed: what a terminal obeys instead of showing it.
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


def visible(text: str) -> str:
    """Text of a stranger's for a terminal: what would move its cursor, colour it or name its window is written out."""
    return text.translate(CONTROLS)


def short(value: Any) -> str:
    """A value for a table cell."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, StrEnum):
        return value.value
    return visible(str(value))


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Say what is wrong on standard error, and end with `code`."""
    typer.echo(f"wireroom: {message}", err=True)
    raise typer.Exit(code)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what can be wrong into one line with its remedy and the right exit code."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except BrokenPipeError:
        # `wireroom events tail | head` is no error.
        sys.stderr.close()
        raise typer.Exit(Exit.OK) from None
    except Exception as error:
        found = _explanation(error)
        if found is None:
            raise
        fail(*found)


def _explanation(error: Exception) -> tuple[str, Exit] | None:
    """What to say of an error, and the exit code; None for one that nobody foresaw."""
    if (found := _of_settings(error) or _of_the_database(error)) is not None:
        return found
    # What Postgres says as a DataError, SQLite's driver says so.
    if isinstance(error, OverflowError) and "SQLite" in str(error):
        return "a number is larger than any that the database can hold", Exit.USAGE
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return "an argument is not UTF-8", Exit.USAGE
    if isinstance(error, OSError) and error.errno == EADDRINUSE:
        return "a port is in use already: see the settings WIREROOM_…_PORT", Exit.CONFLICT
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", Exit.FAILED
    if "redis" in sys.modules:
        from redis.exceptions import RedisError

        if isinstance(error, RedisError):
            remedy = "Is `wireroom run` running? `wireroom doctor` says more"
            return f"Redis does not answer: {error}. {remedy}", Exit.UNAVAILABLE
    return None


def _of_settings(error: Exception) -> tuple[str, Exit] | None:
    from workers.settings import BadSettings

    if isinstance(error, BadSettings):
        return str(error), Exit.USAGE
    if "tasks.enrich.desk_file" in sys.modules:
        from tasks.enrich.desk_file import RulesError

        if isinstance(error, RulesError):
            return f"WIREROOM_RULES: {error}", Exit.USAGE
    return None


def _of_the_database(error: Exception) -> tuple[str, Exit] | None:
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import ArgumentError, DatabaseError, DataError

    from storage.db import away
    from storage.errors import Ambiguous, DuplicateFeed, LeaseLost, NewerSchema, StoreError, Taken

    if isinstance(error, DuplicateFeed | Ambiguous | Taken | LeaseLost):
        return str(error), Exit.CONFLICT
    if isinstance(error, NewerSchema):
        return f"{error}: install that release, or put the database back from a copy", Exit.UNAVAILABLE
    if isinstance(error, StoreError):
        return str(error), Exit.NOT_FOUND
    if isinstance(error, DatabaseError) and away(error):
        return f"the database does not answer: {error.orig}. `wireroom doctor` says more", Exit.UNAVAILABLE
    if isinstance(error, DatabaseError) and "not a database" in str(error.orig):
        return f"the database cannot be read: {error.orig}. Put its file back from a copy", Exit.UNAVAILABLE
    if isinstance(error, DataError):
        return f"the database cannot hold what was given: {error.orig}", Exit.USAGE
    if isinstance(error, ArgumentError):
        return "WIREROOM_DATABASE_URL is no URL: postgresql://user:password@host:5432/name", Exit.USAGE
    return None
