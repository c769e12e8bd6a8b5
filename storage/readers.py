"""Who reads the stream, and how far: what Redis knows of its consumer groups, kept where it survives Redis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.models import Reader


def positions(session: Session, stream: str) -> dict[str, int]:
    """Each known group of the stream and the position up to which it has acknowledged everything."""
    query = select(col(Reader.name), col(Reader.position)).where(col(Reader.stream) == stream)
    return dict(iter(session.execute(query)))


def note(session: Session, stream: str, groups: Mapping[str, int], *, now: datetime) -> None:
    """Keep where the groups stand; one that is no longer among them was given up and is forgotten."""
    known = positions(session, stream)
    if gone := sorted(known.keys() - groups.keys()):
        session.execute(delete(Reader).where(col(Reader.stream) == stream, col(Reader.name).in_(gone)))
    moved = [
        {"stream": stream, "name": name, "position": position, "seen_at": now}
        for name, position in sorted(groups.items())
        if known.get(name) != position
    ]
    if moved:
        make = (sqlite_insert if is_sqlite(session) else pg_insert)(Reader)
        new = {"position": make.excluded.position, "seen_at": make.excluded.seen_at}
        session.execute(make.on_conflict_do_update(index_elements=["stream", "name"], set_=new), moved)
