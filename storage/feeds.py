"""Feeds: find, add, claim the due ones, write back what polling came to. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Numeric, bindparam, case, cast, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from storage import pushes
from storage.db import is_sqlite
from storage.errors import Ambiguous, DuplicateFeed, UnknownFeed
from storage.models import Feed, FeedStatus, Fetch

# Attempts kept per feed: enough to see two days of a feed polled every hour.
HISTORY = 50
# Digits of the first number that a column of 64 bits may not hold.
LONGEST_ID = 19


def add(session: Session, *, url: str, now: datetime, **fields: Any) -> Feed:
    """Subscribe to `url`, due at once; a feed that was removed comes back with its articles, and with what is given.

    Raises DuplicateFeed when it is subscribed already.
    """
    held = session.scalar(select(Feed).where(col(Feed.url) == url))
    if held is not None:
        if held.status is not FeedStatus.REMOVED:
            raise DuplicateFeed(f"{url} is subscribed already, as feed {held.id}")
        held.status, held.next_fetch_at, held.next_fetch_reason = FeedStatus.ACTIVE, now, "subscribed again"
        held.settings = held.settings | fields.pop("settings", {})
        for name, value in fields.items():
            if value is not None:
                setattr(held, name, value)
        pushes.come_back(session, held.id, now=now)
        session.add(held)
        return held
    feed = Feed(url=url, created_at=now, next_fetch_at=now, **fields)
    try:
        with session.begin_nested():
            session.add(feed)
    except IntegrityError as error:
        raise DuplicateFeed(f"{url} was subscribed just now by another process") from error
    return feed


def find(session: Session, reference: str, *, removed: bool = False) -> Feed:
    """The feed with this id, URL or (if only one has it) title; raises UnknownFeed or Ambiguous.

    With `removed` also one that was removed, where none that is there answers: its articles stay.
    """
    if is_id(reference):
        feed = session.get(Feed, int(reference))
        if feed is not None and (removed or feed.status is not FeedStatus.REMOVED):
            return feed
    named = func.lower(col(Feed.title)) == reference.lower()
    query = select(Feed).where(or_(col(Feed.url) == reference, named)).limit(3)
    found = session.scalars(query.where(col(Feed.status) != FeedStatus.REMOVED)).all()
    if not found and removed:
        found = session.scalars(query).all()
    if not found:
        raise UnknownFeed(f"no feed {reference!r}: `wireroom feeds list` shows ids, titles and URLs")
    if len(found) > 1:
        ids = ", ".join(str(feed.id) for feed in found)
        raise Ambiguous(f"several feeds are called {reference!r} (ids {ids}…): name one by its id")
    return found[0]


def is_id(reference: str) -> bool:
    """Whether a reference is the number of a feed: digits such as ² are none, nor is a number that no row can have."""
    return reference.isascii() and reference.isdigit() and len(reference) < LONGEST_ID


def listing(session: Session, *, status: FeedStatus | None = None, publisher: str | None = None) -> Sequence[Feed]:
    """Feeds by id, without the removed ones unless they are asked for."""
    query = select(Feed).order_by(col(Feed.id))
    query = query.where(col(Feed.status) == status if status else col(Feed.status) != FeedStatus.REMOVED)
    if publisher is not None:
        query = query.where(col(Feed.publisher) == publisher)
    return session.scalars(query).all()


def claim_due(session: Session, *, now: datetime, limit: int, lease: timedelta) -> Sequence[Feed]:
    """Take up to `limit` due feeds in one statement; until the lease ends nobody else is given them.

    The longest-waiting go first. A lease that ran out is simply due again.
    """
    due = select(col(Feed.id)).where(col(Feed.status) == FeedStatus.ACTIVE, col(Feed.next_fetch_at) <= now)
    return _claim(session, due.order_by(col(Feed.next_fetch_at)).limit(limit), now + lease)


def claim_one(session: Session, feed_id: int, *, now: datetime, lease: timedelta) -> Feed | None:
    """Take one feed whether or not it is due; None while another worker has it."""
    free = or_(col(Feed.lease_token).is_(None), col(Feed.next_fetch_at) <= now)
    rows = _claim(session, select(col(Feed.id)).where(col(Feed.id) == feed_id, free), now + lease)
    return rows[0] if rows else None


def _claim(session: Session, chosen: Any, until: datetime) -> Sequence[Feed]:
    if not is_sqlite(session):
        chosen = chosen.with_for_update(skip_locked=True)
    statement = (
        update(Feed)
        .where(col(Feed.id).in_(chosen.scalar_subquery()))
        .values(next_fetch_at=until, lease_token=uuid4().hex, next_fetch_reason="being fetched")
        .returning(Feed)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).all()


_FINISH = (
    update(Feed)
    .where(col(Feed.id) == bindparam("b_id"), col(Feed.lease_token) == bindparam("b_token"))
    .values(
        next_fetch_at=bindparam("b_next_fetch_at"),
        next_fetch_reason=bindparam("b_next_fetch_reason"),
        lease_token=None,
        etag=bindparam("b_etag"),
        last_modified=bindparam("b_last_modified"),
        body_sha256=bindparam("b_body_sha256"),
        last_fetched_at=bindparam("b_last_fetched_at"),
        last_success_at=bindparam("b_last_success_at"),
        last_changed_at=bindparam("b_last_changed_at"),
        failures=bindparam("b_failures"),
        failing_since=bindparam("b_failing_since"),
        failing_as=bindparam("b_failing_as"),
        state=bindparam("b_state"),
        pull=bindparam("b_pull"),
        # An operator who paused or removed the feed meanwhile has the last word.
        status=case((col(Feed.status) == FeedStatus.ACTIVE, bindparam("b_status")), else_=col(Feed.status)),
    )
)


def pulls(session: Session) -> list[tuple[float, int]]:
    """How many active feeds there are of each pull, to two digits: what the budget is shared out by."""
    rounded = func.round(cast(col(Feed.pull), Numeric), 2)
    query = select(rounded, func.count()).where(col(Feed.status) == FeedStatus.ACTIVE).group_by(rounded)
    return [(float(pull), feeds) for pull, feeds in session.execute(query)]


def still_held(session: Session, tokens: Mapping[int, str]) -> dict[int, Feed]:
    """Those of these feeds (id → lease token) that are still ours, read anew and locked until the transaction ends.

    A worker that was frozen past its lease finds its feeds given to another, and must write nothing.
    """
    query = select(Feed).where(col(Feed.id).in_(tokens)).order_by(col(Feed.id))
    if not is_sqlite(session):
        query = query.with_for_update()
    return {feed.id: feed for feed in session.scalars(query) if feed.lease_token == tokens[feed.id]}


def extend(session: Session, tokens: Mapping[int, str], until: datetime) -> None:
    """Keep claimed feeds (id → token) for longer; those that are done with, or another's by now, stay as they are."""
    session.connection().execute(
        update(Feed)
        .where(col(Feed.id).in_(tokens), col(Feed.lease_token).in_(set(tokens.values())))
        .values(next_fetch_at=until)
    )


