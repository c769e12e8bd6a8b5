"""The WebSub subscriber: a small HTTP service that hubs call, and the loop that asks them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import structlog
from aiohttp import web

from storage.models import Parting, Push
from tasks import push as verbs
from tasks.fetch import Fetcher, Unanswered
from tasks.push import Reply
from tasks.room import Room
from tasks.websub import form

log = structlog.get_logger()
PATH = "/websub/"
# The same cap as on a fetched document.
LARGEST = 8 << 20
# Hubs asked side by side.
ASKED_AT_ONCE = 8


class Subscriber:
    """The service; `deliver` is called with the id of each document that a hub brought.

    `base` is the address that hubs reach this service at, without a path.
    """

    # Called with every turn of the loop: the sign of life.
    pulse: Callable[[], None] = staticmethod(lambda: None)
    # Called with what a hub wanted (`verify` or `news`) and the status of our answer.
    counted: Callable[[str, int], None] = staticmethod(lambda _kind, _status: None)

    def __init__(self, room: Room, *, base: str, deliver: Callable[[int], None], tick: float = 5.0) -> None:
        self.room, self.base, self.deliver, self.tick = room, base.rstrip("/"), deliver, tick
        self._places = asyncio.Semaphore(ASKED_AT_ONCE)

    def app(self) -> web.Application:
        """The routes: a GET verifies, a POST brings news."""
        app = web.Application(client_max_size=LARGEST)
        app.router.add_get(PATH + "{token}", self._verify)
        app.router.add_post(PATH + "{token}", self._news)
        return app

    async def _verify(self, request: web.Request) -> web.Response:
        reply = await asyncio.to_thread(verbs.verify, self.room, request.match_info["token"], request.query)
        self.counted("verify", reply.status)
        return _said(reply)

    async def _news(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = await asyncio.to_thread(verbs.deliver, self.room, request.match_info["token"], headers, body)
        self.counted("news", reply.status)
        if reply.document_id is not None:
            await asyncio.to_thread(self.deliver, reply.document_id)
        return _said(reply)

    async def ask_hubs(self, fetcher: Fetcher) -> int:
        """Ask every hub that is due, and tell those that are left, side by side; returns how many were."""
        due = await asyncio.to_thread(verbs.due, self.room)
        left = await asyncio.to_thread(verbs.partings, self.room)
        await asyncio.gather(*(self._ask(fetcher, push) for push in due), *(self._leave(fetcher, one) for one in left))
        return len(due) + len(left)

    async def _ask(self, fetcher: Fetcher, push: Push) -> None:
        error = await self._post(fetcher, "subscribe", push.hub, push.topic, push.token, push.secret)
        await asyncio.to_thread(verbs.asked, self.room, push, error=error)

    async def _leave(self, fetcher: Fetcher, one: Parting) -> None:
        error = await self._post(fetcher, "unsubscribe", one.hub, one.topic, one.token, "")
        await asyncio.to_thread(verbs.parted, self.room, one, error=error)

    async def _post(self, fetcher: Fetcher, mode: str, hub: str, topic: str, token: str, secret: str) -> str | None:
        """Send the form; returns what went wrong, if anything."""
        asked = form(mode, callback=f"{self.base}{PATH}{token}", topic=topic, secret=secret)
        async with self._places:
            try:
                status, text = await fetcher.post(hub, asked)
            except Unanswered as fault:
                return str(fault)
        return None if 200 <= status < 300 else f"HTTP {status}: {' '.join(text.split())[:200]}"

    async def serve(self, host: str, port: int, stop: asyncio.Event) -> None:
        """Listen and ask until `stop` is set."""
        runner = web.AppRunner(self.app(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        log.info("websub.listening", address=f"{host}:{port}", base=self.base)
        try:
            async with Fetcher(self.room.fetch) as fetcher:
                while not stop.is_set():
                    self.pulse()
                    await self.ask_hubs(fetcher)
                    try:
                        await asyncio.wait_for(stop.wait(), self.tick)
                    except TimeoutError:
                        pass  # the tick is over: look again
        finally:
            await runner.cleanup()


def _said(reply: Reply) -> web.Response:
    # Plain text, so that a challenge is no page that a browser would run.
    return web.Response(status=reply.status, text=reply.text, headers={"X-Content-Type-Options": "nosniff"})


async def run(subscriber: Subscriber, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await subscriber.serve(host, port, stop)
