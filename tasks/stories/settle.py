"""Settle the articles of one document into stories, inside the transaction that writes them.

read    the keys of all of them in one query, then the texts of the nearest neighbours in another
decide  `place`, one after the other, each seeing those before it
write   members, stories, and the texts that later copies shall find
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage import articles, stories, story_index
from storage.records import StoryRelation
from storage.story_index import Neighbour, Print
from tasks.stories.compare import Comparison
from tasks.stories.fingerprint import Fingerprint, fingerprint
from tasks.stories.place import TRIES, Candidate, Placement, place

COMPARED = 8
"""Neighbours whose texts are read for one article; where none of eight is a copy, none that shares less is."""
RECENT = 128
"""Texts that are kept fingerprinted in a process, some 30 kB each: a story that runs today is met again and again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A new article, or with `revised` a new version of a held one, on its way into the store."""

    article_id: UUID
    fingerprint: Fingerprint
    feed_id: int
    revision: int
    first_seen_at: datetime
    usable: bool = True
    revised: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """An article that is in a story now and was not before, or was in another."""

    article_id: UUID
    feed_id: int
    revision: int
    relation: StoryRelation
    similarity: float


@dataclass(frozen=True, kw_only=True, slots=True)
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


_recent: OrderedDict[tuple[UUID, int], Fingerprint] = OrderedDict()


@dataclass(kw_only=True)
class _Table:
    """What is known while a document is settled: who is where, who shares keys with whom."""

    session: Session
    now: datetime
    neighbours: Mapping[UUID, Sequence[Neighbour]]
    prints: Mapping[tuple[UUID, int], Fingerprint]
    story_of: dict[UUID, UUID]
    duplicate_of: dict[UUID, UUID | None]
    apart: set[frozenset[UUID]]
    here: dict[UUID, Arrival] = field(default_factory=dict)
    by_key: dict[int, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    rows: list[dict[str, Any]] = field(default_factory=list)
    kept: set[UUID] = field(default_factory=set)


def settle(session: Session, arrivals: Sequence[Arrival], *, since: datetime, now: datetime) -> dict[UUID, Settled]:
    """Put each arrival into the story it belongs to, by article id; those without copies are not among them.

    `since` is where the window of comparison begins. Call it in the transaction that writes the articles, before
    that writes any: from here to the commit no other transaction settles a copy of one of them.
    """
    prints = {a.article_id: _print(a) for a in arrivals if a.fingerprint.text_key is not None}
    story_index.lock(session, prints.values())
    story_index.drop(session, [a.article_id for a in arrivals if a.revised])
    found = story_index.neighbours(session, list(prints.values()), since=since)
    table = _laid(session, arrivals, found.neighbours, now)
    settled: dict[UUID, Settled] = {}
    lasting: list[Print] = []
    for arrival in arrivals:
        one = prints.get(arrival.article_id)
        if one is None:
            continue
        placement = place(
            arrival.fingerprint,
            _candidates(table, arrival, one),
            own=table.story_of.get(arrival.article_id, arrival.article_id),
            apart=table.apart,
        )
        if placement is not None:
            settled[arrival.article_id] = _join(table, arrival, placement)
        if placement is None or placement.duplicate_of is None:
            lasting.append(one)
            table.here[arrival.article_id] = arrival
            for key in one.every_key:
                table.by_key[key].append(arrival.article_id)
        _remember((arrival.article_id, arrival.revision), arrival.fingerprint)
    stories.add_members(session, table.rows)
    stories.touch(session, {table.story_of[article_id] for article_id in settled}, now=now)
    story_index.keep(session, table.kept, now=now)
    story_index.add(session, lasting, full=found.full, now=now)
    return {article_id: _final(done, table.story_of[article_id]) for article_id, done in settled.items()}


def _final(done: Settled, story_id: UUID) -> Settled:
    """As it stands at the end: a later entry of the document may have made the story part of an older one."""
    return done if done.story_id == story_id else replace(done, story_id=story_id, opened_with=None)


def _print(arrival: Arrival) -> Print:
    mark = arrival.fingerprint
    if mark.text_key is None:
        raise ValueError("a text without a key has no print")
    return Print(article_id=arrival.article_id, version=mark.version, text_key=mark.text_key, keys=mark.keys)


def _laid(
    session: Session, arrivals: Sequence[Arrival], neighbours: Mapping[UUID, Sequence[Neighbour]], now: datetime
) -> _Table:
    near = {article_id: _nearest(those) for article_id, those in neighbours.items()}
    all_near = {neighbour.article_id: neighbour for those in near.values() for neighbour in those}
    story_of = {n.article_id: n.story_id for n in all_near.values() if n.story_id is not None}
    revised = [arrival.article_id for arrival in arrivals if arrival.revised]
    story_of |= {article_id: story_id for article_id, (story_id, _) in stories.stories_of(session, revised).items()}
    groups = {story_of.get(article_id, article_id) for article_id in (*all_near, *revised)}
    return _Table(
        session=session,
        now=now,
        neighbours=near,
        prints=_texts(session, all_near.values()),
        story_of=story_of,
        duplicate_of={n.article_id: n.duplicate_of for n in all_near.values()},
        apart=stories.apart(session, groups) if all_near else set(),
    )


def _nearest(those: Sequence[Neighbour]) -> list[Neighbour]:
    """The nearest few, and of one story no more than would be tried."""
    taken: dict[UUID, int] = defaultdict(int)
    near: list[Neighbour] = []
    for neighbour in those:
        group = neighbour.story_id or neighbour.article_id
        taken[group] += 1
        if taken[group] <= TRIES:
            near.append(neighbour)
        if len(near) == COMPARED:
            break
    return near


def _texts(session: Session, near: Iterable[Neighbour]) -> dict[tuple[UUID, int], Fingerprint]:
    """The fingerprints of these articles, from memory or from their latest revision."""
    wanted = {neighbour.article_id: neighbour.revision for neighbour in near}
    found = {key: _recent[key] for key in wanted.items() if key in _recent}
    missing = {article_id: revision for article_id, revision in wanted.items() if (article_id, revision) not in found}
    for article_id, content in articles.contents(session, missing).items():
        text = "\n\n".join(block["text"] for block in content.get("blocks", ()))
        key = (article_id, missing[article_id])
        found[key] = fingerprint(content.get("headline", ""), text)
        _remember(key, found[key])
    return found


def _remember(key: tuple[UUID, int], mark: Fingerprint) -> None:
    _recent[key] = mark
    _recent.move_to_end(key)
    while len(_recent) > RECENT:
        _recent.popitem(last=False)


def _candidates(table: _Table, arrival: Arrival, one: Print) -> list[Candidate]:
    """Those of this document before the held ones: what shares a document is the nearest of all."""
    beside: dict[UUID, int] = defaultdict(int)
    for key in one.every_key:
        for article_id in table.by_key.get(key, ()):
            beside[article_id] += 1
    candidates = [_beside(table, table.here[article_id]) for article_id in sorted(beside, key=lambda i: -beside[i])]
    for neighbour in table.neighbours.get(arrival.article_id, ()):
        mark = table.prints.get((neighbour.article_id, neighbour.revision))
        if mark is not None:
            candidates.append(
                Candidate(
                    article_id=neighbour.article_id,
                    fingerprint=mark,
                    feed_id=neighbour.feed_id,
                    revision=neighbour.revision,
                    first_seen_at=neighbour.first_seen_at,
                    story_id=table.story_of.get(neighbour.article_id),
                    duplicate_of=neighbour.duplicate_of,
                    usable=neighbour.status == "usable",
                )
            )
    return candidates


def _beside(table: _Table, arrival: Arrival) -> Candidate:
    return Candidate(
        article_id=arrival.article_id,
        fingerprint=arrival.fingerprint,
        feed_id=arrival.feed_id,
        revision=arrival.revision,
        first_seen_at=arrival.first_seen_at,
        story_id=table.story_of.get(arrival.article_id),
        duplicate_of=table.duplicate_of.get(arrival.article_id),
        usable=arrival.usable,
    )


def _join(table: _Table, arrival: Arrival, placement: Placement) -> Settled:
    """Make all the groups an arrival has copies in one story, with the arrival in it."""
    own = table.story_of.get(arrival.article_id)
    lone = [match for match in placement.matches if match.candidate.story_id is None]
    held = {match.candidate.story_id for match in placement.matches if match.candidate.story_id is not None}
    held |= {own} if own is not None else set()
    how, by = placement.nearest.how, placement.nearest.candidate
    # Ids of stories are in the order they were opened: of several the oldest goes on.
    story_id = min(held) if held else stories.open_story(table.session, now=table.now)
    joined: list[Joined] = []
    if not held:
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
    _regroup(table, {*merged, *(one.article_id for one in joined)}, story_id)
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
        "facts": {name: pairs for name, pairs in (("numbers", how.numbers), ("names", how.names)) if pairs},
    }


_FIRST = Comparison(relation=StoryRelation.FIRST, similarity=1.0, a_in_b=1.0, b_in_a=1.0, reason="")


def _member(
    table: _Table,
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


def _merge(table: _Table, merged: Sequence[UUID], story_id: UUID) -> list[Joined]:
    """Move the members of other stories into this one."""
    stories.add_members(table.session, table.rows)
    table.rows.clear()
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


def _regroup(table: _Table, groups: set[UUID], story_id: UUID) -> None:
    """From now on these articles and stories are this story, also to whoever is kept apart from them."""
    for article_id, own in table.story_of.items():
        if own in groups:
            table.story_of[article_id] = story_id
    table.story_of |= dict.fromkeys(groups, story_id)
    table.apart = {frozenset(story_id if one in groups else one for one in pair) for pair in table.apart}
