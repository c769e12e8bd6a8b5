"""`wireroom run|worker|beat|relay|websub|health`: what is started, and whether it lives."""

from __future__ import annotations

import os
import signal
import socket
import threading
from enum import StrEnum
from typing import Annotated

import typer

from workers.cli.output import Exit, explained, fail
from workers.cli.store import check_rules
from workers.settings import Settings, settings


class Queues(StrEnum):
    """What a worker does."""

    ALL = "all"
    FETCH = "fetch"
    INGEST = "ingest"


def add_to(root: typer.Typer) -> None:
    """Put the processes under the root command."""
    for command in (run, worker, beat, relay, websub, health):
        root.command()(command)
    root.command(hidden=True)(prepare)
    root.command("sample-wire", hidden=True)(sample_wire)
    root.command("ingest-alone", hidden=True)(ingest_alone)


def run(
    *,
    sample: Annotated[
        bool | None,
        typer.Option("--sample/--no-sample", help="Serve the bundled sample wire; default: when no feed is added."),
    ] = None,
) -> None:
    """Run the whole wire room on this machine: Redis, workers, beat and relay; Ctrl-C stops it.

    Example: `wireroom run`
    """
    from workers.embedded import NoRedis
    from workers.everything import NotReady, run_everything

    with explained():
        chosen = settings()
        check_rules(chosen)
        try:
            run_everything(chosen, sample=sample)
        except (NoRedis, NotReady) as error:
            fail(str(error), Exit.UNAVAILABLE)


def worker(
    *,
    queues: Annotated[Queues, typer.Option(help="What to do: fetch feeds, ingest documents, or both.")] = Queues.ALL,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Child processes; default WIREROOM_CONCURRENCY.")
    ] = None,
) -> None:
    """Run a Celery worker; start as many as you like, on as many machines.

    Example: `wireroom worker --queues ingest --concurrency 4`
    """
    # billiard reads this when it is imported: SIGTERM then gives the running task back to the queue after the soft
    # shutdown, instead of waiting for it beyond the container's patience.
    os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
    with explained():
        chosen = settings()
        check_rules(chosen)
    _log("worker")
    from workers.app import make_app
    from workers.health import Sign
    from workers.listening import Listening
    from workers.stopping import Stopping

    names = ["fetch", "ingest"] if queues is Queues.ALL else [queues.value]
    app = make_app(chosen)
    import celery.apps.worker

    from workers import logs

    celery.apps.worker.safe_say = logs.say  # else what Celery says when it stops stands as text between JSON lines
    app.steps["worker"].update((Sign, Listening, Stopping))
    if chosen.metrics_port:
        from workers import observe

        observe.use_folder(chosen, f"worker-{'-'.join(names)}")
        from workers import counting

        counting.connect()
        app.steps["worker"].add(counting.Shown)
    # Not by way of Celery's own command: that loads a shell with it, 150 modules.
    running = app.Worker(
        queues=names,
        concurrency=concurrency or chosen.concurrency or os.cpu_count() or 1,
        pool_cls="prefork",
        hostname=f"{queues.value}@{socket.gethostname()}",
        loglevel=chosen.log_level,
        quiet=True,
        without_mingle=True,
        without_gossip=True,
    )
    running.start()
    raise typer.Exit(running.exitcode or 0)


def beat() -> None:
    """Run beat, which only ticks; two of them do no harm.

    Example: `wireroom beat`
    """
    with explained():
        chosen = settings()
    _log("beat")
    from workers import health
    from workers.app import make_app
    from workers.observe import observed

    app = make_app(chosen)
    if chosen.metrics_port:
        from workers.counting import count_messages

        count_messages()
    try:
        with observed(chosen, "beat"):
            app.Beat(loglevel=chosen.log_level, quiet=True).run()
    finally:
        health.gone(chosen, "beat")


def relay(
    *,
    with_beat: Annotated[
        bool, typer.Option("--beat", help="Tick as well, as `wireroom beat` does; saves a process.")
    ] = False,
) -> None:
    """Publish events from the database to the Redis stream; one is active, others stand by.

    Example: `wireroom relay`
    """
    from workers.relaying import relay_events

    with explained():
        chosen = settings()
        _log("relay")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        relay_events(chosen, stop, with_beat=with_beat)


