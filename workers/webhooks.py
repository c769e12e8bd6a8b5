"""The process that posts events to endpoints; rows are claimed and settled in the database, so any number may run.

An endpoint has a few requests at a time and its own pauses, so one that is slow or dead delays no other.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import structlog
from sqlalchemy.exc import DBAPIError

from storage import outbox, webhooks
from storage.db import Sessions, reading
from storage.outbox import Stamped
from storage.webhook_models import Delivery, DeliveryState, Webhook
from tasks.fetch import guard
from tasks.webhooks import PATIENCE, Answer, Verdict, judge, next_attempt, next_probe, sign, valid_secrets
from workers.subscriber.events import Select, event_from_json

log = structlog.get_logger(__name__)
LONGEST_ERROR = 300
# What of an answer's body is read, so that the connection can be used again.
DRAIN = 64 << 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Seconds where no unit is named."""

    timeout: float = 20.0
    # Longer than the timeout with room for a slow database: a claimed row comes back when its sender died.
    lease: timedelta = timedelta(seconds=60)
    per_endpoint: int = 4
    page: int = 200
    poll: float = 0.3
    backoff: float = 3.0
    keep: timedelta = timedelta(days=7)
    prune_every: float = 600.0
    probe_scale: float = 1.0


def utc_now() -> datetime:
    """The clock, unless a test brings its own."""
    return datetime.now(UTC)


def select_of(filters: dict[str, Any]) -> Select:
    """The choice that an endpoint was added with."""
    return Select(
        types=tuple(filters.get("types", ())),
        feeds=frozenset(filters.get("feeds", ())),
        languages=tuple(filters.get("languages", ())),
        tags=tuple(filters.get("tags", ())),
    )


