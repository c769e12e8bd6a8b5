"""What the live view shows of the store: counts, the newest articles, the last events, the next polls. Only reads.

Made to be looked at every second on a large store: counts that need a scan are taken the less often the longer they
take, and nothing is read twice that cannot have changed.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Text, case, cast, func, select
from sqlmodel import Session, col

from storage import articles, gauges, outbox, quarantine
from storage.models import Article, Document, Feed, FeedStatus, OutboxEvent, Revision
from storage.records import Tag

# Lines of each list that the tallest terminal could show.
MOST = 40
# Seconds that a count may take at every look; a dearer one gets this share of the time (50 ms: every 5 s).
CHEAP, COUNTING = 0.02, 0.01
# Events looked through for removed lines in one go, and from how many on the past is left alone.
TALLIED, PAST = 2000, 5000
# A kept removal that took its line out, as `storage.encode.to_json` writes it; in a text its quotes would be escaped.
REMOVED = '"removed":true'
_CONTENT = cast(col(Revision.content), Text)
# Of integers, or a database divides to a fraction.
_REMOVED_LINES = (
    func.length(_CONTENT, type_=Integer) - func.length(func.replace(_CONTENT, REMOVED, ""), type_=Integer)
) // len(REMOVED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How much there is; `tallied_all` says whether `lines_removed` covers every event kept or only the later ones."""

    feeds: int = 0
    failing: int = 0
    paused: int = 0
    documents: int = 0
    documents_waiting: int = 0
    articles: int = 0
    revisions: int = 0
    lines_removed: int = 0
    tallied_all: bool = True
    events: int = 0
    events_waiting: int = 0
    quarantined: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleLine:
    """An article in a line; `tags` are labels, what it is about first and where it happened last."""

    at: datetime
    language: str | None
    publisher: str
    headline: str
    removed: int
    revision: int
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventLine:
    """An event in a line: its type without the project's prefix and version, and what it is about."""

    at: datetime
    type: str
    about: str
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedLine:
    """A feed in a line: when it is polled next and why then; `busy` while somebody fetches it."""

    name: str
    next_at: datetime
    reason: str
    failing_as: str | None
    busy: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Glance:
    """One look at the store."""

    counts: Counts
    articles: tuple[ArticleLine, ...] = ()
    events: tuple[EventLine, ...] = ()
    feeds: tuple[FeedLine, ...] = ()


@dataclass(kw_only=True)
class Glancer:
    """Looks again and again, and remembers what need not be read twice; `stream` is the one that the relay fills."""

    stream: str
    _lines: dict[tuple[UUID, int], ArticleLine] = field(default_factory=dict)
    _events: deque[EventLine] = field(default_factory=lambda: deque(maxlen=MOST))
    _counted: tuple[int, int, int] = (0, 0, 0)
    _count_again_at: float = 0.0
    _tallied_to: int | None = None
    _tallied_all: bool = True
    _removed: int = 0

    def look(self, session: Session) -> Glance:
        """Take a look."""
        last = outbox.last_position(session)
        if self._tallied_to is not None and last < self._tallied_to:
            # Another database stands under the same name.
            self._forget()
        self._read_events(session, last)
        self._tally(session, last)
        self._count(session)
        documents, counted, revisions = self._counted
        status = _feed_counts(session)
        counts = Counts(
            **status,
            documents=documents,
            documents_waiting=_waiting(session),
            articles=counted,
            revisions=revisions,
            lines_removed=self._removed,
            tallied_all=self._tallied_all,
            events=last,
            events_waiting=gauges.outbox(session, self.stream).depth,
            quarantined=quarantine.held_count(session),
        )
        return Glance(
            counts=counts,
            articles=self._articles(session),
            events=tuple(reversed(self._events)),
            feeds=_feeds(session),
        )

    def _forget(self) -> None:
        self._lines, self._tallied_to, self._removed, self._count_again_at = {}, None, 0, 0.0
        self._events.clear()

    def _count(self, session: Session) -> None:
        started = time.monotonic()
        if started < self._count_again_at:
            return
        self._counted = (
            # Ids of documents are handed out once and in order: the last one is the count, pruned ones included.
            session.scalar(select(func.max(col(Document.id)))) or 0,
            session.scalar(select(func.count()).select_from(Article)) or 0,
            session.scalar(select(func.sum(col(Article.revision)))) or 0,
        )
        spent = time.monotonic() - started
        self._count_again_at = started + spent / COUNTING if spent > CHEAP else 0.0

    def _read_events(self, session: Session, last: int) -> None:
        shown = self._events[-1].position if self._events else 0
        for event in outbox.read_after(session, max(shown, last - MOST), limit=MOST):
            self._events.append(_event_line(event))

    def _tally(self, session: Session, last: int) -> None:
        """Add the removed lines of the revisions that new events tell of."""
        if self._tallied_to is None:
            self._tallied_all = last <= PAST
            self._tallied_to = 0 if self._tallied_all else last
        told = session.execute(
            select(
                col(OutboxEvent.position),
                col(OutboxEvent.type),
                col(OutboxEvent.subject),
                # Only a revision's number must be read from the event; a new article's is known.
                case((col(OutboxEvent.type).contains("article.revised"), col(OutboxEvent.body))),
            )
            .where(col(OutboxEvent.position) > self._tallied_to)
            .order_by(col(OutboxEvent.position))
            .limit(TALLIED)
        ).all()
        versions = [version for _, kind, subject, body in told if (version := _version(kind, subject, body))]
        for start in range(0, len(versions), articles.CHUNK):
            pairs = set(versions[start : start + articles.CHUNK])
            query = select(col(Revision.article_id), col(Revision.number), _REMOVED_LINES).where(
                col(Revision.article_id).in_({one for one, _ in pairs}), col(Revision.number).in_({n for _, n in pairs})
            )
            self._removed += sum(lines or 0 for one, number, lines in session.execute(query) if (one, number) in pairs)
        if told:
            self._tallied_to = told[-1][0]

    def _articles(self, session: Session) -> tuple[ArticleLine, ...]:
        source = _first_named(col(Feed.publisher), col(Feed.title))
        query = (
            select(
                col(Article.id), col(Article.revision), col(Article.first_seen_at), col(Article.language),
                col(Article.headline), source.label("source"),
            )
            .join(Feed, col(Feed.id) == col(Article.feed_id))
            .order_by(col(Article.first_seen_at).desc(), col(Article.published_at).desc())
            .limit(MOST)
        )  # fmt: skip
        rows = session.execute(query).all()
        new = {row.id: row.revision for row in rows if (row.id, row.revision) not in self._lines}
        contents, tags = articles.contents(session, new), articles.tags_of(session, new)
        known = self._lines
        self._lines = {
            (row.id, row.revision): _article_line(row, contents.get(row.id, {}), tags[row.id])
            if row.id in new
            else known[row.id, row.revision]
            for row in rows
        }
        return tuple(self._lines.values())


