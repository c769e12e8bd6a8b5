"""What a document teaches of its feed: what that says of itself, its items, its rhythm, and that its keys changed."""

from __future__ import annotations

from datetime import datetime

import structlog

from storage.models import Document, Feed
from storage.records import Cause, Event, ParsedDocument
from tasks import events
from tasks.cadence import Rhythm
from tasks.decide import Decided
from tasks.memory import hints_json
from tasks.rekey import AGAIN, Rekeyed

log = structlog.get_logger()


def learn(feed: Feed, document: Document, parsed: ParsedDocument, decided: Decided, now: datetime) -> None:
    """Keep what the newest document taught of its feed: what it says of itself, its items, how often it publishes.

    What a hub pushes may be the new entries alone: it tells of the rhythm, and not of what the feed's document holds.
    """
    decisions = decided.decisions
    rhythm = Rhythm.from_json(feed.rhythm)
    published = [d.entry.published_at or now for d in decisions if d.outcome == "created"]
    # An item of JSON has no bytes of its own; it is noted all the same, for whoever asks what the document holds.
    read = {d.entry.raw_sha256 or d.entry.sha256: d.article_id.hex for d in decisions if d.article_id is not None}
    feed.unread = None
    if document.cause is Cause.PUSH:
        feed.seen = feed.seen | read
        feed.rhythm = rhythm.seen(published, window=rhythm.window, now=now).to_json()
        return
    hints = parsed.hints
    feed.title = feed.title or hints.title
    feed.site_url = feed.site_url or hints.site_url
    feed.language = feed.language or hints.language
    feed.seen = {name: feed.seen[name] for name in parsed.skipped if name in feed.seen} | read
    degraded = decided.degraded
    total = len(parsed.entries) + len(parsed.skipped)
    feed.hints = (
        hints_json(hints)
        | {"document": document.id}
        | _kin(feed, document, known=bool(parsed.skipped) or any(d.held is not None for d in decisions))
        | ({"degraded": True} if degraded else {})
        | {name: feed.hints[name] for name in ("rekeyed", "whole_since") if name in feed.hints}
    )
    feed.rhythm = rhythm.seen(published, window=total, now=now).to_json()


def tell_rekeyed(feed: Feed, document: Document, rekeyed: Rekeyed, now: datetime) -> list[Event]:
    """The event, told once, that the feed gave its entries new keys."""
    last = feed.hints.get("rekeyed")
    if last is not None and now - datetime.fromisoformat(last) < AGAIN:
        return []  # the document beside this one has told it
    feed.hints = feed.hints | {"rekeyed": now.isoformat()}
    matched, unmatched = rekeyed.matched, rekeyed.unmatched
    event = events.feed_rekeyed(
        feed.id,
        feed.url,
        matched=matched,
        unmatched=unmatched,
        incident=now.isoformat(),
        now=now,
        cause=document.cause,
    )
    log.warning("feed.rekeyed", feed_id=feed.id, matched=matched, unmatched=unmatched)
    return [event]


def _kin(feed: Feed, document: Document, *, known: bool) -> dict[str, str]:
    """Whether the first document from this address held entries that were known: then it is the same feed there."""
    if feed.hints.get("met") == document.url:
        return {name: feed.hints[name] for name in ("met", "kin") if name in feed.hints}
    return {"met": document.url} | ({"kin": document.url} if known else {})
