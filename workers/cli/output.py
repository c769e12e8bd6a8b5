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
    from redis.exceptions import RedisError
    from sqlalchemy.exc import OperationalError

    from storage.errors import AmbiguousFeed, DuplicateFeed, StoreError
    from workers.settings import BadSettings

    try:
        yield
    except BadSettings as error:
        fail(str(error), Exit.USAGE)
    except (DuplicateFeed, AmbiguousFeed) as error:
        fail(str(error), Exit.CONFLICT)
    except StoreError as error:
        fail(str(error), Exit.NOT_FOUND)
    except OperationalError as error:
        fail(f"the database does not answer: {error.orig}. `wireroom doctor` says more", Exit.UNAVAILABLE)
    except RedisError as error:
        fail(
            f"Redis does not answer: {error}. Is `wireroom run` running? `wireroom doctor` says more", Exit.UNAVAILABLE
        )
    except BrokenPipeError:
        # `wireroom events tail | head` is no error.
        sys.stderr.close()
        raise typer.Exit(Exit.OK) from None
