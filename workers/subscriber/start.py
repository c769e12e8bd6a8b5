"""Where a new group begins: now, at the beginning, at a time, after a position or after an event."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from .events import SubscriberError

Start = str | int | datetime
# Positions follow the order of commits, times the order of happening: a long transaction may come this much later.
COMMIT_LATENESS = timedelta(minutes=5)
PAGE = 500


def position_of(entry_id: str) -> int:
    """The position in an entry id `<position>-<sequence>`."""
    return int(entry_id.partition("-")[0])


def last_position(client: Redis, stream: str) -> int:
    """The stream's last position, 0 when there is no stream."""
    try:
        return position_of(client.xinfo_stream(stream)["last-generated-id"])
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return 0


def begin(client: Redis, stream: str, start: Start) -> int:
    """The position after which a group that starts at `start` reads; raises SubscriberError for an unknown event id."""
    if isinstance(start, datetime):
        return _before_time(client, stream, start)
    if isinstance(start, int):
        return start
    if start == "now":
        return last_position(client, stream)
    if start == "beginning":
        first = _first_from(client, stream, 0)
        return last_position(client, stream) if first is None else first[0] - 1
    return _of_event(client, stream, start)


def _before_time(client: Redis, stream: str, moment: datetime) -> int:
    """By bisection over positions, then forward over what may have been committed late."""
    if moment.tzinfo is None:
        raise SubscriberError(f"start={moment.isoformat()} has no time zone")
    first = _first_from(client, stream, 0)
    if first is None:
        return last_position(client, stream)
    low, high = first[0], last_position(client, stream) + 1
    while low < high:
        middle = (low + high) // 2
        found = _first_from(client, stream, middle)
        if found is None or found[1] >= moment - COMMIT_LATENESS:
            high = middle
        else:
            low = found[0] + 1
    position = low - 1
    while (found := _first_from(client, stream, position + 1)) is not None and found[1] < moment:
        position = found[0]
    return position


def _first_from(client: Redis, stream: str, position: int) -> tuple[int, datetime] | None:
    entries: Any = client.xrange(stream, min=f"{position}-0", count=1)
    if not entries:
        return None
    entry_id, fields = entries[0]
    return position_of(entry_id), datetime.fromisoformat(json.loads(fields["ce"])["time"])


def _of_event(client: Redis, stream: str, event_id: str) -> int:
    after = "-"
    while True:
        page: Any = client.xrange(stream, min=after, count=PAGE)
        for entry_id, fields in page:
            if fields.get("id") == event_id:
                return position_of(entry_id)
        if len(page) < PAGE:
            raise SubscriberError(f"no event {event_id!r} in {stream}; start is `now`, `beginning`, a time or an id")
        after = f"({page[-1][0]}"
