"""Stories, their members and what an operator decided about them. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Table, bindparam, delete, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from storage import bulk
from storage.articles import CHUNK
from storage.errors import Ambiguous, UnknownStory
from storage.models import Article, Feed
from storage.records import StoryRelation
from storage.story_models import Ruling, Story, StoryMember, StoryRuling

_OF_MEMBER = ("article_id", "story_id", "relation", "joined_by", "duplicate_of", "similarity", "reason", "facts")
_OF_ARTICLE = ("feed_id", "revision", "status", "headline", "url", "language", "published_at", "first_seen_at", "words")


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A member of a story with what a list of copies shows of it."""

    article_id: UUID
    story_id: UUID
    relation: StoryRelation
    joined_by: UUID | None
    duplicate_of: UUID | None
    similarity: float
    reason: str
    facts: Mapping[str, Any]
    feed_id: int
    publisher: str | None
    revision: int
    status: str
    headline: str
    url: str | None
    language: str | None
    published_at: datetime | None
    first_seen_at: datetime
    words: int

    @property
    def usable(self) -> bool:
        """Whether it counts: a copy that was withdrawn or is under embargo does not."""
        return self.status == "usable"


_STORIES: Table = Story.__table__  # type: ignore[attr-defined]
_MEMBERS: Table = StoryMember.__table__  # type: ignore[attr-defined]


def open_stories(session: Session, story_ids: Iterable[UUID], *, now: datetime) -> None:
    """Begin stories under new ids (`storage.ids.new_id`), which sort after those of all earlier ones."""
    rows = [{"id": story_id, "opened_at": now, "changed_at": now, "merged_into": None} for story_id in story_ids]
    bulk.insert(session, _STORIES, rows)


