"""Endpoints and their deliveries: a row per event and endpoint, due at a time, claimed under a lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, bindparam, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from storage.db import is_sqlite
from storage.errors import UnknownWebhook
from storage.outbox import Stamped
from storage.webhook_models import Delivery, DeliveryState, Webhook, WebhookState

# Attempts that a delivery remembers.
KEPT_ATTEMPTS = 12


def add(
    session: Session, *, url: str, secret: str, filters: Mapping[str, Any], position: int, now: datetime
) -> Webhook:
    """An endpoint that gets what comes after `position`."""
    webhook = Webhook(
        url=url,
        secrets=[{"secret": secret, "until": None}],
        filters=dict(filters),
        position=position,
        created_at=now,
    )
    session.add(webhook)
    session.flush()
    return webhook


def find(session: Session, number: int) -> Webhook:
    """The endpoint; raises UnknownWebhook."""
    webhook = session.get(Webhook, number)
    if webhook is None:
        raise UnknownWebhook(f"no webhook {number}: `wireroom webhooks list`")
    return webhook


def every(session: Session, *, active: bool = False) -> Sequence[Webhook]:
    """All endpoints, or those that are sent to."""
    query = select(Webhook).order_by(col(Webhook.id))
    return session.scalars(query.where(col(Webhook.state) == WebhookState.ACTIVE) if active else query).all()


def remove(session: Session, webhook: Webhook) -> None:
    """Forget an endpoint and what was on its way to it."""
    session.execute(delete(Delivery).where(col(Delivery.webhook_id) == webhook.id))
    session.delete(webhook)


def fan_out(session: Session, webhook: Webhook, events: Sequence[Stamped], *, upto: int, now: datetime) -> bool:
    """Give these events their delivery rows and note that the endpoint is done up to there.

    False, and nothing written, when another process has done so meanwhile.
    """
    moved = session.connection().execute(
        update(Webhook)
        .where(col(Webhook.id) == webhook.id, col(Webhook.position) == webhook.position)
        .values(position=upto)
    )
    if moved.rowcount != 1:
        return False
    if events:
        make = sqlite_insert if is_sqlite(session) else pg_insert
        session.execute(
            make(Delivery).on_conflict_do_nothing(),
            [
                {
                    "webhook_id": webhook.id,
                    "position": event.position,
                    "event_id": event.id,
                    "type": event.type,
                    "state": DeliveryState.PENDING,
                    "created_at": now,
                    "due_at": now,
                    "attempts": 0,
                    "log": [],
                }
                for event in events
            ],
        )
    return True


def waiting(session: Session, *, now: datetime) -> list[tuple[Webhook, int]]:
    """Active endpoints that may be sent to and have something due, with how many such deliveries."""
    query = (
        select(Webhook, func.count())
        .join(Delivery, col(Delivery.webhook_id) == col(Webhook.id))
        .where(
            col(Webhook.state) == WebhookState.ACTIVE,
            or_(col(Webhook.retry_at).is_(None), col(Webhook.retry_at) <= now),
            col(Delivery.due_at) <= now,
        )
        .group_by(col(Webhook.id))
        .order_by(col(Webhook.id))
    )
    return [(webhook, count) for webhook, count in session.execute(query)]


def claim(session: Session, webhook_id: int, *, limit: int, lease: timedelta, now: datetime) -> Sequence[Delivery]:
    """Take an endpoint's due deliveries, the longest waiting first, for the time of the lease; counts the attempt."""
    due = (
        select(col(Delivery.position))
        .where(col(Delivery.webhook_id) == webhook_id, col(Delivery.due_at) <= now)
        .order_by(col(Delivery.due_at), col(Delivery.position))
        .limit(limit)
    )
    if not is_sqlite(session):
        due = due.with_for_update(skip_locked=True)
    positions = list(session.scalars(due))
    rows = session.scalars(
        update(Delivery)
        .where(col(Delivery.webhook_id) == webhook_id, col(Delivery.position).in_(positions))
        .values(due_at=now + lease, attempts=col(Delivery.attempts) + 1, lease_token=uuid4().hex)
        .returning(Delivery)
    ).all()
    return sorted(rows, key=lambda row: row.position)


