"""What celery 5.7.0 and kombu 5.7.0 do wrong when Redis fails them, set right from outside.

Drop each when the test that it names passes without it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import kombu.transport.redis as kombu_redis
import kombu.transport.virtual as kombu_virtual
import redis.exceptions


@cache
def stand() -> None:
    """Put the guards in their places, once in a process."""
    _connection_loss()
    _lost_acknowledgement()


def _connection_loss() -> None:
    """Make a worker survive a Redis restart while it is busy (tests/workers/test_real_workers.py).

    Its consumer closes the connection and then asks the closed channel for its parameters: an AttributeError, which
    ends the worker. Raised as what it is, a connection error, it leads to a reconnect.
    """
    original = kombu_redis.Channel._connparams  # noqa: SLF001  # the fault is in there

    def guarded(channel: Any, asynchronous: bool = False) -> Any:  # noqa: FBT001  # kombu's own signature
        if channel.connection is None or channel.connection.client is None:
            raise redis.exceptions.ConnectionError("the broker connection was closed meanwhile")
        return original(channel, asynchronous)

    setattr(kombu_redis.Channel, "_connparams", guarded)  # noqa: B010  # a type checker minds the plain form


def _lost_acknowledgement() -> None:
    """Give a message's place back, also where Redis did not hear that it is done (tests/workers/test_lost_acks.py).

    Celery only logs an acknowledgement that fails, and kombu goes on counting the message as one in work: a place less
    for the rest of the connection, and a worker with one child never asks for a message again. Redis holds the message
    as not acknowledged and gives it out once more when its time is up; it is a hint, which harms nothing.
    """
    for name in ("ack", "reject"):
        setattr(kombu_redis.QoS, name, _giving_back(getattr(kombu_redis.QoS, name)))


def _giving_back(original: Any) -> Any:
    def guarded(places: Any, delivery_tag: str, *arguments: Any, **named: Any) -> None:
        try:
            original(places, delivery_tag, *arguments, **named)
        finally:
            kombu_virtual.QoS.ack(places, delivery_tag)

    return guarded
