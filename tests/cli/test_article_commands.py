"""An operator looks at an article: its text, its tags by kind, its versions and the story it belongs to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from publisher import Publisher
from typer.testing import CliRunner
from wire import Clock, articles, bath, poll_and_ingest, subscribe

from storage.db import Sessions
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.cli.root import app


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(feeds={"stadt": [bath()], "land": [bath().edited(guid="kopie")]}) as made:
        yield made


@pytest.fixture
def room(sessions: Sessions, in_force: pytest.MonkeyPatch, publisher: Publisher) -> Room:
    """A database in force with an article and, later, its copy in another feed."""
    made = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)), clock=Clock())
    subscribe(made, publisher)
    poll_and_ingest(made, made.clock)  # type: ignore[arg-type]
    subscribe(made, publisher, "land")
    poll_and_ingest(made, made.clock)  # type: ignore[arg-type]
    return made


def shows(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["articles", "show", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_an_article_is_shown_with_its_tags_by_kind_and_its_story(room: Room) -> None:
    first, copy = sorted(articles(room), key=lambda article: article.first_seen_at)
    said = shows(str(first.id))
    assert "\nlanguage: de\n" in said
    assert said.count("language:") == 1
    assert "lines removed; --explain shows each with its reason" in said
    assert "removed: teaser_copy (1.00): repeats the teaser" in shows(str(first.id), "--explain")
    facts = json.loads(shows(str(copy.id), "--json"))
    assert facts["duplicate_of"] == str(first.id)
    assert facts["story"] == json.loads(shows(str(first.id), "--json"))["story"]
    assert f"duplicate_of: {first.id}" in shows(str(copy.id))


def test_the_versions_of_an_article_are_listed_and_each_is_shown(room: Room, publisher: Publisher) -> None:
    publisher.feeds["stadt"] = [bath().edited(headline="Altenbrück bekommt doch kein Hallenbad")]
    poll_and_ingest(room, room.clock)  # type: ignore[arg-type]
    revised = next(article for article in articles(room) if article.revision == 2)
    said = shows(str(revised.id))
    assert said.startswith("Altenbrück bekommt doch kein Hallenbad\n")
    assert "revision 1: " in said
    assert "poll: blocks, headline, sources" in said
    assert shows(str(revised.id), "--revision", "1").startswith("Altenbrück bekommt ein neues Hallenbad\n")
    missing = CliRunner().invoke(app, ["articles", "show", str(revised.id), "--revision", "3"])
    assert (missing.exit_code, "has revisions 1 to 2" in missing.output) == (3, True)


def test_a_feed_is_shown_in_the_same_order_every_time(room: Room) -> None:
    done = CliRunner().invoke(app, ["feeds", "show", "1"])
    named = [line.split()[0] for line in done.output.splitlines() if line.strip()]
    assert named[:4] == ["id", "url", "title", "site_url"]


def test_whoever_reads_on_no_longer_makes_no_error(tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_text(
        "Rat baut Hallenbad\n\nTeilen\n\nMit 21 zu 9 Stimmen fiel am Montag die Entscheidung für den Bau.\n"
    )
    for options in ([], ["--explain"], ["--json"]):
        command = [sys.executable, "-m", "workers", "articles", "clean", str(copy), *options]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert running.stdout is not None
        running.stdout.close()
        _, said = running.communicate(timeout=60)
        assert (running.returncode, said) == (0, b""), said.decode()
