"""What is known while arrivals are settled: who is where, who is near, which texts were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, islice
from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage import stories, story_index
from storage.frozen import record
from storage.story_index import Held
from tasks.stories.fingerprint import Fingerprint, fingerprint
from tasks.stories.near import Keys
from tasks.stories.place import Candidate, Group
from tasks.stories.texts import texts

COMPARED = 8
"""Groups an article is compared with, nearest first; where none of eight has a copy, none that shares less has."""


@record(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A new article, or with `revised` a new version of a held one, on its way into the store."""

    article_id: UUID
    fingerprint: Fingerprint
    feed_id: int
    revision: int
    first_seen_at: datetime
    usable: bool = True
    revised: bool = False

    @property
    def text_key(self) -> int | None:
        """That of the fingerprint."""
        return self.fingerprint.text_key

    @property
    def words(self) -> int:
        """How many words were read."""
        return self.fingerprint.words


@dataclass(kw_only=True)
class Table:
    """What is known while arrivals are settled.

    `known` are the texts that may be near one: those in the store by the number of their print, arrivals that were laid
    by a number below nought.
    """

    session: Session
    now: datetime
    keys: Keys
    known: dict[int, Held | Arrival]
    story_of: dict[UUID, UUID]
    duplicate_of: dict[UUID, UUID | None]
    apart: set[frozenset[UUID]] = field(default_factory=set)
    texts: dict[UUID, Fingerprint] = field(default_factory=dict)
    opened: list[UUID] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    kept: set[UUID] = field(default_factory=set)

    def read(self, those: Iterable[Held]) -> None:
        """Fingerprint the latest revisions of these articles where that is not done."""
        missing = {one.article_id: one.revision for one in those if one.article_id not in self.texts}
        if missing:
            self.texts |= texts(self.session, missing)

    def text(self, one: Held | Arrival) -> Fingerprint:
        """The fingerprint of a text; that of nothing where the text is gone."""
        if isinstance(one, Arrival):
            return one.fingerprint
        self.read([one])
        return self.texts.get(one.article_id) or fingerprint("", "")

    def lay(self, arrival: Arrival, text_key: int) -> Sequence[int]:
        """Let later arrivals find this one; returns the keys it is found by."""
        number = -1 - len(self.known)
        self.known[number] = arrival
        return self.keys.lay(number, arrival.fingerprint.keys, text_key)

    def write_members(self) -> None:
        """Write the stories and members that are not written yet."""
        stories.open_stories(self.session, self.opened, now=self.now)
        stories.add_members(self.session, self.rows)
        self.opened.clear()
        self.rows.clear()


def laid(session: Session, arrivals: Sequence[Arrival], *, since: datetime, now: datetime) -> Table:
    """The table before the first arrival is placed: what the store holds that may be near one of them."""
    wanted = Counter(chain.from_iterable(arrival.fingerprint.every_key for arrival in arrivals))
    keys = Keys(story_index.sharing(session, wanted), wanted)
    near = {number for arrival in arrivals for number in _nearest(keys, arrival)}
    held = story_index.held(session, near, since=since)
    story_of = {one.article_id: one.story_id for one in held.values() if one.story_id is not None}
    revised = [arrival.article_id for arrival in arrivals if arrival.revised]
    story_of |= {article_id: story_id for article_id, (story_id, _) in stories.stories_of(session, revised).items()}
    groups = {story_of.get(article_id, article_id) for article_id in (*(h.article_id for h in held.values()), *revised)}
    table = Table(
        session=session,
        now=now,
        keys=keys,
        known=dict(held),
        story_of=story_of,
        duplicate_of={one.article_id: one.duplicate_of for one in held.values()},
        apart=stories.apart(session, groups),
    )
    # One query for the texts that are sure to be compared: the nearest of each group.
    table.read(_compared_first(table, arrivals))
    return table


def groups_of(table: Table, arrival: Arrival) -> list[Group]:
    """The stories, and the articles that are in none, that an arrival may have copies in."""
    return [
        (group, (_candidate(table, one) for one in _fullest_second(those)))
        for group, those in _grouped(table, arrival).items()
    ]


def _nearest(keys: Keys, arrival: Arrival) -> Collection[int]:
    mark = arrival.fingerprint
    return () if mark.text_key is None else keys.nearest(mark.every_key, mark.text_key)


def _compared_first(table: Table, arrivals: Iterable[Arrival]) -> Iterator[Held]:
    for arrival in arrivals:
        for those in _grouped(table, arrival).values():
            first = those[0]
            if first.text_key != arrival.text_key and isinstance(first, Held):
                yield first


def _grouped(table: Table, arrival: Arrival) -> dict[UUID, list[Held | Arrival]]:
    near = [table.known[number] for number in _nearest(table.keys, arrival) if number in table.known]
    # What was changed in a word may share all the keys; the same text says more.
    near.sort(key=lambda one: one.text_key != arrival.text_key)
    groups: dict[UUID, list[Held | Arrival]] = {}
    for one in near:
        if one.article_id != arrival.article_id:
            groups.setdefault(table.story_of.get(one.article_id, one.article_id), []).append(one)
    return dict(islice(groups.items(), COMPARED))


def _fullest_second(those: list[Held | Arrival]) -> list[Held | Arrival]:
    """The nearest, then the fullest: two different cuts of one text may share little, but it holds them both."""
    if len(those) < 3:
        return those
    fullest = max(those[1:], key=lambda one: one.words)
    return [those[0], fullest, *(one for one in those[1:] if one is not fullest)]


def _candidate(table: Table, one: Held | Arrival) -> Candidate:
    return Candidate(
        article_id=one.article_id,
        text_key=one.text_key,
        read=partial(table.text, one),
        feed_id=one.feed_id,
        revision=one.revision,
        first_seen_at=one.first_seen_at,
        story_id=table.story_of.get(one.article_id),
        duplicate_of=table.duplicate_of.get(one.article_id),
        usable=one.usable,
    )
