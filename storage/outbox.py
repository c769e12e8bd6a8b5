"""The outbox: events kept with the change they tell of, each with its place in the order of all of them.

A place (`position`) is given away as the last act of the transaction that keeps the event. On Postgres whoever takes
places locks the row that counts them until he has committed, on SQLite the writer is alone: so places follow the
commits, without gaps. Whoever reads by position can therefore stop anywhere and go on from there: no event appears
later below a position once read. An id drawn from a sequence would not give that: it is handed out before it is known
in which order the transactions commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, event, func, select, text, update
from sqlmodel import Session, col

from storage import aside, bulk
from storage.encode import to_json
from storage.models import OutboxEnd, OutboxEvent, metadata
from storage.records import Event

# Positions follow the commits, times the happenings: a long transaction may come this much later than its time says.
LATENESS = timedelta(minutes=10)
# The table's columns: the model's are loaded as objects are, which doubles what a look for a few events costs.
_OUTBOX = metadata.tables["outbox"].c
_COLUMNS = (
    _OUTBOX.position,
    _OUTBOX.event_id,
    _OUTBOX.type,
    _OUTBOX.subject,
    _OUTBOX.feed_id,
    _OUTBOX.created_at,
    _OUTBOX.body,
    _OUTBOX.traceparent,
)
_LAST = select(metadata.tables["outbox_end"].c.position)
_KEPT = ("position", "event_id", "type", "feed_id", "subject", "created_at", "traceparent", "body")
_TAKE = {
    # All others wait for whoever has the count, and give up after 20 s (`storage.db`): one that freezes there loses his
    # connection before, and with it the places.
    "postgresql": text(
        "UPDATE outbox_end SET position = position + :count"
        " RETURNING position, set_config('idle_in_transaction_session_timeout', '10s', true)"
    ),
    # A worker of the release before lets SQLite number the row: it must be seen, or the next one would be refused.
    "sqlite": text(
        "UPDATE outbox_end SET position = max(position, coalesce((SELECT max(position) FROM outbox), 0)) + :count"
        " RETURNING position"
    ),
}
# One look into the index for each id; OFFSET 0 keeps Postgres from reading the whole table for many.
_HELD = {
    "postgresql": text(
        "SELECT held.event_id FROM json_array_elements_text(CAST(:ids AS json)) AS wanted(id)"
        " CROSS JOIN LATERAL (SELECT event_id FROM outbox WHERE event_id = wanted.id OFFSET 0) AS held"
    ),
    "sqlite": text("SELECT event_id FROM json_each(:ids) AS wanted CROSS JOIN outbox ON event_id = wanted.value"),
}
# Away from all places first: the new ones may be the old ones of others.
_LIFT = text("UPDATE outbox SET position = -position WHERE position > :after")
_PLACE = text(
    "UPDATE outbox SET position = numbered.place FROM ("
    "SELECT position AS held, :end + row_number() OVER (ORDER BY position DESC) AS place FROM outbox WHERE position < 0"
    ") AS numbered WHERE outbox.position = numbered.held"
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
    """The first position that the outbox still has, and the last that was given away; 0 when there is none."""

    first: int
    last: int


def record(session: Session, events: Sequence[Event]) -> None:
    """Keep events in the transaction of the change they tell of; one that is kept already stays as it is.

    They are written when the session commits, and have their places then. Order per subject is the order of the
    commits only if whoever writes holds that subject's lock while he writes.
    """
    aside.put(session, events)


@event.listens_for(Session, "before_commit")
def _write_last(session: Session) -> None:
    """Write what is put aside as the last act: whoever waited for a lock after this one could wait for ever."""
    if aside.ending(session) and (events := aside.take(session)):
        session.flush()
        told: dict[str, Event] = {}
        for one in events:
            told.setdefault(one.id, one)
        _write(session, told)


def _write(session: Session, told: Mapping[str, Event]) -> None:
    """Give events, by their ids, the next places, but for those that are held already."""
    end = _end(session, take=len(told))
    # Asked for behind the lock: everyone who may have kept one has committed.
    if held := _held(session, told):
        end -= len(held)
        session.connection().execute(update(OutboxEnd).values(position=end))
    new = [one for one in told.values() if one.id not in held]
    rows = [
        (place, one.id, one.type, one.feed_id, one.subject, one.time, one.traceparent, one.body)
        for place, one in enumerate(new, end - len(new) + 1)
    ]
    bulk.insert_values(session, metadata.tables["outbox"], _KEPT, rows)


def _end(session: Session, *, take: int) -> int:
    """The last position, after `take` more were given away; locked until the transaction ends."""
    connection = session.connection()
    return int(connection.execute(_TAKE[connection.dialect.name], {"count": take}).scalar_one())


def _held(session: Session, ids: Iterable[str]) -> set[str]:
    connection = session.connection()
    found = connection.execute(_HELD[connection.dialect.name], {"ids": to_json(list(ids))})
    return set(found.scalars())


def place_again(session: Session, *, after: int, end: int) -> int:
    """Give the events after `after` new places behind `end`, and the next ones theirs behind those; returns how many.

    `after` is no further than `end`. Only upwards, so that whoever reads by position misses none of them; only for the
    holder of the lease.
    """
    _end(session, take=0)
    connection = session.connection()
    moved = connection.execute(_LIFT, {"after": after}).rowcount
    if moved:
        connection.execute(_PLACE, {"end": end})
    last = col(OutboxEnd.position)
    connection.execute(update(OutboxEnd).where(last < end + moved).values(position=end + moved))
    return moved


def read_after(
    session: Session, position: int, *, limit: int, before: int | None = None, max_bytes: int | None = None
) -> list[Stamped]:
    """Events after `position`, and before `before` when given, in order; `max_bytes` stops early, after one or more."""
    query = select(*_COLUMNS).where(_OUTBOX.position > position)
    if before is not None:
        query = query.where(_OUTBOX.position < before)
    found: list[Stamped] = []
    size = 0
    with session.execute(query.order_by(_OUTBOX.position).limit(limit)) as rows:
        for row in rows:
            found.append(_stamped(row))
            size += len(row[6])
            if max_bytes is not None and size >= max_bytes:
                break
    return found


def get(session: Session, position: int) -> Stamped | None:
    """The event at a position; None when there is none, or no longer."""
    row = session.execute(select(*_COLUMNS).where(_OUTBOX.position == position)).one_or_none()
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
    """Where the outbox begins and ends."""
    first = session.scalar(select(func.min(col(OutboxEvent.position))))
    return Bounds(first=first or 0, last=last_position(session))


def last_position(session: Session) -> int:
    """The last position that was given away, 0 when none was."""
    return session.scalar(_LAST) or 0


def at(session: Session, positions: Collection[int]) -> dict[int, str]:
    """The ids of the events at these positions; those that are not there, or no longer, are left out."""
    query = select(_OUTBOX.position, _OUTBOX.event_id).where(_OUTBOX.position.in_(positions))
    return dict(iter(session.execute(query)))


def position_of(session: Session, event_id: str) -> int | None:
    """Where an event stands; None while it is unknown."""
    return session.scalar(select(col(OutboxEvent.position)).where(col(OutboxEvent.event_id) == event_id))


def first_since(session: Session, moment: datetime) -> int | None:
    """The lowest position of an event recorded at `moment` or later; None when there is none."""
    at, position = col(OutboxEvent.created_at), col(OutboxEvent.position)
    first = session.scalar(select(at).where(at >= moment).order_by(at).limit(1))
    if first is None:
        return None
    return session.scalar(select(func.min(position)).where(at >= first, at <= first + LATENESS))


def past(session: Session, moment: datetime) -> int:
    """The last position below which everything was recorded before `moment`; 0 when there is nothing as old."""
    at, position = col(OutboxEvent.created_at), col(OutboxEvent.position)
    last = session.scalar(select(at).where(at < moment).order_by(at.desc()).limit(1))
    if last is None:
        return 0
    found = session.scalar(select(func.max(position)).where(at <= last, at >= last - LATENESS)) or 0
    first = first_since(session, moment)
    return found if first is None else min(found, first - 1)


def prune(session: Session, before: datetime, *, upto: int | None = None, limit: int = 1000) -> int:
    """Drop events recorded before that moment, and not after position `upto`; returns how many.

    The newest event always stays: by it the relay knows whether a stream is this database's.
    """
    end = min(past(session, before), last_position(session) - 1)
    end = end if upto is None else min(end, upto)
    position = col(OutboxEvent.position)
    doomed = select(position).where(position <= end).order_by(position).limit(limit)
    return session.connection().execute(delete(OutboxEvent).where(position.in_(doomed))).rowcount
