"""The event stream in Redis: positions as explicit ids, its own last id as the only cursor.

Entry `<position>-0` has `id`, `type`, `subject` and `feed` (flat, for filters) and `ce`, the CloudEvent as JSON.
Nothing newer than Redis 6.2 is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from storage.outbox import Stamped
from workers.packed import in_transaction, packed
from workers.subscriber.keys import Keys

# A Redis that is frozen, not dead, would otherwise hold the process for ever.
SOCKET_TIMEOUT = 5.0
CONNECT_TIMEOUT = 2.0
# Entries that are read at once when the stream is read backwards; one may have 60 KiB.
SOME = 100


class ForeignStream(Exception):
    """The stream holds other events at these positions than the database: two databases share one stream key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tip:
    """Where the stream ends: its last position (0: nothing was ever added), and the event there if it is kept."""

    position: int
    event_id: str | None
    length: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A consumer group: everything up to `acknowledged` is done; `pending` were handed out and are not."""

    name: str
    acknowledged: int
    delivered: int
    pending: int
    consumers: int


def connect(url: str) -> Redis:
    """A client that never sends a command twice on its own: a lost reply must not add an entry again."""
    return Redis.from_url(
        url,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        health_check_interval=0,
    )


def entry(key: str, event: Stamped) -> bytes:
    """The command that adds an event to the stream `key` under its position."""
    feed = "" if event.feed_id is None else str(event.feed_id)
    flat = ("id", event.id, "type", event.type, "subject", event.subject, "feed", feed, "ce", event.body)
    return packed("XADD", key, f"{event.position}-0", *flat)


class Stream:
    """One stream key, written by the relay only."""

    def __init__(self, client: Redis, key: str) -> None:
        self.client = client
        self.key = key

    def tip(self) -> Tip:
        """Where the stream ends now."""
        return self._tip(self.client)

    def append(
        self, read: Callable[[Tip], Sequence[Stamped]], *, restore: Callable[[], Mapping[str, int]] | None = None
    ) -> int | None:
        """Add what `read` finds after the stream's tip, all of it or nothing; None when another wrote meanwhile.

        Tip and entries belong to one WATCH: a Redis that is emptied or restarted in between takes nothing, so an entry
        can never end up after a hole. `restore` tells where the groups of a stream that lost everything stood.
        """
        with self.client.pipeline(transaction=True) as pipe:
            pipe.watch(self.key)  # type: ignore[no-untyped-call]
            tip = self._tip(pipe)
            events = read(tip)
            lost = self._lost(pipe, restore()) if restore and tip.position == 0 else {}
            if not events and not lost:
                return 0
            added = (entry(self.key, event) for event in events)
            return len(events) if in_transaction(pipe, chain(self._restored(lost), added)) else None

    def back_from(self, position: int) -> Iterator[list[tuple[int, str | None]]]:
        """The entries up to `position` (position, id of the event), the newest first, some at a time."""
        last = f"{position}-0"
        while found := cast("list[tuple[str, dict[str, str]]]", self.client.xrevrange(self.key, max=last, count=SOME)):
            yield [(position_of(name), event.get("id")) for name, event in found]
            last = f"({found[-1][0]}"

    def groups(self) -> list[Group]:
        """Every consumer group, with what it has acknowledged without a hole."""
        return [self._group(info) for info in self._raw_groups(self.client)]

    def trim(self, first: int) -> int:
        """Drop every entry below position `first`; returns how many there were."""
        return self.client.xtrim(self.key, minid=f"{first}-0", approximate=False)

    def cut(self, room: int) -> int:
        """Drop the oldest entries until `room` of them are left; returns how many there were."""
        return self.client.xtrim(self.key, maxlen=room, approximate=False)

    def first(self) -> int:
        """The position of the oldest entry, 0 when there is none."""
        found: Any = self.client.xrange(self.key, count=1)
        return position_of(found[0][0]) if found else 0

    def size(self) -> int:
        """Estimated bytes of memory, 0 when there is no stream."""
        return self.client.memory_usage(self.key, samples=20) or 0

    def _tip(self, client: Redis) -> Tip:
        try:
            info = client.xinfo_stream(self.key)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return Tip(position=0, event_id=None, length=0)
        position = position_of(info["last-generated-id"])
        entry = info["last-entry"]
        last = entry is not None and position_of(entry[0]) == position
        return Tip(position=position, event_id=entry[1].get("id") if last else None, length=info["length"])

    def _raw_groups(self, client: Redis) -> list[dict[str, Any]]:
        try:
            return client.xinfo_groups(self.key)
        except ResponseError as error:
            if "no such key" not in str(error):
                raise
            return []

    def _lost(self, client: Redis, known: Mapping[str, int]) -> Iterable[tuple[str, int, bool]]:
        """Groups that stood further than they stand now: (name, position, whether the group exists)."""
        now = {info["name"]: position_of(info["last-delivered-id"]) for info in self._raw_groups(client)}
        return [(name, position, name in now) for name, position in known.items() if now.get(name, -1) < position]

    def _restored(self, lost: Iterable[tuple[str, int, bool]]) -> Iterator[bytes]:
        """The commands that have lost groups stand where they stood."""
        for name, position, exists in lost:
            if exists:
                yield packed("XGROUP", "SETID", self.key, name, f"{position}-0")
            else:
                yield packed("XGROUP", "CREATE", self.key, name, f"{position}-0", "MKSTREAM")
            # A consumer that opened the group at its beginning meanwhile takes what it skips for done, not lost.
            group, _, index = name.partition("/")
            yield packed("HSET", Keys(self.key, group).cursors, index or "0", str(position))

    def _group(self, info: Mapping[str, Any]) -> Group:
        delivered = position_of(info["last-delivered-id"])
        acknowledged = delivered
        if info["pending"]:
            summary = self.client.xpending(self.key, info["name"])
            if summary["min"]:
                acknowledged = position_of(summary["min"]) - 1
        return Group(
            name=info["name"],
            acknowledged=acknowledged,
            delivered=delivered,
            pending=info["pending"],
            consumers=info["consumers"],
        )


def position_of(entry_id: str) -> int:
    """The position in an entry id `<position>-<sequence>`."""
    return int(entry_id.partition("-")[0])
