"""The beat table and nothing else: what ticks, how often. The schedule of feeds lives in the database.

Every message expires with its tick, so that a stopped worker finds no backlog of stale ticks when it returns. Two
beats only tick twice; claims in the database decide who does what.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from celery.beat import Scheduler
from celery.schedules import crontab

from workers.health import Pulse
from workers.settings import settings

log = structlog.get_logger()
# How far a clock may be set back and be waited for.
SET_BACK = timedelta(seconds=1)
# Seconds between two looks for documents whose message was lost.
SWEEP = 15.0


def beat_schedule(tick: float) -> dict[str, dict[str, Any]]:
    """Celery's beat table for a tick of so many seconds."""
    return {
        "poll-due": {"task": "wireroom.poll_due", "schedule": tick, "options": {"expires": max(tick, 2.0)}},
        "sweep": {"task": "wireroom.sweep", "schedule": SWEEP, "options": {"expires": SWEEP}},
        "prune": {"task": "wireroom.prune", "schedule": crontab(minute="17"), "options": {"expires": 600}},
    }


class Ticker(Scheduler):
    """Beat's scheduler without its file (a container loses it anyway), leaving a sign of life with every tick."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The scheduler as Celery makes it, with a pulse."""
        super().__init__(*args, **kwargs)
        self.pulse = Pulse(settings(), "beat")

    def setup_schedule(self) -> None:
        """The table, with everything that recurs by the second due at once: a restart need not wait for a tick."""
        super().setup_schedule()
        for entry in self.schedule.values():
            if not isinstance(entry.schedule, crontab):
                entry.last_run_at -= entry.schedule.run_every

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; returns the seconds until the next look."""
        self.pulse()
        self._heed_the_clock()
        wait: float = super().tick(*args, **kwargs)
        return wait

    def _ensure_connected(self) -> Any:
        """Wait for Redis, alive: Celery's own gives no sign while it tries again and again."""

        def failed(error: Exception, interval: float) -> None:
            log.warning("beat.redis_away", error=str(error), again_in=interval)

        retries = self.app.conf.broker_connection_max_retries
        return self.connection.ensure_connection(failed, retries, callback=self.pulse)

    def _heed_the_clock(self) -> None:
        """A clock that was set back would have whatever was sent since wait until it is there again: now it counts."""
        now = self.app.now()
        ahead = [entry for entry in self.schedule.values() if entry.last_run_at > now + SET_BACK]
        for entry in ahead:
            entry.last_run_at = now
        if ahead:
            log.warning("beat.clock_set_back", waiting=[entry.name for entry in ahead])
            self._heap = None  # made anew, in the order that is now
