"""The relay: outbox → stream. One is active under a lease, others stand by; no rule of the domain lives here.

A step adds to the stream whatever the database has after the stream's own last id; events come with their positions.
There is no "mark as sent" to go wrong: a relay killed anywhere, a second one, a reply that got lost, and a Redis that
lost its data all come down to the same question, where does the stream end? How far it got it notes in the database,
for those who ask how much waits.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from uuid import uuid4

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from storage import leases, outbox, readers, stream_ends
from storage.db import Sessions, reading
from storage.errors import LeaseLost
from storage.outbox import Stamped
from workers.parting import parting
from workers.stream import ForeignStream, Group, Stream, Tip, connect

log = structlog.get_logger(__name__)
LEASE = "relay"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much at once, how long, how often; seconds where no unit is named."""

    batch: int = 500
    batch_bytes: int = 3 * 1024 * 1024
    lease: timedelta = timedelta(seconds=15)
    poll: float = 0.1
    poll_idle: float = 0.5
    # How often an idle relay asks whether Redis still has the stream.
    check: timedelta = timedelta(seconds=1)
    housekeeping: timedelta = timedelta(seconds=5)
    backoff: float = 5.0
    # How long the stream keeps events, and the database, from which it is filled again and replayed.
    stream_retention: timedelta = timedelta(days=3)
    outbox_retention: timedelta = timedelta(days=30)
    # The stream never grows beyond these, whatever a reader that fell behind still needs: it gets a gap instead.
    stream_entries: int = 100_000
    stream_bytes: int = 256 * 1024 * 1024


class State(StrEnum):
    """What a step found."""

    STANDBY = "standby"
    IDLE = "idle"
    BUSY = "busy"


@dataclass(kw_only=True, slots=True)
class Counters:
    """What this relay has done since it started; read by the metrics."""

    published: int = 0
    trimmed: int = 0
    trimmed_unread: int = 0
    pruned: int = 0
    errors: int = 0
    rebuilt: int = 0


@dataclass(slots=True)
class _Due:
    """When the things that are not done at every step are due."""

    check: datetime
    housekeeping: datetime


