"""The Celery app: queues, routes, limits and reliability settings, each with its reason.

Celery on Redis loses messages even with late acknowledgement (BRPOP removes a message before the worker notes it as
unacknowledged). So nothing here is trusted with an article: messages are hints, the rows in the database are the
queue, and every setting only makes the hint arrive sooner.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from celery import Celery, signals
from kombu.entity import Queue

from workers import guards, logs
from workers.schedule import beat_schedule
from workers.settings import Settings, settings


def configuration(chosen: Settings) -> dict[str, Any]:
    """Celery's settings, from ours."""
    return {
        "broker_url": chosen.broker,
        "broker_transport_options": {
            # Must exceed the hard limit, or a slow task is started twice.
            "visibility_timeout": chosen.task_seconds * 3 // 2,
            # kombu's own sweep runs every 10 × 10 s: these two bring redelivery down to visibility + 5 s.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            # Without it a frozen Redis blocks a publisher for ever.
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            # One Redis may serve several applications.
            "global_keyprefix": "wireroom:",
        },
        "broker_connection_retry_on_startup": True,  # compose starts everything at once
        "broker_connection_max_retries": None,  # Redis comes back some time; the container's health tells meanwhile
        "broker_pool_acquire_timeout": 10,  # the default waits for ever
        "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.1, "interval_max": 1},
        "task_default_queue": "fetch",
        "task_queues": [Queue("fetch"), Queue("ingest")],
        # The sweep goes to those it finds work for: documents must not wait until there is a fetch worker, too.
        "task_routes": {"wireroom.ingest_documents": {"queue": "ingest"}, "wireroom.sweep": {"queue": "ingest"}},
        # ids only travel, and nothing that could run code
        "task_serializer": "json",
        "accept_content": ["json"],
        # Nobody reads results: no result backend, no chord, nothing to expire.
        "task_ignore_result": True,
        "task_acks_late": True,  # a killed worker's message comes back
        "task_reject_on_worker_lost": False,  # …but a task that kills its child would come back for ever:
        "task_retry_on_worker_lost": True,  # this is bounded by max_retries, and the row counts attempts too
        "task_acks_on_failure": True,  # the database decides what is tried again
        "task_acks_on_timeout": True,
        "task_time_limit": chosen.task_seconds,  # enforced by prefork only, which is why no other pool is offered
        # No soft limit: its exception may strike in the midst of an import or a driver's call. What the killed child
        # held is a row whose lease ends.
        "task_soft_time_limit": None,
        # A child imports its verbs before it says that it is up; the default of 4 s kills it on a busy machine.
        "worker_proc_alive_timeout": 120.0,
        "worker_prefetch_multiplier": 1,  # a task that waits behind a slow one in the same child is late
        "worker_max_tasks_per_child": 500,  # parsers leak a little
        "worker_max_memory_per_child": 400_000,  # kB; a child grown past it is replaced after its task
        "worker_soft_shutdown_timeout": chosen.stop_seconds,  # only where workers/stopping.py cannot wait itself
        "worker_cancel_long_running_tasks_on_connection_loss": True,  # else two copies run after the reconnect
        "worker_hijack_root_logger": False,
        "worker_send_task_events": False,
        "beat_scheduler": "workers.schedule:Ticker",
        "beat_schedule": beat_schedule(chosen.tick),
        "beat_max_loop_interval": 5,
        "imports": ["tasks.jobs"],
    }


def make_app(chosen: Settings | None = None) -> Celery:
    """The app with the settings in force (or the given ones, in tests)."""
    guards.stand()
    made = Celery("wireroom", set_as_current=True)
    made.conf.update(configuration(chosen or settings()))
    return made


@signals.setup_logging.connect
def _logging(**_: object) -> None:
    """Celery leaves logging alone when somebody listens here: the command has set it up before."""


@signals.worker_before_create_process.connect
def _share_memory(**_: object) -> None:
    """Keep the child's collector off what the parent has loaded: a look at an object copies its page."""
    gc.collect()
    gc.freeze()


@signals.worker_process_init.connect
def _open_room(**_: object) -> None:
    """Give a fresh child its own engine and room: neither may cross a fork."""
    # Here and not at the top, since the parent process and beat have no need of any of this; and the verbs too, though
    # only the tasks call them, since a child that is killed in a task must not be in the midst of an import.
    from storage.db import make_engine, make_sessions
    from tasks import housekeeping, intake, jobs, poll  # noqa: F401
    from workers.rooms import room_of

    chosen = settings()
    logs.configure(form=chosen.log_format, level=chosen.log_level, process="worker")
    engine = make_engine(chosen.database)
    if chosen.metrics_port:
        from workers.counting import watch_pool

        watch_pool(engine)
    sessions = make_sessions(engine)
    jobs.use(room_of(chosen, sessions, governed=True))
    if chosen.otlp_url is not None:
        _trace(chosen)
    _settle_garbage_collector()


@signals.task_postrun.connect
def give_back(**_: object) -> None:
    """Hand the memory that a task has freed back to the machine, where the C library can (glibc).

    Else a child stays as large as its largest task made it: its heap has holes, and only its end goes back by itself.
    """
    if (trim := _malloc_trim()) is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    library = ctypes.CDLL(None)
    return library.malloc_trim if hasattr(library, "malloc_trim") else None


def _trace(chosen: Settings) -> None:
    """Send spans of what this child's tasks come to; what is left of them at its end, too."""
    from workers.tracing import Exporter

    exporter = Exporter(chosen, "worker")

    def told(result: Any = None, **_: object) -> None:
        exporter.count(getattr(result, "outcome", None))

    signals.task_success.connect(told, weak=False)
    signals.worker_process_shutdown.connect(lambda **_: exporter.close(), weak=False)


def _settle_garbage_collector() -> None:
    """Have the collector look at what is made from now on only, and less often.

    An article is some thousand objects and hardly ever a cycle; walking them, and the word lists and models that live
    as long as the process, took a fourteenth of its CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@signals.worker_process_shutdown.connect
def _close_room(**_: object) -> None:
    from tasks import jobs

    jobs.room().sessions.kw["bind"].dispose()


@signals.task_prerun.connect
def _bind(task_id: str, task: Any, **_: object) -> None:
    structlog.contextvars.bind_contextvars(task_id=task_id, task=task.name.removeprefix("wireroom."))


@signals.task_postrun.connect
def _unbind(**_: object) -> None:
    structlog.contextvars.unbind_contextvars("task_id", "task")


@signals.task_failure.connect
def _failed(task_id: str, exception: BaseException, sender: Any = None, **_: object) -> None:
    """A child that was killed is seen only here, in the parent."""
    structlog.get_logger().error(
        "task.failed", task_id=task_id, task=getattr(sender, "name", None), error=repr(exception)
    )


@signals.task_retry.connect
def _again(request: Any = None, reason: Any = None, sender: Any = None, **_: object) -> None:
    """A child that died in a task whose message is sent once more; seen only in the parent, too."""
    structlog.get_logger().warning(
        "task.again",
        task_id=getattr(request, "id", None),
        task=getattr(sender, "name", None),
        error=repr(getattr(reason, "exc", None) or reason),
    )
