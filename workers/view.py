"""The live view of `wireroom run` in a terminal: what comes in, what is taken out, what goes out.

The store is read in a thread of its own, so that a database that does not answer holds up neither the supervisor nor
the screen; what is wrong is shown in words.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from storage.db import Sessions, reading
from storage.glance import Glance, Glancer
from workers.logs import mask
from workers.panels import Process, Scene, draw
from workers.settings import Settings

# Seconds between two looks at the store, and between two drawings.
LOOK, DRAW = 1.0, 0.5
# Seconds that a warning stays in sight.
NOTED = 30.0

Children = Callable[[], Sequence[tuple[str, int | None, bool]]]


class View:
    """A live picture of the wire room; `tick` it a few times a second between `start` and `stop`.

    `children` gives name, process id and whether it runs, of each process. `logs` is the folder of the log files;
    while the view is on, this process's own log goes there too, and its warnings are shown.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        where: Settings,
        logs: Path,
        children: Children,
        sampled: bool = False,
        console: Console | None = None,
    ) -> None:
        self._sessions = sessions
        self._children = children
        self._logs = logs
        self._sampled = sampled
        self._console = console or Console()
        self._database, self._redis = database_words(where), "embedded" if where.embedded_redis else mask(where.redis)
        self._stream = where.stream
        self._command = command_here()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._glance: Glance | None = None
        self._trouble: str | None = None
        self._notes: deque[tuple[float, str]] = deque(maxlen=2)
        self._over = Event()
        self._reader = Thread(target=self._read, name="view-reader", daemon=True)
        self._live: Live | None = None
        self._handlers: list[logging.Handler] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Take the screen over."""
        self._divert_log()
        self._reader.start()
        self._live = Live(self.picture(), console=self._console, screen=True, auto_refresh=False, redirect_stderr=True)
        self._live.start()

    def tick(self) -> None:
        """Draw anew if it is time; never raises."""
        now = time.monotonic()
        if self._live is None or now - self._drawn < DRAW:
            return
        self._drawn = now
        try:
            self._live.update(self.picture(), refresh=True)
        except Exception as error:  # noqa: BLE001  # a picture is not worth a running wire room
            self._note(f"the view could not be drawn: {error!r}")

    def stop(self) -> None:
        """Give the screen back and say in one line how things stand."""
        self._over.set()
        if self._live is not None:
            with suppress(OSError):  # the terminal may have been closed
                self._live.stop()
                self._console.print(self._farewell(), soft_wrap=True, highlight=False, markup=False)
            self._live = None
        self._restore_log()
        self._reader.join(timeout=LOOK)

    def picture(self) -> RenderableType:
        """The view as it is to be drawn now, for the console's size."""
        return draw(self._scene(), self._console.width, self._console.height)

    def _scene(self) -> Scene:
        moment = time.monotonic()
        return Scene(
            now=datetime.now(UTC),
            uptime=timedelta(seconds=moment - self._started),
            processes=[Process(name=name, pid=pid, alive=alive) for name, pid, alive in self._children()],
            database=self._database,
            redis=self._redis,
            command=self._command,
            sampled=self._sampled,
            glance=self._glance,
            trouble=self._trouble,
            notes=[note for at, note in self._notes if moment - at < NOTED],
        )

    def _read(self) -> None:
        glancer = Glancer(stream=self._stream)
        while not self._over.is_set():
            self._look(glancer)
            self._over.wait(LOOK)

    def _look(self, glancer: Glancer) -> None:
        try:
            with reading(self._sessions) as session:
                self._glance = glancer.look(session)
            self._trouble = None
        except DBAPIError as error:
            self._trouble = f"the database does not answer: {first_line(error.orig)}"
        except Exception as error:  # noqa: BLE001  # the thread must live on: the next look may succeed
            self._trouble = f"the view cannot read the database: {error!r}"

    def _farewell(self) -> str:
        said = "wireroom is stopping: running tasks end first."
        if self._glance is not None:
            counts = self._glance.counts
            said += (
                f" {counts.articles:,} articles, {counts.lines_removed:,} lines removed,"
                f" {counts.events:,} events out. Logs: {nearby(self._logs)}"
            )
        return said

    def _note(self, text: str) -> None:
        self._notes.append((time.monotonic(), text))

    def _divert_log(self) -> None:
        """Send this process's log to a file and its warnings into the view: a line on the screen would tear it."""
        root = logging.getLogger()
        self._handlers = root.handlers[:]
        self._logs.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(self._logs / "run.log", encoding="utf-8")
        if self._handlers:
            file.setFormatter(self._handlers[0].formatter)
        root.handlers[:] = [file, _Noted(self._note)]

    def _restore_log(self) -> None:
        root = logging.getLogger()
        for handler in root.handlers:
            if handler not in self._handlers:
                handler.close()
        root.handlers[:] = self._handlers


class _Noted(logging.Handler):
    """Hands warnings on, each as one line in words."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        """Note the record: structlog's come as a mapping of an event and its facts."""
        if isinstance(record.msg, dict):
            facts = {k: v for k, v in record.msg.items() if k not in {"event", "level", "timestamp", "process"}}
            words = " ".join(f"{name}={fact}" for name, fact in facts.items() if not name.startswith("_"))
            self._note(f"{record.msg.get('event')}  {words}")
        else:
            self._note(first_line(record.getMessage()))


def database_words(where: Settings) -> str:
    """Where the database is, for people: a file from here, a server without its password."""
    url = make_url(where.database)
    if url.get_backend_name() == "sqlite":
        return f"SQLite {nearby(Path(url.database or ':memory:'))}"
    return f"Postgres {url.host or 'local'}/{url.database}"


def command_here() -> str:
    """How to call wireroom from the folder we are in."""
    beside = Path(sys.executable).parent / "wireroom"
    return nearby(beside) if beside.exists() else "wireroom"


def nearby(path: Path) -> str:
    """A path as seen from here, where it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def first_line(said: object) -> str:
    """The first line of an error's text."""
    return (str(said).strip().splitlines() or [""])[0]
