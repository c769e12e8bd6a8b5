"""A house whose processes the tests of this room start and kill, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_house import House
from services import redis_server


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A house with a Redis that keeps what it has on disk."""
    with redis_server(tmp_path / "redis", appendonly=True) as server:
        made = House(tmp_path, database_url, server)
        yield made
        made.sessions.kw["bind"].dispose()
