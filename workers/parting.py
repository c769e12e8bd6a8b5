"""Where database and stream part: a database that was restored from an older copy gives places away a second time."""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import Session

from storage import outbox, stream_ends
from workers.stream import ForeignStream, Stream, Tip


def parting(session: Session, stream: Stream, tip: Tip, *, last: int, beginning: Callable[[], int]) -> int | None:
    """After which position the database has other events than the stream; None where it has the same.

    It has others where it ends (`last`) before the stream does, or has another event at the stream's end. `beginning`
    says after which position a stream without any entry would be filled. Raises ForeignStream where stream and
    database never had an event in common.
    """
    if tip.position == 0:
        return None
    stored = outbox.at(session, [tip.position]).get(tip.position)
    same = stored is None or tip.event_id is None or stored == tip.event_id
    if same and tip.position <= last:
        return None
    for entries in stream.back_from(min(tip.position, last)):
        held = outbox.at(session, [position for position, _ in entries])
        for position, event_id in entries:
            if held.get(position) == event_id:
                return position
    if not same:
        raise ForeignStream(
            f"{stream.key} has event {tip.event_id} at position {tip.position}, the database has {stored}: "
            "give each database a stream key of its own"
        )
    # Nothing is left of what the two had in common, if they had: what was noted, else what a new stream would get.
    noted = stream_ends.get(session, stream.key)
    return min(last, beginning() if noted is None else noted)
