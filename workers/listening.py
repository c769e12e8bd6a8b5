"""Whether a worker hears its queues: one that receives nothing although messages wait must not live on in silence.

Its event loop turns and its children wait, so no other look sees it. First it connects anew, as after a Redis that was
away; if that does not help it ends, and whatever started it starts it again. Nothing is lost: it holds no message, or
one that Redis gives out once more.
"""

from __future__ import annotations

from typing import Any, Final

import redis.exceptions
import structlog
from celery import bootsteps
from celery.platforms import EX_FAILURE
from celery.worker import state

from workers import health
from workers.settings import settings

# Seconds between two looks, and for how long each of them must see messages wait and nothing come.
EVERY: Final = 10.0
DEAF: Final = 60.0


class Listening(bootsteps.StartStopStep):
    """Looks, between two turns of the event loop, whether messages wait that do not come."""

    requires = frozenset({"celery.worker.components:Timer"})

    def __init__(self, worker: Any, **_: Any) -> None:
        """Look at nothing yet: queues are consumed only when the worker has started."""
        self.worker = worker
        self.entry: Any = None
        self.seen: object = None
        self.quiet = 0.0  # counted in looks, not by the clock: a process that was frozen has not listened

    def start(self, worker: Any) -> None:
        """Look regularly from now on."""
        self.entry = worker.timer.call_repeatedly(EVERY, self.look)

    def stop(self, _worker: Any) -> None:
        """Look no more."""
        if self.entry is not None:
            self.entry.cancel()

    def look(self) -> None:
        """Look once; raises redis' ConnectionError to have Celery connect anew, the first time that it is deaf."""
        seen = _progress()
        waiting = self._waiting() if seen == self.seen else {}
        self.seen = seen
        if not waiting:
            self.quiet, self.worker.deaf = 0.0, False
            return
        self.quiet += EVERY
        if self.quiet >= DEAF + self._may_take():
            self._deaf(waiting)

    def _waiting(self) -> dict[str, int]:
        """Messages in the queues that it consumes now; a worker that stops, or is told to pause, consumes none."""
        consumer = self.worker.consumer
        try:
            channel = consumer.task_consumer.channel
            lengths = {name: channel.queue_declare(queue=name).message_count for name in channel.active_queues}
        except (*consumer.connection_errors, *consumer.channel_errors):
            return {}  # Redis is away, loads its data or is full: nobody hears anything
        return {name: length for name, length in lengths.items() if length}

    def _may_take(self) -> float:
        """Seconds in which nothing need come, since what came is being done, or waits for a child that starts."""
        if not state.reserved_requests:
            return 0.0
        return settings().task_seconds + float(self.worker.app.conf.worker_proc_alive_timeout)

    def _deaf(self, waiting: dict[str, int]) -> None:
        again, self.worker.deaf = self.worker.deaf, True
        seen = {"waiting": waiting, "seconds": self.quiet, "in_work": len(state.reserved_requests)}
        health.gone(settings(), health.worker_name(self.worker))
        self.quiet = 0.0
        if again:
            structlog.get_logger().error("worker.deaf", **seen, then="ends")
            state.should_stop = EX_FAILURE
            return
        structlog.get_logger().warning("worker.deaf", **seen, then="connects anew")
        raise redis.exceptions.ConnectionError("messages wait and none comes")


def _progress() -> object:
    """Differs from before when a message came or a task came to its end."""
    return sum(state.total_count.values()), frozenset(request.id for request in state.reserved_requests)
