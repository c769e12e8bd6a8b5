"""Leases: a job that one process at a time may do, and the token that fences a former holder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.errors import LeaseLost
from storage.models import Lease


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A lease as its holder has it; `token` is larger than that of every earlier holder."""

    name: str
    holder: str
    token: int
    until: datetime


def acquire(session: Session, name: str, *, holder: str, ttl: timedelta, now: datetime) -> Held | None:
    """Take the lease if it is free, has run out or is the holder's own; None while another one has it.

    Taking up one's own lease again keeps the token: a restarted process needs a holder name of its own.
    """
    make = sqlite_insert if is_sqlite(session) else pg_insert
    fresh = make(Lease).values(name=name, holder=holder, token=1, until=now + ttl)
    mine = col(Lease.holder) == holder
    statement = fresh.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "holder": holder,
            "token": col(Lease.token) + case((mine, 0), else_=1),
            "until": now + ttl,
        },
        where=or_(mine, col(Lease.until) <= now),
    ).returning(col(Lease.token))
    token = session.scalar(statement)
    return None if token is None else Held(name=name, holder=holder, token=token, until=now + ttl)


def taken(session: Session, name: str, *, now: datetime) -> bool:
    """Whether anyone holds the lease; a look that locks nothing."""
    until = session.scalar(select(col(Lease.until)).where(col(Lease.name) == name))
    return until is not None and until > now


def holder_of(session: Session, name: str, *, now: datetime) -> str | None:
    """Who holds the lease; None for nobody."""
    return session.scalar(select(col(Lease.holder)).where(col(Lease.name) == name, col(Lease.until) > now))


def fence(session: Session, held: Held) -> None:
    """Make the rest of the transaction one that only the holder can commit; raises LeaseLost when he no longer is.

    The row stays locked until the transaction ends, so nobody takes the lease over while the holder writes.
    """
    query = select(col(Lease.token)).where(
        col(Lease.name) == held.name, col(Lease.holder) == held.holder, col(Lease.token) == held.token
    )
    if session.scalar(query.with_for_update()) is None:
        raise LeaseLost(f"the lease {held.name!r} of {held.holder} (token {held.token}) was taken over")


def release(session: Session, held: Held, *, now: datetime) -> None:
    """Let others have it at once; a lease that was lost already is left alone."""
    session.execute(
        update(Lease)
        .where(col(Lease.name) == held.name, col(Lease.holder) == held.holder, col(Lease.token) == held.token)
        .values(until=now)
    )
