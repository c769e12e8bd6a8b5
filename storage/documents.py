"""Documents: raw bytes under their hash, and the rows that hand them from fetching to ingestion."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import zstandard
from sqlalchemy import Table, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.models import Article, Blob, Document, DocumentState, Page

# zstd 1: feeds shrink to a fourth at about 350 MB/s. Level 3 takes a third more time to make them a twentieth smaller.
LEVEL = 1
# How much longer than it has a document counts as having waited, for each step of its feed's priority: urgent copy
# overtakes, and what has waited longer than that is overtaken no more.
HEAD_START = timedelta(minutes=1)
# The largest document that is ever stored; decompression refuses more, so a damaged row cannot fill the memory.
MAX_BYTES = 64 * 1024 * 1024

_DOCUMENTS: Table = Document.__table__  # type: ignore[attr-defined]


def digest(body: bytes) -> str:
    """The name of a blob: sha256 of its bytes, hex."""
    return sha256(body).hexdigest()


def compress(body: bytes) -> bytes:
    """`body` as blobs and quarantined bytes are kept."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(body)


def decompress(data: bytes) -> bytes:
    """The bytes that `compress` was given."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_BYTES)


def store(session: Session, bodies: Mapping[str, bytes], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Keep the bodies by hash (one that is held already is not written again) and add a document for each of `rows`.

    Returns the documents' ids in that order. A row without `due_at` is kept but not waiting for ingestion; one with a
    `priority` is due that many head starts earlier.
    """
    if not rows:
        return []
    keep(session, bodies)
    documents = [Document(**_with_head_start(row)) for row in rows]
    session.add_all(documents)
    session.flush()
    return [document.id for document in documents]


def keep(session: Session, bodies: Mapping[str, bytes]) -> None:
    """Keep bytes under their hashes; what is held already is not written again."""
    if bodies:
        make = sqlite_insert if is_sqlite(session) else pg_insert
        blobs = [{"sha256": name, "data": compress(body), "size": len(body)} for name, body in sorted(bodies.items())]
        session.execute(make(Blob).on_conflict_do_nothing(), blobs)


def _with_head_start(row: Mapping[str, Any]) -> Mapping[str, Any]:
    due, priority = row.get("due_at"), row.get("priority")
    return {**row, "due_at": due - HEAD_START * priority} if due and priority else row


def body(session: Session, name: str) -> bytes:
    """The bytes of a blob; raises KeyError naming the hash when it was pruned."""
    return opened(name, kept(session, [name]))


def kept(session: Session, names: Collection[str]) -> dict[str, bytes]:
    """The blobs with these hashes as they are kept, compressed; one that was pruned is missing."""
    return {row[0]: row[1] for row in session.connection().execute(_DATA, {"names": list(names)})}


def opened(name: str, blobs: Mapping[str, bytes]) -> bytes:
    """The bytes of one of the blobs that `kept` gave; raises KeyError naming the hash when it was pruned."""
    if name not in blobs:
        raise KeyError(f"the bytes of document {name} are no longer kept")
    return decompress(blobs[name])


_DATA = select(col(Blob.sha256), col(Blob.data)).where(col(Blob.sha256).in_(bindparam("names", expanding=True)))


def claim(
    session: Session, *, now: datetime, lease: timedelta, ids: Sequence[int] | None = None, limit: int = 1
) -> Sequence[Document]:
    """Take waiting documents (these, or the longest waiting) for the time of the lease, the most urgent first.

    A feed's documents are taken in their order, one at a time: a correction never overtakes what it corrects.
    `attempts` counts the claim: a document that was claimed and not finished several times may kill its worker. So of
    the longest waiting, one that was tried before is taken alone.
    """
    due = _LONGEST_DUE if ids is None else _THESE_DUE
    given = {"now": now, "most": limit} if ids is None else {"now": now, "ids": list(ids)}
    found = session.execute(due[is_sqlite(session)], given).all()
    if ids is None:
        found = found[:1] if found and found[0].attempts else [row for row in found if not row.attempts]
    if not found:
        return []
    taken_by = {"ids": [row.id for row in found], "until": now + lease, "token": uuid4().hex}
    rows = session.scalars(_TAKE, taken_by, execution_options={"synchronize_session": False}).all()
    return sorted(rows, key=lambda document: (-document.priority, document.id))


