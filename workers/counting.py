"""From what tasks come to, and from Celery's signals, to metrics; nobody else counts for a worker.

A task returns its outcome as a value (`tasks.jobs.Told`), and it is counted here, once.
"""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter
from typing import Any

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import bootsteps, signals

from storage.records import Cause, FetchResult
from workers import metrics
from workers.health import worker_name
from workers.observe import make_server
from workers.settings import settings

# An article that calls itself older than this was not late: its source has brought back something old.
LATEST = timedelta(days=2)
# When the task that this process is at began; a child does one at a time.
_begun: list[float] = []


def connect() -> None:
    """Count for a worker: called once in its main process, before it forks."""
    signals.worker_process_init.connect(_born, weak=False)
    signals.task_prerun.connect(_begins, weak=False)
    signals.task_success.connect(_succeeded, weak=False)
    signals.task_postrun.connect(_ends, weak=False)
    # Of a child that died in a task only its parent knows.
    signals.task_failure.connect(_failed, weak=False)
    signals.task_retry.connect(_retried, weak=False)
    count_messages()


def count_messages() -> None:
    """Count what this process gives to the broker."""
    signals.after_task_publish.connect(_sent, weak=False)


def count(outcome: Any) -> None:
    """Count what a task came to; what is no report of polling or ingesting has nothing to count."""
    from tasks.intake import Intake
    from tasks.pages import PagesReport
    from tasks.poll import PollReport

    if isinstance(outcome, PollReport):
        _polled(outcome)
    elif isinstance(outcome, Intake):
        _taken_in(outcome)
    elif isinstance(outcome, PagesReport):
        for name in ("held", "later", "failed"):
            metrics.PAGES.labels(name).inc(getattr(outcome, name))


def _polled(report: Any) -> None:
    for result in report.fetched:
        metrics.FETCHES.labels(result.outcome.value, _class(result)).inc()
        metrics.FETCH_SECONDS.observe(result.duration_ms / 1000)
        metrics.FETCHED_BYTES.inc(result.wire_bytes)
    if report.late:
        metrics.LEASE_EXPIRIES.labels("feed").inc(report.late)


def _class(result: FetchResult) -> str:
    return "none" if result.status is None else f"{result.status // 100}xx"


def _taken_in(intake: Any) -> None:
    from tasks.formats import guarded

    for done in intake.ingested:
        metrics.DOCUMENTS.labels(done.state.value, done.cause.value).inc()
        for outcome, number in done.outcomes.items():
            metrics.ENTRIES.labels(outcome).inc(number)
        metrics.EVENTS.inc(done.events)
        if done.audit is not None:
            metrics.DELTA_AUDITS.labels(done.audit).inc()
        if not done.reread:
            metrics.INGEST_DELAY.observe((done.ingested_at - done.fetched_at).total_seconds())
        for rule, number in done.removals.items():
            metrics.REMOVED_LINES.labels(rule).inc(number)
        if not done.backfill and done.cause in {Cause.POLL, Cause.PUSH}:
            for published in done.published:
                lag = done.ingested_at - published
                if lag < LATEST:
                    metrics.PUBLICATION_LAG.observe(max(0.0, lag.total_seconds()))
    for reason, number in intake.unfinished.items():
        metrics.UNFINISHED.labels(reason).inc(number)
    if late := intake.unfinished["lease_lost"]:
        metrics.LEASE_EXPIRIES.labels("document").inc(late)
    if intake.again:
        metrics.RETRIES.labels("document").inc(intake.again)
    if killed := guarded.killed_since_asked():
        metrics.PARSE_KILLS.inc(killed)


def _born(**_: object) -> None:
    metrics.CHILDREN_STARTED.inc()


def _begins(**_: object) -> None:
    _begun[:] = [perf_counter()]
    metrics.POOL_BUSY.set(1)


def _succeeded(result: Any = None, **_: object) -> None:
    count(getattr(result, "outcome", None))


def _ends(task: Any = None, state: str | None = None, **_: object) -> None:
    name = task.name.removeprefix("wireroom.")
    metrics.TASKS.labels(name, (state or "unknown").lower()).inc()
    if _begun:
        metrics.TASK_SECONDS.labels(name).observe(perf_counter() - _begun.pop())
    metrics.POOL_BUSY.set(0)


def _failed(exception: BaseException | None = None, **_: object) -> None:
    if isinstance(exception, WorkerLostError | TimeLimitExceeded):
        metrics.CHILDREN_LOST.inc()


def _retried(reason: Any = None, **_: object) -> None:
    metrics.RETRIES.labels("task").inc()
    if isinstance(getattr(reason, "exc", None), WorkerLostError):
        metrics.CHILDREN_LOST.inc()


def _sent(sender: str | None = None, **_: object) -> None:
    metrics.MESSAGES.labels((sender or "unknown").removeprefix("wireroom.")).inc()


def watch_pool(engine: Any) -> None:
    """Measure how many database connections of this process are in use."""
    from sqlalchemy import event

    event.listen(engine, "checkout", lambda *_: metrics.CONNECTIONS.inc())
    event.listen(engine, "checkin", lambda *_: metrics.CONNECTIONS.dec())


class Shown(bootsteps.StartStopStep):
    """A worker's metrics and probes, served by its parent once the children are there."""

    requires = frozenset({"celery.worker.components:Pool"})

    def start(self, worker: Any) -> None:
        """Serve from now on, until the process ends: a worker that is told to hurry stops none of its parts."""
        metrics.POOL_SIZE.set(worker.concurrency)
        make_server(settings(), worker_name(worker)).start()