@dataclass(kw_only=True)
class Sender:
    """One sending process; `allow` are private networks that endpoints may stand in."""

    sessions: Sessions
    allow: tuple[str, ...] = ()
    user_agent: str = "Wireroom"
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], datetime] = utc_now
    chance: Callable[[], float] = random.random
    # Called with every turn of the loop: the sign of life.
    pulse: Callable[[], None] = lambda: None
    # Called with how an attempt ended and how many there were for the message.
    counted: Callable[[Verdict, Answer, int], None] = lambda _verdict, _answer, _attempts: None

    def __post_init__(self) -> None:
        guard.networks(self.allow)
        self._flying: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._landed = asyncio.Event()
        self._prune_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; what is on its way then is finished."""
        async with self.client() as client:
            while not stop.is_set():
                self.pulse()
                try:
                    busy = await self.step(client)
                except DBAPIError as error:
                    log.warning("webhooks.database_away", detail=str(error)[:LONGEST_ERROR])
                    await self._pause(stop, self.limits.backoff)
                    continue
                if not busy:
                    await self._pause(stop, self.limits.poll)
            await self.settled()

    async def step(self, client: aiohttp.ClientSession) -> bool:
        """Make rows for new events, start what is due; says whether there may be more to do at once."""
        made = await asyncio.to_thread(self._fan_out)
        started = 0
        for webhook, claimed in await asyncio.to_thread(self._claim):
            for delivery, event in claimed:
                self._flying[webhook.id] += 1
                task = asyncio.create_task(self._deliver(client, webhook, delivery, event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                started += 1
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + self.limits.prune_every
            await asyncio.to_thread(self._prune)
        return bool(made or started)

    async def settled(self) -> None:
        """Until nothing is on its way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def post(self, client: aiohttp.ClientSession, webhook: Webhook, message_id: str, body: bytes) -> Answer:
        """Post one message and say how it ended; nothing is raised for what a receiver does."""
        now = self.clock()
        headers = sign(valid_secrets(webhook.secrets, now), message_id=message_id, at=now, body=body)
        began = time.monotonic()

        def answer(**told: Any) -> Answer:
            return Answer(at=self.clock(), milliseconds=round((time.monotonic() - began) * 1000), **told)

        try:
            guard.check_url(webhook.url)
            async with client.post(webhook.url, data=body, headers=headers, allow_redirects=False) as response:
                with suppress(aiohttp.ClientError, TimeoutError):
                    await response.content.read(DRAIN)
                return answer(status=response.status, retry_after=response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return answer(error=f"{type(error).__name__}: {error}"[:LONGEST_ERROR])

    def client(self) -> aiohttp.ClientSession:
        """A client that connects only where the guard lets it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=self._guarded_socket),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.user_agent, "Content-Type": "application/cloudevents+json"},
            timeout=aiohttp.ClientTimeout(total=self.limits.timeout),
            trust_env=False,
        )

    def _guarded_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for exactly the address that will be connected to, once the guard has seen it."""
        family, kind, protocol, _, address = info
        guard.check(address[0], self.allow)
        return socket.socket(family=family, type=kind, proto=protocol)

    async def _deliver(
        self, client: aiohttp.ClientSession, webhook: Webhook, delivery: Delivery, event: Stamped | None
    ) -> None:
        """Send one claimed delivery and write down how it ended."""
        try:
            if event is None:
                answer = Answer(at=self.clock(), milliseconds=0, error="the event is no longer kept")
                await asyncio.to_thread(self._give_up, delivery, answer)
                return
            answer = await self.post(client, webhook, event.id, event.body.encode())
            await asyncio.to_thread(self._settle, webhook, delivery, answer)
        except DBAPIError as error:
            # The row comes back when its lease runs out: the receiver may get the message again, with the same id.
            log.warning("webhooks.not_settled", webhook=webhook.id, event_id=delivery.event_id, detail=str(error)[:200])
        finally:
            self._flying[webhook.id] -= 1
            self._landed.set()

    def _fan_out(self) -> int:
        """Delivery rows for events that the endpoints have none for yet."""
        made = 0
        with reading(self.sessions) as session:
            last = outbox.last_position(session)
            behind = [webhook for webhook in webhooks.every(session, active=True) if webhook.position < last]
        for webhook in behind:
            with reading(self.sessions) as session:
                page = outbox.read_after(session, webhook.position, limit=self.limits.page)
            if not page:
                continue
            if page[0].position > webhook.position + 1:
                log.warning("webhooks.gap", webhook=webhook.id, after=webhook.position, before=page[0].position)
            select = select_of(webhook.filters)
            wanted = [event for event in page if select(event_from_json(event.position, event.body))]
            with self.sessions.begin() as session:
                webhooks.fan_out(session, webhook, wanted, upto=page[-1].position, now=self.clock())
            made += len(page)
        return made

    def _claim(self) -> list[tuple[Webhook, list[tuple[Delivery, Stamped | None]]]]:
        """What may be sent now: a few for each endpoint, one for an endpoint that failed last time."""
        now = self.clock()
        with reading(self.sessions) as session:
            waiting = webhooks.waiting(session, now=now)
        found = []
        for webhook, _ in waiting:
            room = (1 if webhook.failures else self.limits.per_endpoint) - self._flying[webhook.id]
            if room <= 0:
                continue
            with self.sessions.begin() as session:
                claimed = webhooks.claim(session, webhook.id, limit=room, lease=self.limits.lease, now=now)
                events = {row.position: outbox.get(session, row.position) for row in claimed}
            found.append((webhook, [(row, events[row.position]) for row in claimed]))
        return found

    def _settle(self, webhook: Webhook, delivery: Delivery, answer: Answer) -> None:
        verdict = judge(answer)
        self.counted(verdict, answer, delivery.attempts)
        now = self.clock()
        due = None if verdict is Verdict.DELIVERED else next_attempt(delivery.attempts, answer, chance=self.chance())
        state = DeliveryState.PENDING if due else DeliveryState.FAILED
        if verdict is Verdict.DELIVERED:
            state = DeliveryState.DELIVERED
        with self.sessions.begin() as session:
            ours = webhooks.settle(session, delivery, state=state, due_at=due, attempt=told(answer), now=now)
            if not ours:
                return
            if verdict is Verdict.DELIVERED:
                webhooks.healthy(session, webhook.id)
                return
            if verdict is Verdict.DISABLE:
                webhooks.disable(session, webhook.id, reason="the receiver answered 410 Gone")
            elif webhook.failing_since is not None and now - webhook.failing_since > PATIENCE:
                webhooks.disable(session, webhook.id, reason=f"nothing but failures since {webhook.failing_since}")
            else:
                pause = (next_probe(webhook.failures + 1, answer) - answer.at) * self.limits.probe_scale
                webhooks.failed(session, webhook.id, retry_at=answer.at + pause, now=now)
        log.warning("webhooks.failed", webhook=webhook.id, event_id=delivery.event_id, again=due, **told(answer))

    def _give_up(self, delivery: Delivery, answer: Answer) -> None:
        with self.sessions.begin() as session:
            webhooks.settle(
                session,
                delivery,
                state=DeliveryState.FAILED,
                due_at=None,
                attempt=told(answer),
                now=answer.at,
            )

    def _prune(self) -> None:
        with self.sessions.begin() as session:
            webhooks.prune(session, self.clock() - self.limits.keep)

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        """Until the time is up, something landed, or a stop."""
        self._landed.clear()
        waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._landed.wait())]
        _, left = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()


def told(answer: Answer) -> dict[str, Any]:
    """An attempt as it is remembered."""
    return {
        "at": answer.at.isoformat(),
        "ms": answer.milliseconds,
        "status": answer.status,
        "error": answer.error,
    }


def allowed(url: str) -> None:
    """Refuse an address that could never be sent to; raises Blocked, and ValueError for a fragment or userinfo."""
    guard.check_url(url)
    if "@" in url.partition("://")[2].partition("/")[0] or "#" in url:
        raise ValueError("a webhook's URL has no credentials and no fragment: the signature tells who sends")


async def post_once(sender: Sender, webhook: Webhook, message_id: str, body: bytes) -> Answer:
    """One message at once, outside the line; for `wireroom webhooks test`."""
    async with sender.client() as client:
        return await sender.post(client, webhook, message_id, body)


def shown(rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Deliveries as the command line lists them."""
    return [
        {
            "position": row.position,
            "event": row.event_id,
            "type": row.type,
            "state": row.state,
            "attempts": row.attempts,
            "last": row.log[0]["status"] or row.log[0]["error"] if row.log else None,
            "next": row.due_at,
            "delivered": row.delivered_at,
        }
        for row in rows
    ]
