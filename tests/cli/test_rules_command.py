"""An operator turns a cleaning rule off for one feed, and asks for more certainty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from storage.db import make_engine, make_sessions
from storage.models import Feed
from workers.cli.root import app
from workers.settings import settings

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def database(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A database in force with one feed."""
    monkeypatch.setenv("WIREROOM_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("WIREROOM_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        feed = Feed(url="https://bote.example/feed", title="Bote", created_at=NOW, next_fetch_at=NOW)
        feed.settings = {"weight": 2.0}
        session.add(feed)
    engine.dispose()
    yield sqlite_url
    settings.cache_clear()


def held(database: str) -> dict[str, object]:
    engine = make_engine(database)
    with make_sessions(engine)() as session:
        feed = session.get(Feed, 1)
        assert feed
        kept = dict(feed.settings)
    engine.dispose()
    return kept


def test_a_rule_is_turned_off_and_on_again_and_other_settings_stay(database: str) -> None:
    result = CliRunner().invoke(app, ["rules", "Bote", "--off", "contents", "--off", "stub", "--threshold", "0.8"])
    assert result.exit_code == 0, result.output
    assert "A line is only marked below a confidence of 0.8." in result.output
    assert held(database) == {"weight": 2.0, "rules_off": ["contents", "stub"], "threshold": 0.8}
    result = CliRunner().invoke(app, ["rules", "Bote", "--on", "contents", "--on", "stub", "--json"])
    rows = [json.loads(row) for row in result.output.splitlines()]
    assert all(row["on"] for row in rows)
    assert held(database) == {"weight": 2.0, "threshold": 0.8}


def test_a_rule_that_does_not_exist_is_refused_with_those_that_do(database: str) -> None:
    result = CliRunner().invoke(app, ["rules", "Bote", "--off", "stubs"])
    assert result.exit_code == 2
    assert "no rule is called stubs" in result.output
    assert "stub" in result.output
    assert held(database) == {"weight": 2.0}
