"""The subscriber: joins its group, shares the partitions with the group's other consumers, keeps reading."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from .events import Event, Gap, PartitionMismatch, Select
from .keys import Keys
from .partition import Interrupted, Memory, Partition, Work
from .replay import Replay
from .shelf import Shelf
from .start import Start, begin

log = logging.getLogger("wireroom.subscriber")
# Take a lease that is free or ours already, and extend it; 0 when it is another's. Redis 6.2 has no `SET NX GET`.
HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if not holder and ARGV[3] == 'extend' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
# Waiting does not help against these.
HOPELESS = (AuthenticationError, AuthorizationError, NoPermissionError)
BACKOFF = (0.2, 5.0)
# A consumer with too few partitions asks about once a second; one that has not asked for so long has stopped asking.
ASKING = 3.0


class Subscriber:
    """One consumer of a group. All times in seconds.

    `partitions` is how many consumers of the group can work side by side: each partition has one reader at a time, and
    all events of a subject are in one partition. `start` counts only when the group is made: `now`, `beginning`, a
    datetime, a position, or the id of the last event known. `replay` fills gaps, `on_gap` is told of them; with neither
    a gap stops the subscriber with GapError.
    """

    def __init__(
        self,
        url: str,
        *,
        group: str,
        stream: str = "wireroom:events",
        partitions: int = 1,
        select: Select | None = None,
        start: Start = "now",
        max_tries: int = 5,
        retry_base: float = 1.0,
        retry_cap: float = 60.0,
        batch: int = 64,
        lease: float = 15.0,
        block: float = 1.0,
        remember: int = 10_000,
        replay: Replay | None = None,
        on_gap: Callable[[Gap], object] | None = None,
        consumer: str | None = None,
    ) -> None:
        if "/" in group or partitions < 1:
            raise ValueError("a group's name has no slash, and a group has at least one partition")
        self.client = Redis.from_url(
            url,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),  # a read that is sent again would hand out entries that nobody sees
            socket_timeout=block + 5,
            socket_connect_timeout=3,
        )
        self.keys = Keys(stream, group)
        self.partitions = partitions
        self.start = start
        self.lease = lease
        self.block = block
        self.remember = remember
        self.consumer = consumer or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._options: dict[str, Any] = {
            "select": select or Select(),
            "max_tries": max_tries,
            "retry_base": retry_base,
            "retry_cap": retry_cap,
            "batch": batch,
            "replay": replay,
            "on_gap": on_gap,
        }
        self._memory = Memory(remember)
        self._stop = threading.Event()
        self._held: dict[int, Partition] = {}
        # Until when each lease is surely ours, by this process's own clock.
        self._until: dict[int, float] = {}
        # The heartbeat must not take up again what is being given back.
        self._leases = threading.Lock()
        self._cursors: dict[int, int] = {}
        self._balance_at = 0.0

    def stop(self) -> None:
        """Finish the event in hand and return from `run`; may be called from anywhere, also from a signal handler."""
        self._stop.set()

    def run(self, handle: Callable[[Event], object], *, until_idle: bool = False, signals: bool = False) -> None:
        """Read until `stop`, or with `until_idle` until nothing is left; `signals`: SIGTERM and SIGINT stop it."""
        if signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        work = Work(handle=handle, **self._options)
        over = threading.Event()
        heart = threading.Thread(target=self._beat, args=(over,), name="wireroom-heartbeat", daemon=True)
        heart.start()
        failures = 0
        try:
            while not self._stop.is_set():
                try:
                    self._balance(work)
                    if not self._turn(until_idle=until_idle):
                        return
                    failures = 0
                except Interrupted:
                    if not self._stop.is_set():
                        self._forget()
                except RedisError as error:
                    failures += 1
                    self._trouble(error, failures)
        finally:
            over.set()
            heart.join()
            self._leave()

    def _turn(self, *, until_idle: bool) -> bool:
        """One round over the partitions; False when there is nothing left and that is the end."""
        worked = False
        for index, partition in list(self._held.items()):
            worked = partition.turn() or worked
            self._cursors[index] = partition.lowest
        if worked:
            return True
        waits = [due for partition in self._held.values() if (due := partition.due_in()) is not None]
        if until_idle and self._held and not waits:
            return False
        self._wait(min([self.block, *waits]))
        return True

    def _wait(self, seconds: float) -> None:
        """Until something new is in the stream, or the time is up."""
        after = min((part.cursor for part in self._held.values() if not part.full), default=None)
        if after is None:
            self._stop.wait(min(seconds, self.lease / 4))
            return
        self.client.xread({self.keys.stream: f"{after}-0"}, count=1, block=max(1, int(seconds * 1000)))

    def _balance(self, work: Work) -> None:
        """Hold a fair share of the partitions: take what is free, give back what is too much."""
        now = time.monotonic()
        for index in [index for index in self._held if self._until.get(index, 0.0) <= now]:
            self._drop(index)
        if now < self._balance_at:
            return
        self._balance_at = now + (min(1.0, self.lease / 4) if len(self._held) < self.partitions else self.lease / 4)
        self._join()
        share, surplus = self._share()
        for index in sorted(self._held, reverse=True)[:surplus]:
            self._release(index)
        for index in range(self.partitions):
            if len(self._held) >= share:
                break
            if index not in self._held:
                with self._leases:
                    held = self._hold(index)
                if held:
                    self._open(index, work)

    def _open(self, index: int, work: Work) -> None:
        shelf = Shelf(
            client=self.client,
            keys=self.keys,
            index=index,
            partitions=self.partitions,
            consumer=self.consumer,
            remember=self.remember,
        )
        self._held[index] = Partition(
            shelf,
            work,
            self._memory,
            lambda: not self._stop.is_set() and time.monotonic() < self._until.get(index, 0.0),
        )

    def _join(self) -> None:
        """Be a member; make the group where it is missing: at its start, or where we know that it stood."""
        self.client.zadd(self.keys.members, {self.consumer: self._redis_time()})
        self.client.hsetnx(self.keys.config, "partitions", str(self.partitions))
        made_with = int(self.client.hget(self.keys.config, "partitions") or self.partitions)
        if made_with != self.partitions:
            raise PartitionMismatch(
                f"group {self.keys.group} was made with {made_with} partitions, this consumer wants {self.partitions}: "
                "start all consumers with the same number, or take a new group name"
            )
        wanted = {index: self.keys.partition(index, self.partitions) for index in range(self.partitions)}
        known = self._groups()
        if missing := {index: name for index, name in wanted.items() if name not in known}:
            # A group that we have read of is lost, not new: what we do not know of it is read again from the beginning.
            start = "beginning" if self._cursors else self.start
            position = 0 if missing.keys() <= self._cursors.keys() else begin(self.client, self.keys.stream, start)
            for index, name in missing.items():
                self._make(name, self._cursors.get(index, position))

    def _make(self, name: str, position: int) -> None:
        try:
            self.client.xgroup_create(self.keys.stream, name, f"{position}-0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _groups(self) -> set[str]:
        try:
            return {info["name"] for info in self.client.xinfo_groups(self.keys.stream)}
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return set()

    def _share(self) -> tuple[int, int]:
        """How many partitions to hold at the most, and how many of ours to give back.

        A partition is given up only for a consumer that asks for it right now: one that hangs in its handler does not
        ask, and one consumer more than there are partitions gets none and moves nothing.
        """
        now = self._redis_time()
        self.client.zremrangebyscore(self.keys.members, "-inf", now - self.lease)
        members = max(1, self.client.zcard(self.keys.members))
        most, least = -(-self.partitions // members), self.partitions // members
        if len(self._held) < least:
            self.client.zadd(self.keys.wants, {self.consumer: now})
            return most, 0
        self.client.zrem(self.keys.wants, self.consumer)
        asking: Any = self.client.zrangebyscore(self.keys.wants, now - ASKING, "+inf")
        if asking and len(self._held) > least:
            holders: Any = self.client.mget([self.keys.lease(index) for index in range(self.partitions)])
            if any(holders.count(other) < least for other in asking if other != self.consumer):
                return least, max(1, len(self._held) - most)
        return self.partitions, 0

    def _redis_time(self) -> float:
        seconds, microseconds = self.client.time()
        return seconds + microseconds / 1e6

    def _hold(self, index: int, how: str = "take") -> bool:
        """Take or `extend` a partition's lease; the caller holds `_leases`.

        One that lapsed is not extended: another consumer may have read on meanwhile.
        """
        asked = time.monotonic()
        if not self.client.eval(HOLD, 1, self.keys.lease(index), self.consumer, str(int(self.lease * 1000)), how):
            self._until.pop(index, None)
            return False
        self._until[index] = asked + self.lease
        return True

    def _beat(self, over: threading.Event) -> None:
        """Extend the leases for as long as this process lives, however long a handler takes."""
        while not over.wait(self.lease / 3):
            try:
                for index in range(self.partitions):
                    with self._leases:
                        if self._until.get(index, 0.0) > time.monotonic():
                            self._hold(index, "extend")
                self.client.zadd(self.keys.members, {self.consumer: self._redis_time()})
            except RedisError as error:
                log.warning("heartbeat of %s failed: %r", self.consumer, error)

    def _trouble(self, error: RedisError, failures: int) -> None:
        """Wait for a Redis that is away; what cannot mend itself is raised."""
        if isinstance(error, HOPELESS):
            raise error
        self._forget()
        shortest, longest = BACKOFF
        delay = min(longest, shortest * 2 ** (failures - 1))
        log.warning("Redis failed, again in %.1f s: %r", delay, error)
        self._stop.wait(delay)

    def _forget(self) -> None:
        """Hold no partition any more; what is pending is read again by whoever holds it next."""
        for index in list(self._held):
            self._drop(index)
        self._balance_at = 0.0

    def _drop(self, index: int) -> None:
        self._cursors[index] = self._held.pop(index).lowest
        with self._leases:
            self._until.pop(index, None)

    def _release(self, index: int) -> None:
        """Drop a partition and let another consumer have it at once."""
        self._cursors[index] = self._held.pop(index).lowest
        with self._leases:
            self._until.pop(index, None)
            self.client.eval(RELEASE, 1, self.keys.lease(index), self.consumer)

    def _leave(self) -> None:
        """Give everything back, so that others need not wait for the leases to run out."""
        try:
            for index in list(self._held):
                self._release(index)
            self.client.zrem(self.keys.members, self.consumer)
            self.client.zrem(self.keys.wants, self.consumer)
        except RedisError as error:
            log.warning("leases of %s are left to run out: %r", self.consumer, error)
        self._forget()
        self.client.close()
