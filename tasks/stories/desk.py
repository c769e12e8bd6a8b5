"""What an operator does with stories: show one, split articles off, join two. What is decided here is remembered.

Each verb works inside the caller's transaction and keeps every other settling out until its end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage import stories, story_index
from storage.errors import StoreError
from storage.ids import new_id
from storage.records import StoryRelation
from storage.stories import Copy
from storage.story_models import Ruling
from tasks.stories.compare import compare
from tasks.stories.passages import Difference, differences
from tasks.stories.texts import texts


class NothingToSplit(StoreError):
    """The split would leave the one side or the other without an article."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """What left which story, for which one: facts for `story.split`."""

    story_id: UUID
    into: UUID
    articles: tuple[Copy, ...]
    remaining: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class JoinedByHand:
    """What joined the story, each as it now relates: facts for `story.joined`; `merged` are stories that ended."""

    story_id: UUID
    articles: tuple[Copy, ...]
    merged: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A story to look at: the members in order of arrival, who was first, which is the fullest."""

    story_id: UUID
    copies: tuple[Copy, ...]
    first: Copy | None
    fullest: Copy | None


def show(session: Session, story_id: UUID) -> Shown:
    """A story with its members."""
    copies = stories.members(session, story_id)
    return Shown(
        story_id=story_id,
        copies=tuple(copies),
        first=stories.first(copies),
        fullest=stories.fullest(copies),
    )


def beside(session: Session, copy: Copy, other: Copy) -> list[Difference]:
    """The passages of two members in the order of the other, the equal ones shortened to their length."""
    marks = texts(session, {copy.article_id: copy.revision, other.article_id: other.revision})
    return differences(marks[copy.article_id], marks[other.article_id])


def split(session: Session, story_id: UUID, article_ids: Collection[UUID], *, now: datetime, reason: str = "") -> Split:
    """Take articles out of a story into one of their own; they will not be joined again, nor their stories merged."""
    story_index.lock_all(session)
    copies = stories.members(session, story_id)
    leaving = tuple(copy for copy in copies if copy.article_id in article_ids)
    staying = [copy for copy in copies if copy.article_id not in article_ids]
    if not leaving or not staying:
        raise NothingToSplit(f"story {story_id} has {len(copies)} members; a split leaves some and takes some")
    into = new_id()
    stories.open_stories(session, [into], now=now)
    stories.move(session, [copy.article_id for copy in leaving], into=into)
    pairs = product((copy.article_id for copy in leaving), (copy.article_id for copy in staying))
    stories.decide(session, Ruling.APART, pairs, now=now, reason=reason)
    for side in (leaving, staying):
        _lead_anew(session, side)
    stories.touch(session, [story_id], now=now)
    return Split(story_id=story_id, into=into, articles=leaving, remaining=tuple(copy.article_id for copy in staying))


def join(
    session: Session, story_id: UUID, article_ids: Collection[UUID], *, now: datetime, reason: str = ""
) -> JoinedByHand:
    """Put articles, with the stories they are in, into a story, whatever their texts say."""
    story_index.lock_all(session)
    held = stories.members(session, story_id)
    theirs = stories.stories_of(session, article_ids)
    others = {other for other, _ in theirs.values()} - {story_id}
    lone = [article_id for article_id in article_ids if article_id not in theirs]
    joining = [copy for other in others for copy in stories.members(session, other)]
    pairs = product((copy.article_id for copy in held), [*lone, *(copy.article_id for copy in joining)])
    stories.decide(session, Ruling.TOGETHER, pairs, now=now, reason=reason)
    if others:
        stories.merge(session, sorted(others), into=story_id, now=now)
    stories.add_members(session, [_by_hand(article_id, story_id, now) for article_id in lone])
    moved = {copy.article_id for copy in joining} | set(lone)
    _relate(session, [c for c in stories.members(session, story_id) if c.article_id in moved], held[0], reason)
    stories.touch(session, [story_id], now=now)
    return JoinedByHand(
        story_id=story_id,
        articles=tuple(copy for copy in stories.members(session, story_id) if copy.article_id in moved),
        merged=tuple(sorted(others)),
    )


def _by_hand(article_id: UUID, story_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "article_id": article_id,
        "story_id": story_id,
        "joined_at": now,
        "relation": StoryRelation.JOINED,
        "joined_by": None,
        "similarity": 0.0,
        "a_in_b": 0.0,
        "b_in_a": 0.0,
        "reason": "",
        "facts": {},
        "duplicate_of": None,
    }


def _lead_anew(session: Session, side: Collection[Copy]) -> None:
    """After a split each side has a first member, and no member relates to one on the other side."""
    here = {copy.article_id for copy in side}
    lead = min(side, key=lambda copy: (copy.relation is not StoryRelation.FIRST, copy.first_seen_at))
    stories.make_first(session, lead.article_id)
    lost = [c for c in side if c is not lead and (c.joined_by not in here or c.duplicate_of not in {None, *here})]
    _relate(session, lost, lead, "its story was split")


def _relate(session: Session, copies: Collection[Copy], to: Copy, reason: str) -> None:
    """Say how each of these relates to a member, as the texts have it; if they are no copies, that a person joined."""
    marks = texts(session, {copy.article_id: copy.revision for copy in (*copies, to)})
    for copy in copies:
        values = _by_hand(copy.article_id, to.story_id, copy.first_seen_at) | {"reason": reason}
        how = compare(marks[copy.article_id], marks[to.article_id])
        if how is not None:
            same = how.relation is StoryRelation.IDENTICAL
            values |= {"relation": how.relation, "similarity": how.similarity, "reason": how.reason}
            values |= {"a_in_b": how.a_in_b, "b_in_a": how.b_in_a, "facts": how.facts}
            values |= {"duplicate_of": (to.duplicate_of or to.article_id) if same else None}
        for kept in ("article_id", "story_id", "joined_at"):
            del values[kept]
        stories.set_relation(session, copy.article_id, values | {"joined_by": to.article_id})
