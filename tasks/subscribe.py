"""Subscribing: is there a feed at this address, or on the page that stands there? And the word of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from storage.models import Feed, FeedStatus
from storage.records import Cause, Event, FetchRequest, FetchResult
from tasks import events
from tasks.fetch import fetch_shard
from tasks.formats import NotAFeed, ParseFailed, parse_guarded
from tasks.formats.discover import discover
from tasks.room import Room
from tasks.websub import Hub, in_page

# Guesses that are tried on a page that names no feed: enough for the usual content systems, and no scan of the site.
GUESSES = 4
# Why a subscription ends that no operator ended.
MERGED = "another feed is subscribed at its new address"


class NothingThere(Exception):
    """No feed at the address nor on the page there; the text says what was found instead."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A feed that was found and read: its address, its title, how many entries it holds now, and its page's hub.

    `result` is what looking at it brought: its first poll, if it is added.
    """

    url: str
    title: str | None
    entries: int
    result: FetchResult = field(repr=False)
    hub: Hub | None = None


def look(room: Room, url: str) -> list[Candidate]:
    """The feeds at `url`: itself, or those that the page there names; raises NothingThere."""
    result = _get(room, url)
    if result.body is None and result.outcome.value != "not_a_feed":
        raise NothingThere(f"{url} could not be fetched: {result.outcome.value}: {result.error or result.status}")
    found = _read(result)
    if found is not None:
        return [found]
    named: list[str] = []
    guessed: list[str] = []
    for candidate in discover(result.body or b"", result.final_url):
        (guessed if candidate.how == "guessed" else named).append(candidate.url)
    tried = named or guessed[:GUESSES]
    found_there = [feed for address in tried if (feed := _read(_get(room, address))) is not None]
    # What the feed itself says of its hub goes before this, as soon as it is polled.
    feeds = [replace(feed, hub=in_page(result.body or b"", result.final_url, feed.url)) for feed in found_there]
    if not feeds:
        hint = f"none of {len(tried)} addresses on it is one" if tried else "and the page names none"
        raise NothingThere(f"no feed at {url}, {hint}. Give the feed's own URL, or --unchecked to add it all the same")
    return feeds


def _get(room: Room, url: str) -> FetchResult:
    return fetch_shard(room.fetch, [FetchRequest(feed_id=0, url=url)])[0]


def _read(result: FetchResult) -> Candidate | None:
    if result.body is None:
        return None
    try:
        parsed = parse_guarded(result.body, content_type=result.headers.get("content-type"), url=result.final_url)
    except (NotAFeed, ParseFailed):
        return None
    return Candidate(url=result.final_url, title=parsed.hints.title, entries=len(parsed.entries), result=result)


def changed(
    feed: Feed, before: FeedStatus, told: str | None, now: datetime, *, reason: str | None = None
) -> list[Event]:
    """The events that tell of what an operator made of a feed: none where it was so before.

    `before` is the status it had, `told` the last event that told of its failing (`feed.failing`, `feed.gone`).
    """
    was = "paused" if before is FeedStatus.PAUSED else told and told.removeprefix("feed.")
    if feed.status is FeedStatus.ACTIVE and was is not None:
        return [events.feed_resumed(feed.id, feed.url, was=was, incident=now.isoformat(), now=now)]
    if feed.status is before:
        return []
    if feed.status is FeedStatus.PAUSED:
        return [events.feed_paused(feed.id, feed.url, reason=reason, incident=now.isoformat(), now=now)]
    return [removed(feed, now)] if feed.status is FeedStatus.REMOVED else []


def removed(feed: Feed, now: datetime, *, reason: str | None = None) -> Event:
    """The event that tells of the end of a subscription; `reason` is given where no operator wished it."""
    cause = Cause.OPERATOR if reason is None else Cause.POLL
    return events.feed_removed(feed.id, feed.url, incident=now.isoformat(), now=now, reason=reason, cause=cause)


def added(feed: Feed, now: datetime) -> Event:
    """The event that tells of a new subscription."""
    return events.feed_added(feed.id, feed.url, title=feed.title, incident=now.isoformat(), now=now)
