"""Settle the articles of one document, or of several, into stories, inside the transaction that writes them.

read    the keys of all of them in one query, then the texts of the nearest neighbours in another
decide  `place`, one after the other, each seeing those before it
write   members, stories, and the texts that later copies shall find
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage import stories, story_index
from storage.frozen import record
from storage.ids import new_id
from storage.records import StoryRelation
from storage.story_index import Print
from tasks.stories.compare import Comparison
from tasks.stories.place import Candidate, Placement, place
from tasks.stories.table import Arrival, Table, groups_of, laid
from tasks.stories.texts import remember


@record(frozen=True, kw_only=True, slots=True)
class Joined:
    """An article that is in a story now and was not before, or was in another."""

    article_id: UUID
    feed_id: int
    revision: int
    relation: StoryRelation
    similarity: float


@record(frozen=True, kw_only=True, slots=True)
class Settled:
    """What became of an arrival that has copies: facts for its row and for the events that tell of it.

    `opened_with` is the first member where the story is new; `joined` are all who joined by this, the first among
    them; `merged` are stories that are part of this one from now on.
    """

    article_id: UUID
    story_id: UUID
    how: Comparison
    by: UUID
    duplicate_of: UUID | None
    joined: tuple[Joined, ...]
    opened_with: Joined | None = None
    merged: tuple[UUID, ...] = ()


def settle(session: Session, arrivals: Sequence[Arrival], *, since: datetime, now: datetime) -> dict[UUID, Settled]:
    """Put each arrival into the story it belongs to, by article id; those without copies are not among them.

    `since` is where the window of comparison begins. Call it in the transaction that writes the articles, before
    that writes any: from here to the commit no other transaction settles a copy of one of them.
    """
    story_index.lock(session, (key for arrival in arrivals for key in arrival.fingerprint.every_key))
    story_index.drop(session, [arrival.article_id for arrival in arrivals if arrival.revised])
    table = laid(session, arrivals, since=since, now=now)
    settled: dict[UUID, Settled] = {}
    lasting: list[Print] = []
    for arrival in arrivals:
        mark = arrival.fingerprint
        if mark.text_key is None:
            continue
        placement = _placed(table, arrival)
        if placement is not None:
            settled[arrival.article_id] = _join(table, arrival, placement)
        if placement is not None or arrival.revised:
            remember(arrival.article_id, arrival.revision, mark)
        if placement is None or placement.duplicate_of is None:
            keys = table.lay(arrival, mark.text_key)
            lasting.append(
                Print(article_id=arrival.article_id, version=mark.version, text_key=mark.text_key, keys=keys)
            )
    table.write_members()
    stories.touch(session, {done.story_id for done in settled.values() if done.opened_with is None}, now=now)
    story_index.keep(session, table.kept, now=now)
    story_index.add(session, lasting, now=now)
    return {article_id: _final(done, table.story_of[article_id]) for article_id, done in settled.items()}


def _placed(table: Table, arrival: Arrival) -> Placement | None:
    groups = groups_of(table, arrival)
    if not groups:
        return None
    own = table.story_of.get(arrival.article_id, arrival.article_id)
    return place(arrival.fingerprint, groups, own=own, apart=table.apart)


def _final(done: Settled, story_id: UUID) -> Settled:
    """As it stands at the end: a later entry of the document may have made the story part of an older one."""
    return done if done.story_id == story_id else replace(done, story_id=story_id, opened_with=None)


def _join(table: Table, arrival: Arrival, placement: Placement) -> Settled:
    """Make all the groups an arrival has copies in one story, with the arrival in it."""
    own = table.story_of.get(arrival.article_id)
    lone = [match for match in placement.matches if match.candidate.story_id is None]
    held = {match.candidate.story_id for match in placement.matches if match.candidate.story_id is not None}
    held |= {own} if own is not None else set()
    how, by = placement.nearest.how, placement.nearest.candidate
    # Ids of stories are in the order they were opened: of several the oldest goes on.
    story_id = min(held) if held else new_id()
    joined: list[Joined] = []
    if not held:
        table.opened.append(story_id)
        first = min(lone, key=lambda match: (match.candidate.first_seen_at, match.candidate.article_id))
        lone.remove(first)
        joined.append(_member(table, first.candidate, story_id))
    if own is None:
        joined.append(_member(table, arrival, story_id, how=how, by=by, duplicate_of=placement.duplicate_of))
    else:
        values = _told(how, by) | {"duplicate_of": placement.duplicate_of}
        stories.relate(table.session, arrival.article_id, values)
    joined += [_member(table, m.candidate, story_id, how=m.how.inverse(), by=arrival) for m in lone]
    merged = tuple(sorted(held - {story_id}))
    if merged:
        joined += _merge(table, merged, story_id)
    _regroup(table, {one.article_id for one in joined}, set(merged), story_id)
    if placement.duplicate_of is not None:
        table.kept.add(by.article_id)
        table.duplicate_of[arrival.article_id] = placement.duplicate_of
    return Settled(
        article_id=arrival.article_id,
        story_id=story_id,
        how=how,
        by=by.article_id,
        duplicate_of=placement.duplicate_of,
        joined=tuple(joined),
        opened_with=None if held else joined[0],
        merged=merged,
    )


def _told(how: Comparison, by: Arrival | Candidate) -> dict[str, Any]:
    return {
        "relation": how.relation,
        "joined_by": by.article_id,
        "similarity": how.similarity,
        "a_in_b": how.a_in_b,
        "b_in_a": how.b_in_a,
        "reason": how.reason,
        "facts": how.facts,
    }


_FIRST = Comparison(relation=StoryRelation.FIRST, similarity=1.0, a_in_b=1.0, b_in_a=1.0, reason="")


def _member(
    table: Table,
    member: Arrival | Candidate,
    story_id: UUID,
    *,
    how: Comparison = _FIRST,
    by: Arrival | Candidate | None = None,
    duplicate_of: UUID | None = None,
) -> Joined:
    """Note a new member to be written; without `how` it is the story's first."""
    told = _told(how, by or member) | ({} if by is not None else {"joined_by": None})
    row = {"article_id": member.article_id, "story_id": story_id, "joined_at": table.now, "duplicate_of": duplicate_of}
    table.rows.append(row | told)
    return Joined(
        article_id=member.article_id,
        feed_id=member.feed_id,
        revision=member.revision,
        relation=how.relation,
        similarity=how.similarity,
    )


def _merge(table: Table, merged: Sequence[UUID], story_id: UUID) -> list[Joined]:
    """Move the members of other stories into this one."""
    table.write_members()
    moved = set(stories.merge(table.session, merged, into=story_id, now=table.now))
    return [
        Joined(
            article_id=copy.article_id,
            feed_id=copy.feed_id,
            revision=copy.revision,
            relation=copy.relation,
            similarity=copy.similarity,
        )
        for copy in stories.members(table.session, story_id)
        if copy.article_id in moved
    ]


def _regroup(table: Table, articles: set[UUID], merged: set[UUID], story_id: UUID) -> None:
    """From now on these articles and stories are this story, also to whoever is kept apart from them."""
    table.story_of |= dict.fromkeys(articles, story_id)
    if merged:
        table.story_of |= {article_id: story_id for article_id, own in table.story_of.items() if own in merged}
    gone = articles | merged
    table.apart = {frozenset(story_id if one in gone else one for one in pair) for pair in table.apart}
