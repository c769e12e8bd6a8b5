"""Fixtures that more than one room needs: real Redis, real Postgres, SQLite files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from services import RedisServer, migrated, postgres_database, postgres_server, redis_server

from storage.db import Sessions, make_engine, make_sessions

# The examples are the same in every run, so that a red one speaks of the change and not of the draw; `make properties`
# draws others, and more of them.
settings.register_profile("same", derandomize=True, deadline=None, max_examples=150)
settings.register_profile("drawn", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "2000")))
settings.load_profile("drawn" if "EXAMPLES" in os.environ else "same")


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis server for the whole session; take `redis_url` unless the server itself is the subject."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """The URL of a Redis server that is empty at the start of the test."""
    shared_redis.client().flushall()
    return shared_redis.url


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server of the test's own, to be killed and frozen at will; it keeps nothing on disk."""
    with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """One Postgres server for the whole session; its maintenance database."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_template(postgres: str) -> Iterator[str]:
    with postgres_database(postgres) as url:
        yield migrated(url)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres: str, _postgres_template: str) -> Iterator[str]:
    """A migrated Postgres database of the test's own."""
    with postgres_database(postgres, template=_postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file of the test's own."""
    path = tmp_path / "wireroom.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of the test's own: the test runs once on SQLite and once on Postgres."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    """Sessions on `database_url`."""
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()
