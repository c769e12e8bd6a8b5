"""Events go through the oldest Redis that is supported and through one of today: they differ in what was trimmed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from services import RedisServer, modern_redis, redis_server

EXECUTABLES = {"bundled": "", "today": modern_redis() or ""}


@pytest.fixture(scope="session", params=[name for name, found in EXECUTABLES.items() if found or name == "bundled"])
def shared_redis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server of each kind for the whole session."""
    folder = tmp_path_factory.mktemp("redis")
    with redis_server(folder, executable=EXECUTABLES[request.param]) as server:
        yield server
