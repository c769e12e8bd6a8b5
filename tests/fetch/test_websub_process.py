"""`wireroom websub` as a process: it listens where it is told, answers hubs, and ends when asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from services import free_port, wait_until


def status_of(url: str) -> int | None:
    """The status that is answered, None while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None


def test_the_service_listens_and_ends_on_sigterm(sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    port = free_port()
    chosen = {
        "WIREROOM_DATABASE_URL": sqlite_url,
        "WIREROOM_REDIS_URL": redis_url,
        "WIREROOM_DATA_DIR": str(tmp_path),
        "WIREROOM_WEBSUB_URL": f"http://127.0.0.1:{port}",
        "WIREROOM_WEBSUB_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "workers", "websub"], env=os.environ | chosen, stdout=subprocess.PIPE, text=True
    )
    try:
        url = f"http://127.0.0.1:{port}/websub/nobody?hub.mode=subscribe"
        assert wait_until(lambda: status_of(url), seconds=60, what="the service") == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        assert process.stdout is not None
        said = process.stdout.read()
        process.stdout.close()
        process.wait()
    assert "websub.listening" in said


def test_without_an_address_for_hubs_it_does_not_start(sqlite_url: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "WIREROOM_WEBSUB_URL"}
    refused = subprocess.run(
        [sys.executable, "-m", "workers", "websub"],
        env=environment | {"WIREROOM_DATABASE_URL": sqlite_url, "WIREROOM_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2
    assert "WIREROOM_WEBSUB_URL is not set" in refused.stderr
