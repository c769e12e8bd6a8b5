"""An operator sees what a feed's articles have in common, pins it, forbids it, and leaves it to the count again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from storage import source_lines
from storage.db import make_engine, make_sessions
from storage.models import Feed
from tasks.lines import known_lines
from tasks.normalize import key_of
from workers.cli.root import app
from workers.settings import settings

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AD = "Die Altwiker Morgenpost gibt es auch als Hörausgabe"


@pytest.fixture
def database(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A database in force with one feed that has taught one line."""
    monkeypatch.setenv("WIREROOM_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("WIREROOM_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        feed = Feed(url="https://morgenpost.example/feed", title="Morgenpost", created_at=NOW, next_fetch_at=NOW)
        session.add(feed)
        session.flush()
        row = source_lines.load(session, feed.id)
        row.articles, row.lines, row.rulings = 0, {}, {}
        source_lines.count(row, [{key_of(AD): AD}] * 5, NOW)
        session.add(row)
    engine.dispose()
    yield sqlite_url
    settings.cache_clear()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["boilerplate", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_line_is_listed_pinned_forbidden_and_left_again(database: str) -> None:
    [line] = [json.loads(row) for row in run("list", "Morgenpost", "--json").splitlines()]
    assert line == {"key": key_of(AD), "state": "learned", "seen": 5, "line": AD, "articles": 5}
    run("forbid", "Morgenpost", line["key"])
    run("pin", "Morgenpost", "Jetzt das E-Paper lesen")
    rows = {row["line"]: row["state"] for row in map(json.loads, run("list", "1", "--json").splitlines())}
    assert rows == {AD: "forbidden", "Jetzt das E-Paper lesen": "pinned"}
    engine = make_engine(database)
    with make_sessions(engine)() as session:
        known = known_lines(source_lines.load(session, 1))
    engine.dispose()
    assert {line.state for line in known.values()} == {"forbidden", "pinned"}
    run("leave", "Morgenpost", AD)
    assert "learned" in run("list", "Morgenpost")


def test_a_key_that_nobody_knows_is_not_pinned(database: str) -> None:
    result = CliRunner().invoke(app, ["boilerplate", "pin", "Morgenpost", "0123456789abcdef"])
    assert result.exit_code == 3
    assert "boilerplate list" in result.output
