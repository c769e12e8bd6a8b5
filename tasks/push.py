"""Feeds that their hubs push: subscriptions kept up, calls judged, and trust given only to hubs that earn it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

import structlog
from sqlmodel import Session

from storage import documents, feeds, pushes
from storage.db import reading
from storage.models import Document, Feed, FeedStatus, Parting, Push, PushState
from storage.records import Cause, Entry, FeedHints, FetchResult
from tasks.memory import state_of
from tasks.room import Room
from tasks.websub import granted, in_document, in_header, retry_wait, signed

log = structlog.get_logger()
# How long a hub may take from publication to push before a poll that finds the entry first counts as its miss.
_GRACE = timedelta(minutes=30)
_DISTRUST, _DENIED = timedelta(days=7), timedelta(days=7)
_ASKING = timedelta(minutes=2)
# Times that a hub is told that a subscription ends.
_TOLD = 5


class Decided(Protocol):
    """What ingestion decided on one entry, as far as trust in a hub needs it."""

    outcome: str
    entry: Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a hub is answered, and the document that its call brought."""

    status: int
    text: str = ""
    document_id: int | None = None


# --- what polling and ingestion tell of hubs ----------------------------------------------------------------------


def found_in_header(session: Session, result: FetchResult, now: datetime) -> None:
    """Note the hub that an answer's Link header names."""
    hub = in_header(result.headers.get("link", ""), result.final_url)
    if hub is not None:
        pushes.want(session, result.feed_id, hub=hub.hub, topic=hub.topic, in_header=True, now=now)


def learn(
    session: Session,
    feed: Feed,
    document: Document,
    hints: FeedHints,
    decisions: Sequence[Decided],
    now: datetime,
    *,
    subscribed: bool,
) -> None:
    """Note the hub that a document names, and what the document says of the hub that should push it.

    `subscribed` says whether the feed had a subscription before.
    """
    new = [decision.entry for decision in decisions if decision.outcome == "created"]
    if document.cause is Cause.PUSH:
        held = session.get(Push, feed.id)
        if held is not None and new:
            held.pushes += 1
        return
    hub = in_document(hints.hubs, hints.self_url, document.url)
    if hub is not None:
        pushes.want(session, feed.id, hub=hub.hub, topic=hub.topic, in_header=False, now=now)
    held = session.get(Push, feed.id) if hub is not None or subscribed else None
    if held is None or held.state is not PushState.ACTIVE or held.pushes == 0:
        return
    missed = [entry for entry in new if entry.published_at is not None and entry.published_at < now - _GRACE]
    if missed:
        held.misses += len(missed)
        held.distrusted_until = now + _DISTRUST
        log.warning("hub.missed", feed_id=feed.id, hub=held.hub, entries=len(missed))


# --- what hubs are asked ------------------------------------------------------------------------------------------


def due(room: Room, limit: int = 50) -> Sequence[Push]:
    """Claim the subscriptions whose hub is to be asked now."""
    with room.sessions.begin() as session:
        return pushes.claim_due(session, now=room.clock(), limit=limit, lease=_ASKING)


def asked(room: Room, push: Push, *, error: str | None) -> None:
    """Note that the hub was asked; until it verifies (or after an error) it is asked again, ever more seldom."""
    now = room.clock()
    with room.sessions.begin() as session:
        held = session.get(Push, push.feed_id)
        if held is None or held.token != push.token:
            return
        held.error = error
        if held.due_at == push.due_at:  # else the hub has verified or denied while it was being asked
            held.due_at = now + timedelta(seconds=retry_wait(held.attempts))
            held.state = PushState.ACTIVE if held.state is PushState.ACTIVE else PushState.ASKED
    if error is not None:
        log.warning("hub.unreachable", feed_id=push.feed_id, hub=push.hub, error=error)


def partings(room: Room, limit: int = 50) -> Sequence[Parting]:
    """Claim the subscriptions whose hub is to be told now that they end."""
    with room.sessions.begin() as session:
        return pushes.claim_partings(session, now=room.clock(), limit=limit, lease=_ASKING)