_EARLIER = aliased(Document)
# Whether an earlier document of the same feed is not done with.
_BEHIND_ANOTHER = exists().where(
    col(_EARLIER.feed_id) == col(Document.feed_id),
    col(_EARLIER.id) < col(Document.id),
    col(_EARLIER.due_at).is_not(None),
)
_DUE = select(col(Document.id), col(Document.attempts)).where(
    col(Document.due_at) <= bindparam("now"), ~_BEHIND_ANOTHER
)
_LONGEST, _THESE = (
    _DUE.order_by(col(Document.due_at)).limit(bindparam("most")),
    _DUE.where(col(Document.id).in_(bindparam("ids", expanding=True))),
)
# With locks, and for SQLite, whose one writer needs none, without.
_LONGEST_DUE, _THESE_DUE = ((query.with_for_update(skip_locked=True), query) for query in (_LONGEST, _THESE))
_TAKE = (
    update(Document)
    .where(col(Document.id).in_(bindparam("ids", expanding=True)))
    .values(
        due_at=bindparam("until", type_=_DOCUMENTS.c.due_at.type),
        lease_token=bindparam("token"),
        attempts=col(Document.attempts) + 1,
    )
    .returning(Document)
)


def waiting(
    session: Session, *, now: datetime, limit: int, grace: timedelta = timedelta(0)
) -> Sequence[tuple[int, int]]:
    """Documents that can be taken, as (id, attempts so far), the longest waiting first.

    `grace` is how long one that was never taken may wait for its message; one whose lease ran out need not wait.
    """
    overdue = or_(
        col(Document.due_at) <= now - grace,
        and_(col(Document.due_at) <= now, col(Document.lease_token).is_not(None)),
    )
    query = select(col(Document.id), col(Document.attempts)).where(overdue, ~_BEHIND_ANOTHER)
    query = query.order_by(col(Document.due_at)).limit(limit)
    return [(document_id, attempts) for document_id, attempts in session.execute(query)]


def next_in_line(session: Session, feed_ids: Collection[int], *, now: datetime) -> Sequence[int]:
    """The documents of these feeds that can be taken, now that those before them are done."""
    query = select(col(Document.id)).where(
        col(Document.feed_id).in_(feed_ids), col(Document.due_at) <= now, ~_BEHIND_ANOTHER
    )
    return session.scalars(query).all()


def taken(session: Session, document_id: int, token: str) -> Document | None:
    """The document as whoever has this token claimed it; None when the lease has gone to another worker."""
    query = select(Document).where(col(Document.id) == document_id, col(Document.lease_token) == token)
    return session.scalars(query).first()


def extend(session: Session, tokens: Mapping[int, str], until: datetime) -> None:
    """Keep claimed documents (id → token) for longer; what is finished, or another's by now, stays as it is."""
    session.connection().execute(
        update(Document)
        .where(col(Document.id).in_(tokens), col(Document.lease_token).in_(set(tokens.values())))
        .values(due_at=until)
    )


