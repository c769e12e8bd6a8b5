"""The cadence in force: the operator's budget of requests, shared out anew every ten minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from storage import feeds
from storage.db import reading
from tasks.cadence import CadencePolicy, within
from tasks.room import Room

log = structlog.get_logger()
_FOR = timedelta(minutes=10)


def cadence_of(room: Room, now: datetime) -> CadencePolicy:
    """The room's cadence; with a budget its stretch follows from all feeds, each process reckoning for itself."""
    if room.polls_per_minute is None:
        return room.cadence
    if room.shared_out_at is None or now - room.shared_out_at >= _FOR:
        with reading(room.sessions) as session:
            known = feeds.pulls(session)
        room.cadence = within(room.cadence, known, per_minute=room.polls_per_minute)
        room.shared_out_at = now
        log.info("budget.shared_out", per_minute=room.polls_per_minute, stretch_seconds=round(room.cadence.stretch, 1))
    return room.cadence