def _feed_counts(session: Session) -> dict[str, int]:
    failing = func.sum(case((col(Feed.failures) > 0, 1), else_=0))
    query = select(col(Feed.status), func.count(), failing).group_by(col(Feed.status))
    found = {status: (count, bad) for status, count, bad in session.execute(query)}
    active, failing_active = found.get(FeedStatus.ACTIVE, (0, 0))
    return {"feeds": active, "failing": failing_active, "paused": found.get(FeedStatus.PAUSED, (0, 0))[0]}


def _waiting(session: Session) -> int:
    return session.scalar(select(func.count()).where(col(Document.due_at).is_not(None))) or 0


def _feeds(session: Session) -> tuple[FeedLine, ...]:
    # Columns only: what a feed has learned would be decoded for nothing.
    name = _first_named(col(Feed.title), col(Feed.publisher))
    query = (
        select(
            name, col(Feed.next_fetch_at), col(Feed.next_fetch_reason),
            case((col(Feed.failures) > 0, col(Feed.failing_as))), col(Feed.lease_token).is_not(None),
        )
        .where(col(Feed.status) == FeedStatus.ACTIVE)
        .order_by(col(Feed.next_fetch_at))
        .limit(MOST)
    )  # fmt: skip
    return tuple(
        FeedLine(name=name, next_at=at, reason=reason, failing_as=failing, busy=bool(busy))
        for name, at, reason, failing, busy in session.execute(query)
    )


def _first_named(*columns: Any) -> Any:
    """The first of these columns that says something, else the feed's address."""
    return func.coalesce(*(func.nullif(column, "") for column in columns), col(Feed.url))


def _article_line(row: Any, content: dict[str, Any], tags: Iterable[Tag]) -> ArticleLine:
    order = {"rule": 0, "topic": 1, "person": 2, "organisation": 3, "place": 4}
    about = sorted((tag for tag in tags if tag.kind in order), key=lambda tag: order[tag.kind])
    return ArticleLine(
        at=row.first_seen_at,
        language=row.language,
        publisher=row.source,
        headline=row.headline,
        removed=sum(gone.get("removed", True) for gone in content.get("removals", ())),
        revision=row.revision,
        tags=tuple(tag.label for tag in about),
    )


def _event_line(event: outbox.Stamped) -> EventLine:
    name = event.type.removeprefix("wireroom.").rpartition(".v")[0] or event.type
    return EventLine(at=event.created_at, type=name, about=_about(event), position=event.position)


def _about(event: outbox.Stamped) -> str:
    """What an event is about in words: a headline, a feed, else the subject's id."""
    data = json.loads(event.body).get("data", {})
    article, feed = data.get("article") or {}, data.get("feed") or {}
    changed = ", ".join(data.get("changed") or ())
    words = article.get("headline") or data.get("title") or feed.get("title") or feed.get("url") or event.subject
    return f"{words} ({changed})" if changed else str(words)


def _version(kind: str, subject: str, body: str | None) -> tuple[UUID, int] | None:
    """Which revision an event tells of, when it tells of a new one."""
    if body is not None:
        return UUID(subject), json.loads(body)["data"]["article"]["revision"]
    return (UUID(subject), 1) if "article.created" in kind else None
