"""A feed looked at without keeping anything: what came, what it holds, and when it would be polled next."""

from __future__ import annotations

from statistics import median
from typing import Any

from sqlmodel import Session

from storage import feeds
from storage.db import reading
from storage.errors import UnknownFeed
from storage.models import Feed
from storage.records import FetchOutcome, FetchRequest, FetchResult, ParsedDocument
from tasks.access import asked_with
from tasks.cadence import FeedState, Rhythm, next_poll
from tasks.events.envelope import public_url
from tasks.fetch import fetch_shard
from tasks.formats import NotAFeed, ParseFailed, parse_guarded
from tasks.formats.pages import is_teaser, own_text
from tasks.room import Room

# Headlines shown: enough to see whether it is the right feed.
_HEADLINES = 5


def explain(room: Room, reference: str) -> dict[str, Any]:
    """Fetch and read the feed with this id, or at this URL, and say what was seen; `problem` is None for a good one."""
    with reading(room.sessions) as session:
        feed = _known(session, reference)
    settings = feed.settings if feed is not None else {}
    url = feed.url if feed is not None else reference
    result = fetch_shard(room.fetch, [FetchRequest(feed_id=0, url=url, **asked_with(settings))])[0]
    facts: dict[str, Any] = {
        "url": public_url(url),
        "outcome": result.outcome.value,
        "status": result.status,
        "redirects": [f"{status} to {public_url(target)}" for status, target in result.hops],
        "milliseconds": round(result.duration_ms),
        "bytes": result.wire_bytes,
        "content_type": result.headers.get("content-type"),
        "validators": _validators(result),
        "problem": result.error,
    }
    if result.outcome is FetchOutcome.CHANGED and result.body is not None:
        facts |= _read(room, result, result.body)
    return facts


def _known(session: Session, reference: str) -> Feed | None:
    try:
        return feeds.find(session, reference)
    except UnknownFeed:
        if reference.isdigit():
            raise
        return None


def _validators(result: FetchResult) -> str:
    held = result.validators
    named = [name for name, value in (("ETag", held.etag), ("Last-Modified", held.last_modified)) if value]
    return " and ".join(named) or "none: every poll brings the whole document"


def _read(room: Room, result: FetchResult, body: bytes) -> dict[str, Any]:
    try:
        parsed = parse_guarded(body, content_type=result.headers.get("content-type"), url=result.final_url)
    except (NotAFeed, ParseFailed) as error:
        return {"problem": str(error)}
    now = room.clock()
    dated = [entry.published_at for entry in parsed.entries if entry.published_at is not None]
    rhythm = Rhythm().seen(dated, window=len(parsed.entries), now=now)
    plan = next_poll(result, FeedState(feed_id=0, hints=parsed.hints, rhythm=rhythm), now, room.cadence)
    return {
        "format": parsed.hints.format,
        "title": parsed.hints.title,
        "entries": len(parsed.entries),
        "unreadable": [f"{bad.position}: {bad.reason}" for bad in parsed.bad],
        "newest": max(dated).isoformat() if dated else None,
        "entries_a_day": round(rhythm.rate(now), 2),
        "poll_every_minutes": round(plan.interval / 60),
        "because": plan.reason,
        "hubs": list(parsed.hints.hubs),
        "pages": _teasers(parsed),
        "headlines": [entry.headline for entry in parsed.entries[:_HEADLINES]],
        "problem": _doubt(parsed),
    }


def _teasers(parsed: ParsedDocument) -> str | None:
    """What the operator of a feed of teasers can do about it."""
    if not parsed.entries or 2 * sum(is_teaser(entry) for entry in parsed.entries) <= len(parsed.entries):
        return None
    middle = round(median(own_text(entry) for entry in parsed.entries))
    return f"its entries are teasers ({middle} characters): `feeds set FEED --pages` fetches their pages as well"


def _doubt(parsed: ParsedDocument) -> str | None:
    """What an operator should know before he adds the feed."""
    if not parsed.entries:
        return "a feed without entries"
    if all(entry.guid is None and entry.url is None for entry in parsed.entries):
        return "no entry has a guid or a link: articles are told apart by their text alone"
    return None
