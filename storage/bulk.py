"""Many rows into one table at once, past the statement compiler: a document is hundreds of rows.

Values go through the column types' own conversion and nothing else, a column at a time. What SQLAlchemy does besides
for each row (a dictionary of parameters, a look-up per column) costs several times what the database does. Postgres
gets rows by COPY, a fifteenth of what binding a parameter per value costs, and in binary: as text they cost both sides
a fourth more. COPY cannot leave out rows that are held already; there seldom is one, and then they all go in by a
statement that can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import JSON, Connection, Dialect, Table, Text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from storage.copying import Field, copied, field_of
from storage.encode import json_bytes

# Rows per statement on Postgres: statements of one size are prepared once, and 65,535 parameters are the limit. So few
# cost less by a statement than what COPY needs around it where some may be held already.
ROWS = 50

Made = TypeVar("Made")
_Convert = Callable[[Any], Any]


class _Plan(NamedTuple):
    """The statement that writes rows of these columns, and which of them are converted for it.

    On Postgres also the statement that copies rows, and what makes the field of each column.
    """

    insert: str
    columns: tuple[tuple[int, _Convert], ...]
    copy: str = ""
    fields: tuple[Field, ...] = ()


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
    """As `insert`, for rows that are sequences of values in the order of `names` (two columns or more).

    A column of long text takes its text in UTF-8, too, which need not be put together as a string before.
    """
    if not rows:
        return 0
    connection = session.connection()
    plan = _plan(connection.dialect, table, names, ignore)
    if connection.dialect.name == "sqlite":
        return connection.exec_driver_sql(plan.insert, _converted(rows, plan)).rowcount
    if not ignore:
        _copy(connection, plan.copy, _copied(rows, plan))
        return len(rows)
    if len(rows) > ROWS and _copied_whole(connection, plan.copy, _copied(rows, plan)):
        return len(rows)
    values = _converted(rows, plan)
    one, written = f"({', '.join(['%s'] * len(names))})", 0
    for start in range(0, len(values), ROWS):
        some = values[start : start + ROWS]
        statement = plan.insert.replace("VALUES", f"VALUES {', '.join([one] * len(some))}", 1)
        written += connection.exec_driver_sql(statement, tuple(value for row in some for value in row)).rowcount
    return written


def copy(session: Session, table: Table, names: tuple[str, ...], sent: bytes) -> None:
    """Insert rows on Postgres that are as COPY is sent them (`storage.copying`)."""
    connection = session.connection()
    _copy(connection, _plan(connection.dialect, table, names, ignore=False).copy, sent)


def _copied_whole(connection: Connection, statement: str, sent: bytes) -> bool:
    """Whether COPY took the rows; where one is held already it takes none, and the transaction goes on."""
    try:
        with connection.begin_nested():
            _copy(connection, statement, sent)
    except IntegrityError:
        return False
    return True


def _copied(rows: Sequence[Sequence[Any]], plan: _Plan) -> bytes:
    columns = zip(*rows, strict=True)
    return copied([_column(values, field) for values, field in zip(columns, plan.fields, strict=True)])


def _copy(connection: Connection, statement: str, sent: bytes) -> None:
    """Write rows by COPY in the connection's transaction; SQLAlchemy does not know it, so its errors are made here."""
    driver: Any = connection.connection.driver_connection
    dialect = connection.dialect
    with driver.cursor() as cursor:
        try:
            with cursor.copy(statement) as rows:
                rows.write(sent)
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
    types = [table.c[name].type for name in names]
    sqlite = dialect.name == "sqlite"
    places = f" ({', '.join(map(_sqlite_place, types))})" if sqlite else ""
    insert = f"INSERT INTO {listed} VALUES{places}{' ON CONFLICT DO NOTHING' if ignore else ''}"
    converts = [kind.dialect_impl(dialect).bind_processor(dialect) for kind in types]
    if sqlite:
        converts = [json_bytes if isinstance(kind, JSON) else made for kind, made in zip(types, converts, strict=True)]
    columns = tuple((at, convert) for at, convert in enumerate(converts) if convert is not None)
    if sqlite:
        return _Plan(insert, columns)
    fields = tuple(field_of(table.c[name], dialect) for name in names)
    return _Plan(insert, columns, f"COPY {listed} FROM STDIN (FORMAT BINARY)", fields)


def _sqlite_place(kind: TypeEngine[Any]) -> str:
    """Where a value of this type goes: bytes are a BLOB to SQLite, also those of a text."""
    return "CAST(? AS TEXT)" if isinstance(kind, (JSON, Text)) else "?"


def _converted(rows: Sequence[Sequence[Any]], plan: _Plan) -> list[tuple[Any, ...]]:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for at, convert in plan.columns:
        columns[at] = _column(columns[at], convert)
    return list(zip(*columns, strict=True))


def _column(values: Sequence[Any], convert: Callable[[Any], Made]) -> list[Made]:
    """Each value converted; one that stands in row after row (an id, a time) only once."""
    last: Any = _NONE
    made: Any = None
    converted: list[Made] = []
    for value in values:
        if value is not last:
            last, made = value, convert(value)
        converted.append(made)
    return converted


_NONE = object()
