"""How the commands speak: tables for people, JSON for machines, errors with a remedy, exit codes for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, NoReturn
from uuid import UUID

import typer


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
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(short(value) for value in row.values()))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def short(value: Any) -> str:
    """A value for a table cell."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, StrEnum):
        return value.value
    return str(value).replace("[", r"\[")


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
    from workers.settings import BadSettings

    if isinstance(error, BadSettings):
        return str(error), Exit.USAGE
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import OperationalError

        from storage.errors import AmbiguousFeed, DuplicateFeed, StoreError

        if isinstance(error, DuplicateFeed | AmbiguousFeed):
            return str(error), Exit.CONFLICT
        if isinstance(error, StoreError):
            return str(error), Exit.NOT_FOUND
        if isinstance(error, OperationalError):
            return f"the database does not answer: {error.orig}. `wireroom doctor` says more", Exit.UNAVAILABLE
    if "redis" in sys.modules:
        from redis.exceptions import RedisError

        if isinstance(error, RedisError):
            remedy = "Is `wireroom run` running? `wireroom doctor` says more"
            return f"Redis does not answer: {error}. {remedy}", Exit.UNAVAILABLE
    return None
