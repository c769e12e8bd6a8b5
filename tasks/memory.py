"""From a feed's row to what scheduling reads of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from storage.models import Feed
from storage.records import FeedHints
from tasks.cadence import FeedState, Memory, Rhythm


def state_of(feed: Feed, pushed_until: datetime | None = None) -> FeedState:
    """The feed as the rule for its next poll sees it; `pushed_until` is set while a proven hub pushes it."""
    return FeedState(
        feed_id=feed.id,
        floor=feed.interval,
        weight=float(feed.settings.get("weight", 1.0)),
        hints=hints_of(feed.hints),
        rhythm=Rhythm.from_json(feed.rhythm),
        unread=feed.unread,
        kin=feed.hints.get("kin"),
        pushed_until=pushed_until,
        memory=Memory.from_json(feed.state),
    )


def hints_json(hints: FeedHints) -> dict[str, Any]:
    """What a feed says of its own schedule and hubs, as the row keeps it."""
    told = {
        "format": hints.format,
        "ttl": hints.ttl,
        "update_period": hints.update_period,
        "skip_hours": sorted(hints.skip_hours),
        "skip_days": sorted(hints.skip_days),
        "hubs": list(hints.hubs),
        "self_url": hints.self_url,
    }
    return {name: value for name, value in told.items() if value not in (None, [])}


def hints_of(kept: dict[str, Any]) -> FeedHints:
    """The hints that `hints_json` was given, but for title, site and language, which have columns."""
    return FeedHints(
        format=kept.get("format"),
        ttl=kept.get("ttl"),
        update_period=kept.get("update_period"),
        skip_hours=frozenset(kept.get("skip_hours", ())),
        skip_days=frozenset(kept.get("skip_days", ())),
        hubs=tuple(kept.get("hubs", ())),
        self_url=kept.get("self_url"),
    )
