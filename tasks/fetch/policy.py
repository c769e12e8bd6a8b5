"""What every fetch obeys: who we say we are, how long we wait, how much we take, and where we may connect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

MEBIBYTE = 1 << 20


def utc_now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchPolicy:
    """The limits of fetching; durations in seconds, caps in bytes.

    `total_seconds` is wall time over every redirect hop, so a server that drips a byte a second is cut off by it.
    `shard_seconds` is how long the feeds of one call may wait for their turn: what has not begun by then is deferred.
    `ratio_cap` counts only above one mebibyte inflated, where honest XML no longer reaches it.
    `allow` names networks that may be connected to although they are not public (CIDR, IPv4 or IPv6).
    `concurrency` bounds what one process has in flight, `per_host` what it sends to one host; with `redis_url` that
    limit holds for all workers together, and `host_delay_seconds` is the least time between two requests to a host.
    `clock` says when a fetch began: a room gives its own, so that a poll and its history go by one clock.
    """

    user_agent: str = "wireroom/0.1 (feed poller)"
    connect_seconds: float = 5.0
    read_seconds: float = 15.0
    total_seconds: float = 30.0
    shard_seconds: float = 30.0
    wire_cap: int = 8 * MEBIBYTE
    inflated_cap: int = 32 * MEBIBYTE
    ratio_cap: int = 100
    header_line_cap: int = 16 << 10
    header_count_cap: int = 128
    redirects: int = 5
    allow: tuple[str, ...] = ()
    per_host: int = 2
    host_delay_seconds: float = 0.0
    redis_url: str | None = field(default=None, repr=False)
    concurrency: int = 64
    dns_threads: int = 16
    clock: Callable[[], datetime] = utc_now
