"""Every metric that the processes count or measure: name, labels, meaning. What the database knows is in `gauges`.

Imported only where metrics are on (WIREROOM_METRICS_PORT). A worker sets PROMETHEUS_MULTIPROC_DIR before that, so that
what its children count lies in files that its parent adds up. Labels come from closed lists: never an address, never
the id of a feed.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# A second series for every counter, and process_start_time_seconds says nearly the same.
disable_created_metrics()  # type: ignore[no-untyped-call]
# By who counts: a process shows its own, not the zeros of all others.
WORK, AGAIN, SENT, TOLD, POSTED, WATCHED, PUSHED = (CollectorRegistry() for _ in range(7))
OF = {
    "worker": (WORK, AGAIN, SENT),
    "beat": (SENT,),
    "relay": (SENT, TOLD),
    "webhooks": (POSTED, AGAIN),
    "serve": (WATCHED,),
    "websub": (PUSHED, SENT),
}
# Seconds: a network's answer, a task's work, and how far behind something is.
QUICK = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
LAG = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)


def _counter(registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"wireroom_{name}", meaning, labels, registry=registry)


def _histogram(
    registry: CollectorRegistry, name: str, meaning: str, buckets: tuple[float, ...], *labels: str
) -> Histogram:
    return Histogram(f"wireroom_{name}", meaning, labels, buckets=buckets, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> Gauge:
    # livesum: of the processes that live, so that a child that was killed leaves nothing behind.
    return Gauge(f"wireroom_{name}", meaning, labels, multiprocess_mode="livesum", registry=registry)


def names(process: str) -> set[str]:
    """The families that a process counts; a worker's name may say its queues (`worker-fetch`)."""
    return {metric.name for registry in OF[process.partition("-")[0]] for metric in registry.collect()}


# fetching
FETCHES = _counter(WORK, "fetches", "Attempts at feeds by outcome and class of the HTTP status.", "outcome", "status")
FETCH_SECONDS = _histogram(WORK, "fetch_duration_seconds", "From the request until the body was read.", QUICK)
FETCHED_BYTES = _counter(WORK, "fetched_bytes", "Bytes of bodies as they were received.")
PAGES = _counter(WORK, "pages", "Articles' pages by what fetching them came to: held, later, failed.", "outcome")

# ingestion
DOCUMENTS = _counter(
    WORK, "documents", "Documents done with: ingested or quarantined, by what brought them.", "state", "cause"
)
UNFINISHED = _counter(WORK, "documents_unfinished", "Documents that were begun and left to a later attempt.", "reason")
ENTRIES = _counter(WORK, "entries", "Entries of documents by what came of them.", "outcome")
REMOVED_LINES = _counter(WORK, "removed_lines", "Lines taken out of new and revised articles, by rule.", "rule")
EVENTS = _counter(WORK, "events_recorded", "Events written with the change that they tell of.")
INGEST_DELAY = _histogram(
    WORK, "ingest_delay_seconds", "From a document's fetch until its articles and events stand.", LAG
)
PUBLICATION_LAG = _histogram(
    WORK, "publication_lag_seconds", "From what a source calls publication until the event stands; no backfill.", LAG
)
DELTA_AUDITS = _counter(WORK, "delta_audits", "Documents read whole as well as by new items, by verdict.", "verdict")
PARSE_KILLS = _counter(WORK, "parse_kills", "Parses that were ended for their CPU time, memory or duration.")
LEASE_EXPIRIES = _counter(WORK, "lease_expiries", "Leases that ran out before their holder was done.", "kind")

# the workers themselves
RETRIES = _counter(AGAIN, "retries", "Things done once more: documents, tasks, webhook messages.", "kind")
TASKS = _counter(WORK, "tasks", "Celery tasks by how they ended.", "task", "outcome")
TASK_SECONDS = _histogram(WORK, "task_duration_seconds", "What Celery tasks took.", SLOW, "task")
MESSAGES = _counter(SENT, "messages_sent", "Messages given to the broker.", "task")
POOL_SIZE = _gauge(WORK, "pool_size", "Child processes that a worker should have.")
POOL_BUSY = _gauge(WORK, "pool_busy", "Child processes that are at a task.")
CHILDREN_STARTED = _counter(WORK, "children_started", "Child processes started, first ones and replacements.")
CHILDREN_LOST = _counter(WORK, "children_lost", "Child processes that died in a task.")
CONNECTIONS = _gauge(WORK, "database_connections", "Database connections in use.")

# telling
EVENT_DELAY = _histogram(TOLD, "event_delay_seconds", "From an event's record until it stands in the stream.", LAG)
WEBHOOK_ATTEMPTS = _counter(POSTED, "webhook_attempts", "Messages posted to endpoints, by how it ended.", "verdict")
WEBHOOK_SECONDS = _histogram(POSTED, "webhook_duration_seconds", "What endpoints took to answer.", QUICK)
WATCHERS = _gauge(WATCHED, "sse_watchers", "Clients that are sent events right now.")
SSE_EVENTS = _counter(WATCHED, "sse_events", "Events and gaps sent to watchers.")
HUB_CALLS = _counter(PUSHED, "hub_calls", "Requests of WebSub hubs by kind and class of our answer.", "kind", "status")
