"""`wireroom run`: Redis, schema, workers, beat, relay, and the sample wire while there is nothing else to poll."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from workers import embedded, logs
from workers.settings import Settings
from workers.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from workers.view import View

log = structlog.get_logger()

# The sample wire listens here, and only here: the one private address that its feeds make it needful to allow.
LOOPBACK = "127.0.0.1/32"


class NotReady(Exception):
    """The database could not be made ready; the text says why."""


def run_everything(chosen: Settings, *, sample: bool | None) -> None:
    """Run until SIGINT or SIGTERM; raises NoRedis or NotReady.

    `sample` forces the sample wire on or off; None serves it while no other feed is added.
    """
    folder = chosen.data_dir.resolve() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    terminal = sys.stdout.isatty() and chosen.log_format != "json"
    logs.configure(form=chosen.log_format, level="WARNING" if terminal else chosen.log_level, process="run")
    supervisor = Supervisor()
    with ExitStack() as stack:
        stack.callback(supervisor.stop)
        if chosen.embedded_redis:
            supervisor.children.append(_redis(chosen, folder))
        sampled = _prepare(chosen, sample=sample)
        env = _environment(chosen, sampled=sampled)
        for name, command in _processes(chosen, sampled=sampled):
            out = folder / f"{name}.log" if terminal else None
            supervisor.add(Child(name=name, command=command, env=env, log=out))
        log.info("wireroom.started", data_dir=str(chosen.data_dir.resolve()), sample_wire=sampled)
        view = stack.enter_context(_shown(chosen, supervisor, folder, sampled=sampled)) if terminal else None
        supervisor.run(view.tick if view is not None else lambda: None)
        log.info("wireroom.stopping")
    log.info("wireroom.stopped")


def _processes(chosen: Settings, *, sampled: bool) -> list[tuple[str, list[str]]]:
    """What is started, in order. Beat rides with the relay, and one child does all work: a house for one machine."""
    worker = _command("worker", "--concurrency", str(chosen.concurrency or 1))
    started = [("relay", _command("relay", "--beat")), ("worker", worker)]
    return [*started, ("sample-wire", _command("sample-wire"))] if sampled else started


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "workers", *arguments]


def _redis(chosen: Settings, folder: Path) -> Child:
    file = folder / "redis.log"
    command = embedded.command(chosen.data_dir.resolve(), chosen.redis_socket)
    child = Child(name="redis", command=command, env=dict(os.environ), log=file)
    child.start()
    if child.process is not None:
        embedded.wait_until_ready(child.process, chosen.redis_socket, file)
    return child


def _prepare(chosen: Settings, *, sample: bool | None) -> bool:
    """Bring the schema up and say whether to serve the sample wire; a process of its own keeps this one small."""
    wish = {None: "auto", True: "yes", False: "no"}[sample]
    command = _command("prepare", "--sample", wish)
    done = subprocess.run(command, env=_environment(chosen, sampled=False), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReady(done.stderr.strip().removeprefix("wireroom: ") or f"preparing ended with code {done.returncode}")
    return done.stdout.strip().endswith("sample")


def _environment(chosen: Settings, *, sampled: bool) -> dict[str, str]:
    env = dict(os.environ) | {"WIREROOM_DATA_DIR": str(chosen.data_dir.resolve())}
    # Whoever presses Ctrl-C waits for this; what is cut off is a row whose lease ends.
    env.setdefault("WIREROOM_STOP_SECONDS", "3")
    if sampled:
        env["WIREROOM_ALLOW_NETWORKS"] = ",".join((*chosen.allow_networks, LOOPBACK))
    return env


def _shown(chosen: Settings, supervisor: Supervisor, folder: Path, *, sampled: bool) -> View:
    from storage.db import make_engine, make_sessions
    from workers.view import View

    return View(
        sessions=make_sessions(make_engine(chosen.database)),
        where=chosen,
        logs=folder,
        children=lambda: [(child.name, child.pid, child.alive) for child in supervisor.children],
        sampled=sampled,
    )