def websub() -> None:
    """Have hubs push feeds instead of polling them (WebSub); needs WIREROOM_WEBSUB_URL, where hubs reach this.

    Example: `WIREROOM_WEBSUB_URL=https://push.example.org wireroom websub`
    """
    import asyncio

    with explained():
        chosen = settings()
        if chosen.websub_url is None:
            fail("WIREROOM_WEBSUB_URL is not set: it is the address that hubs reach this service at", Exit.USAGE)
        _log("websub")
        from storage.db import make_engine, make_sessions
        from tasks import intake, jobs
        from workers import health
        from workers.app import make_app
        from workers.observe import observed
        from workers.rooms import room_of
        from workers.websub import Subscriber, run

        make_app(chosen)
        engine = make_engine(chosen.database)

        def deliver(document_id: int) -> None:
            for ids in intake.batches([(document_id, 0)]):
                jobs.send_documents(ids)

        room = room_of(chosen, make_sessions(engine))
        try:
            subscriber = Subscriber(room, base=str(chosen.websub_url), deliver=deliver)
            subscriber.pulse = health.Pulse(chosen, "websub")
            if chosen.metrics_port:
                from workers import counting, metrics

                counting.count_messages()
                subscriber.counted = lambda kind, status: metrics.HUB_CALLS.labels(kind, f"{status // 100}xx").inc()
            with observed(chosen, "websub"):
                asyncio.run(run(subscriber, chosen.websub_host, chosen.websub_port))
        finally:
            health.gone(chosen, "websub")
            engine.dispose()


def health(
    process: Annotated[
        str,
        typer.Argument(
            help="worker-fetch, worker-ingest, worker-fetch-ingest, beat, relay, webhooks, serve or websub."
        ),
    ],
) -> None:
    """Exit with 0 if the process on this machine gave a sign of life in the last minute, else with 1.

    Example: `wireroom health relay`
    """
    from workers import health as signs

    with explained():
        age = signs.ages(settings()).get(process)
    if age is None:
        fail(f"{process} has given no sign of life on this machine")
    if age >= signs.STALE_SECONDS:
        fail(f"{process} gave its last sign of life {age:.0f} s ago")
    typer.echo(f"{process} lives ({age:.0f} s ago)")


def prepare(*, sample: Annotated[str, typer.Option()] = "auto") -> None:
    """For `run`: bring the schema up, and say whether the sample wire is to be served."""
    from storage import migrate
    from storage.db import make_sessions, opened
    from workers.sampling import wanted

    with explained(), opened(settings().database) as engine:
        migrate.upgrade(engine)
        serve = wanted(make_sessions(engine), sample)
    typer.echo("sample" if serve else "no-wire")


def ingest_alone(document: int, token: str) -> None:
    """For a worker: ingest a document that may be what kills workers, so that it kills only this process."""
    from storage import db
    from tasks import alone, intake
    from tasks.ingested import LeaseLost
    from workers.rooms import room_of

    chosen = settings()
    _log("worker")
    try:
        with db.opened(chosen.database) as engine:
            intake.take_in_alone(room_of(chosen, db.make_sessions(engine)), document, token)
    except Exception as error:
        if isinstance(error, LeaseLost) or db.away(error):
            raise typer.Exit(alone.NOT_TRIED) from error
        raise


def sample_wire() -> None:
    """For `run`: serve the sample wire on loopback, subscribe to it, and ask for a poll whenever it changes."""
    from storage.db import make_sessions, opened
    from workers.sampling import serve

    with explained():
        chosen = settings()
        _log("sample-wire")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with opened(chosen.database) as engine:
            serve(make_sessions(engine), stop)


def _check_tracing(chosen: Settings) -> None:
    """Refuse to start without what traces need, rather than make none."""
    from importlib.util import find_spec

    if chosen.otlp_url is not None and find_spec("opentelemetry") is None:
        remedy = "`pip install 'wireroom[otel]'`, or a build of the image with `--build-arg EXTRAS=otel`"
        fail(f"WIREROOM_OTLP_URL is set, and what sends traces is not installed: {remedy}", Exit.USAGE)


def _log(process: str) -> None:
    from workers import logs

    chosen = settings()
    _check_tracing(chosen)
    logs.configure(form=chosen.log_format, level=chosen.log_level, process=process)
