"""The newest events kept in memory for everyone who watches over HTTP: one query for all of them, not one for each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from storage import outbox
from storage.db import Sessions, reading
from storage.outbox import Bounds, Stamped

log = structlog.get_logger(__name__)
PAGE = 200
# Events kept for watchers who are up to date; at about 6 KiB each.
KEPT = 500
BACKOFF = 2.0


class Live:
    """What was told lately; a watcher asks for what comes after his own position, from memory or the database."""

    def __init__(self, sessions: Sessions, *, poll: float = 0.25, pulse: Callable[[], None] = lambda: None) -> None:
        self.sessions = sessions
        self.pulse = pulse
        self.poll = poll
        self.last = 0
        self._kept: deque[Stamped] = deque(maxlen=KEPT)
        self._news = asyncio.Condition()

    async def start(self) -> None:
        """Begin at the end of the outbox."""
        self.last = (await self.bounds()).last

    async def run(self) -> None:
        """Look for new events until cancelled; a database that is away is waited for."""
        while True:
            self.pulse()
            try:
                page = await asyncio.to_thread(self._read, self.last, None)
            except DBAPIError as error:
                log.warning("serve.database_away", detail=str(error)[:300])
                await asyncio.sleep(BACKOFF)
                continue
            if page:
                async with self._news:
                    self._kept.extend(page)
                    self.last = page[-1].position
                    self._news.notify_all()
            if len(page) < PAGE:
                await asyncio.sleep(self.poll)

    async def after(self, position: int, *, before: int | None = None) -> Sequence[Stamped]:
        """The next events after `position`, a page of them at the most."""
        if before is None and self._kept and position >= self._kept[0].position - 1:
            return [event for event in self._kept if event.position > position][:PAGE]
        return await asyncio.to_thread(self._read, position, before)

    async def news(self, position: int, *, seconds: float) -> bool:
        """Wait until there is something after `position`; False when there was nothing for so long."""
        try:
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self.last > position)
        except TimeoutError:
            return False
        return True

    async def bounds(self) -> Bounds:
        """Where the outbox begins and ends."""

        def read() -> Bounds:
            with reading(self.sessions) as session:
                return outbox.bounds(session)

        return await asyncio.to_thread(read)

    def _read(self, position: int, before: int | None) -> list[Stamped]:
        with reading(self.sessions) as session:
            return outbox.read_after(session, position, limit=PAGE, before=before)
