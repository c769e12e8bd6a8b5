"""The relay as a process: its connections, its sign of life and, in a small house, beat beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from storage.db import make_engine, make_sessions
from workers import health
from workers.relay import Limits, Relay
from workers.settings import Settings


def relay_events(chosen: Settings, stop: threading.Event, *, with_beat: bool) -> None:
    """Relay until `stop`; with `with_beat` also tick, in a thread."""
    engine = make_engine(chosen.database)
    relay = Relay(
        sessions=make_sessions(engine),
        redis_url=chosen.redis,
        key=chosen.stream,
        limits=Limits(outbox_retention=timedelta(days=chosen.keep_events_days)),
        pulse=health.Pulse(chosen, "relay"),
    )
    with _beating(chosen, wanted=with_beat):
        relay.run(stop)
    health.gone(chosen, "relay")
    engine.dispose()


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
