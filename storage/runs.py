"""Re-ingestion runs, and what a selection touches. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from storage.articles import Selection, select_articles
from storage.models import Article, ReingestRun


def newest(session: Session, limit: int = 50) -> Sequence[ReingestRun]:
    """The runs so far, newest first."""
    return session.scalars(select(ReingestRun).order_by(col(ReingestRun.id).desc()).limit(limit)).all()


def feeds_of(session: Session, selection: Selection) -> list[int]:
    """The feeds that a selection's articles came from."""
    return sorted(session.scalars(select_articles(selection, col(Article.feed_id)).distinct()))
