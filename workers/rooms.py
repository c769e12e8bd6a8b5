"""From settings to the room that the verbs work in."""

from __future__ import annotations

import sys
from datetime import timedelta

from storage.db import Sessions
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.settings import Settings

AGENT = "Wireroom/0.1"
# What part of a task's time the feeds of its shard may wait for their turn: the rest is for those in flight.
SHARD_SHARE = 0.25
# …and what part one request may take at the most, over all its redirects.
REQUEST_SHARE = 0.5
LONGEST_REQUEST = 30.0


def fetch_policy(chosen: Settings, *, governed: bool) -> FetchPolicy:
    """How we fetch: an honest name, the private networks that the operator allows, the limits of a host."""
    agent = f"{AGENT} (+{chosen.contact})" if chosen.contact else AGENT
    return FetchPolicy(
        user_agent=agent,
        allow=chosen.allow_networks,
        shard_seconds=chosen.task_seconds * SHARD_SHARE,
        total_seconds=min(LONGEST_REQUEST, chosen.task_seconds * REQUEST_SHARE),
        per_host=chosen.host_limit,
        host_delay_seconds=chosen.host_delay,
        redis_url=chosen.redis if governed else None,
    )


# What tries a document alone that may kill its worker.
ALONE_SHARE = 0.8
ALONE = (sys.executable, "-m", "workers", "ingest-alone")


def room_of(chosen: Settings, sessions: Sessions, *, governed: bool = False) -> Room:
    """The room of one process; one that is `governed` shares the limits of hosts with all others, through Redis."""
    return Room(
        sessions=sessions,
        fetch=fetch_policy(chosen, governed=governed),
        polls_per_minute=chosen.polls_per_minute,
        rules=chosen.rules,
        payload=chosen.event_payload,
        threshold=chosen.threshold,
        shard=chosen.shard,
        lease=timedelta(seconds=chosen.lease_seconds),
        alone=ALONE,
        alone_seconds=chosen.task_seconds * ALONE_SHARE,
        story_window=timedelta(days=chosen.story_window_days),
        delta_audit=chosen.delta_audit,
        page_wait=timedelta(seconds=chosen.page_wait_seconds),
        traced=chosen.otlp_url is not None,
        keep_documents=timedelta(days=chosen.keep_documents_days),
        keep_articles=None if chosen.keep_articles_days is None else timedelta(days=chosen.keep_articles_days),
    )
