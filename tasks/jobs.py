"""Every Celery task: take ids, call a verb. A lost message costs seconds, since the next tick looks in the database.

The verbs are imported where they run, in a worker's children: beat and a worker's parent need only the names here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import structlog
from celery import Task, shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from tasks.room import Room

log = structlog.get_logger()
_room: Room | None = None
# Seconds after which nobody needs to poll the shard that a message asks for: the beat has asked again long since.
_STALE = 30.0
# Messages for documents that may wait in the queue: enough to keep many workers busy until the next sweep.
QUEUED = 500


def use(room: Room) -> None:
    """Give the tasks of this process their room; called once after the fork."""
    global _room  # a Celery task has no other way to what its process holds
    _room = room


def room() -> Room:
    """The room of this process."""
    if _room is None:
        raise RuntimeError("no room: tasks.jobs.use() must run at the start of the worker process")
    return _room


class Told:
    """What a task came to, for whoever counts it; Celery prints what a task returns, and a report is long."""

    __slots__ = ("outcome",)

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome


def _send_for(documents: Iterable[Sequence[int]]) -> None:
    """Send for documents, batch by batch, unless the queue is long already: what has no message, the sweep finds.

    So Redis' memory stays bounded however far the workers are behind.
    """
    waiting = list(documents)
    if not waiting:
        return
    try:
        with ingest_documents.app.connection_or_acquire() as connection:
            queued = connection.default_channel.queue_declare(queue="ingest").message_count
    except (OperationalError, RedisError, OSError) as error:
        log.warning("message.unsent", task=ingest_documents.name, error=str(error))
        return
    for ids in waiting[: max(0, QUEUED - queued)]:
        _send(ingest_documents, ids)


def _send(task: Task, *args: object, expires: float | None = None) -> None:
    """Send a message, or only say that it could not be sent: what it is about stands in the database."""
    try:
        task.apply_async(args, expires=expires)
    except OperationalError as error:
        log.warning("message.unsent", task=task.name, error=str(error))


@shared_task(name="wireroom.poll_due")
def poll_due() -> Told:
    """Poll one shard of due feeds, and pass on what came while the rest of it is still being fetched."""
    from tasks import intake, poll

    def deliver(documents: Sequence[tuple[int, int]]) -> None:
        _send_for(intake.batches(documents))

    # More are due than one shard takes: the next shard goes at once, to whichever worker is free.
    report = poll.poll_due(room(), deliver, more=lambda: _send(poll_due, expires=_STALE))
    for feed_id in report.lost:
        _send(seek_feed, feed_id)
    return Told(report)


@shared_task(name="wireroom.seek_feed")
def seek_feed(feed_id: int) -> None:
    """Look for a feed on its site's page, since it is no longer at its address."""
    from tasks import seek

    seek.seek(room(), feed_id)


@shared_task(name="wireroom.ingest_documents")
def ingest_documents(ids: Sequence[int]) -> Told:
    """Ingest as many waiting documents as are named, the most urgent first."""
    from tasks import intake

    taken = intake.work_off_waiting(room(), len(ids))
    if taken.waiting:
        _send(fetch_pages, expires=_STALE)
    return Told(taken)


@shared_task(name="wireroom.fetch_pages")
def fetch_pages() -> Told:
    """Fetch one shard of articles' pages, and send for the documents that waited for them."""
    from tasks import intake, pages

    report = pages.fetch_due(room())
    if report.full:
        _send(fetch_pages, expires=_STALE)
    _send_for(intake.batches(report.documents))
    return Told(report)


@shared_task(name="wireroom.sweep")
def sweep() -> None:
    """Find documents and pages whose message was lost or whose worker died, and send for them again."""
    from tasks import intake, pages

    _send_for(intake.sweep(room()))
    if pages.due(room()):
        _send(fetch_pages, expires=_STALE)


@shared_task(name="wireroom.prune")
def prune() -> None:
    """Forget what is past its time: documents, fetch history."""
    from tasks import housekeeping

    housekeeping.prune(room())


def send_documents(ids: Sequence[int]) -> None:
    """Send for the ingestion of these documents, from a process that is no worker."""
    _send(ingest_documents, ids)
