"""Re-ingestion runs, who carries one on, and what a selection touches. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, String, cast, exists, func, literal, select
from sqlmodel import Session, col

from storage.articles import Selection, select_articles
from storage.models import Article, Lease, ReingestRun, RunState

# A run is carried on by the holder of the lease of this name and its number.
LEASE = "reingest:"


def newest(session: Session, limit: int = 50) -> Sequence[ReingestRun]:
    """The runs so far, newest first."""
    return session.scalars(select(ReingestRun).order_by(col(ReingestRun.id).desc()).limit(limit)).all()


def carried_on(session: Session, now: datetime) -> set[int]:
    """The runs that a process is at; one that is said to run and is not here was killed."""
    return set(session.scalars(select(col(ReingestRun.id)).where(*_carried_on(now))))


def documents_left(session: Session, now: datetime) -> int:
    """How many documents the runs that a process is at have still to do."""
    left = func.sum(col(ReingestRun.total) - col(ReingestRun.done))
    return session.scalar(select(left).where(*_carried_on(now))) or 0


def _carried_on(now: datetime) -> tuple[ColumnElement[bool], ...]:
    name = literal(LEASE) + cast(col(ReingestRun.id), String)
    held = exists().where(col(Lease.name) == name, col(Lease.until) > now)
    return col(ReingestRun.state) == RunState.RUNNING, held


def feeds_of(session: Session, selection: Selection) -> list[int]:
    """The feeds that a selection's articles came from."""
    return sorted(session.scalars(select_articles(selection, col(Article.feed_id)).distinct()))
