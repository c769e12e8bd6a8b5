"""The server of the embedded default: the one on PATH, else the one that a package brings for this Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from workers import embedded


def test_a_package_brings_a_server_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    server = embedded.redis_server()
    assert server == embedded.bundled_server()
    assert os.access(server, os.X_OK)
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    assert "server v=" in said


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_path_goes_before_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded.redis_server() == tmp_path / name


def test_without_any_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(embedded, "_BUNDLED", {"no_such_package": "bin/redis-server"})
    with pytest.raises(embedded.NoRedis, match=r"wireroom\[embedded\].*WIREROOM_REDIS_URL"):
        embedded.redis_server()
