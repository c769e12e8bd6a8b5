"""Events about a feed. `incident` names the one happening (when the failing began, the change's own time or id):
the same feed, type and incident are the same event, however often it is noticed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from storage.records import Cause, Event
from tasks.events.envelope import envelope, feed_source, instant, public_url, sealed


def feed_added(
    feed_id: int,
    feed_url: str,
    *,
    incident: str,
    now: datetime,
    title: str | None = None,
    cause: Cause = Cause.OPERATOR,
) -> Event:
    """A feed is subscribed from now on."""
    return _told("feed.added", feed_id, feed_url, incident, now, cause, title=title)


def feed_failing(
    feed_id: int,
    feed_url: str,
    *,
    incident: str,
    now: datetime,
    since: datetime,
    failures: int,
    outcome: str,
    error: str | None,
    cause: Cause = Cause.POLL,
) -> Event:
    """The feed has failed for so long or so often that someone should look; told once per incident."""
    return _told(
        "feed.failing",
        feed_id,
        feed_url,
        incident,
        now,
        cause,
        since=instant(since),
        failures=failures,
        outcome=outcome,
        error=error[:1000] if error else None,
    )


def feed_recovered(
    feed_id: int,
    feed_url: str,
    *,
    incident: str,
    now: datetime,
    since: datetime,
    failures: int,
    cause: Cause = Cause.POLL,
) -> Event:
    """The feed that was failing (same `incident`) answers again."""
    return _told("feed.recovered", feed_id, feed_url, incident, now, cause, since=instant(since), failures=failures)


def feed_moved(
    feed_id: int, feed_url: str, *, incident: str, now: datetime, former_url: str, cause: Cause = Cause.POLL
) -> Event:
    """The publisher moved the feed for good; it is polled at `feed_url` from now on."""
    return _told("feed.moved", feed_id, feed_url, incident, now, cause, former_url=public_url(former_url))


def feed_rekeyed(
    feed_id: int,
    feed_url: str,
    *,
    incident: str,
    now: datetime,
    matched: int,
    unmatched: int,
    cause: Cause = Cause.POLL,
) -> Event:
    """The feed gave (nearly) all its entries new guids; `matched` of them were recognised as known articles."""
    return _told("feed.rekeyed", feed_id, feed_url, incident, now, cause, matched=matched, unmatched=unmatched)


def feed_gone(
    feed_id: int, feed_url: str, *, incident: str, now: datetime, reason: str | None = None, cause: Cause = Cause.POLL
) -> Event:
    """The publisher says the feed is gone (410); it is polled no more."""
    return _told("feed.gone", feed_id, feed_url, incident, now, cause, reason=reason)


def feed_paused(
    feed_id: int,
    feed_url: str,
    *,
    incident: str,
    now: datetime,
    reason: str | None = None,
    cause: Cause = Cause.OPERATOR,
) -> Event:
    """The feed is not polled until it is resumed; what comes of it meanwhile is nothing."""
    return _told("feed.paused", feed_id, feed_url, incident, now, cause, reason=reason)


def feed_resumed(
    feed_id: int, feed_url: str, *, incident: str, now: datetime, was: str, cause: Cause = Cause.OPERATOR
) -> Event:
    """The feed is polled again and its failures are forgotten; `was` is what it was: paused, failing or gone."""
    return _told("feed.resumed", feed_id, feed_url, incident, now, cause, was=was)


def feed_removed(
    feed_id: int,
    feed_url: str,
    *,
    incident: str,
    now: datetime,
    reason: str | None = None,
    cause: Cause = Cause.OPERATOR,
) -> Event:
    """The feed is subscribed no more; its articles stay. Without a `reason` an operator wished it."""
    return _told("feed.removed", feed_id, feed_url, incident, now, cause, reason=reason)


def _told(name: str, feed_id: int, feed_url: str, incident: str, now: datetime, cause: Cause, **extra: Any) -> Event:
    data = {
        "cause": cause.value,
        "backfill": False,
        "feed": {"id": feed_id, "url": public_url(feed_url)},
        "incident": incident,
        **extra,
    }
    ce = envelope(
        name,
        about=(feed_id, incident),
        source=feed_source(feed_id),
        subject=f"feed/{feed_id}",
        now=now,
        data=data,
    )
    return sealed(ce, feed_id=feed_id, now=now)
