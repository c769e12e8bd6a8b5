"""What the database and Redis know, as gauges. Only the active relay tells it: one voice, however many processes run.

Each value is read when it is asked for, by bounded queries. What takes long is asked the less often for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import fields
from datetime import UTC, datetime
from math import ceil
from typing import Any

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from storage import gauges, runs
from storage.db import reading
from workers.relay import Relay
from workers.stream import Group

log = structlog.get_logger(__name__)
QUANTILES = (0.5, 0.9, 0.99, 1.0)
# Seconds that a look at the database or at Redis may take: together less than Prometheus waits for an answer (10).
PATIENCE = 4.0
# Part of the time that looking at all feeds may take, and the least seconds between two looks.
SHARE, EVERY = 0.02, 5.0
# Groups that are told of by name; a group of partitions (`name/3`) counts as one.
MOST_GROUPS = 50
QUEUES = ("fetch", "ingest")

COUNTED = {
    "published": "Events added to the stream.",
    "trimmed": "Entries that left the stream.",
    "trimmed_unread": "Entries that left the stream before every group had read them.",
    "pruned": "Events that left the outbox.",
    "errors": "Steps that failed because the database or Redis did.",
    "rebuilt": "Times that the stream was found to have lost events.",
}


class RelayCollector:
    """What a relay has done, and while it is the active one what the store looks like."""

    def __init__(self, relay: Relay, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.relay, self.clock = relay, clock
        self._feeds: gauges.Feeds | None = None
        self._feeds_again_at = 0.0
        self._asked: dict[str, Future[list[Metric]]] = {}
        self._up: dict[str, bool] = {}

    def collect(self) -> Iterator[Metric]:
        """The families as they stand now; a part that is out of reach is left out, and said to be."""
        for one in fields(self.relay.counters):
            name = f"wireroom_relay_{one.name}"
            yield CounterMetricFamily(name, COUNTED[one.name], getattr(self.relay.counters, one.name))
        yield _gauge("relay_active", "Whether this relay is the one that relays.", int(self.relay.active))
        if not self.relay.active:
            return
        yield from self._part("database", self._database)
        yield from self._part("redis", self._redis)

    def _part(self, name: str, look: Callable[[], list[Metric]]) -> Iterable[Metric]:
        seen = GaugeMetricFamily(f"wireroom_{name}_up", f"Whether {name.capitalize()} answered the relay's questions.")
        try:
            found = self._answer(name, look)
        except (SQLAlchemyError, RedisError, OSError) as error:  # a TimeoutError is an OSError
            log.warning("gauges.unreadable", part=name, error=type(error).__name__)
            found = []
        self._up[name] = bool(found)
        seen.add_metric([], int(bool(found)))
        return [seen, *found]

    def _answer(self, name: str, look: Callable[[], list[Metric]]) -> list[Metric]:
        """What is seen; raises TimeoutError while a look does not come to its end, as with a server that is frozen."""
        asked = self._asked.get(name)
        if asked is not None and not asked.done():
            raise TimeoutError
        self._asked[name] = asked = Future()
        threading.Thread(target=_fulfil, args=(asked, look), name=f"look-at-{name}", daemon=True).start()
        return asked.result(PATIENCE)

    def _database(self) -> list[Metric]:
        now = self.clock()
        with reading(self.relay.sessions) as session:
            queues = {
                "documents": gauges.documents(session),
                "outbox": gauges.outbox(session, self.relay.key),
                "deliveries": gauges.deliveries(session),
                "quarantine": gauges.quarantined(session),
            }
            left = runs.documents_left(session, now)
            feeds = self._looked_at_feeds(session, now)
        return [
            *_queues(queues, now),
            _gauge("reingest_documents_left", "Documents that running re-ingestions have to do.", left),
            *_of_feeds(feeds),
        ]

    def _looked_at_feeds(self, session: Any, now: datetime) -> gauges.Feeds:
        started = time.monotonic()
        if self._feeds is None or started >= self._feeds_again_at:
            self._feeds = gauges.feeds(session, now)
            ended = time.monotonic()
            self._feeds_again_at = ended + max(EVERY, (ended - started) / SHARE)
        return self._feeds

    def _redis(self) -> list[Metric]:
        stream, client = self.relay.stream, self.relay.stream.client
        info = client.info("memory")
        tip = stream.tip()
        messages = GaugeMetricFamily("wireroom_queue_messages", "Celery messages in Redis.", labels=["queue"])
        for queue in QUEUES:
            messages.add_metric([queue], client.llen(f"wireroom:{queue}"))
        return [
            messages,
            _gauge("queue_unacknowledged", "Celery messages that workers hold.", client.hlen("wireroom:unacked")),
            _gauge("redis_memory_used_bytes", "Memory that Redis uses for its data.", info["used_memory"]),
            _gauge("redis_memory_max_bytes", "Redis' maxmemory, 0 when there is none.", info.get("maxmemory", 0)),
            _gauge("stream_entries", "Events that the stream has.", tip.length),
            _gauge("stream_position", "Position of the newest event in the stream.", tip.position),
            _gauge("dead_letters", "Events that a subscriber has given up.", client.xlen(f"{stream.key}:dead")),
            *self._groups(stream.groups(), tip.position),
        ]

    def _groups(self, groups: Sequence[Group], tip: int) -> list[Metric]:
        """Lag by group: how many events, and since when the first of them stands there."""
        reached: dict[str, int] = {}
        pending: dict[str, int] = {}
        for group in groups:
            name = group.name.partition("/")[0]
            reached[name] = min(reached.get(name, group.acknowledged), group.acknowledged)
            pending[name] = pending.get(name, 0) + group.pending
        named = sorted(reached)[:MOST_GROUPS]
        since = self._since({reached[name] + 1 for name in named if reached[name] < tip})
        now = self.clock()
        lag = GaugeMetricFamily("wireroom_stream_lag_events", "Events not handled yet, by group.", labels=["group"])
        age = GaugeMetricFamily("wireroom_stream_lag_seconds", "Age of the first of them, by group.", labels=["group"])
        held = GaugeMetricFamily("wireroom_stream_pending", "Events handed out, not acknowledged.", labels=["group"])
        for name in named:
            first = since.get(reached[name] + 1) if since is not None else None
            lag.add_metric([name], max(0, tip - reached[name]))
            if since is not None:
                age.add_metric([name], max(0.0, (now - first).total_seconds()) if first else 0.0)
            held.add_metric([name], pending[name])
        return [lag, age, held]

    def _since(self, positions: set[int]) -> dict[int, datetime] | None:
        """When these events were recorded; None where the database is away, which says nothing of Redis."""
        if not self._up["database"]:  # it was asked first; one that is frozen would be waited for
            return None
        try:
            with reading(self.relay.sessions) as session:
                return gauges.recorded_at(session, positions)
        except SQLAlchemyError:
            return None


def _fulfil(asked: Future[list[Metric]], look: Callable[[], list[Metric]]) -> None:
    try:
        asked.set_result(look())
    except Exception as error:  # noqa: BLE001  # it is raised where it was asked for
        asked.set_exception(error)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"wireroom_{name}", meaning, value)


def _queues(queues: dict[str, gauges.Queue], now: datetime) -> list[Metric]:
    depth = GaugeMetricFamily("wireroom_waiting", "Rows that wait, 10001 for any more.", labels=["what"])
    age = GaugeMetricFamily("wireroom_waiting_age_seconds", "How long the first of them waits.", labels=["what"])
    for what, queue in queues.items():
        depth.add_metric([what], queue.depth)
        age.add_metric([what], queue.age(now))
    return [depth, age]


def _of_feeds(feeds: gauges.Feeds) -> list[Metric]:
    status = GaugeMetricFamily("wireroom_feeds", "Feeds by status.", labels=["status"])
    for name, number in feeds.by_status.items():
        status.add_metric([name], number)
    fresh = _summary("feed_freshness_seconds", "Since a feed was last fetched well, as a quantile.", feeds.freshness)
    late = _summary("feed_overdue_seconds", "How long a feed is past its time, as a quantile.", feeds.overdue)
    failing = _gauge("feeds_failing", "Active feeds whose last attempt failed.", feeds.failing)
    due = _gauge("feeds_due", "Active feeds whose time has come and that nobody fetches.", feeds.due)
    return [status, failing, due, fresh, late]


def _summary(name: str, meaning: str, ascending: Sequence[float]) -> Metric:
    """Quantiles of what is seen now; the library's own summary has none."""
    family = Metric(f"wireroom_{name}", meaning, "summary")
    for quantile in QUANTILES:
        family.add_sample(family.name, {"quantile": f"{quantile:g}"}, _quantile(ascending, quantile))
    return family


def _quantile(ascending: Sequence[float], quantile: float) -> float:
    """The nearest rank; 0 where there is nothing."""
    if not ascending:
        return 0.0
    return ascending[max(0, ceil(quantile * len(ascending)) - 1)]
