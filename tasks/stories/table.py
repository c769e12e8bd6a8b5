"""What is known while the articles of one document are settled: who is where, who is near, which texts were read."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from sqlmodel import Session

from storage import articles, stories
from storage.story_index import ENOUGH, FULL, Neighbour, Print
from tasks.stories.fingerprint import Fingerprint, fingerprint
from tasks.stories.place import Candidate, Group

COMPARED = 8
"""Groups an article is compared with, nearest first; where none of eight has a copy, none that shares less has."""
RECENT = 256
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


_recent: OrderedDict[tuple[UUID, int], Fingerprint] = OrderedDict()


@dataclass(kw_only=True)
class Table:
    """What is known while a document is settled: who is where, who shares keys with whom, which texts were read."""

    session: Session
    now: datetime
    neighbours: Mapping[UUID, Sequence[Neighbour]]
    story_of: dict[UUID, UUID]
    duplicate_of: dict[UUID, UUID | None]
    apart: set[frozenset[UUID]]
    texts: dict[UUID, Fingerprint] = field(default_factory=dict)
    here: dict[UUID, Arrival] = field(default_factory=dict)
    by_key: dict[int, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    opened: list[UUID] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    kept: set[UUID] = field(default_factory=set)

    def read(self, those: Iterable[Neighbour]) -> Mapping[UUID, Fingerprint]:
        """The fingerprints of these articles, from memory or from their latest revision."""
        wanted = {n.article_id: n.revision for n in those if n.article_id not in self.texts}
        missing: dict[UUID, int] = {}
        for article_id, revision in wanted.items():
            if (article_id, revision) in _recent:
                self.texts[article_id] = _recent[article_id, revision]
            else:
                missing[article_id] = revision
        if missing:
            for article_id, content in articles.contents(self.session, missing).items():
                text = "\n\n".join(block["text"] for block in content.get("blocks", ()))
                self.texts[article_id] = fingerprint(content.get("headline", ""), text)
                remember((article_id, missing[article_id]), self.texts[article_id])
        return self.texts

    def lay(self, arrival: Arrival, one: Print) -> Print:
        """Let later arrivals find this one; returns what is to be kept of it, without the keys that are full."""
        self.here[arrival.article_id] = arrival
        keys = tuple(key for key in one.keys if len(self.by_key[key]) < FULL)
        for key in (*keys, one.text_key):
            self.by_key[key].append(arrival.article_id)
        return replace(one, keys=keys)

    def write_members(self) -> None:
        """Write the stories and members that are not written yet."""
        stories.open_stories(self.session, self.opened, now=self.now)
        stories.add_members(self.session, self.rows)
        self.opened.clear()
        self.rows.clear()


def laid(
    session: Session, arrivals: Sequence[Arrival], neighbours: Mapping[UUID, Sequence[Neighbour]], now: datetime
) -> Table:
    near = {neighbour.article_id: neighbour for those in neighbours.values() for neighbour in those}
    story_of = {n.article_id: n.story_id for n in near.values() if n.story_id is not None}
    revised = [arrival.article_id for arrival in arrivals if arrival.revised]
    story_of |= {article_id: story_id for article_id, (story_id, _) in stories.stories_of(session, revised).items()}
    table = Table(
        session=session,
        now=now,
        neighbours=neighbours,
        story_of=story_of,
        duplicate_of={n.article_id: n.duplicate_of for n in near.values()},
        apart=stories.apart(session, {story_of.get(article_id, article_id) for article_id in (*near, *revised)}),
    )
    # One query for the texts that are sure to be compared: the nearest of each group.
    table.read(those[0] for own in neighbours.values() for those in _grouped(table, own).values())
    return table


def _grouped(table: Table, those: Iterable[Neighbour]) -> dict[UUID, list[Neighbour]]:
    groups: dict[UUID, list[Neighbour]] = {}
    for neighbour in those:
        groups.setdefault(table.story_of.get(neighbour.article_id, neighbour.article_id), []).append(neighbour)
    return {group: _fullest_second(those) for group, those in islice(groups.items(), COMPARED)}


def _fullest_second(those: list[Neighbour]) -> list[Neighbour]:
    """The nearest, then the fullest: two different cuts of one text may share little, but it holds them both."""
    if len(those) < 3:
        return those
    fullest = max(those[1:], key=lambda neighbour: neighbour.words)
    return [those[0], fullest, *(neighbour for neighbour in those[1:] if neighbour is not fullest)]


def groups_of(table: Table, arrival: Arrival, one: Print) -> list[Group]:
    """The groups of this document's arrivals before those that are only in the store: nothing is nearer."""
    beside = Counter([other for key in one.every_key if key in table.by_key for other in table.by_key[key]])
    held = _grouped(table, table.neighbours.get(arrival.article_id, ()))
    here: dict[UUID, list[Arrival]] = {}
    same = table.by_key.get(one.text_key, ())
    for article_id, shared in beside.most_common():
        if shared >= ENOUGH or article_id in same or not one.keys:
            here.setdefault(table.story_of.get(article_id, article_id), []).append(table.here[article_id])
    near = islice(here | held, COMPARED)
    return [(group, chain(_beside(table, here.get(group, ())), _read(table, held.get(group, ())))) for group in near]


def _beside(table: Table, those: Iterable[Arrival]) -> Iterator[Candidate]:
    for arrival in those:
        yield Candidate(
            article_id=arrival.article_id,
            fingerprint=arrival.fingerprint,
            feed_id=arrival.feed_id,
            revision=arrival.revision,
            first_seen_at=arrival.first_seen_at,
            story_id=table.story_of.get(arrival.article_id),
            duplicate_of=table.duplicate_of.get(arrival.article_id),
            usable=arrival.usable,
        )


def _read(table: Table, those: Iterable[Neighbour]) -> Iterator[Candidate]:
    for neighbour in those:
        mark = table.read([neighbour]).get(neighbour.article_id)
        if mark is not None:
            yield Candidate(
                article_id=neighbour.article_id,
                fingerprint=mark,
                feed_id=neighbour.feed_id,
                revision=neighbour.revision,
                first_seen_at=neighbour.first_seen_at,
                story_id=table.story_of.get(neighbour.article_id),
                duplicate_of=neighbour.duplicate_of,
                usable=neighbour.status == "usable",
            )


def remember(key: tuple[UUID, int], mark: Fingerprint) -> None:
    _recent[key] = mark
    _recent.move_to_end(key)
    while len(_recent) > RECENT:
        _recent.popitem(last=False)
