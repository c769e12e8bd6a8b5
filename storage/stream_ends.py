"""How far each stream has been filled from the outbox: what lies behind that waits for the relay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select, text
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from storage.models import StreamEnd

_NOTE = text(
    "INSERT INTO stream_end (stream, position, noted_at) VALUES (:stream, :position, :now)"
    " ON CONFLICT (stream) DO UPDATE SET position = excluded.position, noted_at = excluded.noted_at"
).bindparams(bindparam("now", type_=UTCDateTime()))


def get(session: Session, stream: str) -> int | None:
    """The last position that the relay has noted as published; None while it has noted none."""
    return session.scalar(select(col(StreamEnd.position)).where(col(StreamEnd.stream) == stream))


def note(session: Session, stream: str, position: int, *, now: datetime) -> None:
    """Keep how far the stream goes, also where that is less than before; only for the holder of the lease."""
    session.connection().execute(_NOTE, {"stream": stream, "position": position, "now": now})
