"""The relay as a process: its connections, its sign of life and, in a small house, beat beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from storage.db import make_engine, make_sessions
from storage.outbox import Stamped
from workers import health
from workers.observe import observed
from workers.relay import Limits, Relay
from workers.settings import Settings

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

# A relay reads each event once, in order: pages that it kept would only cost memory.
CACHE_KB = 1_000


def relay_events(chosen: Settings, stop: threading.Event, *, with_beat: bool) -> None:
    """Relay until `stop`; with `with_beat` also tick, in a thread."""
    engine = make_engine(chosen.database, sqlite_cache_kb=CACHE_KB)
    relay = Relay(
        sessions=make_sessions(engine),
        redis_url=chosen.redis,
        key=chosen.stream,
        limits=_limits(chosen),
        pulse=health.Pulse(chosen, "relay"),
    )
    with (
        observed(chosen, "relay", also=_metered(chosen, relay)),
        _traced(chosen, relay),
        _beating(chosen, wanted=with_beat),
    ):
        relay.run(stop)
    health.gone(chosen, "relay")
    engine.dispose()


def _limits(chosen: Settings) -> Limits:
    # A Redis of our own shares a small machine with the rest; what leaves its stream is replayed from the database.
    megabytes = chosen.stream_megabytes or (16 if chosen.embedded_redis else 256)
    return Limits(outbox_retention=timedelta(days=chosen.keep_events_days), stream_bytes=megabytes << 20)


def _metered(chosen: Settings, relay: Relay) -> Sequence[Collector]:
    """Measure what the relay tells; the collector that tells of the store. Nothing where metrics are off."""
    if not chosen.metrics_port:
        return ()
    from workers import metrics
    from workers.counting import count_messages
    from workers.gauges import RelayCollector

    def measured(events: Sequence[Stamped], now: datetime) -> None:
        for event in events:
            metrics.EVENT_DELAY.observe(max(0.0, (now - event.created_at).total_seconds()))

    count_messages()
    relay.listeners.append(measured)
    return (RelayCollector(relay),)


@contextmanager
def _traced(chosen: Settings, relay: Relay) -> Iterator[None]:
    """Send a span for every event that the relay tells; nothing where traces are off."""
    if chosen.otlp_url is None:
        yield
        return
    from workers.tracing import Exporter

    exporter = Exporter(chosen, "relay")
    relay.listeners.append(exporter.published)
    try:
        yield
    finally:
        exporter.close()


@contextmanager
def _beating(chosen: Settings, *, wanted: bool) -> Iterator[None]:
    """Beat in a thread of this process, which never forks: a worker's parent would be the wrong place for it."""
    if not wanted:
        yield
        return
    from celery.beat import Service

    from workers.app import make_app
    from workers.schedule import Ticker

    service = Service(make_app(chosen), scheduler_cls=Ticker)
    thread = threading.Thread(target=service.start, name="beat", daemon=True)
    thread.start()
    yield
    service.stop(wait=True)
    health.gone(chosen, "beat")