def several(session: Session, ids: Collection[int]) -> dict[int, Feed]:
    """These feeds by id; raises KeyError for one that there is not."""
    found = {feed.id: feed for feed in session.scalars(_SEVERAL, {"ids": list(ids)})}
    return {feed_id: found[feed_id] for feed_id in ids}


def lock(session: Session, feed_id: int) -> Feed:
    """The feed, locked until the transaction ends: one writer at a time changes it and its articles."""
    return lock_several(session, [feed_id])[feed_id]


def lock_several(session: Session, ids: Collection[int]) -> dict[int, Feed]:
    """These feeds by id, locked in one order for all, so that no two writers wait for each other; KeyError for none."""
    query = _SEVERAL if is_sqlite(session) else _SEVERAL.with_for_update()
    found = {feed.id: feed for feed in session.scalars(query, {"ids": list(ids)})}
    return {feed_id: found[feed_id] for feed_id in ids}


_SEVERAL = select(Feed).where(col(Feed.id).in_(bindparam("ids", expanding=True))).order_by(col(Feed.id))


def at_url(session: Session, url: str) -> Feed | None:
    """The feed that is subscribed at exactly this address."""
    return session.scalars(select(Feed).where(col(Feed.url) == url)).first()


def due_now(session: Session, feed: Feed, *, now: datetime, reason: str) -> None:
    """Make a feed due at once, unless a worker has it: then its settings count from the next poll on."""
    if feed.lease_token is None:
        feed.next_fetch_at, feed.next_fetch_reason = now, reason
    session.add(feed)