def add_members(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add members; a row has every column of the table."""
    bulk.insert(session, _MEMBERS, rows)


def relate(session: Session, article_id: UUID, values: Mapping[str, Any]) -> None:
    """Put down anew how a member relates, after it was revised; the first one stays the first."""
    member = (col(StoryMember.article_id) == article_id, col(StoryMember.relation) != StoryRelation.FIRST)
    session.connection().execute(update(_MEMBERS).where(*member).values(**values))


def set_relation(session: Session, article_id: UUID, values: Mapping[str, Any]) -> None:
    """Put down anew how a member relates, after its story was split or joined."""
    session.connection().execute(update(_MEMBERS).where(_MEMBERS.c.article_id == article_id).values(**values))


def make_first(session: Session, article_id: UUID) -> None:
    """Make a member the first of its story."""
    first_of_all: dict[str, Any] = {
        "relation": StoryRelation.FIRST,
        "joined_by": None,
        "duplicate_of": None,
        "reason": "",
        "facts": {},
    }
    set_relation(session, article_id, first_of_all | {"similarity": 1.0, "a_in_b": 1.0, "b_in_a": 1.0})


def touch(session: Session, story_ids: Collection[UUID], *, now: datetime) -> None:
    """Note that the members of these stories changed."""
    if story_ids:
        session.connection().execute(_TOUCH, {"ids": list(story_ids), "now": now})


_TOUCH = (
    update(_STORIES)
    .where(_STORIES.c.id.in_(bindparam("ids", expanding=True)))
    .values(changed_at=bindparam("now", type_=_STORIES.c.changed_at.type))
)


def merge(session: Session, story_ids: Collection[UUID], *, into: UUID, now: datetime) -> list[UUID]:
    """Make these stories part of another one; returns the articles that moved. A story has one first member."""
    moved = list(session.scalars(select(col(StoryMember.article_id)).where(col(StoryMember.story_id).in_(story_ids))))
    ours = _MEMBERS.c.story_id.in_(list(story_ids))
    led = update(_MEMBERS).where(ours, _MEMBERS.c.relation == StoryRelation.FIRST)
    connection = session.connection()
    connection.execute(led.values(relation=StoryRelation.JOINED, reason="was the first of a story that ended in this"))
    connection.execute(update(_MEMBERS).where(ours).values(story_id=into))
    gone = or_(col(Story.id).in_(story_ids), col(Story.merged_into).in_(story_ids))
    session.execute(update(Story).where(gone).values(merged_into=into, changed_at=now))
    return moved


def stories_of(session: Session, article_ids: Iterable[UUID]) -> dict[UUID, tuple[UUID, UUID | None]]:
    """The story of each of these articles that is in one, and which article it duplicates, if any."""
    wanted = list(article_ids)
    found: dict[UUID, tuple[UUID, UUID | None]] = {}
    for start in range(0, len(wanted), CHUNK):
        query = select(col(StoryMember.article_id), col(StoryMember.story_id), col(StoryMember.duplicate_of)).where(
            col(StoryMember.article_id).in_(wanted[start : start + CHUNK])
        )
        found.update({article_id: (story_id, duplicate) for article_id, story_id, duplicate in session.execute(query)})
    return found


def members(session: Session, story_id: UUID) -> list[Copy]:
    """The members of a story, the one seen first before the others; an article that was purged is not among them."""
    query = (
        select(
            *(getattr(StoryMember, name) for name in _OF_MEMBER),
            *(getattr(Article, name) for name in _OF_ARTICLE),
            col(Feed.publisher),
        )
        .join(Article, col(Article.id) == col(StoryMember.article_id))
        .join(Feed, col(Feed.id) == col(Article.feed_id))
        .where(col(StoryMember.story_id) == story_id)
        .order_by(col(Article.first_seen_at), col(Article.id))
    )
    return [Copy(**(row._asdict() | {"status": row.status.value})) for row in session.execute(query)]


def first(copies: Sequence[Copy]) -> Copy | None:
    """Who was first, of those that count: by the publisher's time where all give one, else by ours."""
    counting = [copy for copy in copies if copy.usable]
    if all(copy.published_at is not None for copy in counting):
        return min(counting, key=lambda copy: copy.published_at or copy.first_seen_at, default=None)
    return min(counting, key=lambda copy: copy.first_seen_at, default=None)


def fullest(copies: Sequence[Copy]) -> Copy | None:
    """The fullest version, of those that count; of two as long as each other the first one seen."""
    return max((copy for copy in copies if copy.usable), key=lambda copy: copy.words, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A story in a list: how many copies, of them usable, from how many publishers."""

    id: UUID
    opened_at: datetime
    changed_at: datetime
    copies: int
    usable: int
    publishers: int
    headline: str


def listing(session: Session, *, since: datetime | None = None, limit: int = 50) -> list[Listed]:
    """The stories that changed last, newest change first."""
    usable = func.sum((col(Article.status) == "usable").cast(Integer))
    query = (
        select(
            col(Story.id),
            col(Story.opened_at),
            col(Story.changed_at),
            func.count(),
            usable,
            func.count(func.distinct(func.coalesce(col(Feed.publisher), col(Feed.url)))),
            func.min(col(Article.headline)),
        )
        .join(StoryMember, col(StoryMember.story_id) == col(Story.id))
        .join(Article, col(Article.id) == col(StoryMember.article_id))
        .join(Feed, col(Feed.id) == col(Article.feed_id))
        .where(col(Story.merged_into).is_(None))
        .group_by(col(Story.id))
        .order_by(col(Story.changed_at).desc(), col(Story.id).desc())
        .limit(limit)
    )
    if since is not None:
        query = query.where(col(Story.changed_at) >= since)
    names = ("id", "opened_at", "changed_at", "copies", "usable", "publishers", "headline")
    return [Listed(**dict(zip(names, row, strict=True))) for row in session.execute(query)]


def find(session: Session, reference: str) -> UUID:
    """The story with this id, or the only one whose id begins so; a merged one gives the story it is part of now."""
    part = reference.replace("-", "").lower()
    rows: Sequence[Story] = ()
    if 6 <= len(part) <= 32 and all(c in "0123456789abcdef" for c in part):
        first_id, last_id = UUID(part.ljust(32, "0")), UUID(part.ljust(32, "f"))
        rows = session.scalars(select(Story).where(col(Story.id).between(first_id, last_id)).limit(2)).all()
    if len(rows) > 1:
        raise Ambiguous(f"several stories answer to {reference!r}: give more of the id")
    if not rows:
        raise UnknownStory(f"no story {reference!r}: `wireroom stories list` shows ids")
    return rows[0].merged_into or rows[0].id


def move(session: Session, article_ids: Collection[UUID], *, into: UUID) -> None:
    """Put members into another story."""
    session.execute(update(StoryMember).where(col(StoryMember.article_id).in_(article_ids)).values(story_id=into))


def decide(
    session: Session, ruling: Ruling, pairs: Iterable[tuple[UUID, UUID]], *, now: datetime, reason: str = ""
) -> None:
    """Remember an operator's word on these pairs of articles, in place of an earlier one."""
    ordered = sorted({(min(pair), max(pair)) for pair in pairs})
    for start in range(0, len(ordered), CHUNK):
        some = ordered[start : start + CHUNK]
        both = tuple_(col(StoryRuling.article_id), col(StoryRuling.other_id))
        session.execute(delete(StoryRuling).where(both.in_(some)))
        session.execute(
            insert(StoryRuling),
            [
                {"article_id": one, "other_id": other, "ruling": ruling, "decided_at": now, "reason": reason}
                for one, other in some
            ],
        )


def apart(session: Session, groups: Collection[UUID]) -> set[frozenset[UUID]]:
    """Which of these stories (or articles that are in none) an operator keeps apart."""
    pairs = {frozenset(row) for row in session.connection().execute(_APART)} if len(groups) > 1 else set()
    return {pair for pair in pairs if pair <= set(groups)}


_ONE, _OTHER = aliased(StoryMember), aliased(StoryMember)
_APART = (
    select(
        func.coalesce(col(_ONE.story_id), col(StoryRuling.article_id)),
        func.coalesce(col(_OTHER.story_id), col(StoryRuling.other_id)),
    )
    .select_from(StoryRuling)
    .join(_ONE, col(_ONE.article_id) == col(StoryRuling.article_id), isouter=True)
    .join(_OTHER, col(_OTHER.article_id) == col(StoryRuling.other_id), isouter=True)
    .where(col(StoryRuling.ruling) == Ruling.APART)
)


def forget(session: Session, article_ids: Collection[UUID]) -> None:
    """Take purged articles out of their stories, and what operators decided about them; empty stories go, too."""
    some, connection = list(article_ids), session.connection()
    mine = col(StoryMember.article_id).in_(some)
    left = set(session.scalars(select(col(StoryMember.story_id)).where(mine)))
    connection.execute(delete(StoryMember).where(mine))
    for column in (StoryRuling.article_id, StoryRuling.other_id):
        connection.execute(delete(StoryRuling).where(col(column).in_(some)))
    empty = ~exists().where(col(StoryMember.story_id) == col(Story.id))
    connection.execute(delete(Story).where(col(Story.id).in_(left), empty))
