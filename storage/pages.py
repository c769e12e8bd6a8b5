"""The pages of articles: wanted, claimed, kept, found again. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col

from storage.db import is_sqlite
from storage.documents import forget_blobs
from storage.models import Document, Feed, FeedStatus, Page, PageState

# Bound parameters per statement, as for identities.
_CHUNK = 400


def known(session: Session, feed_id: int, keys: Iterable[str]) -> dict[str, Page]:
    """The rows of these pages, by key."""
    wanted = list(keys)
    found: dict[str, Page] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Page).where(col(Page.feed_id) == feed_id, col(Page.key).in_(wanted[start : start + _CHUNK]))
        found.update({row.key: row for row in session.scalars(query)})
    return found


def want(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Have pages fetched; one that is held keeps its text until the new one is there.

    Each row has `feed_id`, `key`, `url`, `entry_sha256` and `document_id`.
    """
    make = sqlite_insert if is_sqlite(session) else pg_insert
    for row in rows:
        fresh = {"state": PageState.WANTED, "due_at": now, "lease_token": None, "attempts": 0, "error": None}
        statement = make(Page).values(**row, **fresh)
        session.execute(statement.on_conflict_do_update(index_elements=["feed_id", "key"], set_=dict(row) | fresh))


def claim_due(session: Session, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Page]:
    """Take pages that are to be fetched, of feeds that are polled; until the lease ends nobody else is given them."""
    due = (
        select(col(Page.feed_id), col(Page.key))
        .join(Feed, col(Feed.id) == col(Page.feed_id))
        .where(col(Page.due_at) <= now, col(Feed.status).in_((FeedStatus.ACTIVE, FeedStatus.GONE)))
        .order_by(col(Page.due_at))
        .limit(limit)
    )
    if not is_sqlite(session):
        due = due.with_for_update(skip_locked=True, of=Page)
    chosen = [and_(col(Page.feed_id) == feed_id, col(Page.key) == key) for feed_id, key in session.execute(due)]
    if not chosen:
        return []
    statement = (
        update(Page)
        .where(or_(*chosen))
        .values(due_at=now + lease, lease_token=uuid4().hex, attempts=col(Page.attempts) + 1)
        .returning(Page)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).all()


def extend(session: Session, tokens: Mapping[int, str], until: datetime) -> None:
    """Keep claimed pages (by their tokens) for longer; what is noted by now stays as it is."""
    held = col(Page.lease_token).in_(set(tokens.values()))
    session.connection().execute(update(Page).where(held).values(due_at=until))


def any_due(session: Session, *, now: datetime) -> bool:
    """Whether pages wait to be fetched."""
    return bool(session.scalar(select(exists().where(col(Page.due_at) <= now))))


def still_held(session: Session, claimed: Page) -> Page | None:
    """The claimed row read anew, if it is still ours."""
    row = session.get(Page, (claimed.feed_id, claimed.key), populate_existing=True)
    return row if row is not None and row.lease_token == claimed.lease_token else None


def awaited(session: Session, document_id: int, *, until: datetime) -> bool:
    """Whether a page that this document asked for is being fetched, or will be before `until`."""
    soon = or_(col(Page.lease_token).is_not(None), col(Page.due_at) < until)
    waiting = exists().where(col(Page.document_id) == document_id, col(Page.state) == PageState.WANTED, soon)
    return bool(session.scalar(select(waiting)))


def arrived(session: Session, feed_id: int, entries: Mapping[str, str]) -> bool:
    """Whether one of these pages (key → the entry that it was asked for) is held by now."""
    rows = known(session, feed_id, entries).values()
    return any(row.state is PageState.HELD and row.entry_sha256 == entries[row.key] for row in rows)


def counts(session: Session, feed_id: int) -> dict[str, int]:
    """How many pages of a feed stand where."""
    query = select(col(Page.state), func.count()).where(col(Page.feed_id) == feed_id).group_by(col(Page.state))
    return {state.value: count for state, count in session.execute(query)}


def last_error(session: Session, feed_id: int) -> str | None:
    """Why the page of a feed that was tried last could not be had."""
    query = select(col(Page.error)).where(col(Page.feed_id) == feed_id, col(Page.error).is_not(None))
    return session.scalar(query.order_by(col(Page.document_id).desc()).limit(1))


def prune(session: Session, *, before: datetime, limit: int = 500) -> int:
    """Forget pages whose document is no longer kept, and their bytes."""
    gone = (
        select(col(Page.feed_id), col(Page.key), col(Page.sha256))
        .where(
            or_(col(Page.fetched_at) < before, col(Page.fetched_at).is_(None)),
            ~exists().where(col(Document.id) == col(Page.document_id)),
        )
        .limit(limit)
    )
    rows = session.execute(gone).all()
    for feed_id, key, _ in rows:
        session.connection().execute(delete(Page).where(col(Page.feed_id) == feed_id, col(Page.key) == key))
    if names := {sha256 for _, _, sha256 in rows if sha256}:
        forget_blobs(session, names)
    return len(rows)