def parted(room: Room, one: Parting, *, error: str | None) -> None:
    """Note that the hub was told; until it confirms it is told again, and after some times left to its lease's end."""
    now = room.clock()
    with room.sessions.begin() as session:
        held = pushes.parting(session, one.token)
        if held is None:
            return  # it has confirmed while it was being told
        if held.attempts >= _TOLD:
            session.delete(held)
            log.warning("hub.left_untold", feed_id=held.feed_id, hub=held.hub, error=error)
        else:
            held.due_at = now + timedelta(seconds=retry_wait(held.attempts))
            session.add(held)


# --- what hubs say ------------------------------------------------------------------------------------------------


def verify(room: Room, token: str, query: Mapping[str, str]) -> Reply:
    """Answer a hub's GET: confirm what we asked for with its challenge, note a denial, refuse everything else.

    The feed is polled once after, since what was published while the subscription was under way was not pushed.
    """
    now = room.clock()
    with room.sessions.begin() as session:
        push = pushes.by_token(session, token)
        if push is None:
            return _confirm_parting(session, token, query)
        if query.get("hub.mode") == "denied" and query.get("hub.topic") == push.topic:
            push.state, push.due_at, push.attempts = PushState.DENIED, now + _DENIED, 0
            push.error = f"denied: {query.get('hub.reason', 'no reason given')[:300]}"
            log.warning("hub.denied", feed_id=push.feed_id, hub=push.hub, reason=query.get("hub.reason"))
            return Reply(status=HTTPStatus.OK)
        lease = granted(query, topic=push.topic)
        if lease is None:
            return Reply(status=HTTPStatus.NOT_FOUND)
        fresh = push.state is not PushState.ACTIVE
        push.state, push.attempts, push.error = PushState.ACTIVE, 0, None
        push.lease_until = now + timedelta(seconds=lease)
        push.due_at = now + timedelta(seconds=lease / 2)
        if fresh:
            feed = session.get_one(Feed, push.feed_id)
            feeds.due_now(session, feed, now=now, reason="its hub pushes from now on")
        log.info("hub.verified", feed_id=push.feed_id, hub=push.hub, lease_seconds=lease)
        return Reply(status=HTTPStatus.OK, text=query["hub.challenge"])


def _confirm_parting(session: Session, token: str, query: Mapping[str, str]) -> Reply:
    """Confirm that a subscription ends, if it is one that we want to end (§5.3)."""
    one = pushes.parting(session, token)
    meant = one is not None and query.get("hub.mode") == "unsubscribe" and query.get("hub.topic") == one.topic
    if one is None or not meant or not query.get("hub.challenge"):
        return Reply(status=HTTPStatus.NOT_FOUND)
    session.delete(one)
    log.info("hub.left", feed_id=one.feed_id, hub=one.hub)
    return Reply(status=HTTPStatus.OK, text=query["hub.challenge"])


def deliver(room: Room, token: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Take a hub's POST: a signed document is kept for ingestion, a signed ping without one makes the feed due.

    What is not signed with our secret is answered like the rest and forgotten (§7.1.2): a guesser learns nothing.
    """
    now = room.clock()
    with reading(room.sessions) as session:
        push = pushes.by_token(session, token)
        feed = session.get(Feed, push.feed_id) if push is not None else None
    if push is None or feed is None or feed.status is FeedStatus.REMOVED:
        return Reply(status=HTTPStatus.GONE)
    if not signed(body, headers.get("x-hub-signature"), push.secret):
        log.warning("push.unsigned", feed_id=push.feed_id, hub=push.hub, bytes=len(body))
        return Reply(status=HTTPStatus.ACCEPTED)
    with room.sessions.begin() as session:
        held = pushes.by_token(session, token)
        if held is None:
            return Reply(status=HTTPStatus.GONE)
        held.pushed_at = now
        if not body.strip():
            feeds.due_now(session, session.get_one(Feed, held.feed_id), now=now, reason="its hub said that it changed")
            return Reply(status=HTTPStatus.ACCEPTED)
        name = documents.digest(body)
        row = {
            "feed_id": held.feed_id,
            "sha256": name,
            "url": state_of(feed).memory.validators_url or feed.url,
            "content_type": headers.get("content-type"),
            "cause": Cause.PUSH,
            "fetched_at": now,
            "due_at": now,
            "priority": feed.priority,
        }
        (document_id,) = documents.store(session, {name: body}, [row])
    log.info("push.received", feed_id=feed.id, document_id=document_id, bytes=len(body))
    return Reply(status=HTTPStatus.ACCEPTED, document_id=document_id)
