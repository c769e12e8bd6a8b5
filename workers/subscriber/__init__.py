"""The client for a downstream service: redis-py and the standard library, nothing else of this project.

    subscriber = Subscriber("redis://localhost:6379/0", group="search", select=Select(types=("article.*",)))
    subscriber.run(handle)

`handle` is called once per event, in order per subject; again only if it raises, or if this process dies before the
acknowledgement. Whoever needs an effect done once writes the event's id in the same transaction as the effect.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from .client import Subscriber
    from .dead import DeadLetter, dead_letters, drop, retry

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

# redis-py takes 35 MiB of memory: who wants the events' types only, over HTTP for example, need not have it.
_NEEDS_REDIS = {
    "Subscriber": ".client",
    "DeadLetter": ".dead",
    "dead_letters": ".dead",
    "drop": ".dead",
    "retry": ".dead",
}


def __getattr__(name: str) -> Any:
    """Load what speaks to Redis when it is asked for (PEP 562)."""
    if name not in _NEEDS_REDIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_NEEDS_REDIS[name], __name__), name)
