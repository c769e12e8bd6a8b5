"""An operator looks at what could not be ingested, tries it again, or puts it aside for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from publisher import Publisher
from typer.testing import CliRunner
from wire import Clock, articles, bath, poll_and_ingest, subscribe

from storage.db import Sessions
from storage.documents import compress
from storage.models import Quarantined
from storage.records import CleanArticle, Entry
from tasks import decide
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.cli.root import app

NORMALIZE = decide.normalize


def stumbles(entry: Entry, **how: Any) -> CleanArticle:
    """Cleaning with a fault in it, until it is mended."""
    if "Hallenbad" in entry.headline:
        raise LookupError("no rule for a pool")
    return NORMALIZE(entry, **how)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(feeds={"stadt": [bath(), bath().edited(guid="2", headline="Ein Brunnen für die Stadt")]}) as made:
        yield made


@pytest.fixture
def room(sessions: Sessions, in_force: pytest.MonkeyPatch, publisher: Publisher) -> Room:
    """A database in force, where one of two entries could not be cleaned."""
    made = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)), clock=Clock())
    in_force.setattr(decide, "normalize", stumbles)
    subscribe(made, publisher)
    poll_and_ingest(made, made.clock)  # type: ignore[arg-type]
    return made


def does(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["quarantine", *arguments])
    return done.exit_code, done.output


def listed(*arguments: str) -> list[tuple[int, str]]:
    rows = [json.loads(line) for line in does("list", "--json", *arguments)[1].splitlines()]
    return [(row["number"], row["state"]) for row in rows]


def test_what_is_held_is_listed_and_shown_with_its_reason_and_its_bytes(room: Room) -> None:
    assert [article.headline for article in articles(room)] == ["Ein Brunnen für die Stadt"]
    assert listed() == listed("--feed", "1") == [(1, "held")]
    assert "no rule for a pool" in does("list")[1]
    shown = json.loads(does("show", "1", "--json")[1])
    assert (shown["reason"], shown["entry"]) == ("normalize", 0)
    assert json.loads(shown["raw"])["headline"] == "Altenbrück bekommt ein neues Hallenbad"
    assert does("show", "1", "--raw")[1] == shown["raw"]
    with room.sessions.begin() as session:
        session.get_one(Quarantined, 1).raw = compress(b"<title>\x1b]0;owned\x07</title>")
    assert r"<title>\x1b]0;owned\x07</title>" in does("show", "1")[1]
    for command in ("show", "retry", "discard"):
        code, said = does(command, "77")
        assert (code, "nothing numbered 77" in said) == (3, True)


def test_what_still_fails_goes_back_and_what_is_mended_becomes_an_article(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = does("retry", "1")
    assert code == 1
    assert "1 back in quarantine" in said
    assert listed("--all") == [(2, "held"), (1, "released")]
    monkeypatch.setattr(decide, "normalize", NORMALIZE)
    code, said = does("retry", "2")
    assert code == 0, said
    assert "1 created" in said
    assert (listed(), len(articles(room))) == ([], 2)
    assert "The quarantine is empty." in does("list")[1]


def test_what_is_discarded_is_not_held_again_when_it_comes_again(room: Room, publisher: Publisher) -> None:
    assert does("discard", "1") == (0, "1 discarded\n")
    publisher.feeds["stadt"].append(bath().edited(guid="3", headline="Der Markt zieht um"))
    _, [done] = poll_and_ingest(room, room.clock)  # type: ignore[arg-type]
    assert (done.outcomes["created"], done.quarantined) == (1, 0)
    assert (listed(), listed("--all")) == ([], [(1, "discarded")])
