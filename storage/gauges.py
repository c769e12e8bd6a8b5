"""What the store looks like from outside: how much waits, since when, and how fresh the feeds are. Only reads.

Made to be asked every few seconds on a large store: every query walks an index and stops at a bound.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from storage import stream_ends
from storage.models import Document, Feed, FeedStatus, OutboxEvent, Quarantined, QuarantineState
from storage.webhook_models import Delivery

# Rows that a count goes through at the most: a longer queue is told as one longer than this.
MOST = 10_000
# Feeds that are looked at, by their ids.
MOST_FEEDS = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """Rows that wait: how many (no more than MOST + 1), and since when the first of them."""

    depth: int
    oldest: datetime | None

    def age(self, now: datetime) -> float:
        """Seconds that the first has waited; 0 where none does."""
        return max(0.0, (now - self.oldest).total_seconds()) if self.oldest is not None else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Feeds:
    """Feeds by status, failing ones, and in ascending seconds: since the last success, and how long overdue."""

    by_status: dict[str, int]
    failing: int
    due: int
    freshness: list[float] = field(default_factory=list)
    overdue: list[float] = field(default_factory=list)


def documents(session: Session) -> Queue:
    """Documents that are not ingested yet."""
    return _queue(session, col(Document.fetched_at), col(Document.due_at).is_not(None), col(Document.due_at))


def outbox(session: Session, stream: str) -> Queue:
    """Events that the relay has not published to that stream yet: all that there are where it never ran."""
    published = stream_ends.get(session, stream) or 0
    position = col(OutboxEvent.position)
    return _queue(session, col(OutboxEvent.created_at), position > published, position)


def deliveries(session: Session) -> Queue:
    """Webhook messages that are not delivered yet."""
    order = (col(Delivery.webhook_id), col(Delivery.due_at))
    return _queue(session, col(Delivery.created_at), col(Delivery.due_at).is_not(None), *order)


def quarantined(session: Session) -> Queue:
    """What could not be ingested and nobody has decided on."""
    held = col(Quarantined.state) == QuarantineState.HELD
    return _queue(session, col(Quarantined.created_at), held, col(Quarantined.id))


def _queue(session: Session, since: Any, waits: Any, *order: Any) -> Queue:
    first = select(since.label("since")).where(waits).order_by(*order).limit(MOST + 1).subquery()
    depth, oldest = session.execute(select(func.count(), func.min(first.c.since))).one()
    return Queue(depth=depth, oldest=oldest)


def recorded_at(session: Session, positions: Collection[int]) -> dict[int, datetime]:
    """When the events at these positions were recorded."""
    position = col(OutboxEvent.position)
    return dict(iter(session.execute(select(position, col(OutboxEvent.created_at)).where(position.in_(positions)))))


def feeds(session: Session, now: datetime) -> Feeds:
    """How the feeds stand; a feed that was never fetched is as old as its subscription."""
    query = select(
        col(Feed.status), col(Feed.failures), col(Feed.last_success_at), col(Feed.created_at),
        col(Feed.next_fetch_at), col(Feed.lease_token),
    ).where(col(Feed.status) != FeedStatus.REMOVED).order_by(col(Feed.id)).limit(MOST_FEEDS)  # fmt: skip
    by_status = {status.value: 0 for status in FeedStatus if status is not FeedStatus.REMOVED}
    failing, freshness, overdue = 0, [], []
    for status, failures, success, created, next_at, token in session.execute(query):
        by_status[status.value] += 1
        if status is FeedStatus.ACTIVE:
            failing += failures > 0
            freshness.append(max(0.0, (now - (success or created)).total_seconds()))
            # A feed that somebody fetches right now is not overdue: its time is the end of his lease.
            overdue.append(0.0 if token else max(0.0, (now - next_at).total_seconds()))
    due = sum(late > 0 for late in overdue)
    return Feeds(by_status=by_status, failing=failing, due=due, freshness=sorted(freshness), overdue=sorted(overdue))
