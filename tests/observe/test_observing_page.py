"""docs/observing.md lists every metric as the processes have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from processes import declared, everything
from prometheus_client import Metric
from services import RedisServer

from storage.db import make_engine, make_sessions
from workers.gauges import RelayCollector
from workers.relay import Relay

PAGE = Path(__file__).resolve().parents[2] / "docs" / "observing.md"


def families(sqlite_url: str, server: RedisServer) -> Iterator[Metric]:
    """Every metric that any process may expose, with a sample of each that the relay tells."""
    engine = make_engine(sqlite_url)
    relay = Relay(sessions=make_sessions(engine), redis_url=server.url)
    relay.step()
    server.client().xgroup_create(relay.key, "search", "0", mkstream=True)
    yield from everything()
    yield from RelayCollector(relay).collect()
    relay.close()
    engine.dispose()


def rows(sqlite_url: str, server: RedisServer) -> list[str]:
    labels_of = declared()
    found = []
    for family in families(sqlite_url, server):
        labels = labels_of.get(family.name)
        if labels is None:
            labels = sorted({label for sample in family.samples for label in sample.labels})
        name = f"{family.name}_total" if family.type == "counter" else family.name
        shown = ", ".join(f"`{label}`" for label in labels)
        found.append(f"| `{name}` | {shown} | {family.documentation} |")
    return sorted(found)


def test_the_page_lists_each_metric_as_it_is(sqlite_url: str, shared_redis: RedisServer, redis_url: str) -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `wireroom_")]
    assert listed == rows(sqlite_url, shared_redis)
