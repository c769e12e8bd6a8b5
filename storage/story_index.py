"""The texts in the window of comparison: which of them share a key with a new one. Session first, never a commit.

The keys stand in a table of integers, so a look-up is one point search per key, whatever the number of texts. A key
that very many texts have (a publisher's boilerplate, the sentences of the daily weather) is full at `FULL` entries and
takes no more: it tells nothing, and its copies find each other by their other keys.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Table, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from storage import bulk
from storage.articles import CHUNK
from storage.db import is_sqlite
from storage.encode import to_json
from storage.models import Article
from storage.story_models import StoryBand, StoryMember, StoryPrint

FULL = 32
"""Texts under one key before it says no more. Copies of one text that many publishers run differ in other keys."""
NEAREST = 24
"""Texts that share the rarest keys, per new text; beyond these a copy would have turned up already."""
ENOUGH = 3
"""Keys two texts must share. Of sixteen a copy shares four and more, a quotation one or two."""
OWN_LOCKS = 128
"""Keys one transaction locks one by one; with more of them it takes the gate alone (Postgres' lock table is finite)."""

# Any constant will do; it must only differ from that of the migrations.
_GATE = 0x57495246


@dataclass(frozen=True, kw_only=True, slots=True)
class Print:
    """What is kept of a text: its keys (signed, 64 bits), and the key of the whole."""

    article_id: UUID
    version: int
    text_key: int
    keys: tuple[int, ...]

    @property
    def every_key(self) -> tuple[int, ...]:
        """The keys it is looked up by."""
        return (*self.keys, self.text_key)


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A held article that shares keys with a new one; `weight` is higher the rarer the shared keys are."""

    article_id: UUID
    revision: int
    feed_id: int
    status: str
    first_seen_at: datetime
    words: int
    story_id: UUID | None
    duplicate_of: UUID | None
    weight: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The neighbours of each new article, nearest first, and the keys that are full."""

    neighbours: Mapping[UUID, Sequence[Neighbour]]
    full: frozenset[int]


def lock(session: Session, wanted: Iterable[int]) -> None:
    """Make every other transaction with one of these keys wait for the end of this one.

    So of two copies that arrive at the same moment the second one finds the first. SQLite has one writer anyway.
    """
    if is_sqlite(session):
        return
    keys = sorted(set(wanted))
    alone = len(keys) > OWN_LOCKS
    gate = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    session.execute(text(f"SELECT {gate}(:gate)"), {"gate": _GATE})
    if keys and not alone:
        # One order for all, so that no two wait for each other.
        session.execute(_LOCK_KEYS, {"keys": keys})


def lock_all(session: Session) -> None:
    """Make every transaction that places articles wait for the end of this one."""
    if not is_sqlite(session):
        session.execute(text("SELECT pg_advisory_xact_lock(:gate)"), {"gate": _GATE})


_KEYS = bindparam("keys", type_=ARRAY(StoryBand.__table__.c.key.type))  # type: ignore[attr-defined]
_LOCK_KEYS = text("SELECT pg_advisory_xact_lock(key) FROM unnest(:keys) AS key").bindparams(_KEYS)
# The keys as text: the driver needs three times as long to make an array of a list.
# One look into the index for each key: for a list of thousands Postgres takes that for dearer than reading the whole
# table, which it is not, and which grows. OFFSET 0 keeps it from turning this into a join.
_SHARING = text(
    "SELECT wanted.key, held.print_id FROM unnest(CAST(:keys AS bigint[])) AS wanted(key)"
    " CROSS JOIN LATERAL (SELECT print_id FROM story_band WHERE story_band.key = wanted.key OFFSET 0) AS held"
)
_SHARING_SQLITE = text("SELECT key, print_id FROM story_band WHERE key IN (SELECT value FROM json_each(:keys))")

_KNOWN = (
    select(
        col(StoryPrint.id),
        col(StoryPrint.article_id),
        col(Article.revision),
        col(Article.feed_id),
        col(Article.status),
        col(Article.first_seen_at),
        col(Article.words),
        col(StoryMember.story_id),
        col(StoryMember.duplicate_of),
    )
    .join(Article, col(Article.id) == col(StoryPrint.article_id))
    .join(StoryMember, col(StoryMember.article_id) == col(StoryPrint.article_id), isouter=True)
    .where(col(StoryPrint.id).in_(bindparam("ids", expanding=True)), col(StoryPrint.kept_from) >= bindparam("since"))
)


def neighbours(session: Session, prints: Sequence[Print], *, since: datetime) -> Found:
    """Which held articles share keys with these, of those kept from `since` on; one query for all."""
    keys = sorted({key for one in prints for key in one.every_key})
    having: dict[int, list[int]] = defaultdict(list)
    if keys:
        listed = to_json(keys)
        sqlite = is_sqlite(session)
        statement, values = (_SHARING_SQLITE, listed) if sqlite else (_SHARING, f"{{{listed[1:-1]}}}")
        for key, print_id in session.connection().execute(statement, {"keys": values}):
            having[key].append(print_id)
    full = frozenset(key for key, those in having.items() if len(those) >= FULL)
    nearest = {one.article_id: _nearest(one, having) for one in prints}
    known = _known(session, {print_id for those in nearest.values() for print_id, _ in those}, since)
    return Found(
        neighbours={
            article_id: [
                replace(known[print_id], weight=weight)
                for print_id, weight in those
                if print_id in known and known[print_id].article_id != article_id
            ]
            for article_id, those in nearest.items()
        },
        full=full,
    )


def _nearest(one: Print, having: Mapping[int, Sequence[int]]) -> list[tuple[int, float]]:
    """The same text and the texts with `ENOUGH` of its keys, those with the rarest ones first.

    The same text needs no more than its own key: where copy is written by a pattern (the weather, the lottery), most
    keys are full, and two copies of one piece share hardly another.
    """
    weights: dict[int, float] = {}
    shared: dict[int, int] = {}
    for key in one.every_key:
        if key in having:
            those = having[key]
            for print_id in those:
                weights[print_id] = weights.get(print_id, 0.0) + 1 / len(those)
                shared[print_id] = shared.get(print_id, 0) + 1
    if not weights:
        return []
    same = having.get(one.text_key, ())
    near = [(n, weight) for n, weight in weights.items() if shared[n] >= ENOUGH or n in same or not one.keys]
    return sorted(near, key=lambda weighed: (-weighed[1], weighed[0]))[:NEAREST]


def _known(session: Session, ids: Collection[int], since: datetime) -> dict[int, Neighbour]:
    wanted = sorted(ids)
    found: dict[int, Neighbour] = {}
    connection = session.connection()
    for start in range(0, len(wanted), CHUNK):
        for row in connection.execute(_KNOWN, {"ids": wanted[start : start + CHUNK], "since": since}):
            print_id, article_id, revision, feed_id, status, first_seen_at, words, story_id, duplicate_of = row
            found[print_id] = Neighbour(
                article_id=article_id,
                revision=revision,
                feed_id=feed_id,
                status=status.value,
                first_seen_at=first_seen_at,
                words=words,
                story_id=story_id,
                duplicate_of=duplicate_of,
            )
    return found


def add(session: Session, prints: Sequence[Print], *, full: Collection[int], now: datetime) -> None:
    """Put texts into the window, under each of their keys that is not full."""
    if not prints:
        return
    keys = {one.article_id: tuple(key for key in one.every_key if key not in full) for one in prints}
    rows = [
        {
            "article_id": one.article_id,
            "kept_from": now,
            "version": one.version,
            "text_key": one.text_key,
            "keys": pack(keys[one.article_id]),
        }
        for one in prints
    ]
    made = session.connection().execute(_ADD_PRINTS, rows)
    bands = sorted({(key, print_id) for article_id, print_id in made for key in keys[article_id]})
    bulk.insert_values(session, _BANDS, ("key", "print_id"), bands)


_PRINTS: Table = StoryPrint.__table__  # type: ignore[attr-defined]
_BANDS: Table = StoryBand.__table__  # type: ignore[attr-defined]
_ADD_PRINTS = insert(_PRINTS).returning(_PRINTS.c.article_id, _PRINTS.c.id)


def keep(session: Session, article_ids: Collection[UUID], *, now: datetime) -> None:
    """Count the window of these texts from now on: a copy with the same words has come."""
    if article_ids:
        session.connection().execute(_KEEP, {"ids": list(article_ids), "now": now})


_KEEP = (
    update(_PRINTS)
    .where(_PRINTS.c.article_id.in_(bindparam("ids", expanding=True)))
    .values(kept_from=bindparam("now", type_=_PRINTS.c.kept_from.type))
)


def drop(session: Session, article_ids: Collection[UUID]) -> None:
    """Take these texts out of the window, for they were revised or purged."""
    if article_ids:
        _drop(
            session, select(col(StoryPrint.id), col(StoryPrint.keys)).where(col(StoryPrint.article_id).in_(article_ids))
        )


def prune(session: Session, *, before: datetime, limit: int = 500) -> int:
    """Take out up to `limit` texts that were last kept before that moment; returns how many."""
    query = (
        select(col(StoryPrint.id), col(StoryPrint.keys))
        .where(col(StoryPrint.kept_from) < before)
        .order_by(col(StoryPrint.kept_from))
        .limit(limit)
    )
    return _drop(session, query)


def _drop(session: Session, query: Select[int, bytes]) -> int:
    rows = session.execute(query).all()
    if not rows:
        return 0
    bands = [{"k": key, "p": print_id} for print_id, keys in rows for key in unpack(keys)]
    connection = session.connection()
    if bands:
        connection.execute(_DROP_BAND, bands)
    ids = [print_id for print_id, _ in rows]
    for start in range(0, len(ids), CHUNK):
        connection.execute(delete(StoryPrint).where(col(StoryPrint.id).in_(ids[start : start + CHUNK])))
    return len(rows)


_DROP_BAND = delete(StoryBand).where(col(StoryBand.key) == bindparam("k"), col(StoryBand.print_id) == bindparam("p"))


def pack(keys: Sequence[int]) -> bytes:
    """Keys as they are kept beside the text, so that it can be taken out again without a search."""
    return struct.pack(f"<{len(keys)}q", *keys)


def unpack(keys: bytes) -> tuple[int, ...]:
    """What `pack` was given."""
    return struct.unpack(f"<{len(keys) // 8}q", keys)
