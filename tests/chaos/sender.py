"""The process that posts to endpoints, with its real code and shorter patience: `python -m chaos.sender`."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

from storage.db import make_engine, make_sessions
from tasks import webhooks
from workers import logs
from workers.settings import settings
from workers.webhooks import Limits, Sender

# An hour of retries in a minute.
webhooks.SCHEDULE = (0, *range(1, 60))
LIMITS = Limits(timeout=3.0, lease=timedelta(seconds=8), backoff=1.0, probe_scale=0.05)


async def main() -> None:
    """Post until SIGTERM."""
    chosen = settings()
    logs.configure(form="json", level="INFO", process="webhooks")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sessions = make_sessions(make_engine(chosen.database))
    await Sender(sessions=sessions, allow=chosen.allow_networks, limits=LIMITS).run(stop)


if __name__ == "__main__":
    asyncio.run(main())
