"""The doctor finds what is wrong with a real Redis and a real database, and says the remedy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from services import RedisServer
from sqlalchemy import text
from typer.testing import CliRunner

from storage import documents, feeds
from storage.db import Sessions, make_engine, make_sessions
from workers.cli.root import app
from workers.settings import settings


@pytest.fixture
def force(
    sessions: Sessions, database_url: str, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> RedisServer:
    """A Redis with an append-only file and an up-to-date database, in force."""
    own_redis.client().config_set("appendonly", "yes")
    monkeypatch.setenv("WIREROOM_DATABASE_URL", database_url)
    monkeypatch.setenv("WIREROOM_REDIS_URL", own_redis.url)
    monkeypatch.setenv("WIREROOM_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    return own_redis


def doctor() -> tuple[int, dict[str, Any]]:
    """The exit code and every fault that was found, with its remedy."""
    done = CliRunner().invoke(app, ["doctor", "--json"])
    findings = [json.loads(line) for line in done.output.splitlines()]
    assert len(findings) > 2, done.output
    return done.exit_code, {one["check"]: one["remedy"] for one in findings if not one["ok"]}


def test_a_house_in_order_has_no_fault(force: RedisServer) -> None:
    assert doctor() == (0, {})
    listed = CliRunner().invoke(app, ["doctor"])
    assert "ok    migrations" in listed.output
    assert CliRunner().invoke(app, ["doctor", "--quiet"]).output == ""


def test_a_redis_that_forgets_or_throws_out_is_a_fault(force: RedisServer) -> None:
    client = force.client()
    client.config_set("appendonly", "no")
    client.config_set("maxmemory", int(client.info()["used_memory"]) + 64)
    client.config_set("maxmemory-policy", "allkeys-lru")
    code, faults = doctor()
    assert (code, set(faults)) == (1, {"durability", "eviction", "memory"})
    assert "noeviction" in faults["eviction"]


def test_a_redis_that_is_away_is_a_fault_beside_which_the_database_is_looked_at(force: RedisServer) -> None:
    force.kill()
    code, faults = doctor()
    assert (code, faults) == (
        1,
        {"redis": "start Redis (`wireroom run` starts one of its own), or mend WIREROOM_REDIS_URL"},
    )


def test_what_has_waited_for_long_is_a_fault_with_who_is_to_be_started(force: RedisServer, sessions: Sessions) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    with sessions.begin() as session:
        feed = feeds.add(session, url="https://wire.example/rss", now=long_ago)
        session.flush()
        row = {"feed_id": feed.id, "url": feed.url, "content_type": None, "fetched_at": long_ago, "due_at": long_ago}
        documents.store(session, {documents.digest(b"x"): b"x"}, [row | {"sha256": documents.digest(b"x")}])
    code, faults = doctor()
    assert (code, set(faults)) == (1, {"documents", "feeds"})
    assert "wireroom worker --queues ingest" in faults["documents"]
    assert "wireroom beat" in faults["feeds"]


def test_a_redis_that_is_full_is_a_fault(force: RedisServer) -> None:
    client = force.client()
    client.config_set("maxmemory", 1)
    code, faults = doctor()
    assert (code, set(faults)) == (1, {"writes", "memory"})


def test_a_database_that_takes_no_writes_is_a_fault_and_no_traceback(
    postgres_url: str, force: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREROOM_DATABASE_URL", postgres_url)
    settings.cache_clear()
    engine = make_engine(postgres_url)
    with make_sessions(engine).begin() as session:
        feeds.add(session, url="https://wire.example/rss", now=datetime.now(UTC))
        name = engine.url.database
        session.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    engine.dispose()
    code, faults = doctor()
    assert (code, set(faults)) == (1, {"writes"})
    done = CliRunner().invoke(app, ["feeds", "pause", "1"])
    assert done.exit_code == 5
    assert "read-only transaction" in done.output


def test_a_database_that_is_behind_and_one_that_is_not_there_are_faults(
    force: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WIREROOM_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    settings.cache_clear()
    assert doctor() == (1, {"migrations": "wireroom db upgrade"})
    assert CliRunner().invoke(app, ["db", "status"]).exit_code == 1
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    assert CliRunner().invoke(app, ["db", "status"]).exit_code == 0
    assert doctor() == (0, {})
    monkeypatch.setenv("WIREROOM_DATABASE_URL", "postgresql://wireroom:geheim@127.0.0.1:1/wireroom")
    settings.cache_clear()
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "start the database, or mend WIREROOM_DATABASE_URL" in done.output
    assert "geheim" not in done.output
