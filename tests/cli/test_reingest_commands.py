"""An operator re-ingests: says what, sees beforehand what would change, and what was done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from publisher import Publisher
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner
from wire import Clock, articles, bath, events, poll_and_ingest, subscribe

from storage import articles as store
from storage import feeds
from storage.db import Sessions
from storage.models import Feed, FeedStatus
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.cli.root import app

RULES = "rules: [{name: pools, tag: {label: Bäder}, any: [Hallenbad], feeds: ['*/stadt.xml']}]"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.fixture
def room(sessions: Sessions, in_force: pytest.MonkeyPatch, rules: Path) -> Room:
    """A database in force with one article, and a rules file that it was tagged before."""
    made = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)), clock=Clock())
    with Publisher(feeds={"stadt": [bath()]}) as publisher:
        subscribe(made, publisher)
        poll_and_ingest(made, made.clock)  # type: ignore[arg-type]
    rules.write_text(RULES, encoding="utf-8")
    in_force.setenv("WIREROOM_RULES", str(rules))
    return made


def does(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["reingest", *arguments])
    return done.exit_code, done.output


def desk_tags(room: Room) -> list[str]:
    [article] = articles(room)
    with room.sessions() as session:
        return [tag.label for tag in store.tags_of(session, [article.id])[article.id] if tag.kind == "rule"]


def test_without_a_selection_nothing_is_done_and_the_remedy_is_said(room: Room) -> None:
    code, said = does()
    assert code == 2
    assert "--tagged-otherwise" in said
    assert events(room) == ["article.created"]


def test_what_a_changed_rules_file_would_do_is_seen_then_done_and_then_over(room: Room) -> None:
    code, said = does("--tagged-otherwise", "--dry-run")
    assert code == 0
    assert "Bäder" in said
    assert "1 articles: 1 would change" in said
    assert (desk_tags(room), events(room)) == ([], ["article.created"])

    code, said = does("--tagged-otherwise", "--json")
    assert code == 0
    done = json.loads(said)
    assert (done["state"], done["total"], done["done"], done["changed"], done["failed"]) == ("finished", 1, 1, 1, 0)
    assert desk_tags(room) == ["Bäder"]
    assert events(room).count("article.tags_changed") == 1

    assert json.loads(does("--tagged-otherwise", "--json")[1])["total"] == 0


def test_feeds_that_would_be_fetched_again_are_named_and_left_alone_in_a_dry_run(room: Room) -> None:
    def state() -> list[tuple[object, ...]]:
        with room.sessions() as session:
            return [tuple(row) for row in session.execute(select(col(Feed.etag), col(Feed.next_fetch_at)))]

    before = state()
    code, said = does("--all", "--refetch", "--dry-run")
    assert code == 0
    assert "1 feeds would be fetched whole: 1" in said
    assert state() == before
    assert json.loads(does("--all", "--refetch", "--json")[1]) == {"feeds": [1], "resting": [], "dry_run": False}
    assert state() != before


def test_a_feed_that_rests_is_not_said_to_be_fetched_again(room: Room) -> None:
    with room.sessions.begin() as session:
        feeds.set_status(session, feeds.find(session, "1"), FeedStatus.PAUSED, now=room.clock())
    code, said = does("--all", "--refetch")
    assert code == 0
    assert "1 feeds rest and are left alone: 1" in said
    assert "0 feeds are due now" in said
    assert json.loads(does("--all", "--refetch", "--json")[1]) == {"feeds": [], "resting": [1], "dry_run": False}


@pytest.mark.parametrize("beside", ["--dry-run", "--all", "--refetch", "--normalized-before=0", "--feed=1"])
def test_a_run_is_resumed_as_it_was_begun_and_nothing_is_said_beside_it(room: Room, beside: str) -> None:
    assert does("--resume", "1", beside)[0] == 2
    assert does("--runs", beside)[0] == 2
