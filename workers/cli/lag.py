"""`wireroom lag`: how far behind the wire room is, stage by stage."""

from __future__ import annotations

from typing import Any

import typer

from workers.cli.output import AsJson, listing
from workers.cli.store import opened_room


def add_to(root: typer.Typer) -> None:
    """Put `lag` under the root command."""
    root.command()(lag)


def lag(*, as_json: AsJson = False) -> None:
    """Show what waits at each stage, and how long the first of it has waited.

    How far subscribers are behind: `wireroom events groups`.

    Example: `wireroom lag`
    """
    from storage import gauges
    from storage.db import reading
    from workers.settings import settings

    with opened_room() as room, reading(room.sessions) as session:
        now = room.clock()
        feeds = gauges.feeds(session, now)
        queues = {
            "documents to ingest": gauges.documents(session),
            "events to publish": gauges.outbox(session, settings().stream),
            "webhook messages to post": gauges.deliveries(session),
        }
        rows: list[dict[str, Any]] = [
            {"stage": "feeds to fetch", "waiting": feeds.due, "seconds": round(max(feeds.overdue, default=0.0), 1)}
        ]
        rows += [
            {"stage": stage, "waiting": queue.depth, "seconds": round(queue.age(now), 1)}
            for stage, queue in queues.items()
        ]
    listing(rows, as_json=as_json, empty="")