def give_back(session: Session, document: Document, *, due_at: datetime, blameless: bool) -> None:
    """Let a claimed document be tried again from `due_at` on; when it is `blameless` this attempt does not count."""
    session.connection().execute(
        update(Document)
        .where(col(Document.id) == document.id, col(Document.lease_token) == document.lease_token)
        .values(due_at=due_at, lease_token=None, attempts=col(Document.attempts) - int(blameless))
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A claimed document as it ends: what it came to, when, and in which state it stays."""

    document: Document
    state: DocumentState
    now: datetime
    outcome: dict[str, Any]


def finish(
    session: Session, document: Document, *, state: DocumentState, now: datetime, outcome: dict[str, Any]
) -> bool:
    """Close a claimed document; False when the lease has gone to another worker meanwhile."""
    return finish_all(session, [Ended(document=document, state=state, now=now, outcome=outcome)])


def finish_all(session: Session, ended: Sequence[Ended]) -> bool:
    """Close claimed documents; False when the lease of one of them has gone to another worker meanwhile."""
    given = [
        {
            "own": one.document.id,
            "token": one.document.lease_token,
            "as": one.state,
            "now": one.now,
            "came_to": one.outcome,
        }
        for one in ended
    ]
    return session.connection().execute(_FINISH, given).rowcount == len(given)


_FINISH = (
    update(_DOCUMENTS)
    .where(_DOCUMENTS.c.id == bindparam("own"), _DOCUMENTS.c.lease_token.is_not_distinct_from(bindparam("token")))
    .values(
        state=bindparam("as", type_=_DOCUMENTS.c.state.type),
        due_at=None,
        lease_token=None,
        ingested_at=bindparam("now", type_=_DOCUMENTS.c.ingested_at.type),
        outcome=bindparam("came_to", type_=_DOCUMENTS.c.outcome.type),
    )
)


def wait(session: Session, document: Document, *, until: datetime) -> bool:
    """Put a claimed document aside until a time; it was not tried. False when the lease has gone to another worker."""
    result = session.connection().execute(
        update(Document)
        .where(col(Document.id) == document.id, col(Document.lease_token) == document.lease_token)
        .values(
            due_at=until,
            lease_token=None,
            attempts=col(Document.attempts) - 1,
            outcome={"waits_until": until.isoformat()},
        )
    )
    return result.rowcount == 1


def go_on(session: Session, document_id: int, *, now: datetime) -> bool:
    """Let a document that was put aside be ingested now, or one that is done be read once more, known items and all.

    False where a worker has it, or it is no longer kept.
    """
    document = session.get(Document, document_id)
    if document is None or document.lease_token is not None or document.state is DocumentState.QUARANTINED:
        return False
    if document.state is DocumentState.INGESTED:
        document.state, document.attempts, document.outcome = DocumentState.STORED, 0, {"whole": True}
    document.due_at = now
    session.add(document)
    return True


def requeue(session: Session, document_id: int, *, now: datetime) -> None:
    """Let a document be ingested once more, with its attempts forgotten."""
    values = {"state": DocumentState.STORED, "due_at": now, "attempts": 0, "lease_token": None}
    session.connection().execute(update(Document).where(col(Document.id) == document_id).values(**values))


def after_ingested(session: Session, ids: Collection[int]) -> set[int]:
    """Those of these documents before which another one of their feed became articles; the rest are backfill."""
    return set(session.connection().execute(_AFTER_INGESTED, {"ids": list(ids)}).scalars()) if ids else set()


_AFTER_INGESTED = select(col(Document.id)).where(
    col(Document.id).in_(bindparam("ids", expanding=True)),
    exists().where(
        col(_EARLIER.feed_id) == col(Document.feed_id),
        col(_EARLIER.id) < col(Document.id),
        col(_EARLIER.state) == DocumentState.INGESTED,
    ),
)


def backlog(session: Session) -> tuple[int, datetime | None]:
    """How many documents wait, and since when the oldest was fetched."""
    query = select(func.count(), func.min(col(Document.fetched_at))).where(col(Document.due_at).is_not(None))
    count, oldest = session.execute(query).one()
    return count, oldest


def prune(session: Session, *, before: datetime, limit: int = 500) -> int:
    """Forget documents fetched before `before` that no article's current revision was made from."""
    used = exists().where(col(Article.document_id) == col(Document.id))
    old = (
        select(col(Document.id))
        .where(col(Document.fetched_at) < before, col(Document.due_at).is_(None), ~used)
        .order_by(col(Document.id))
        .limit(limit)
    )
    statement = delete(Document).where(col(Document.id).in_(old.scalar_subquery())).returning(col(Document.sha256))
    names = session.scalars(statement.execution_options(synchronize_session=False)).all()
    if names:
        forget_blobs(session, set(names))
    return len(names)


def forget_blobs(session: Session, names: set[str]) -> None:
    """Forget those of these bytes that neither a document nor an article's page has any more."""
    documents = exists().where(col(Document.sha256) == col(Blob.sha256))
    pages = exists().where(col(Page.sha256) == col(Blob.sha256))
    session.connection().execute(delete(Blob).where(col(Blob.sha256).in_(names), ~documents, ~pages))
