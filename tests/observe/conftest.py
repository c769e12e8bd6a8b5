"""A house with its metrics on, and a publisher for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Shown
from publisher import Piece, Publisher
from services import RedisServer, migrated


@pytest.fixture
def house(tmp_path: Path, own_redis: RedisServer) -> Iterator[Shown]:
    """A house on SQLite."""
    made = Shown(tmp_path, migrated(f"sqlite:///{tmp_path / 'wireroom.db'}"), own_redis)
    yield made
    made.close()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """Twelve feeds of ten pieces each."""
    served = {
        f"f{n}": [Piece(guid=f"f{n}-{k}", headline=f"Meldung {k} von f{n}") for k in range(10)] for n in range(12)
    }
    with Publisher(feeds=served) as made:
        yield made
