"""Turns at hosts, shared by all workers on all machines: a lease and a pace per host, kept in Redis.

Every worker asks before a request and gives back after it. What many requests of one worker ask at the same moment
goes in one call, so a turn costs a fraction of the request that it guards.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from importlib.resources import files
from itertools import count
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

_SCRIPT = files("tasks.fetch").joinpath("governor.lua").read_text()
_PREFIX = "wireroom:host:"
Verdict = Literal["ok", "slow", "throttled", "down"]
_Answer = asyncio.Future[tuple[float, str]]


# Without Redis nobody knows what the other workers do: everyone asks again after so many milliseconds. A Redis that is
# started again costs a feed seconds; one that stays away defers it.
_UNKNOWN = 1000.0
# Nobody waits on the spot for a host that is left alone: the feed comes back when it may be open again.
_CLOSED = frozenset({"down", "throttled"})


class NoTurn(Exception):
    """The host gives no turn before the caller's time is over; `seconds` until it may, and why."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(f"host is {why}, free in {seconds:.0f} s")
        self.seconds = seconds
        self.why = why


class Turn:
    """A turn at a host; the holder notes what came of it before giving it back. Times in milliseconds."""

    __slots__ = ("host", "latency", "name", "retry_after", "verdict")

    def __init__(self, host: str) -> None:
        self.host = host
        self.name = ""
        self.latency = 0.0
        self.verdict: Verdict = "ok"
        self.retry_after = -1.0


class Governor:
    """The client's side. `limit` turns at once and `delay` seconds apart are what a host gets if it shows no less.

    The pace is learnt: an average of the host's latency divided by its limit, so a host that answers slowly is asked
    slowly. A host that could not be reached is left alone for a minute, then ten, by all; one that said 429 for as
    long as it asked.
    """

    def __init__(self, url: str, *, limit: int, delay: float, lease: float) -> None:
        self._redis: Redis = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        self._script = self._redis.register_script(_SCRIPT)
        self._limit, self._delay, self._lease = limit, delay * 1000, int(lease * 1000)
        self._names = (f"{os.getpid()}-{os.urandom(4).hex()}-{number}" for number in count())
        self._asks: list[tuple[str | float, ...]] = []
        self._answers: list[_Answer] = []
        self._flushing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Send what is still to be given back and close the connection."""
        if self._flushing is not None:
            await self._flushing
        await self._redis.aclose()

    async def take(self, turn: Turn, *, deadline: float) -> None:
        """Wait for the turn; raises NoTurn when the host is closed or `deadline` (the loop's time) comes first."""
        turn.name = next(self._names)
        loop = asyncio.get_running_loop()
        while True:
            answer: _Answer = loop.create_future()
            self._answers.append(answer)
            self._put((turn.host, "take", turn.name, self._limit, self._delay))
            wait, why = await answer
            if not wait:
                return
            if why in _CLOSED or loop.time() + wait / 1000 > deadline:
                raise NoTurn(wait / 1000, why)
            await asyncio.sleep(wait / 1000)

    def give(self, turn: Turn) -> None:
        """Give the turn back with what was noted on it; sent with the next call, nobody waits for it."""
        pace = round(turn.latency / self._limit, 1)
        self._put((turn.host, "give", turn.name, pace, turn.verdict, turn.retry_after))

    def _put(self, ask: tuple[str | float, ...]) -> None:
        self._asks.append(ask)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        """Send what has gathered, again and again until nothing has; only one call is under way at a time."""
        await asyncio.sleep(0)  # let everyone who is ready put his ask in
        try:
            while self._asks:
                asks, self._asks = self._asks, []
                waiting, self._answers = self._answers, []
                await self._send(asks, waiting)
        finally:
            self._flushing = None

    async def _send(self, asks: list[tuple[str | float, ...]], waiting: list[_Answer]) -> None:
        try:
            answers = json.loads(await self._script(args=(self._lease, _PREFIX, json.dumps(asks))))
        except (RedisError, OSError) as error:
            why = f"unknown ({type(error).__name__} from Redis)"
            answers = [(_UNKNOWN * random.uniform(0.7, 1.3), why) for _ in waiting]  # noqa: S311 - not all at once
        for answer, (wait, why) in zip(waiting, answers, strict=True):
            if not answer.done():
                answer.set_result((wait, why))
