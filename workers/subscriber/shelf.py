"""What one partition of a group keeps in Redis, and the commands that change it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from .dead import fields_of, letter_of
from .events import Event, Gap
from .keys import Keys
from .start import position_of

# Reading, and noting what was read, only while the lease is ours: a consumer that slept past it must take nothing and
# note nothing with what it remembers from before.
READ = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return redis.error_reply('LEASE is not ours') end
return redis.call('XREADGROUP', 'GROUP', ARGV[2], ARGV[1], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], ARGV[4])
"""
NOTE = """
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return redis.error_reply('LEASE is not ours') end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) end
if ARGV[4] == '[]' then redis.call('HDEL', KEYS[2], ARGV[2]) else redis.call('HSET', KEYS[2], ARGV[2], ARGV[4]) end
return 1
"""
# What is pending and was trimmed is handed out empty by Redis 6.2; since 7 the claim drops it and says so once. Its gap
# is kept in the same step, since nothing else will ever tell of it.
CLAIM = """
local reply = redis.call('XAUTOCLAIM', KEYS[1], ARGV[2], ARGV[1], 0, ARGV[4], 'COUNT', ARGV[5], 'JUSTID')
if reply[3] and #reply[3] > 0 then
  local gaps = cjson.decode(redis.call('HGET', KEYS[2], ARGV[3]) or '[]')
  for _, id in ipairs(reply[3]) do
    local position = tonumber(string.match(id, '^%d+'))
    table.insert(gaps, {position - 1, position + 1})
  end
  redis.call('HSET', KEYS[2], ARGV[3], cjson.encode(gaps))
end
return reply[1]
"""
# An entry as read: its position and fields, which are empty when it was trimmed while it was pending.
Entry = tuple[int, Mapping[str, str]]
CLAIM_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """One partition's consumer group, as `consumer` sees it; `remember` ids of handled events are kept."""

    client: Redis
    keys: Keys
    index: int
    partitions: int
    consumer: str
    remember: int

    @property
    def group(self) -> str:
        """The consumer group of this partition."""
        return self.keys.partition(self.index, self.partitions)

    @property
    def stream(self) -> str:
        """The stream's key."""
        return self.keys.stream

    def take_over(self) -> None:
        """Make every entry that a former consumer left pending our own, and forget those consumers.

        Who holds the partition's lease is its only reader, so nobody is waited for. Delivery counts stay.
        """
        start = "0-0"
        while True:
            keys, page = (self.stream, self.keys.gaps), (start, str(CLAIM_PAGE))
            start = str(self.client.eval(CLAIM, 2, *keys, self.consumer, self.group, str(self.index), *page))
            if start == "0-0":
                break
        for other in self.client.xinfo_consumers(self.stream, self.group):
            if other["name"] != self.consumer and not other["pending"]:
                self.client.xgroup_delconsumer(self.stream, self.group, other["name"])

    def cursor(self) -> int:
        """The position up to which everything was received and noted."""
        groups = {info["name"]: info for info in self.client.xinfo_groups(self.stream)}
        if self.group not in groups:
            raise ResponseError(f"NOGROUP {self.group} was lost while it was being opened")
        delivered = position_of(groups[self.group]["last-delivered-id"])
        noted = self.client.hget(self.keys.cursors, str(self.index))
        if noted is None or int(noted) >= delivered:
            return delivered
        # Between: either a batch that was delivered and not noted, or the group was moved on by hand.
        unnoted = self.client.xpending_range(self.stream, self.group, min=f"({int(noted)}-0", max="+", count=1)
        return int(noted) if unnoted else delivered

    def noted(self) -> int:
        """The position that is noted as received: by us, or by the relay when it set the group on after a loss."""
        return int(self.client.hget(self.keys.cursors, str(self.index)) or 0)

    def first_pending(self, cursor: int) -> int:
        """The position of the first entry that was handed out and not acknowledged, else the one after the cursor."""
        pending: Any = self.client.xpending(self.stream, self.group)
        return min(position_of(pending["min"]), cursor + 1) if pending["pending"] else cursor + 1

    def history(self, after: int, count: int) -> list[Entry]:
        """Our own pending entries after a position."""
        return self._read(f"{after}-0", count)

    def new(self, count: int) -> list[Entry]:
        """Entries that the group was never given."""
        return self._read(">", count)

    def note(self, cursor: int, gaps: Sequence[Gap]) -> None:
        """Keep how far we have received, and which gaps are open, before anything of it is handled."""
        self._note(str(cursor), gaps)

    def gaps(self) -> list[Gap]:
        """Gaps that were noticed and not dealt with."""
        kept = self.client.hget(self.keys.gaps, str(self.index))
        return [Gap(after=after, before=before) for after, before in json.loads(kept or "[]")]

    def keep_gaps(self, gaps: Sequence[Gap]) -> None:
        """Keep which gaps are still open."""
        self._note("", gaps)

    def seen(self, ids: Sequence[str]) -> set[str]:
        """Which of these events the group has handled already."""
        if not ids:
            return set()
        scores = self.client.zmscore(self.keys.seen, list(ids))
        return {name for name, score in zip(ids, scores, strict=True) if score is not None}

    def done(self, event: Event) -> None:
        """The event was handled: acknowledge it and remember its id."""
        with self.client.pipeline(transaction=True) as pipe:
            pipe.xack(self.stream, self.group, f"{event.position}-0")
            pipe.zadd(self.keys.seen, {event.id: event.position})
            pipe.zremrangebyrank(self.keys.seen, 0, -self.remember - 1)
            pipe.hdel(self.keys.tries, event.id)
            pipe.execute()

    def skip(self, positions: Iterable[int]) -> None:
        """Acknowledge what is not wanted, not ours, gone, or handled before."""
        if ids := [f"{position}-0" for position in positions]:
            self.client.xack(self.stream, self.group, *ids)

    def count_try(self, event: Event) -> int:
        """Count one more attempt at the event and return which it is, whatever process made the earlier ones."""
        return self.client.hincrby(self.keys.tries, event.id, 1)

    def bury(self, event: Event, *, reason: str, tries: int) -> None:
        """Give the event up: a dead letter with its reason, acknowledged in the same step."""
        fields: Any = fields_of(event) | {
            "position": str(event.position),
            "group": self.keys.group,
            "reason": reason,
            "tries": str(tries),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with self.client.pipeline(transaction=True) as pipe:
            pipe.xadd(self.keys.dead, fields)
            pipe.xack(self.stream, self.group, f"{event.position}-0")
            pipe.hdel(self.keys.tries, event.id)
            pipe.execute()

    def again(self) -> list[tuple[str, Event]]:
        """Dead letters of any partition that an operator wants tried again."""
        page: Any = self.client.xrange(self.keys.again, count=100)
        told = {"group": self.keys.group, "reason": "", "at": ""}
        return [(number, letter_of(number, fields | told).event) for number, fields in page]

    def forget_again(self, number: str) -> None:
        """The letter was tried."""
        self.client.xdel(self.keys.again, number)

    def _read(self, start: str, count: int) -> list[Entry]:
        lease = self.keys.lease(self.index)
        reply: Any = self.client.eval(READ, 2, self.stream, lease, self.consumer, self.group, str(count), start)
        entries = reply[0][1] if reply else []
        return [
            (position_of(entry_id), dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {})
            for entry_id, flat in entries
        ]

    def _note(self, cursor: str, gaps: Sequence[Gap]) -> None:
        kept = json.dumps([(gap.after, gap.before) for gap in gaps])
        lease = self.keys.lease(self.index)
        self.client.eval(
            NOTE, 3, self.keys.cursors, self.keys.gaps, lease, self.consumer, str(self.index), cursor, kept
        )
