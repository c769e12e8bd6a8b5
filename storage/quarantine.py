"""The quarantine: what could not be ingested, why, and its bytes. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from storage.documents import compress, decompress, digest
from storage.models import Document, Quarantined, QuarantineState
from storage.records import BadEntry


def hold(session: Session, document: Document, bad: Sequence[BadEntry], now: datetime) -> int:
    """Keep the bad entries of a document; one whose bytes the feed's quarantine holds already is not added again.

    Returns how many are new.
    """
    names = {digest(entry.raw): entry for entry in bad}
    if not names:
        return 0
    query = select(col(Quarantined.raw_sha256)).where(
        col(Quarantined.feed_id) == document.feed_id,
        col(Quarantined.raw_sha256).in_(names),
        col(Quarantined.state) != QuarantineState.RELEASED,
    )
    held = set(session.scalars(query))
    fresh = [
        Quarantined(
            feed_id=document.feed_id,
            document_id=document.id,
            position=entry.position if entry.position >= 0 else None,
            reason=entry.reason,
            error=entry.error,
            raw=compress(entry.raw),
            raw_sha256=name,
            created_at=now,
        )
        for name, entry in names.items()
        if name not in held
    ]
    session.add_all(fresh)
    return len(fresh)


def listing(
    session: Session, *, state: QuarantineState | None, feed_id: int | None, limit: int
) -> Sequence[Quarantined]:
    """The quarantine, newest first."""
    query = select(Quarantined).order_by(col(Quarantined.id).desc()).limit(limit)
    if state is not None:
        query = query.where(col(Quarantined.state) == state)
    if feed_id is not None:
        query = query.where(col(Quarantined.feed_id) == feed_id)
    return session.scalars(query).all()


def raw(row: Quarantined) -> bytes:
    """The bytes as they came."""
    return decompress(row.raw)


def decide(session: Session, row: Quarantined, state: QuarantineState, now: datetime) -> None:
    """Mark what became of a quarantined thing."""
    row.state, row.decided_at = state, now
    session.add(row)


def held_count(session: Session) -> int:
    """How many things wait for somebody's decision."""
    query = select(func.count()).select_from(Quarantined).where(col(Quarantined.state) == QuarantineState.HELD)
    return session.scalar(query) or 0
