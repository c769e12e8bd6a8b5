"""Collects what the checker compares: from the database, the stream, the reader's effects and the inbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from event_ledger import Told
from redis import Redis
from sqlalchemy import func, select
from sqlmodel import col

from storage.db import Sessions
from storage.models import Article, ArticleStatus, Document, Feed, OutboxEvent, Revision, StreamEnd
from storage.story_models import Story, StoryMember
from storage.webhook_models import Delivery

from .checker import Evidence, Kept, Row, Version

KEY = "wireroom:events"


def collect(
    sessions: Sessions, client: Redis, effects: Path, inbox: Mapping[str, set[str]], names: Mapping[str, str]
) -> Evidence:
    """All the evidence; `names` are the feeds' names by their URLs."""
    return Evidence(
        articles=_articles(sessions, names),
        outbox=_outbox(sessions),
        streamed=_streamed(client),
        effects=_effects(effects),
        inbox=dict(inbox),
        waiting=waiting(sessions),
    )


def waiting(sessions: Sessions) -> dict[str, int]:
    """What is not at rest, by its kind."""
    published = func.coalesce(select(col(StreamEnd.position)).where(col(StreamEnd.stream) == KEY).scalar_subquery(), 0)
    questions = {
        "documents": (Document, col(Document.due_at).is_not(None)),
        "events without a place in the stream": (OutboxEvent, col(OutboxEvent.position) > published),
        "deliveries": (Delivery, col(Delivery.due_at).is_not(None)),
    }
    with sessions() as session:
        return {
            what: session.scalar(select(func.count()).select_from(model).where(asked)) or 0
            for what, (model, asked) in questions.items()
        }


def told(sessions: Sessions) -> int:
    """How many events there are."""
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(OutboxEvent)) or 0


def done(effects: Path) -> int:
    """How many effects the reader has had."""
    with sqlite3.connect(effects) as database:
        count = int(database.execute("SELECT count(*) FROM effect").fetchone()[0])
    database.close()
    return count


def _articles(sessions: Sessions, names: Mapping[str, str]) -> list[Kept]:
    with sessions() as session:
        feeds = {feed.id: names.get(feed.url, feed.url) for feed in session.scalars(select(Feed))}
        merged = dict(session.execute(select(col(Story.id), col(Story.merged_into))).all())
        stories = dict(session.execute(select(col(StoryMember.article_id), col(StoryMember.story_id))).all())
        versions: dict[UUID, list[Version]] = {}
        columns = (col(Revision.article_id), col(Revision.number), col(Revision.content))
        for article_id, number, content in session.execute(select(*columns).order_by(col(Revision.number))):
            versions.setdefault(article_id, []).append(Version(number=number, headline=content["headline"]))
        return [
            Kept(
                id=article.id,
                feed=feeds[article.feed_id],
                revision=article.revision,
                canceled=article.status is ArticleStatus.CANCELED,
                versions=versions.get(article.id, []),
                story=_last(stories.get(article.id), merged),
            )
            for article in session.scalars(select(Article))
        ]


def _last(story: UUID | None, merged: Mapping[UUID, UUID | None]) -> UUID | None:
    while story is not None and merged.get(story) is not None:
        story = merged[story]
    return story


def _outbox(sessions: Sessions) -> list[Row]:
    with sessions() as session:
        query = select(OutboxEvent).order_by(col(OutboxEvent.position))
        return [
            Row(position=row.position, id=row.event_id, type=row.type, subject=row.subject, revision=_revision(row))
            for row in session.scalars(query)
        ]


def _revision(row: OutboxEvent) -> int | None:
    article = json.loads(row.body)["data"].get("article")
    return article["revision"] if isinstance(article, dict) else None


def _streamed(client: Redis) -> list[Told]:
    found: list[Told] = []
    after = "-"
    while page := client.xrange(KEY, min=after, count=1000):
        found += [(fields["id"], fields["subject"]) for _, fields in page]
        after = f"({page[-1][0]}"
    return found


def _effects(path: Path) -> list[Told]:
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT id, subject FROM effect ORDER BY rowid").fetchall()
    database.close()
    return [(name, subject) for name, subject in rows]
