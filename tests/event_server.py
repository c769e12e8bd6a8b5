"""The events server on loopback, for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from storage.db import Sessions
from workers.serve import make_server
from workers.settings import Settings


@contextmanager
def serving(sessions: Sessions, **options: Any) -> Iterator[str]:
    """A server on loopback, on a thread of its own."""
    loop = asyncio.new_event_loop()
    ready: list[int] = []
    up = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        server = make_server(sessions, stream=Settings().stream, poll=0.02, **options)
        runner = web.AppRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.append(runner.addresses[0][1])
        up.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert up.wait(10)
    try:
        yield f"http://127.0.0.1:{ready[0]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=10)
        loop.close()
        assert not thread.is_alive()