def utc_now() -> datetime:
    """The clock, unless a test brings its own."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Relay:
    """One relay process; `holder` must differ between processes and between lives of one process."""

    sessions: Sessions
    redis_url: str
    key: str = "wireroom:events"
    limits: Limits = field(default_factory=Limits)
    holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}")
    clock: Callable[[], datetime] = utc_now
    counters: Counters = field(default_factory=Counters)
    # Called with every turn of the loop: the sign of life.
    pulse: Callable[[], None] = lambda: None
    # Called with events that have just come into the stream for the first time.
    listeners: list[Callable[[Sequence[Stamped], datetime], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stream = Stream(connect(self.redis_url), self.key)
        self._held: leases.Held | None = None
        # The stream's last position, None until it was seen.
        self._tip: int | None = None
        # The database's last position when it was last looked at.
        self._last = 0
        # The last position up to which nothing is left to publish, and what the database was told of that.
        self._done: int | None = None
        self._noted: int | None = None
        # After which position the database has other events than the stream; None where it has the same.
        self._parted: int | None = None
        # The last position that this relay has seen in the stream: what comes up to it is only brought back.
        self._reached = 0
        self._behind = True
        self._more = False
        start = self.clock()
        self._due = _Due(check=start, housekeeping=start)
        # What came into the stream since housekeeping, against its caps: entries, and bytes of their bodies.
        self._grown_entries = self._grown_bytes = 0

    @property
    def active(self) -> bool:
        """Whether this is the relay that relays."""
        return self._held is not None

    def run(self, stop: threading.Event) -> None:
        """Relay until `stop` is set; a database or a Redis that is away is waited for."""
        log.info("relay.started", holder=self.holder, stream=self.key)
        wait = failing = 0.0
        while not stop.wait(wait):
            self.pulse()
            try:
                state = self.step()
            except (RedisError, DBAPIError, ForeignStream) as error:
                self.counters.errors += 1
                failing = min(self.limits.backoff, failing * 2 or self.limits.poll)
                wait = failing * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, hides nothing
                log.warning(
                    "relay.failed", error=type(error).__name__, detail=str(error)[:300], retry_in=round(wait, 2)
                )
                continue
            if failing:
                log.info("relay.recovered", holder=self.holder)
                failing = 0.0
            wait = self._wait(state, wait)
        self.close()

    def step(self) -> State:
        """Do what is due once; raises what Redis and the database raise."""
        now = self.clock()
        if not self._hold(now):
            return State.STANDBY
        try:
            due = self._tip is None or self._behind or now >= self._due.check
            published = self._publish(now) if due or self._news() else 0
            if self._done is not None and self._done != self._noted:
                self._note(self._done, now)
        except LeaseLost as lost:
            log.warning("relay.fenced", holder=self.holder, detail=str(lost))
            self._held = None
            return State.STANDBY
        if now >= self._due.housekeeping or self._grown():
            self._due.housekeeping = now + self.limits.housekeeping
            self._keep_house(now)
            self._grown_entries = self._grown_bytes = 0
        return State.BUSY if published or self._behind else State.IDLE

    def _grown(self) -> bool:
        """Whether a quarter of what the stream may hold was added since housekeeping: a burst does not wait for it."""
        return self._grown_entries * 4 > self.limits.stream_entries or self._grown_bytes * 4 > self.limits.stream_bytes

    def _wait(self, state: State, last: float) -> float:
        """Seconds until the next step, after one that found `state` and `last` seconds of waiting before it."""
        if self._behind and state is not State.STANDBY:
            return 0.0
        # A step costs the same for one event as for many: the few that come meanwhile are worth waiting for.
        return (
            self.limits.poll if state is State.BUSY else min(self.limits.poll_idle, max(self.limits.poll, last * 1.3))
        )

    def close(self) -> None:
        """Give the lease back, so that another relay goes on at once."""
        if self._held is not None:
            held, self._held = self._held, None
            try:
                with self.sessions.begin() as session:
                    leases.release(session, held, now=self.clock())
            except DBAPIError as error:
                log.warning("relay.lease_left_to_run_out", detail=str(error)[:300])
        self.stream.client.close()
        log.info("relay.stopped", holder=self.holder, published=self.counters.published)

    def _hold(self, now: datetime) -> bool:
        """Whether this relay has the lease, taking or extending it when due."""
        held, ttl = self._held, self.limits.lease
        if held is not None and held.until - now > ttl * 2 / 3:
            return True
        with reading(self.sessions) as session:
            if held is None and leases.taken(session, LEASE, now=now):
                return False
        with self.sessions.begin() as session:
            self._held = leases.acquire(session, LEASE, holder=self.holder, ttl=ttl, now=now)
        if self._held is not None and held is None:
            log.info("relay.active", holder=self.holder, token=self._held.token)
            self._behind, self._due.check = True, now
            self._done = self._noted = None
        if held is not None and (self._held is None or self._held.token != held.token):
            log.warning("relay.lease_lost", holder=self.holder)
        return self._held is not None

    def _news(self) -> bool:
        """Whether places were given away since everything was published."""
        with reading(self.sessions) as session:
            return outbox.last_position(session) > (self._done or 0)

    def _note(self, done: int, now: datetime) -> None:
        """Let the database know how far the stream goes; raises LeaseLost."""
        if self._held is None:
            return
        with self.sessions.begin() as session:
            leases.fence(session, self._held)
            stream_ends.note(session, self.key, done, now=now)
        self._noted = done

    def _publish(self, now: datetime) -> int:
        """Add to the stream what it lacks; notes where it ends and whether there is more."""
        seen: list[Tip] = []
        events: Sequence[Stamped] = ()

        def read(tip: Tip) -> Sequence[Stamped]:
            nonlocal events
            seen.append(tip)
            events = self._missing(tip, now)
            return events

        added = self.stream.append(read, restore=self._known_groups)
        tip = seen[0]
        if self._tip is not None and tip.position < self._tip:
            self.counters.rebuilt += 1
            log.warning("relay.stream_lost_events", had=self._tip, has=tip.position, stream=self.key)
        if self._parted is not None:
            self._place_again(tip, self._parted)
        self._reached = max(self._reached, tip.position)
        if added:
            self._grown_entries += added
            self._grown_bytes += sum(len(event.body) for event in events)
            fresh = [event for event in events if event.position > self._reached]
            # Bound once: a logger that is to say nothing costs most by being made anew for every line.
            bound = log.bind()
            for event in fresh:
                bound.debug("event.published", event_id=event.id, position=event.position, type=event.type)
            for listener in self.listeners:
                listener(fresh, self.clock())
            self._reached = max(self._reached, events[-1].position)
        if added is not None and self._parted is None:
            self._done = events[-1].position if events else max(self._last, tip.position)
        self._due.check = now + self.limits.check
        self._behind = added is None or self._more or self._parted is not None
        self._tip = tip.position
        self.counters.published += added or 0
        return added or 0

    def _missing(self, tip: Tip, now: datetime) -> Sequence[Stamped]:
        """The next events the stream has not, from the beginning of its retention when it has none at all."""
        with reading(self.sessions) as session:
            self._last = last = outbox.last_position(session)
            beginning = partial(self._before_retention, session, last, now)
            self._parted = parting(session, self.stream, tip, last=last, beginning=beginning)
            if self._parted is not None:
                return ()
            after = tip.position or beginning()
            limits = self.limits
            events = outbox.read_after(session, after, limit=limits.batch, max_bytes=limits.batch_bytes)
            self._more = bool(events) and events[-1].position < last
            return events

    def _before_retention(self, session: Session, last: int, now: datetime) -> int:
        """The last position that is too old for a stream."""
        first = outbox.first_since(session, now - self.limits.stream_retention)
        return last if first is None else first - 1

    def _place_again(self, tip: Tip, after: int) -> None:
        """Give the events that the stream has not, and went past, places behind its end."""
        if self._held is None:
            return
        with self.sessions.begin() as session:
            leases.fence(session, self._held)
            moved = outbox.place_again(session, after=after, end=tip.position)
        log.warning(
            "relay.database_behind_stream", stream=tip.position, database=self._last, common=after, placed_again=moved
        )

    def _known_groups(self) -> dict[str, int]:
        with reading(self.sessions) as session:
            return readers.positions(session, self.key)

    def _keep_house(self, now: datetime) -> None:
        """Note where the groups stand, trim the stream, prune the outbox."""
        groups = self.stream.groups()
        tip = self.stream.tip()
        if tip.position:
            with self.sessions.begin() as session:
                readers.note(session, self.key, {group.name: group.acknowledged for group in groups}, now=now)
            self._trim(groups, tip, now)
        with self.sessions.begin() as session:
            pruned = outbox.prune(session, now - self.limits.outbox_retention, upto=tip.position)
        self.counters.pruned += pruned

    def _trim(self, groups: Sequence[Group], tip: Tip, now: datetime) -> None:
        """Drop what is past retention and read by every group; past the cap also what is not, with an alarm."""
        with reading(self.sessions) as session:
            first = outbox.past(session, now - self.limits.stream_retention) + 1
        unread = min((group.acknowledged + 1 for group in groups), default=first)
        if min(first, unread) > 1:
            self.counters.trimmed += self.stream.trim(min(first, unread))
        room = self._room(tip)
        if tip.length > room and (dropped := self.stream.cut(room)):
            self.counters.trimmed += dropped
            kept = self.stream.first()
            if late := sorted(group.name for group in groups if group.acknowledged + 1 < kept):
                self.counters.trimmed_unread += dropped
                log.error("relay.trimmed_unread", stream=self.key, first_kept=kept, room=room, groups=late)

    def _room(self, tip: Tip) -> int:
        """How many entries the stream may have."""
        room = self.limits.stream_entries
        size = self.stream.size()
        if size > self.limits.stream_bytes:
            room = min(room, tip.length * self.limits.stream_bytes // size)
        return max(1, room)
