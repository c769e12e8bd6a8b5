"""Compares what publishers put out, what is stored, what was told, and what readers did about it. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from event_ledger import Told
from event_ledger import faults as event_faults

from . import copy
from .ledger import KILLED, Book, Slot


@dataclass(frozen=True, kw_only=True)
class Version:
    """A revision as stored."""

    number: int
    headline: str


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An article as stored, with its revisions in order of their numbers."""

    id: UUID
    feed: str
    revision: int
    canceled: bool
    versions: Sequence[Version]
    story: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """An event of the outbox; `revision` where it is about an article."""

    position: int
    id: str
    type: str
    subject: str
    revision: int | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything there is after a run: `inbox` has the bodies by message id, `waiting` what never came to rest."""

    articles: Sequence[Kept]
    outbox: Sequence[Row]
    streamed: Sequence[Told]
    effects: Sequence[Told]
    inbox: Mapping[str, set[str]]
    waiting: Mapping[str, int] = field(default_factory=dict)


CHANGES = ("wireroom.article.created.v1", "wireroom.article.revised.v1", "wireroom.article.withdrawn.v1")


def faults(book: Book, found: Evidence) -> list[str]:
    """Everything that is wrong, one line each; empty when nothing was lost, doubled or put out of order."""
    committed = [(row.id, row.subject) for row in found.outbox]
    return [
        *_waiting(found),
        *_articles(book, found.articles),
        *_told(found),
        *_positions(found.outbox),
        *event_faults(committed, found.streamed, found.effects),
        *_posted(found),
        *_stories(book, found.articles),
    ]


def _waiting(found: Evidence) -> Iterable[str]:
    yield from (f"waiting: {count} {what} never came to rest" for what, count in found.waiting.items() if count)


def _articles(book: Book, articles: Sequence[Kept]) -> Iterable[str]:
    by_slot: dict[Slot, list[Kept]] = defaultdict(list)
    for article in articles:
        named = {known[0] for version in article.versions if (known := copy.read(version.headline))}
        if len(named) != 1:
            yield f"articles: {article.id} of {article.feed} is of {sorted(named) or 'nothing that was published'}"
        by_slot.update({(article.feed, name): [*by_slot[article.feed, name], article] for name in named})
    for slot in sorted(by_slot.keys() | book.now.keys()):
        kept, where = by_slot.get(slot, []), "/".join(slot)
        if slot not in book.now:
            yield f"articles: {where} was never published"
        elif not kept:
            yield f"articles: {where} is lost"
        elif len(kept) > 1:
            yield f"articles: {where} is there {len(kept)} times"
        else:
            yield from _revisions(book, slot, where, kept[0])


def _revisions(book: Book, slot: Slot, where: str, article: Kept) -> Iterable[str]:
    numbers = [version.number for version in article.versions]
    if numbers != list(range(1, len(numbers) + 1)) or article.revision != len(numbers):
        yield f"revisions: {where} has the numbers {numbers} and says {article.revision}"
    stated = [known[1] for version in article.versions if (known := copy.read(version.headline))]
    if stated != sorted(set(stated)):
        yield f"revisions: {where} has the versions {stated}"
    accepted = [version for version in book.accepted.get(slot, ()) if version != KILLED]
    if lost := [version for version in accepted if version not in stated]:
        yield f"revisions: {where} has lost the versions {lost} of {accepted}, has {stated}"
    if strange := [version for version in stated if version not in book.offered.get(slot, ())]:
        yield f"revisions: {where} has the versions {strange} that were never published"
    if (book.now[slot] == KILLED) != article.canceled:
        yield f"revisions: {where} is {'' if article.canceled else 'not '}withdrawn, and should be otherwise"
    elif book.now[slot] != KILLED and stated[-1:] != [book.now[slot]]:
        yield f"revisions: {where} ends with {stated[-1:]} instead of {book.now[slot]}"


def _told(found: Evidence) -> Iterable[str]:
    """Of each article: created once, then every further revision, in order."""
    told: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for row in found.outbox:
        if row.type in CHANGES:
            told[row.subject].append((row.type.split(".")[2], row.revision))
    for article in found.articles:
        wanted: list[tuple[str, int | None]] = [("created", 1)]
        wanted += [("revised", version.number) for version in article.versions[1:]]
        heard = told.pop(str(article.id), [])
        ends = [one for one in heard if one[0] == "withdrawn"]
        if len(ends) != article.canceled:
            yield f"events: {article.id} was withdrawn {int(article.canceled)} times, told {len(ends)} times"
        rest = [one for one in heard if one[0] != "withdrawn"]
        if rest != wanted:
            yield f"events: of {article.id} there is told {rest}, was {wanted}"
    yield from (f"events: {subject} is told of, and there is no such article" for subject in told)


def _positions(outbox: Sequence[Row]) -> Iterable[str]:
    positions = [row.position for row in outbox]
    if positions != list(range(1, len(positions) + 1)):
        yield f"positions: not 1 to {len(positions)} without a gap"
    yield from (f"outbox: {name} is there {n} times" for name, n in Counter(row.id for row in outbox).items() if n > 1)


def _posted(found: Evidence) -> Iterable[str]:
    known = {row.id for row in found.outbox}
    yield from (f"webhook: {name} is lost" for name in sorted(known - found.inbox.keys()))
    yield from (f"webhook: {name} was never committed" for name in sorted(found.inbox.keys() - known))
    yield from (f"webhook: {name} came with several bodies" for name, seen in found.inbox.items() if len(seen) > 1)


def _stories(book: Book, articles: Sequence[Kept]) -> Iterable[str]:
    """Copies of one piece are one story, in whatever order and on whichever worker they came."""
    stories: dict[Slot, UUID | None] = {}
    for article in articles:
        if article.versions and (known := copy.read(article.versions[0].headline)):
            stories[article.feed, known[0]] = article.story
    for one in book.copies:
        found = {stories.get(slot) for slot in one}
        if len(found) != 1 or None in found:
            yield f"stories: the copies {sorted('/'.join(slot) for slot in one)} are in {len(found)} stories"
