"""An operator re-ingests: says what, sees beforehand what would change, and what was done."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from publisher import Publisher
from services import wait_until
from sqlalchemy import select, text
from sqlmodel import col
from typer.testing import CliRunner
from wire import Clock, articles, bath, events, poll_and_ingest, subscribe

from storage import articles as store
from storage import feeds, leases
from storage.articles import Selection
from storage.db import Sessions, make_engine, make_sessions
from storage.models import Feed, FeedStatus
from tasks import reingest
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
    assert json.loads(does("--all", "--refetch", "--json")[1]) == {
        "feeds": [1],
        "resting": [],
        "busy": [],
        "dry_run": False,
    }
    assert state() != before


def test_a_feed_that_rests_is_not_said_to_be_fetched_again(room: Room) -> None:
    with room.sessions.begin() as session:
        feeds.set_status(session, feeds.find(session, "1"), FeedStatus.PAUSED, now=room.clock())
    code, said = does("--all", "--refetch")
    assert code == 0
    assert "1 feeds rest and are left alone: 1" in said
    assert "0 feeds are due now" in said
    said = json.loads(does("--all", "--refetch", "--json")[1])
    assert said == {"feeds": [], "resting": [1], "busy": [], "dry_run": False}


def test_a_range_in_which_nothing_can_lie_is_refused(room: Room) -> None:
    code, said = does("--since", "2026-11-30", "--until", "2026-11-23T12:00+01:00")
    assert code == 2
    assert "is not before" in said
    assert does("--since", "2h", "--until", "3h")[0] == 2
    assert "No re-ingestion yet" in does("--runs")[1]


def test_a_run_that_another_process_carries_on_is_a_conflict(room: Room) -> None:
    opened = reingest.open_run(room, Selection())
    with room.sessions.begin() as session:
        name, ttl = f"reingest:{opened.id}", timedelta(minutes=1)
        assert leases.acquire(session, name, holder="elsewhere:1:x", ttl=ttl, now=datetime.now(UTC))
    code, said = does("--resume", str(opened.id))
    assert code == 4
    assert "is being carried on by process elsewhere:1" in said
    assert json.loads(does("--runs", "--json")[1])["state"] == "running"


def test_a_run_whose_process_was_killed_is_listed_as_interrupted(room: Room) -> None:
    reingest.open_run(room, Selection())
    assert json.loads(does("--runs", "--json")[1])["state"] == "interrupted"


def test_a_feed_that_is_being_fetched_is_not_said_to_be_fetched_whole(room: Room) -> None:
    with room.sessions.begin() as session:
        assert feeds.claim_one(session, 1, now=datetime.now(UTC), lease=timedelta(minutes=5))
    code, said = does("--all", "--refetch")
    assert code == 0
    assert "1 feeds are being fetched this moment; ask for them again: 1" in said
    assert "0 feeds are due now" in said
    with room.sessions() as session:
        assert feeds.find(session, "1").etag is not None


def test_feeds_to_be_fetched_again_are_locked_in_the_order_in_which_workers_lock_them(
    postgres_url: str, in_force: pytest.MonkeyPatch
) -> None:
    in_force.setenv("WIREROOM_DATABASE_URL", postgres_url)
    engine = make_engine(postgres_url)
    room = Room(sessions=make_sessions(engine), fetch=FetchPolicy(allow=("127.0.0.1/32",)), clock=Clock())
    with Publisher(feeds={"stadt": [bath()], "land": [bath()]}) as publisher:
        for name in ("stadt", "land"):
            subscribe(room, publisher, name)
        poll_and_ingest(room, room.clock)  # type: ignore[arg-type]
    with room.sessions.begin() as session:
        first, second = (feed.id for feed in feeds.listing(session))
        for plan in ("indexscan", "bitmapscan"):  # as the planner does where many of the table's rows are wanted
            session.execute(text(f'ALTER DATABASE "{engine.url.database}" SET enable_{plan} = off'))
    for _ in range(3):  # its newest version goes where there is room in the table's file: behind the other's, then
        with room.sessions.begin() as session:
            ahead = session.scalar(select(col(Feed.id)).order_by(text("ctid")).limit(1))
            if ahead == first:
                feeds.find(session, str(first)).title = f"Moved {uuid4()}"
    assert ahead == second
    with room.sessions.begin() as session, ThreadPoolExecutor() as others:
        feeds.lock(session, first)
        asked = others.submit(does, "--all", "--refetch")
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        wait_until(lambda: session.scalar(waits), what="the command's wait for the first feed")
        session.execute(select(Feed).where(col(Feed.id) == second).with_for_update(nowait=True))
        session.commit()
        assert asked.result()[0] == 0
    engine.dispose()


@pytest.mark.parametrize("beside", ["--dry-run", "--all", "--refetch", "--normalized-before=0", "--feed=1"])
def test_a_run_is_resumed_as_it_was_begun_and_nothing_is_said_beside_it(room: Room, beside: str) -> None:
    assert does("--resume", "1", beside)[0] == 2
    assert does("--runs", beside)[0] == 2
