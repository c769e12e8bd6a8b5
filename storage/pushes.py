"""Subscriptions at hubs: wanted, found by the path that a hub calls, due to be asked. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from secrets import token_urlsafe

from sqlalchemy import select, update
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.models import Feed, FeedStatus, Parting, Push, PushState


def want(session: Session, feed_id: int, *, hub: str, topic: str, in_header: bool, now: datetime) -> None:
    """Have the feed pushed by this hub; another hub or topic than before is a new subscription, and ends the old one.

    A hub that was named in an HTTP header gives way to none that the document names (WebSub §4).
    """
    held = session.get(Push, feed_id)
    if held is not None and ((held.hub, held.topic) == (hub, topic) or (held.in_header and not in_header)):
        return
    fresh = Push(
        feed_id=feed_id,
        hub=hub,
        topic=topic,
        in_header=in_header,
        token=token_urlsafe(24),
        secret=token_urlsafe(32),
        due_at=now,
    )
    if held is not None:
        _part(session, held, now)
        session.delete(held)
        session.flush()
    session.add(fresh)


def subscribed(session: Session, ids: Collection[int]) -> set[int]:
    """Which of these feeds have a subscription at a hub, in whatever state."""
    return set(session.scalars(select(col(Push.feed_id)).where(col(Push.feed_id).in_(ids))))


def leave(session: Session, feed_id: int, *, now: datetime) -> None:
    """End the feed's subscription, since it is no longer polled; what is known of its hub stays for the day it is."""
    held = session.get(Push, feed_id)
    if held is not None:
        _part(session, held, now)
        held.state, held.due_at, held.lease_until, held.attempts = PushState.WANTED, None, None, 0
        # The hub goes on to know us by the old path until it has confirmed.
        held.token, held.secret = token_urlsafe(24), token_urlsafe(32)
        session.add(held)


def come_back(session: Session, feed_id: int, *, now: datetime) -> None:
    """Have a feed that is polled again pushed again."""
    held = session.get(Push, feed_id)
    if held is not None and held.due_at is None:
        held.due_at = now
        session.add(held)


def _part(session: Session, held: Push, now: datetime) -> None:
    """Have the hub told, if it was ever asked and has not refused."""
    if held.state in {PushState.ASKED, PushState.ACTIVE}:
        session.add(Parting(token=held.token, feed_id=held.feed_id, hub=held.hub, topic=held.topic, due_at=now))


def parting(session: Session, token: str) -> Parting | None:
    """The subscription that ends and that this callback path belonged to."""
    return session.get(Parting, token)


def claim_partings(session: Session, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Parting]:
    """Take subscriptions whose hub is to be told that they end; until the lease ends nobody else is given them."""
    due = select(col(Parting.token)).where(col(Parting.due_at) <= now).order_by(col(Parting.due_at)).limit(limit)
    if not is_sqlite(session):
        due = due.with_for_update(skip_locked=True)
    statement = (
        update(Parting)
        .where(col(Parting.token).in_(due.scalar_subquery()))
        .values(due_at=now + lease, attempts=Parting.attempts + 1)
        .returning(Parting)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).all()


def by_token(session: Session, token: str) -> Push | None:
    """The subscription that this callback path belongs to, locked until the transaction ends."""
    query = select(Push).where(col(Push.token) == token)
    if not is_sqlite(session):
        query = query.with_for_update()
    return session.scalars(query).first()


def claim_due(session: Session, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Push]:
    """Take subscriptions whose hub is to be asked, of active feeds; until the lease ends nobody else is given them."""
    due = (
        select(col(Push.feed_id))
        .join(Feed, col(Feed.id) == col(Push.feed_id))
        .where(col(Push.due_at) <= now, col(Feed.status) == FeedStatus.ACTIVE)
        .order_by(col(Push.due_at))
        .limit(limit)
    )
    if not is_sqlite(session):
        due = due.with_for_update(skip_locked=True, of=Push)
    statement = (
        update(Push)
        .where(col(Push.feed_id).in_(due.scalar_subquery()))
        .values(due_at=now + lease, attempts=Push.attempts + 1)
        .returning(Push)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).all()


def trusted(session: Session, feed_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """Until when these feeds are pushed by a hub that has proved itself; the others are left out."""
    query = select(col(Push.feed_id), col(Push.lease_until)).where(
        col(Push.feed_id).in_(feed_ids),
        col(Push.state) == PushState.ACTIVE,
        col(Push.pushes) > 0,
        col(Push.lease_until) > now,
        (col(Push.distrusted_until).is_(None)) | (col(Push.distrusted_until) <= now),
    )
    return {feed_id: until for feed_id, until in session.execute(query) if until is not None}
