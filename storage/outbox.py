"""The outbox: events kept with the change they tell of, and given their place in the order after the commit.

An event's place (`position`) is stamped by one relay at a time, without gaps, on rows that are committed. Whoever reads
by position can therefore stop anywhere and go on from there: no event appears later below a position once read.
An `id` does not give that: ids are handed out before it is known in which order the transactions commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlmodel import Session, col

from storage import bulk
from storage.models import OutboxEvent, metadata
from storage.records import Event

_STAMP = text(
    "UPDATE outbox SET position = numbered.place FROM ("
    "SELECT id, :base + row_number() OVER (ORDER BY id) AS place FROM ("
    "SELECT id FROM outbox WHERE position IS NULL ORDER BY id LIMIT :limit) AS unstamped"
    ") AS numbered WHERE outbox.id = numbered.id"
)


# Positions follow the commits, times the happenings: a long transaction may come this much later than its time says.
LATENESS = timedelta(minutes=10)
_COLUMNS: tuple[Any, ...] = (
    col(OutboxEvent.position),
    col(OutboxEvent.event_id),
    col(OutboxEvent.type),
    col(OutboxEvent.subject),
    col(OutboxEvent.feed_id),
    col(OutboxEvent.created_at),
    col(OutboxEvent.body),
    col(OutboxEvent.traceparent),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamped:
    """An event with its place in the order; `body` is the CloudEvent as JSON text."""

    position: int
    id: str
    type: str
    subject: str
    feed_id: int | None
    created_at: datetime
    body: str
    traceparent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What the outbox holds: first and last stamped position (0 when there is none), and what waits for its stamp."""

    first: int
    last: int
    waiting: int
    oldest_waiting: datetime | None


def record(session: Session, events: Sequence[Event]) -> None:
    """Keep events in the transaction of the change they tell of; one that is kept already stays as it is.

    Order per subject is the order of the commits only if whoever writes holds that subject's lock while he writes.
    """
    kept = [(e.id, e.type, e.feed_id, e.subject, e.body, e.time, e.traceparent) for e in events]
    bulk.insert_values(session, metadata.tables["outbox"], _KEPT, kept, ignore=True)


_KEPT = ("event_id", "type", "feed_id", "subject", "body", "created_at", "traceparent")


def waiting(session: Session) -> bool:
    """Whether any committed event has no place yet."""
    query = select(col(OutboxEvent.id)).where(col(OutboxEvent.position).is_(None)).limit(1)
    return session.scalar(query) is not None


def stamp(session: Session, *, limit: int, floor: int = 0) -> int:
    """Give the next `limit` events their places and return how many there were; only for the holder of the lease.

    `floor` is a position known to be taken elsewhere (the stream's last): a database restored from an older copy must
    not hand it out again.
    """
    base = max(session.scalar(select(func.max(col(OutboxEvent.position)))) or 0, floor)
    return session.connection().execute(_STAMP, {"limit": limit, "base": base}).rowcount


def unstamp(session: Session, after: int) -> int:
    """Take their places from the events after `after`, so that they get new ones; only for the holder of the lease."""
    taken = update(OutboxEvent).where(col(OutboxEvent.position) > after).values(position=None)
    return session.connection().execute(taken).rowcount


def read_after(
    session: Session, position: int, *, limit: int, before: int | None = None, max_bytes: int | None = None
) -> list[Stamped]:
    """Events after `position`, and before `before` when given, in order; `max_bytes` stops early, after one or more."""
    query = select(*_COLUMNS).where(col(OutboxEvent.position) > position)
    if before is not None:
        query = query.where(col(OutboxEvent.position) < before)
    found: list[Stamped] = []
    size = 0
    for row in session.execute(query.order_by(col(OutboxEvent.position)).limit(limit)):
        found.append(_stamped(row))
        size += len(row[6])
        if max_bytes is not None and size >= max_bytes:
            break
    return found


def get(session: Session, position: int) -> Stamped | None:
    """The event at a position; None when there is none, or no longer."""
    row = session.execute(select(*_COLUMNS).where(col(OutboxEvent.position) == position)).one_or_none()
    return None if row is None else _stamped(row)


def _stamped(row: Any) -> Stamped:
    position, name, kind, subject, feed_id, created_at, body, traceparent = row
    return Stamped(
        position=position,
        id=name,
        type=kind,
        subject=subject,
        feed_id=feed_id,
        created_at=created_at,
        body=body,
        traceparent=traceparent,
    )


def bounds(session: Session) -> Bounds:
    """Where the outbox begins and ends, and how much waits for the relay."""
    # Two subqueries: SQLite takes one aggregate from the index, but reads the whole table for two.
    first, last = session.execute(
        select(
            select(func.min(col(OutboxEvent.position))).scalar_subquery(),
            select(func.max(col(OutboxEvent.position))).scalar_subquery(),
        )
    ).one()
    count, oldest = session.execute(
        select(func.count(), func.min(col(OutboxEvent.created_at))).where(col(OutboxEvent.position).is_(None))
    ).one()
    return Bounds(first=first or 0, last=last or 0, waiting=count, oldest_waiting=oldest)


def last_position(session: Session) -> int:
    """The last position that was given away, 0 when none was."""
    return session.scalar(select(func.max(col(OutboxEvent.position)))) or 0


def at(session: Session, position: int) -> str | None:
    """The id of the event at a position; None when there is none, or no longer."""
    return session.scalar(select(col(OutboxEvent.event_id)).where(col(OutboxEvent.position) == position))


def position_of(session: Session, event_id: str) -> int | None:
    """Where an event stands; None while it is unknown or has no place yet."""
    return session.scalar(select(col(OutboxEvent.position)).where(col(OutboxEvent.event_id) == event_id))


def first_since(session: Session, moment: datetime) -> int | None:
    """The lowest position of an event recorded at `moment` or later; None when there is none."""
    at, position = col(OutboxEvent.created_at), col(OutboxEvent.position)
    first = session.scalar(select(at).where(at >= moment, position.is_not(None)).order_by(at).limit(1))
    if first is None:
        return None
    return session.scalar(select(func.min(position)).where(at >= first, at <= first + LATENESS))


def past(session: Session, moment: datetime) -> int:
    """The last position below which everything was recorded before `moment`; 0 when there is nothing as old."""
    at, position = col(OutboxEvent.created_at), col(OutboxEvent.position)
    last = session.scalar(select(at).where(at < moment, position.is_not(None)).order_by(at.desc()).limit(1))
    if last is None:
        return 0
    found = session.scalar(select(func.max(position)).where(at <= last, at >= last - LATENESS)) or 0
    first = first_since(session, moment)
    return found if first is None else min(found, first - 1)


def prune(session: Session, before: datetime, *, upto: int | None = None, limit: int = 1000) -> int:
    """Drop events recorded before that moment, and not after position `upto`; returns how many.

    The newest stamped event always stays, since the next position is counted from it.
    """
    end = min(past(session, before), last_position(session) - 1)
    end = end if upto is None else min(end, upto)
    position = col(OutboxEvent.position)
    doomed = select(col(OutboxEvent.id)).where(position <= end).order_by(position).limit(limit)
    return session.connection().execute(delete(OutboxEvent).where(col(OutboxEvent.id).in_(doomed))).rowcount