def settle(
    session: Session,
    claimed: Delivery,
    *,
    state: DeliveryState,
    due_at: datetime | None,
    attempt: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Write down how a claimed delivery ended; False when its lease ran out and another has it by now."""
    done = session.connection().execute(
        update(Delivery)
        .where(
            col(Delivery.webhook_id) == claimed.webhook_id,
            col(Delivery.position) == claimed.position,
            col(Delivery.lease_token) == claimed.lease_token,
        )
        .values(
            state=state,
            due_at=due_at,
            lease_token=None,
            delivered_at=now if state is DeliveryState.DELIVERED else None,
            log=[dict(attempt), *claimed.log][:KEPT_ATTEMPTS],
        )
    )
    return done.rowcount == 1


def healthy(session: Session, webhook_id: int) -> None:
    """The endpoint answered well: nothing holds it back any more."""
    session.execute(
        update(Webhook)
        .where(col(Webhook.id) == webhook_id, col(Webhook.failures) > 0)
        .values(failures=0, failing_since=None, retry_at=None)
    )


def failed(session: Session, webhook_id: int, *, retry_at: datetime, now: datetime) -> None:
    """The endpoint failed once more: leave it alone until then."""
    since = col(Webhook.failing_since)
    session.execute(
        update(Webhook)
        .where(col(Webhook.id) == webhook_id)
        .values(
            failures=col(Webhook.failures) + 1,
            failing_since=case((since.is_(None), bindparam(None, now, UTCDateTime())), else_=since),
            retry_at=retry_at,
        )
    )


def disable(session: Session, webhook_id: int, *, reason: str) -> None:
    """Send nothing more to the endpoint; what is on its way to it stays as it is, for the day it is enabled again."""
    session.execute(
        update(Webhook)
        .where(col(Webhook.id) == webhook_id)
        .values(state=WebhookState.DISABLED, reason=reason, retry_at=None)
    )


def enable(session: Session, webhook: Webhook, *, now: datetime) -> None:
    """Send to it again, at once, beginning with what is still on its way."""
    webhook.state, webhook.reason = WebhookState.ACTIVE, None
    webhook.failures, webhook.failing_since, webhook.retry_at = 0, None, None
    session.add(webhook)
    on_its_way = (col(Delivery.state) == DeliveryState.PENDING, col(Delivery.lease_token).is_(None))
    session.execute(update(Delivery).where(col(Delivery.webhook_id) == webhook.id, *on_its_way).values(due_at=now))


def deliveries(
    session: Session, webhook_id: int, *, state: DeliveryState | None = None, limit: int = 50
) -> Sequence[Delivery]:
    """What was and is on its way to an endpoint, newest first."""
    query = select(Delivery).where(col(Delivery.webhook_id) == webhook_id)
    if state is not None:
        query = query.where(col(Delivery.state) == state)
    return session.scalars(query.order_by(col(Delivery.position).desc()).limit(limit)).all()


def pending(session: Session, webhook_id: int) -> int:
    """How many events are on their way to an endpoint."""
    query = select(func.count()).where(col(Delivery.webhook_id) == webhook_id, col(Delivery.due_at).is_not(None))
    return session.scalar(query) or 0


def resend(
    session: Session, webhook_id: int, *, now: datetime, event_id: str | None = None, since: datetime | None = None
) -> int:
    """Have deliveries made again, at once and with all their attempts: one event, what was recorded since, or all that
    failed, whether they were given up or wait for a later attempt.
    """
    statement = update(Delivery).where(col(Delivery.webhook_id) == webhook_id)
    if event_id is not None:
        statement = statement.where(col(Delivery.event_id) == event_id)
    elif since is not None:
        statement = statement.where(col(Delivery.created_at) >= since)
    else:
        waits = and_(
            col(Delivery.state) == DeliveryState.PENDING,
            col(Delivery.attempts) > 0,
            col(Delivery.lease_token).is_(None),
        )
        statement = statement.where(or_(col(Delivery.state) == DeliveryState.FAILED, waits))
    # Whoever asks for it has mended the endpoint, so that it is not only probed.
    session.execute(update(Webhook).where(col(Webhook.id) == webhook_id).values(retry_at=None))
    again = statement.values(state=DeliveryState.PENDING, due_at=now, attempts=0, lease_token=None, delivered_at=None)
    return session.connection().execute(again).rowcount


def prune(session: Session, before: datetime) -> int:
    """Drop what was settled and is older than that."""
    old = delete(Delivery).where(col(Delivery.due_at).is_(None), col(Delivery.created_at) < before)
    return session.connection().execute(old).rowcount
