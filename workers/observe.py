"""What a long-running process shows to the outside: `/metrics`, `/healthz` and `/readyz` on a small HTTP server.

The server is a thread of the process that does the work (of a worker, its parent). A worker forks, and what another
thread holds in that moment is held in the child for ever: so no answer is worked out while a fork is under way.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from workers import health
from workers.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# Seconds that a client may take to send its request, and between two looks at what dead children left.
PATIENCE, TIDY = 5.0, 5.0
# Seconds that an answer about readiness holds: probes of several kinds must not add up to a load.
HOLDS = 1.0

# Answers faults by name; none means ready.
Faults = Callable[[], dict[str, str]]


@cache
def _quiet() -> threading.Lock:
    """Held while an answer is worked out, and while a process forks."""
    lock = threading.Lock()
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


def use_folder(chosen: Settings, process: str) -> Path:
    """An empty folder for what the children of a worker count; call before `workers.metrics` is imported.

    Raises RuntimeError when that is too late: the library chooses at its import where it counts.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client was imported before its folder was named")
    folder = chosen.data_dir.resolve() / "metrics" / f"{process}-{chosen.metrics_port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[FOLDER] = str(folder)
    return folder


@contextmanager
def observed(
    chosen: Settings, process: str, *, faults: Faults | None = None, also: Sequence[Collector] = ()
) -> Iterator[None]:
    """Serve metrics and probes of this process for as long as the block runs; nothing at all where metrics are off.

    `also` are collectors of the process' own. Raises OSError when the port is taken.
    """
    if not chosen.metrics_port:
        yield
        return
    server = make_server(chosen, process, faults=faults, also=also)
    server.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def make_server(
    chosen: Settings, process: str, *, faults: Faults | None = None, also: Sequence[Collector] = ()
) -> Observed:
    """The server, bound but not running; raises OSError when the port is taken."""
    folder = os.environ.get(FOLDER)
    return Observed(
        (chosen.metrics_host, chosen.metrics_port),
        registry=_registry(process, folder, also),
        folder=Path(folder) if folder else None,
        living=lambda: _living(chosen, process),
        ready=_held(faults or _ready(chosen)),
    )


def _registry(process: str, folder: str | None, also: Sequence[Collector]) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry, ProcessCollector

    from workers import metrics

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    if folder:
        from workers.children import Children

        registry.register(Children(Path(folder), metrics.names(process)))
    else:
        for counted in metrics.OF[process]:
            registry.register(counted)
    for collector in also:
        registry.register(collector)
    return registry


def _living(chosen: Settings, process: str) -> dict[str, str]:
    age = health.ages(chosen).get(process)
    if age is None:
        return {process: "gives no sign of life"}
    return {process: f"gave its last sign of life {age:.0f} s ago"} if age >= health.STALE_SECONDS else {}


def _ready(chosen: Settings) -> Faults:
    from workers.readiness import faults_of

    return lambda: faults_of(chosen)


def _held(faults: Faults) -> Faults:
    """The same answer to all who ask within a moment."""
    last: list[tuple[float, dict[str, str]]] = []

    def asked() -> dict[str, str]:
        if not last or time.monotonic() - last[0][0] > HOLDS:
            found = faults()
            last[:] = [(time.monotonic(), found)]
        return last[0][1]

    return asked


class Observed(HTTPServer):
    """The server of one process."""

    allow_reuse_address = True

    def __init__(
        self,
        address: tuple[str, int],
        *,
        registry: CollectorRegistry,
        folder: Path | None,
        living: Faults,
        ready: Faults,
    ) -> None:
        self.registry, self.folder, self.living, self.ready = registry, folder, living, ready
        self.quiet = _quiet()
        self._tidy_at = 0.0
        super().__init__(address, _Handler)

    def start(self) -> None:
        """Serve in a thread that ends with the process at the latest."""
        threading.Thread(target=self.serve_forever, name="observed", daemon=True).start()
        log.info("metrics.listening", address=f"{self.server_address[0]!s}:{self.server_port}")

    def service_actions(self) -> None:
        """Between requests: what dead children counted is kept, their files are not."""
        if self.folder is not None and time.monotonic() >= self._tidy_at:
            from workers.children import fold

            self._tidy_at = time.monotonic() + TIDY
            with self.quiet:
                fold(self.folder)

    def handle_error(self, *_: object) -> None:
        """A client that went away in the midst is no fault of ours; anything else is a line in the log."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            log.exception("metrics.failed")


class _Handler(BaseHTTPRequestHandler):
    server: Observed
    timeout = PATIENCE

    def do_GET(self) -> None:
        """Answer one of the three paths."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._metrics()
        elif path == "/healthz":
            self._probe("alive", self.server.living)
        elif path == "/readyz":
            self._probe("ready", self.server.ready)
        else:
            self._answer(404, "text/plain", b"/metrics, /healthz, /readyz\n")

    def _metrics(self) -> None:
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        with self.server.quiet:
            body = encode(self.server.registry)
        self._answer(200, content_type, body)

    def _probe(self, word: str, faults: Faults) -> None:
        with self.server.quiet:
            found = faults()
        text = "".join(f"{name}: {fault}\n" for name, fault in found.items()) or f"{word}\n"
        self._answer(503 if found else 200, "text/plain; charset=utf-8", text.encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Probes come every few seconds: a line for each would drown the rest."""
