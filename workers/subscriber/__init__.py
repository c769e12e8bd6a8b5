"""The client for a downstream service: redis-py and the standard library, nothing else of this project.

    subscriber = Subscriber("redis://localhost:6379/0", group="search", select=Select(types=("article.*",)))
    subscriber.run(handle)

`handle` is called once per event, in order per subject; again only if it raises, or if this process dies before the
acknowledgement. Whoever needs an effect done once writes the event's id in the same transaction as the effect.
"""

from __future__ import annotations

from .client import Subscriber
from .dead import DeadLetter, dead_letters, drop, retry
from .events import (
    Event,
    Gap,
    GapError,
    Malformed,
    PartitionMismatch,
    Select,
    SubscriberError,
    partition_of,
)
from .replay import replay_over_http

__all__ = [
    "DeadLetter",
    "Event",
    "Gap",
    "GapError",
    "Malformed",
    "PartitionMismatch",
    "Select",
    "Subscriber",
    "SubscriberError",
    "dead_letters",
    "drop",
    "partition_of",
    "replay_over_http",
    "retry",
]
