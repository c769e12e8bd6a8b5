"""Subscriptions at hubs: wanted, found by the path that a hub calls, due to be asked. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_urlsafe

from sqlalchemy import select, update
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.models import Feed, FeedStatus, Push, PushState


def want(session: Session, feed_id: int, *, hub: str, topic: str, in_header: bool, now: datetime) -> None:
    """Have the feed pushed by this hub; another hub or topic than before is a new subscription.

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
        session.delete(held)
        session.flush()
    session.add(fresh)


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
