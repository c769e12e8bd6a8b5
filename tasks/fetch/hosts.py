"""How many requests are in flight, to a host and in all: in this process by slots, among all by the governor."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from tasks.fetch.governor import Governor, Turn
from tasks.fetch.policy import FetchPolicy


class _Slot:
    """A host's places in this process, and how many hold one or wait for one."""

    __slots__ = ("semaphore", "users")

    def __init__(self, places: int) -> None:
        self.semaphore = asyncio.Semaphore(places)
        self.users = 0


class Turns:
    """Turns at hosts; who waits for a slow host holds no place that another host could use."""

    def __init__(self, policy: FetchPolicy) -> None:
        self._per_host = policy.per_host
        self._total = asyncio.Semaphore(policy.concurrency)
        self._hosts: dict[str, _Slot] = {}
        self._governor: Governor | None = None
        if policy.redis_url is not None:
            # A lease outlives the longest request and its wait for a place.
            lease = 2 * policy.total_seconds + 5
            self._governor = Governor(
                policy.redis_url, limit=policy.per_host, delay=policy.host_delay_seconds, lease=lease
            )

    async def close(self) -> None:
        """Give back what was taken and leave Redis."""
        if self._governor is not None:
            await self._governor.close()

    async def take(self, host: str, *, deadline: float) -> Turn:
        """Wait for a turn at `host`, of ours and of all workers'; raises NoTurn when none comes before `deadline`."""
        slot = self._hosts.get(host)
        if slot is None:
            slot = self._hosts[host] = _Slot(self._per_host)
        slot.users += 1
        turn = Turn(host)
        try:
            await slot.semaphore.acquire()
            try:
                if self._governor is not None:
                    await self._governor.take(turn, deadline=deadline)
                await self._total.acquire()
            except BaseException:
                slot.semaphore.release()
                raise
        except BaseException:
            self._leave(host, slot)
            raise
        return turn

    def give(self, turn: Turn) -> None:
        """Give a turn back, with what the holder noted on it."""
        self._total.release()
        if self._governor is not None:
            self._governor.give(turn)
        slot = self._hosts[turn.host]
        slot.semaphore.release()
        self._leave(turn.host, slot)

    def _leave(self, host: str, slot: _Slot) -> None:
        """Forget the host when its last user goes."""
        slot.users -= 1
        if not slot.users:
            del self._hosts[host]


def speaks_for_all(host: str) -> bool:
    """Say whether a 429 from `host` is about the site as a whole; proxies on an address or a bare name keep apart."""
    if "." not in host:
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False
