"""The texts in the window of comparison: which of them share a key with a new one. Session first, never a commit.

The keys stand in a table of integers, so a look-up is one point search per key, whatever the number of texts. How many
texts a key takes is for those who write it to say (`tasks.stories.near`).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, Table, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from storage import bulk, story_fresh
from storage.articles import CHUNK
from storage.copying import enclosed
from storage.db import is_sqlite
from storage.encode import to_json
from storage.frozen import record
from storage.models import Article, ArticleStatus
from storage.story_models import StoryBand, StoryMember, StoryPrint

OWN_LOCKS = 128
"""Keys one transaction locks one by one; with more of them it takes the gate alone (Postgres' lock table is finite)."""

# Any constant will do; it must only differ from that of the migrations.
_GATE = 0x57495246


@record(frozen=True, kw_only=True, slots=True)
class Print:
    """What is kept of a text: the keys it is found by, each once (signed, 64 bits), and that of the whole text."""

    article_id: UUID
    version: int
    text_key: int
    keys: Sequence[int]


@record(frozen=True, kw_only=True, slots=True)
class Held:
    """A held article as far as it matters to one that may be its copy."""

    article_id: UUID
    text_key: int
    revision: int
    feed_id: int
    usable: bool
    first_seen_at: datetime
    words: int
    story_id: UUID | None
    duplicate_of: UUID | None


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
# A join in this order, so that SQLite asks for each key as it comes and makes no list of them first.
_SHARING_SQLITE = text(
    "SELECT band.key, print_id FROM json_each(:keys) AS wanted CROSS JOIN story_band AS band ON band.key = wanted.value"
)

_KNOWN = (
    select(
        col(StoryPrint.id),
        col(StoryPrint.article_id),
        col(StoryPrint.text_key),
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


def sharing(session: Session, keys: Iterable[int]) -> dict[int, list[int]]:
    """The ids of the prints under each of these keys (each once) that has any; one query for all."""
    found: dict[int, list[int]] = defaultdict(list)
    wanted = sorted(keys)
    if wanted:
        listed = to_json(wanted)
        sqlite = is_sqlite(session)
        statement, values = (_SHARING_SQLITE, listed) if sqlite else (_SHARING, f"{{{listed[1:-1]}}}")
        for key, print_id in session.connection().execute(statement, {"keys": values}).all():
            found[key].append(print_id)
        for key, print_id in story_fresh.sharing(session, wanted) if sqlite else ():
            found[key].append(print_id)
    return dict(found)


def held(session: Session, print_ids: Collection[int], *, since: datetime) -> dict[int, Held]:
    """The articles of these prints, of those kept from `since` on."""
    wanted = sorted(print_ids)
    found: dict[int, Held] = {}
    connection = session.connection()
    for start in range(0, len(wanted), CHUNK):
        for row in connection.execute(_KNOWN, {"ids": wanted[start : start + CHUNK], "since": since}):
            print_id, article_id, text_key, revision, feed_id, status, first_seen_at, words, story_id, original = row
            found[print_id] = Held(
                article_id=article_id,
                text_key=text_key,
                revision=revision,
                feed_id=feed_id,
                usable=status is ArticleStatus.USABLE,
                first_seen_at=first_seen_at,
                words=words,
                story_id=story_id,
                duplicate_of=original,
            )
    return found


def add(session: Session, prints: Sequence[Print], *, now: datetime) -> None:
    """Put texts into the window, each under its keys."""
    if not prints:
        return
    ids = _new_ids(session, len(prints))
    packed = [pack(one.keys) for one in prints]
    rows = [
        (number, one.article_id, now, one.version, one.text_key, keys)
        for number, one, keys in zip(ids, prints, packed, strict=True)
    ]
    bulk.insert_values(session, _PRINTS, ("id", "article_id", "kept_from", "version", "text_key", "keys"), rows)
    keys = np.frombuffer(b"".join(packed), "<i8")
    owners = np.repeat(np.array(ids), [len(one.keys) for one in prints])
    order = keys.argsort()
    if is_sqlite(session):
        story_fresh.put(session, ids[0], ids[-1], keys[order], owners[order])
    else:
        bulk.copy(session, _BANDS, ("key", "print_id"), _copied(keys[order], owners[order]))


# They are thousands: made of two arrays at once, they cost a seventh of what they cost value by value.
_COPIED = np.dtype([("width", ">i2"), ("size", ">i4"), ("key", ">i8"), ("size_", ">i4"), ("print_id", ">i8")])


def _copied(keys: NDArray[np.int64], prints: NDArray[np.int64]) -> bytes:
    rows = np.empty(len(keys), _COPIED)
    rows["width"], rows["size"], rows["size_"] = 2, 8, 8
    rows["key"], rows["print_id"] = keys, prints
    return enclosed(rows.tobytes())


def _new_ids(session: Session, count: int) -> list[int]:
    """Ids that no print ever had; said beforehand, so that prints and their keys can be written as plain rows."""
    if is_sqlite(session):
        last: int = session.connection().execute(_LAST_ID_SQLITE).scalar_one_or_none() or 0
        return list(range(last + 1, last + 1 + count))
    return [number for (number,) in session.connection().execute(_NEXT_IDS, {"count": count})]


# SQLite has one writer, and counts an id that is given as one of its own.
_LAST_ID_SQLITE = text("SELECT seq FROM sqlite_sequence WHERE name = 'story_print'")
# OFFSET 0 keeps Postgres from looking the sequence's name up for every number.
_NEXT_IDS = text(
    "SELECT nextval(own.sequence) FROM (SELECT pg_get_serial_sequence('story_print', 'id') AS sequence OFFSET 0) AS own"
    " CROSS JOIN generate_series(1, :count)"
)


_PRINTS: Table = StoryPrint.__table__  # type: ignore[attr-defined]
_BANDS: Table = StoryBand.__table__  # type: ignore[attr-defined]


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
