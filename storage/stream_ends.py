"""How far each stream has been filled from the outbox: what lies behind that waits for the relay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.models import StreamEnd


def get(session: Session, stream: str) -> int | None:
    """The last position that the relay has noted as published; None while it has noted none."""
    return session.scalar(select(col(StreamEnd.position)).where(col(StreamEnd.stream) == stream))


def note(session: Session, stream: str, position: int, *, now: datetime) -> None:
    """Keep how far the stream goes, also where that is less than before; only for the holder of the lease."""
    make = (sqlite_insert if is_sqlite(session) else pg_insert)(StreamEnd)
    row = make.values(stream=stream, position=position, noted_at=now)
    new = {"position": row.excluded.position, "noted_at": row.excluded.noted_at}
    session.execute(row.on_conflict_do_update(index_elements=["stream"], set_=new))
