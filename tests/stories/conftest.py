"""A wire room reduced to what stories need: articles that arrive, are settled and written in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlmodel import col

from storage import articles, stories
from storage.db import Sessions
from storage.ids import new_id
from storage.models import Article, Document, Feed
from tasks.stories import fingerprint
from tasks.stories.settle import Arrival, Settled, settle

Piece = tuple[str, str]


@dataclass(kw_only=True)
class Wire:
    """Articles arrive here; `now` moves on by a minute with each document."""

    sessions: Sessions
    now: datetime = datetime(2026, 6, 1, 8, tzinfo=UTC)
    window: timedelta = timedelta(days=7)
    versions: dict[UUID, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.sessions.begin() as session:
            for number in (1, 2):
                url = f"https://example.org/{number}"
                session.add(
                    Feed(id=number, url=url, publisher=f"P{number}", created_at=self.now, next_fetch_at=self.now)
                )
            session.flush()
            session.add(Document(id=1, feed_id=1, sha256="0" * 64, url="https://example.org/1", fetched_at=self.now))

    def document(self, *pieces: Piece, feed: int = 1) -> tuple[list[UUID], dict[UUID, Settled]]:
        """Several articles in one document: their ids, and what became of those that have copies."""
        self.now += timedelta(minutes=1)
        arrivals = [
            Arrival(
                article_id=new_id(),
                fingerprint=fingerprint(headline, text),
                feed_id=feed,
                revision=1,
                first_seen_at=self.now,
            )
            for headline, text in pieces
        ]
        with self.sessions.begin() as session:
            settled = settle(session, arrivals, since=self.now - self.window, now=self.now)
            writes = articles.no_writes()
            for arrival, (headline, text) in zip(arrivals, pieces, strict=True):
                writes.articles.append(self._article(arrival, headline))
                writes.revisions.append(self._revision(arrival.article_id, 1, headline, text))
            articles.write(session, writes)
        self.versions |= {arrival.article_id: 1 for arrival in arrivals}
        return [arrival.article_id for arrival in arrivals], settled

    def article(self, headline: str, text: str, *, feed: int = 1) -> tuple[UUID, Settled | None]:
        """One article in a document of its own."""
        (article_id,), settled = self.document((headline, text), feed=feed)
        return article_id, settled.get(article_id)

    def revise(self, article_id: UUID, headline: str, text: str) -> Settled | None:
        """A new version of a held article."""
        self.now += timedelta(minutes=1)
        self.versions[article_id] += 1
        number = self.versions[article_id]
        arrival = Arrival(
            article_id=article_id,
            fingerprint=fingerprint(headline, text),
            feed_id=1,
            revision=number,
            first_seen_at=self.now,
            revised=True,
        )
        with self.sessions.begin() as session:
            settled = settle(session, [arrival], since=self.now - self.window, now=self.now)
            session.execute(update(Article).where(col(Article.id) == article_id).values(revision=number))
            writes = articles.no_writes()
            writes.revisions.append(self._revision(article_id, number, headline, text))
            articles.write(session, writes)
        return settled.get(article_id)

    def set_status(self, article_id: UUID, status: str) -> None:
        """Withdraw an article or put it under embargo."""
        with self.sessions.begin() as session:
            session.execute(update(Article).where(col(Article.id) == article_id).values(status=status))

    def story_of(self, article_id: UUID) -> UUID | None:
        """The story an article is in."""
        with self.sessions() as session:
            return stories.stories_of(session, [article_id]).get(article_id, (None, None))[0]

    def members(self, story_id: UUID | None) -> list[stories.Copy]:
        """The members of a story."""
        assert story_id is not None
        with self.sessions() as session:
            return stories.members(session, story_id)

    def groups(self, ids: Iterable[UUID]) -> set[frozenset[UUID]]:
        """The articles as they stand together."""
        together: dict[UUID, set[UUID]] = {}
        for article_id in ids:
            together.setdefault(self.story_of(article_id) or article_id, set()).add(article_id)
        return {frozenset(group) for group in together.values()}

    def _article(self, arrival: Arrival, headline: str) -> dict[str, Any]:
        return {
            "id": arrival.article_id,
            "feed_id": arrival.feed_id,
            "status": "usable",
            "revision": 1,
            "headline": headline,
            "first_seen_at": self.now,
            "revised_at": self.now,
            "entry_sha256": "",
            "content_sha256": "",
            "normalizer": 1,
            "tagger": "",
            "document_id": 1,
            "position": 0,
            "words": arrival.fingerprint.words,
        }

    def _revision(self, article_id: UUID, number: int, headline: str, text: str) -> dict[str, Any]:
        blocks = [{"kind": "paragraph", "text": paragraph} for paragraph in text.split("\n\n")]
        return {
            "article_id": article_id,
            "number": number,
            "created_at": self.now,
            "cause": "poll",
            "entry_sha256": "",
            "content_sha256": "",
            "normalizer": 1,
            "document_id": 1,
            "position": 0,
            "changed": [],
            "content": {"headline": headline, "blocks": blocks},
        }


@pytest.fixture
def wire(sessions: Sessions) -> Wire:
    """An empty wire room on a database of the test's own, once on SQLite and once on Postgres."""
    return Wire(sessions=sessions)
