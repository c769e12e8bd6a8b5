"""An operator withdraws an article, sees beforehand which one, and restores it."""

from __future__ import annotations

import json

import pytest
from publisher import Publisher
from typer.testing import CliRunner
from wire import Clock, articles, bath, events, poll_and_ingest, subscribe

from storage.db import Sessions
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.cli.root import app


@pytest.fixture
def room(sessions: Sessions, in_force: pytest.MonkeyPatch) -> Room:
    """A database in force with one article."""
    clock = Clock()
    made = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)), clock=clock)
    with Publisher(feeds={"stadt": [bath()]}) as publisher:
        subscribe(made, publisher)
        poll_and_ingest(made, clock)
    return made


def does(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["articles", *arguments])
    return done.exit_code, done.output


def test_withdrawing_is_shown_beforehand_marked_in_listings_and_undone(room: Room) -> None:
    [article] = articles(room)
    name = str(article.id)
    code, said = does("withdraw", name, "--reason", "falsche Zahlen", "--dry-run")
    assert (code, said) == (0, f"Would withdraw {name}: {article.headline}\n")
    assert events(room) == ["article.created"]
    assert does("withdraw", name, "--reason", "falsche Zahlen")[0] == 0
    assert does("withdraw", name, "--reason", "noch einmal")[0] == 4
    assert "[withdrawn]" in does("list")[1]
    listed = [json.loads(line) for line in does("list", "--json")[1].splitlines()]
    assert [(one["status"], one["withdrawn_reason"]) for one in listed] == [("canceled", "falsche Zahlen")]
    assert "falsche Zahlen" in does("show", name)[1]
    assert does("restore", name)[0] == 0
    assert does("restore", name)[0] == 4
    assert "[withdrawn]" not in does("list")[1]
    assert events(room) == ["article.created", "article.withdrawn", "article.revised"]
