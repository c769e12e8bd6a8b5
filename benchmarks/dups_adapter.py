"""The yardstick's door to stories: documents in order of arrival, one cluster id each.

`stream` takes dicts with `headline` and `text` and settles them as ingestion does, a feed document's worth at a time,
in a SQLite file: articles and revisions are written with them, so that later ones find their texts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

from sqlmodel import Session

from storage import articles, migrate
from storage.db import Sessions, make_engine, make_sessions
from storage.ids import new_id
from storage.models import Document, Feed
from storage.stories import stories_of
from tasks.stories import fingerprint
from tasks.stories.settle import Arrival, settle

PER_DOCUMENT = 30
WINDOW = timedelta(days=7)


def stream(documents: Iterable[Mapping[str, str]]) -> list[str]:
    """Put each document into a story as it arrives; copies that a later one connects end in the same story."""
    with tempfile.TemporaryDirectory() as folder:
        sessions = opened(f"sqlite:///{Path(folder) / 'stories.db'}")
        ids: list[UUID] = []
        for some in batches(documents, PER_DOCUMENT):
            ids += arrive(sessions, some)
        with sessions() as session:
            story_of = stories_of(session, ids)
        return [str(story_of[article_id][0] if article_id in story_of else article_id) for article_id in ids]


def opened(url: str) -> Sessions:
    """A store with one feed and one document, to which all articles belong."""
    engine = make_engine(url)
    migrate.upgrade(engine)
    sessions = make_sessions(engine)
    now = datetime.now(UTC)
    with sessions.begin() as session:
        session.add(Feed(id=1, url="https://example.org/feed", created_at=now, next_fetch_at=now))
        session.flush()
        session.add(Document(id=1, feed_id=1, sha256="0" * 64, url="https://example.org/feed", fetched_at=now))
    return sessions


def arrive(sessions: Sessions, documents: Sequence[Mapping[str, str]]) -> list[UUID]:
    """Settle and write what came in one document; returns the ids."""
    now = datetime.now(UTC)
    arrivals = [
        Arrival(
            article_id=new_id(),
            fingerprint=fingerprint(document["headline"], document["text"]),
            feed_id=1,
            revision=1,
            first_seen_at=now,
        )
        for document in documents
    ]
    with sessions.begin() as session:
        settle(session, arrivals, since=now - WINDOW, now=now)
        write(session, arrivals, documents, now)
    return [arrival.article_id for arrival in arrivals]


def write(session: Session, arrivals: Sequence[Arrival], documents: Sequence[Mapping[str, str]], now: datetime) -> None:
    """Write the articles as far as stories read them."""
    writes = articles.no_writes()
    made = {"document_id": 1, "position": 0, "entry_sha256": "", "content_sha256": "", "normalizer": 1}
    for arrival, document in zip(arrivals, documents, strict=True):
        blocks = [{"kind": "paragraph", "text": line} for line in document["text"].split("\n")]
        content = {"headline": document["headline"], "blocks": blocks}
        writes.articles.append(
            made
            | {
                "id": arrival.article_id,
                "feed_id": 1,
                "status": "usable",
                "revision": 1,
                "headline": document["headline"],
                "first_seen_at": now,
                "revised_at": now,
                "tagger": "",
                "words": arrival.fingerprint.words,
            }
        )
        writes.revisions.append(
            made
            | {
                "article_id": arrival.article_id,
                "number": 1,
                "created_at": now,
                "cause": "poll",
                "changed": [],
                "content": content,
            }
        )
    articles.write(session, writes)


def batches(documents: Iterable[Mapping[str, str]], size: int) -> Iterator[list[Mapping[str, str]]]:
    """The documents in lists of `size`."""
    rest = iter(documents)
    while some := list(islice(rest, size)):
        yield some
