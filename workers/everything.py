"""`wireroom run`: Redis, schema, workers, beat, relay, and the sample wire while there is nothing else to poll."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from workers import embedded, logs
from workers.settings import Settings
from workers.supervisor import Asked, Child, Supervisor

if TYPE_CHECKING:
    from workers.view import View

log = structlog.get_logger()

# The sample wire listens here, and only here: the one private address that its feeds make it needful to allow.
LOOPBACK = "127.0.0.1/32"
ORDER = ("redis", "relay", "worker", "sample-wire")


class NotReady(Exception):
    """The database could not be made ready; the text says why."""


def run_everything(chosen: Settings, *, sample: bool | None) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP; raises NoRedis or NotReady.

    `sample` forces the sample wire on or off; None serves it while no other feed is added.
    """
    folder = chosen.data_dir.resolve() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    terminal = sys.stdout.isatty() and not logs.dumb() and chosen.log_format != "json"
    logs.configure(form=chosen.log_format, level="WARNING" if terminal else chosen.log_level, process="run")
    supervisor = Supervisor()
    with suppress(Asked), ExitStack() as stack:
        stack.callback(supervisor.stop)
        supervisor.heed()
        if chosen.embedded_redis:
            _start_redis(chosen, supervisor, folder)
        starting = _Starting(chosen, supervisor, folder if terminal else None)
        if sample is not False and chosen.database_url is None and not (chosen.data_dir / "wireroom.db").exists():
            # A first run will serve the sample wire: the slowest to start need not wait for the schema. Without beat
            # nobody sends it anything yet.
            starting.start("worker", sampled=True)
        sampled = _prepare(chosen, sample=sample)
        for name in ("relay", "worker", *(("sample-wire",) if sampled else ())):
            starting.start(name, sampled=sampled)
        # Stopped the other way round: the relay after the worker, so that it tells of what the worker did last.
        supervisor.children.sort(key=lambda child: ORDER.index(child.name))
        log.info("wireroom.started", data_dir=str(chosen.data_dir.resolve()), sample_wire=sampled)
        view = stack.enter_context(_shown(chosen, supervisor, folder, sampled=sampled)) if terminal else None
        supervisor.run(view.tick if view is not None else lambda: None)
        log.info("wireroom.stopping")
    log.info("wireroom.stopped")


@dataclass
class _Starting:
    """Starts each process once; its output goes to a file in `logs` where there is a folder, to ours where not."""

    chosen: Settings
    supervisor: Supervisor
    logs: Path | None

    def start(self, name: str, *, sampled: bool) -> None:
        """Start a process unless it runs already."""
        if any(child.name == name for child in self.supervisor.children):
            return
        # Beat rides with the relay, and one child does all work: a house for one machine.
        arguments = {
            "relay": ("relay", "--beat"),
            "worker": ("worker", "--concurrency", str(self.chosen.concurrency or 1)),
            "sample-wire": ("sample-wire",),
        }
        out = self.logs / f"{name}.log" if self.logs is not None else None
        env = _environment(self.chosen, sampled=sampled) | {"WIREROOM_METRICS_PORT": str(self._metrics_port(name))}
        self.supervisor.add(Child(name=name, command=_command(*arguments[name]), env=env, log=out))

    def _metrics_port(self, name: str) -> int:
        """A port of its own for each process that has metrics, where they are wanted at all."""
        wanted, numbers = self.chosen.metrics_port, {"relay": 0, "worker": 1}
        return wanted + numbers[name] if wanted and name in numbers else 0


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "workers", *arguments]


def _start_redis(chosen: Settings, supervisor: Supervisor, folder: Path) -> None:
    file = folder / "redis.log"
    command = embedded.command(chosen.data_dir.resolve(), chosen.redis_socket)
    child = Child(name="redis", command=command, env=dict(os.environ), log=file)
    supervisor.add(child)
    if child.process is not None:
        embedded.wait_until_ready(child.process, chosen.redis_socket, file)


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
