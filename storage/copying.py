"""Rows as Postgres takes them by COPY in its binary form, which costs both sides less than text.

https://www.postgresql.org/docs/current/sql-copy.html (Binary Format): each field is its length in four bytes, then the
value as its type is sent in binary. It is made for a column's type as the database has it: unlike text, an integer of
eight bytes does not go into a column of four.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from struct import Struct
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Dialect
from sqlalchemy.types import JSON, LargeBinary

from storage.encode import json_bytes

Field = Callable[[Any], bytes]

_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_length = Struct(">i").pack
_width = Struct(">h").pack
# The length and the value in one go.
_smallint, _integer, _bigint, _float = (Struct(f">i{kind}").pack for kind in "hiqd")

# What Postgres counts a time from, in microseconds.
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def field_of(column: Column[Any], dialect: Dialect) -> Field:
    """What turns a value for this column into its field; the column type's own conversion comes first."""
    field = _FIELDS[column.type.compile(dialect).partition("(")[0]]
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    # What these make of a value is for the driver, which would turn it into text.
    if convert is None or isinstance(column.type, (JSON, LargeBinary)):
        return lambda value: _NULL if value is None else field(value)
    return lambda value: _NULL if value is None else field(convert(value))


def copied(columns: Sequence[Sequence[bytes]]) -> bytes:
    """What COPY is sent for rows whose fields are given by column."""
    rows = zip(repeat(_width(len(columns))), *columns, strict=False)
    return b"".join([_HEADER, *chain.from_iterable(rows), _TRAILER])


def enclosed(rows: bytes) -> bytes:
    """What COPY is sent for rows that somebody has made: for each how many fields it has (two bytes), and those."""
    return _HEADER + rows + _TRAILER


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


def _text(value: str | bytes) -> bytes:
    return _bytes(value if isinstance(value, bytes) else value.encode())


def _json(value: Any) -> bytes:
    return _bytes(json_bytes(value))


def _uuid(value: UUID) -> bytes:
    return _bytes(value.bytes)


def _time(value: datetime) -> bytes:
    return _bigint(8, (value - _EPOCH) // _MICROSECOND)


_FIELDS: dict[str, Field] = {
    "BIGINT": lambda value: _bigint(8, value),
    "BOOLEAN": lambda value: _bytes(b"\1" if value else b"\0"),
    "BYTEA": _bytes,
    "FLOAT": lambda value: _float(8, value),
    "INTEGER": lambda value: _integer(4, value),
    "JSON": _json,
    "SMALLINT": lambda value: _smallint(2, value),
    "TEXT": _text,
    "TIMESTAMP WITH TIME ZONE": _time,
    "UUID": _uuid,
    "VARCHAR": _text,
}
