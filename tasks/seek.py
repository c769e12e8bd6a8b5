"""A feed that is no longer where it was: looked for on its site's page, and believed only if it is the same feed."""

from __future__ import annotations

import structlog

from storage import articles, feeds, outbox
from storage.db import reading
from storage.models import Feed, FeedStatus
from storage.records import FetchRequest
from tasks import events, subscribe
from tasks.access import BadAccess, asked_with
from tasks.fetch import fetch_shard
from tasks.formats import NotAFeed, ParseFailed, parse_guarded
from tasks.formats.discover import discover
from tasks.room import Room
from tasks.urls import document_keys

log = structlog.get_logger()
# Feeds tried of those that a page names: a big site names a dozen desks, and the right one stands among the first.
_TRIED = 8


def seek(room: Room, feed_id: int) -> str | None:
    """Look for the feed's new address on its site's page and poll it there from now on; None where it is not found.

    The feed there must hold an entry that is known from here. Guessed addresses are not tried.
    """
    with reading(room.sessions) as session:
        feed = session.get(Feed, feed_id)
    if feed is None or not feed.site_url or feed.status not in {FeedStatus.ACTIVE, FeedStatus.GONE}:
        return None
    page = fetch_shard(room.fetch, [FetchRequest(feed_id=feed_id, url=feed.site_url)])[0]
    if page.body is None:
        return None
    named = [found.url for found in discover(page.body, page.final_url) if found.how != "guessed"]
    for url in [url for url in named if url != feed.url][:_TRIED]:
        address = _same_feed(room, feed, url)
        if address is not None:
            return _move(room, feed, address)
    log.info("feed.not_found_again", feed_id=feed_id, named=len(named))
    return None


def _same_feed(room: Room, feed: Feed, url: str) -> str | None:
    """The address where `url` led, if a feed stands there that shares an entry with ours."""
    try:
        asked = asked_with(feed.settings)
    except BadAccess:
        asked = {}
    # Credentials belong to the old address's host; a new address has to be given them by the operator.
    plain = {name: value for name, value in asked.items() if not name.startswith("secret")}
    result = fetch_shard(room.fetch, [FetchRequest(feed_id=feed.id, url=url, **plain)])[0]
    if result.body is None or result.outcome.failed:
        return None
    try:
        parsed = parse_guarded(result.body, content_type=result.headers.get("content-type"), url=result.final_url)
    except (NotAFeed, ParseFailed):
        return None
    with reading(room.sessions) as session:
        known = articles.known_by(session, feed.id, (key for keys in document_keys(parsed.entries) for key in keys))
    return result.final_url if known else None


def _move(room: Room, feed: Feed, address: str) -> str | None:
    """Poll the feed at `address`, or leave it to the feed that is subscribed there."""
    now = room.clock()
    with room.sessions.begin() as session:
        held = feeds.lock(session, feed.id)
        if held.url != feed.url or held.status not in {FeedStatus.ACTIVE, FeedStatus.GONE}:
            return None
        if feeds.at_url(session, address) is not None:
            feeds.set_status(session, held, FeedStatus.REMOVED, now=now)
            outbox.record(session, [subscribe.removed(held, now, reason=subscribe.MERGED)])
            log.info("feed.merged", feed_id=feed.id, url=address)
            return address
        held.url, held.etag, held.last_modified, held.body_sha256, held.state = address, None, None, None, {}
        feeds.set_status(session, held, FeedStatus.ACTIVE, now=now)
        held.next_fetch_reason = "found again on its site's page"
        incident = now.isoformat()
        outbox.record(session, [events.feed_moved(held.id, address, former_url=feed.url, incident=incident, now=now)])
    log.info("feed.found_again", feed_id=feed.id, url=address)
    return address
