"""Events about a re-ingestion, so that a subscriber knows why old pieces move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storage.records import Cause, Event
from tasks.events.envelope import envelope, plain, sealed


def reingest_started(run_id: int, *, selection: Mapping[str, Any], total: int, now: datetime) -> Event:
    """An operator has old documents ingested again; `selection` is what he chose, `total` how many articles."""
    return _told("reingest.started", run_id, now, selection=plain(selection), total=total)


def reingest_finished(run_id: int, *, total: int, done: int, changed: int, failed: int, now: datetime) -> Event:
    """The run is through; `changed` of the articles have a new revision."""
    return _told("reingest.finished", run_id, now, total=total, done=done, changed=changed, failed=failed)


def _told(name: str, run_id: int, now: datetime, **extra: Any) -> Event:
    data = {"cause": Cause.REINGEST.value, "backfill": True, "run_id": run_id, **extra}
    source = f"/reingest/{run_id}"
    ce = envelope(name, about=(run_id,), source=source, subject=f"reingest/{run_id}", now=now, data=data)
    return sealed(ce, feed_id=None, now=now)
