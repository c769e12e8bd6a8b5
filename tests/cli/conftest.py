"""The database and the data folder of a test, in force for the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.settings import settings


@pytest.fixture
def in_force(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """The settings as commands read them; what is set besides counts from the next command on."""
    monkeypatch.setenv("WIREROOM_DATABASE_URL", database_url)
    monkeypatch.setenv("WIREROOM_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()
