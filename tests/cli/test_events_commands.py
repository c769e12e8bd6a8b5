"""`wireroom events`: what an operator sees of events, their readers and their dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from typer.testing import CliRunner, Result

from storage import outbox
from storage.db import make_engine, make_sessions
from storage.records import ArticleView, Cause, CleanArticle, Event, Tag
from tasks import events as builders
from workers.cli.root import app
from workers.relay import Relay, State
from workers.settings import settings
from workers.subscriber import Subscriber, dead_letters

KEY = "wireroom:events"
NOW = datetime.now(UTC)
Command = Callable[..., Result]


def told(number: int, *, feed: int, language: str, at: datetime) -> Event:
    view = ArticleView(
        id=UUID(int=number),
        feed_id=feed,
        feed_url=f"https://wire.example/{feed}",
        publisher="Wire",
        revision=1,
        status="usable",
        url=f"https://wire.example/{number}",
        guid=str(number),
        language=language,
        published_at=at,
        published_raw=None,
        updated_at=None,
        first_seen_at=at,
        clean=CleanArticle(headline=f"Piece {number}", teaser=None, blocks=()),
        tags=(Tag(kind="place", label="Wien" if number % 2 else "Berlin"),),
    )
    return builders.article_created(view, cause=Cause.POLL, backfill=False, now=at)


@pytest.fixture
def wireroom(redis_url: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """The command line on a database with six published events, the first three of them two days old."""
    monkeypatch.setenv("WIREROOM_REDIS_URL", redis_url)
    monkeypatch.setenv("WIREROOM_DATABASE_URL", sqlite_url)
    settings.cache_clear()
    engine = make_engine(sqlite_url)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        old = NOW - timedelta(days=2)
        outbox.record(session, [told(number, feed=1, language="de", at=old) for number in (1, 2, 3)])
        outbox.record(session, [told(number, feed=2, language="en", at=NOW) for number in (4, 5)])
        outbox.record(session, [builders.feed_gone(2, "https://wire.example/2", incident="x", reason="410", now=NOW)])
    relay = Relay(sessions=sessions, redis_url=redis_url)
    while relay.step() is not State.IDLE:
        pass
    relay.close()
    runner = CliRunner()
    yield lambda *arguments: runner.invoke(app, ["events", *arguments])
    settings.cache_clear()
    engine.dispose()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as opened:
        yield opened


def numbers(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["position"] for line in result.stdout.splitlines()]


def test_tail_shows_a_line_per_event(wireroom: Command) -> None:
    result = wireroom("tail", "--from-start", "--no-follow")
    lines = result.stdout.splitlines()
    assert len(lines) == 6
    assert "article.created" in lines[0]
    assert lines[0].endswith("Piece 1")
    assert lines[5].endswith("https://wire.example/2")


@pytest.mark.parametrize(
    ("options", "headlines"),
    [
        (("--from-start",), ["Piece 1", "Piece 2", "Piece 3", "Piece 4", "Piece 5", None]),
        (("--since", "1h"), ["Piece 4", "Piece 5", None]),
        (("--from-start", "--type", "feed.*"), [None]),
        (("--from-start", "--feed", "2", "--type", "article.*"), ["Piece 4", "Piece 5"]),
        (("--from-start", "--language", "de", "--tag", "wien"), ["Piece 1", "Piece 3"]),
        (("--from-start", "--limit", "2"), ["Piece 1", "Piece 2"]),
        ((), []),
    ],
)
def test_tail_shows_what_is_asked_for(wireroom: Command, options: tuple[str, ...], headlines: list[Any]) -> None:
    result = wireroom("tail", "--no-follow", "--json", *options)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(event["data"].get("article") or {}).get("headline") for event in events] == headlines
    assert all(event["specversion"] == "1.0" for event in events)


def test_replay_tells_from_the_database_even_without_a_stream(wireroom: Command, client: redis.Redis) -> None:
    client.flushall()
    assert numbers(wireroom("replay", "--json")) == [1, 2, 3, 4, 5, 6]
    assert numbers(wireroom("replay", "--json", "--after", "2", "--before", "5")) == [3, 4]
    assert numbers(wireroom("replay", "--json", "--since", "1d")) == [4, 5, 6]
    assert numbers(wireroom("replay", "--json", "--since", "1d", "--type", "article.*", "--limit", "1")) == [4]
    assert numbers(wireroom("replay", "--json", "--language", "de", "--tag", "place:berlin")) == [2]


def test_replay_goes_on_after_an_event_and_keeps_ids(wireroom: Command, client: redis.Redis) -> None:
    ids = [fields["id"] for _, fields in client.xrange(KEY)]
    result = wireroom("replay", "--json", "--after-id", ids[3])
    assert [json.loads(line)["event"]["id"] for line in result.stdout.splitlines()] == ids[4:]
    missing = wireroom("replay", "--after-id", "nobody")
    assert missing.exit_code == 3
    assert "nobody" in missing.stderr


def test_groups_shows_who_is_behind_and_removes_who_never_returns(
    wireroom: Command, client: redis.Redis, redis_url: str
) -> None:
    assert "Nobody reads" in wireroom("groups").stdout
    Subscriber(redis_url, group="search", start="beginning", partitions=2).run(lambda event: None, until_idle=True)
    client.xgroup_create(KEY, "archive", "2-0")
    client.xreadgroup("archive", "one", {KEY: ">"}, count=1)
    rows = {row["group"]: row for row in map(json.loads, wireroom("groups", "--json").stdout.splitlines())}
    assert (rows["search"]["behind"], rows["search"]["partitions"], rows["search"]["pending"]) == (0, 2, 0)
    assert (rows["archive"]["behind"], rows["archive"]["done_up_to"], rows["archive"]["pending"]) == (4, 2, 1)
    assert wireroom("groups", "--remove", "archive").exit_code == 0
    assert [json.loads(line)["group"] for line in wireroom("groups", "--json").stdout.splitlines()] == ["search"]
    assert wireroom("groups", "--remove", "archive").exit_code == 3


def test_dead_letters_are_listed_retried_and_dropped(wireroom: Command, client: redis.Redis, redis_url: str) -> None:
    def refuse(event: object) -> None:
        raise ValueError("index is closed")

    assert "No dead letters" in wireroom("dead", "list").stdout
    Subscriber(redis_url, group="search", start=3, max_tries=1).run(refuse, until_idle=True)
    rows = [json.loads(line) for line in wireroom("dead", "list", "--json").stdout.splitlines()]
    assert [(row["position"], row["reason"]) for row in rows] == [
        (position, "ValueError: index is closed") for position in (4, 5, 6)
    ]
    assert wireroom("dead", "drop").exit_code == 2
    assert wireroom("dead", "retry", "1-1").exit_code == 3
    assert wireroom("dead", "drop", rows[0]["number"]).stdout == "1 dropped\n"
    assert wireroom("dead", "retry", "--all", "--group", "search").stdout == "2 will be tried again\n"
    assert list(dead_letters(client, KEY)) == []
    positions: list[int] = []
    Subscriber(redis_url, group="search").run(lambda event: positions.append(event.position), until_idle=True)
    assert positions == [5, 6]


def test_a_schema_is_printed_and_a_breaking_one_is_not_written(wireroom: Command, tmp_path: Path) -> None:
    schema = json.loads(wireroom("schema", "feed.gone").stdout)
    assert schema["$id"] == "urn:wireroom:schema:feed.gone:v1"
    assert "story.split  v1" in wireroom("schema").stdout
    assert wireroom("schema", "feed.eaten").exit_code == 3
    assert wireroom("schema", "--write", str(tmp_path)).exit_code == 0
    path = tmp_path / "schemas" / "feed.gone.v1.json"
    published = json.loads(path.read_text())
    published["properties"]["last_words"] = {"type": "string"}
    path.write_text(json.dumps(published))
    refused = wireroom("schema", "--write", str(tmp_path))
    assert refused.exit_code == 4
    assert "data.last_words: is gone" in refused.stderr


def test_a_redis_that_is_away_is_named_with_a_remedy(wireroom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREROOM_REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    result = wireroom("tail", "--no-follow")
    assert result.exit_code == 5
    assert "Redis does not answer" in result.stderr
