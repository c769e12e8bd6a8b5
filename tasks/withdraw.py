"""Withdraw an article: it stays as it last was, marked, and one event says so. An operator may also restore it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage import articles, feeds, outbox, stories
from storage.errors import StoreError
from storage.models import Article, ArticleStatus, Revision
from storage.records import ArticleView, Cause, Event
from tasks import events
from tasks.events import Detail
from tasks.room import Room
from tasks.views import stored_view


class NothingToDo(StoreError):
    """The article is withdrawn already, or not withdrawn at all."""


def withdraw(
    session: Session,
    article_id: UUID,
    *,
    reason: str | None,
    cause: Cause,
    now: datetime,
    detail: Detail,
    said: Mapping[str, Any] = {},
    by: Cause | None = None,
) -> Event:
    """Mark an article as withdrawn and make the event; the caller holds its feed's lock. Raises Raced.

    `said` are further columns of its row. `by` is who withdrew it, where that is not the cause of the event.
    """
    article = session.get_one(Article, article_id)
    marks = {"withdrawn_at": now, "withdrawn_cause": (by or cause).value, "withdrawn_reason": reason}
    view = replace(_view(session, article), status=ArticleStatus.CANCELED.value)
    articles.withdraw(session, article_id, article.revision, **marks, **said)
    return events.article_withdrawn(view, reason=reason, cause=cause, now=now, detail=detail)


def withdraw_by_hand(room: Room, article_id: UUID, *, reason: str) -> Event:
    """An operator withdraws an article; only an operator restores it. Raises NothingToDo when it is withdrawn."""
    with room.sessions.begin() as session:
        feeds.lock(session, session.get_one(Article, article_id).feed_id)
        article = session.get_one(Article, article_id, populate_existing=True)
        if article.status is not ArticleStatus.USABLE:
            raise NothingToDo(
                f"article {article_id} is withdrawn already: {article.withdrawn_reason or 'no reason given'}"
            )
        detail = Detail(text=room.payload == "full")
        told = withdraw(session, article_id, reason=reason, cause=Cause.OPERATOR, now=room.clock(), detail=detail)
        outbox.record(session, [told])
        return told


def restore_by_hand(room: Room, article_id: UUID) -> Event:
    """An operator makes a withdrawn article usable again: a new revision, the same text. Raises NothingToDo."""
    now = room.clock()
    with room.sessions.begin() as session:
        feeds.lock(session, session.get_one(Article, article_id).feed_id)
        article = session.get_one(Article, article_id, populate_existing=True)
        if article.status is ArticleStatus.USABLE:
            raise NothingToDo(f"article {article_id} is not withdrawn")
        was = article.status.value
        last = session.get_one(Revision, (article_id, article.revision))
        again = last.model_dump() | {"number": last.number + 1, "created_at": now}
        session.add(Revision.model_validate(again | {"cause": Cause.OPERATOR, "changed": ["status"]}))
        article.status, article.revision, article.revised_at = ArticleStatus.USABLE, last.number + 1, now
        article.withdrawn_at = article.withdrawn_cause = article.withdrawn_reason = None
        session.add(article)
        session.flush()
        detail = Detail(text=room.payload == "full")
        told = events.article_revised(
            _view(session, article), changed={"status": was}, cause=Cause.OPERATOR, now=now, detail=detail
        )
        outbox.record(session, [told])
        return told


def _view(session: Session, article: Article) -> ArticleView:
    view = stored_view(session, article.id, article.revision)
    story_id, duplicate_of = stories.stories_of(session, [article.id]).get(article.id, (None, None))
    return replace(view, story_id=story_id, duplicate_of=duplicate_of)
