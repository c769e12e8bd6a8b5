"""Many rows into one table at once, past the statement compiler: a document is hundreds of rows.

Values go through the column types' own conversion and nothing else, a column at a time. What SQLAlchemy does besides
for each row (a dictionary of parameters, a look-up per column) costs several times what the database does. Postgres
gets rows by COPY, a fifteenth of what binding a parameter per value costs. COPY cannot leave out rows that are held
already; there seldom is one, and then they all go in by a statement that can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

# Rows per statement on Postgres: statements of one size are prepared once, and 65,535 parameters are the limit. So few
# cost less by a statement than what COPY needs around it where some may be held already.
ROWS = 50

_Convert = Callable[[Any], Any]


class _Plan(NamedTuple):
    """The statement that writes rows of these columns, the one that copies them on Postgres, and what is converted."""

    insert: str
    copy: str
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
        return connection.exec_driver_sql(plan.insert, values).rowcount
    if not ignore:
        _copy(connection, plan.copy, values)
        return len(values)
    if len(values) > ROWS and _copied_whole(connection, plan.copy, values):
        return len(values)
    one, written = f"({', '.join(['%s'] * len(names))})", 0
    for start in range(0, len(values), ROWS):
        some = values[start : start + ROWS]
        statement = plan.insert.replace("VALUES", f"VALUES {', '.join([one] * len(some))}", 1)
        written += connection.exec_driver_sql(statement, tuple(value for row in some for value in row)).rowcount
    return written


def _copied_whole(connection: Connection, statement: str, values: Iterable[Sequence[Any]]) -> bool:
    """Whether COPY took the rows; where one is held already it takes none, and the transaction goes on."""
    try:
        with connection.begin_nested():
            _copy(connection, statement, values)
    except IntegrityError:
        return False
    return True


def _copy(connection: Connection, statement: str, values: Iterable[Sequence[Any]]) -> None:
    """Write rows by COPY in the connection's transaction; SQLAlchemy does not know it, so its errors are made here."""
    driver: Any = connection.connection.driver_connection
    dialect = connection.dialect
    with driver.cursor() as cursor:
        try:
            with cursor.copy(statement) as copy:
                for row in values:
                    copy.write_row(row)
        except dialect.loaded_dbapi.Error as error:
            gone = dialect.is_disconnect(error, driver, cursor)
            if gone:
                connection.invalidate(error)
            base = dialect.loaded_dbapi.Error
            raise DBAPIError.instance(
                statement, None, error, base, connection_invalidated=gone, dialect=dialect
            ) from error


@lru_cache(maxsize=64)
def _plan(dialect: Dialect, table: Table, names: tuple[str, ...], ignore: bool) -> _Plan:  # noqa: FBT001  # a cache key
    quote = dialect.identifier_preparer.quote
    listed = f"{quote(table.name)} ({', '.join(quote(name) for name in names)})"
    places = f" ({', '.join('?' * len(names))})" if dialect.name == "sqlite" else ""
    insert = f"INSERT INTO {listed} VALUES{places}{' ON CONFLICT DO NOTHING' if ignore else ''}"
    copy = f"COPY {listed} FROM STDIN"
    converts = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
    return _Plan(insert, copy, tuple((at, convert) for at, convert in enumerate(converts) if convert is not None))


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