def set_status(session: Session, feed: Feed, status: FeedStatus, *, now: datetime) -> None:
    """Pause, resume or remove a feed; one that is resumed is due at once, its failures forgotten.

    Its hub is told to stop with it, and asked again when it is resumed.
    """
    feed.status = status
    if status is FeedStatus.ACTIVE:
        pushes.come_back(session, feed.id, now=now)
    else:
        pushes.leave(session, feed.id, now=now)
    if status is FeedStatus.ACTIVE:
        feed.next_fetch_at, feed.next_fetch_reason = now, "resumed by an operator"
        feed.state, feed.unread = {}, None
        # Whether its new items can be read alone is tried again.
        feed.hints = {name: value for name, value in feed.hints.items() if name != "whole_since"}
        feed.failures, feed.failing_since, feed.failing_as = 0, None, None
    session.add(feed)


def ask(session: Session, feed_ids: Sequence[int], *, now: datetime) -> None:
    """Make feeds due at once, but for those that somebody is fetching right now."""
    free = (col(Feed.id).in_(feed_ids), col(Feed.lease_token).is_(None))
    session.connection().execute(update(Feed).where(*free).values(next_fetch_at=now, next_fetch_reason="asked for"))


def finish(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write back the feeds of a shard, each row with `id`, `token` and every column that polling may change.

    `moved_to` is the address of a feed that has moved, else None.
    """
    # The address has an index of its own: written with every poll, it would cost a page of that for every feed.
    for row in rows:
        if row["moved_to"] is not None:
            held = (col(Feed.id) == row["id"], col(Feed.lease_token) == row["token"])
            session.connection().execute(update(Feed).where(*held).values(url=row["moved_to"]))
    if rows:
        bound = [{f"b_{name}": value for name, value in row.items() if name != "moved_to"} for row in rows]
        session.connection().execute(_FINISH, bound)


def write_history(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add one history row per attempt."""
    if rows:
        session.execute(insert(Fetch), list(rows))


def standing(session: Session, feed_ids: Collection[int]) -> set[str]:
    """The articles (hex) whose items stand in the newest documents of these feeds."""
    rows = session.scalars(select(col(Feed.seen)).where(col(Feed.id).in_(feed_ids)))
    return {article for seen in rows for article in seen.values()}


def history(session: Session, feed_id: int, limit: int = HISTORY) -> Sequence[Fetch]:
    """The newest attempts at a feed, newest first."""
    return session.scalars(
        select(Fetch).where(col(Fetch.feed_id) == feed_id).order_by(col(Fetch.id).desc()).limit(limit)
    ).all()


def prune_history(session: Session, feed_ids: Sequence[int]) -> int:
    """Forget all but the newest attempts of these feeds; says how many rows went."""
    gone = 0
    for feed_id in feed_ids:
        oldest = session.scalar(
            select(col(Fetch.id))
            .where(col(Fetch.feed_id) == feed_id)
            .order_by(col(Fetch.id).desc())
            .offset(HISTORY - 1)
            .limit(1)
        )
        if oldest is not None:
            table = Fetch.__table__  # type: ignore[attr-defined]
            result = session.connection().execute(table.delete().where(table.c.feed_id == feed_id, table.c.id < oldest))
            gone += result.rowcount
    return gone


def forget_validators(session: Session, feed_ids: Sequence[int]) -> None:
    """Have the next poll of these feeds bring the whole document, changed or not."""
    blank: dict[str, Any] = {"etag": None, "last_modified": None, "body_sha256": None, "seen": {}}
    session.connection().execute(update(Feed).where(col(Feed.id).in_(feed_ids)).values(**blank))
