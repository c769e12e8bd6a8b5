"""The tables of webhooks: endpoints, and a row for each event on its way to one."""

# No `from __future__ import annotations` here: SQLModel reads the annotations at class creation.
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from storage.models import AUTOINCREMENT, BigId, enum_column


class WebhookState(StrEnum):
    """Whether an endpoint is sent to; the receiver's 410 and days of failing disable it."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """What became of one event for one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(SQLModel, table=True):
    """An endpoint that events are posted to. Events up to `position` have their delivery rows.

    `secrets` are [{secret, until}], the newest first; `until` null means valid. `retry_at` is set while the endpoint
    fails: until then nothing is sent to it, and then one delivery probes.
    """

    __tablename__ = "webhook"
    __table_args__: ClassVar[Any] = AUTOINCREMENT

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    url: str = Field(sa_type=Text)
    secrets: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    filters: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: WebhookState = Field(default=WebhookState.ACTIVE, sa_type=enum_column(WebhookState))
    reason: str | None = Field(default=None, sa_type=Text)
    position: int = Field(sa_type=BigInteger)
    created_at: datetime
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None


class Delivery(SQLModel, table=True):
    """One event on its way to one endpoint; `log` holds the latest attempts, newest first."""

    __tablename__ = "delivery"
    __table_args__: ClassVar[Any] = (
        Index(
            "ix_delivery_due",
            "webhook_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_delivery_created_at", "created_at"),
    )

    webhook_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="webhook.id", ondelete="CASCADE")
    position: int = Field(primary_key=True, sa_type=BigInteger)
    event_id: str = Field(index=True)
    type: str
    state: DeliveryState = Field(default=DeliveryState.PENDING, sa_type=enum_column(DeliveryState))
    created_at: datetime
    due_at: datetime | None = None
    attempts: int = 0
    lease_token: str | None = None
    delivered_at: datetime | None = None
    log: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
