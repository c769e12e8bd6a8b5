"""The beat table and nothing else: what ticks, how often. The schedule of feeds lives in the database.

Every message expires with its tick, so that a stopped worker finds no backlog of stale ticks when it returns. Two
beats only tick twice; claims in the database decide who does what.
"""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler
from celery.schedules import crontab

from workers.health import Pulse
from workers.settings import settings

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
        wait: float = super().tick(*args, **kwargs)
        return wait
