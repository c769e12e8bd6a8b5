"""Many rows into one table at once, past the statement compiler: a document is a thousand rows, most of them tags.

Values go through the column types' own conversion and nothing else, a column at a time. What SQLAlchemy does besides
for each row (a dictionary of parameters, a look-up per column) costs several times what the database does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Table
from sqlmodel import Session

# Rows per statement on Postgres: statements of one size are prepared once, and 65,535 parameters are the limit.
ROWS = 50

_Convert = Callable[[Any], Any]


class _Plan(NamedTuple):
    """How rows of these columns are written: the statement before and after its values, and what is converted."""

    head: str
    tail: str
    columns: tuple[tuple[int, _Convert], ...]


def insert(session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, ignore: bool = False) -> int:
    """Insert rows that all have the same keys and return how many went in; `ignore` leaves out those held already.

    No column default applies: give every column that needs a value. Raises what the driver raises, as SQLAlchemy's.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    pick = itemgetter(*names)
    return insert_values(session, table, names, [pick(row) for row in rows], ignore=ignore)


def insert_values(
    session: Session, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]], *, ignore: bool = False
) -> int:
    """As `insert`, for rows that are sequences of values in the order of `names` (two columns or more)."""
    if not rows:
        return 0
    connection = session.connection()
    plan = _plan(connection.dialect, table, names, ignore)
    values = list(_converted(rows, plan)) if plan.columns else [tuple(row) for row in rows]
    if connection.dialect.name == "sqlite":
        statement = f"{plan.head}({', '.join('?' * len(names))}){plan.tail}"
        return connection.exec_driver_sql(statement, values).rowcount
    one = f"({', '.join(['%s'] * len(names))})"
    written = 0
    for start in range(0, len(values), ROWS):
        some = values[start : start + ROWS]
        statement = f"{plan.head}{', '.join([one] * len(some))}{plan.tail}"
        written += connection.exec_driver_sql(statement, tuple(value for row in some for value in row)).rowcount
    return written


@lru_cache(maxsize=64)
def _plan(dialect: Dialect, table: Table, names: tuple[str, ...], ignore: bool) -> _Plan:  # noqa: FBT001  # a cache key
    quote = dialect.identifier_preparer.quote
    head = f"INSERT INTO {quote(table.name)} ({', '.join(quote(name) for name in names)}) VALUES "  # noqa: S608  # ours
    converts = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    columns = tuple((at, convert) for at, convert in enumerate(converts) if convert is not None)
    return _Plan(head, " ON CONFLICT DO NOTHING" if ignore else "", columns)


def _converted(rows: Sequence[Sequence[Any]], plan: _Plan) -> Iterator[tuple[Any, ...]]:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for at, convert in plan.columns:
        columns[at] = _column(columns[at], convert)
    return zip(*columns, strict=True)


def _column(values: Sequence[Any], convert: _Convert) -> list[Any]:
    """Each value converted; one that stands in row after row (an id, a time) only once."""
    last: Any = _NONE
    made: Any = None
    converted: list[Any] = []
    for value in values:
        if value is not last:
            last, made = value, convert(value)
        converted.append(made)
    return converted


_NONE = object()
