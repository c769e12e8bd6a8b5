"""What an operator asks wrongly is said in one line, with an exit code; nothing is taken for another thing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from publisher import Publisher
from sqlalchemy.exc import ArgumentError
from typer import BadParameter
from typer.testing import CliRunner, Result
from wire import Clock, articles, bath, poll_and_ingest, subscribe

from storage import feeds
from storage.db import Sessions, make_engine
from tasks.fetch import FetchPolicy
from tasks.room import Room
from workers.cli.output import short, visible
from workers.cli.root import app
from workers.cli.times import moment
from workers.settings import settings

HUGE = "9" * 30


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher(feeds={"stadt": [bath(), bath().edited(guid="2", headline="Ein Brunnen", body="Der Rat.")]}) as made:
        yield made


@pytest.fixture
def room(sessions: Sessions, in_force: pytest.MonkeyPatch, publisher: Publisher) -> Room:
    """A database in force with a feed of two articles; its title looks like markup."""
    made = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)), clock=Clock(datetime.now(UTC)))
    feed_id = subscribe(made, publisher)
    poll_and_ingest(made, made.clock)  # type: ignore[arg-type]
    with sessions.begin() as session:
        feeds.find(session, str(feed_id)).title = "Wire [red]of[/red] [::1]"
    return made


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["feeds", "show", "²"], 3, "no feed '²'"),
        (["feeds", "pause", HUGE], 3, "no feed"),
        (["feeds", "test", HUGE], 3, "no feed"),
        (["articles", "list", "--limit", HUGE], 2, ""),
        (["articles", "list", "--feed", ""], 3, "no feed ''"),
        (["articles", "list", "--since", ""], 2, "neither a time"),
        (["articles", "list", "--since", f"{HUGE}d"], 2, "beyond the years"),
        (["articles", "search", ""], 2, "say a word"),
        (["articles", "search", "Dampfer"], 0, "No article is like that."),
        (["quarantine", "show", HUGE], 2, ""),
        (["reingest", "--feed", "", "--since", "1d"], 3, "no feed ''"),
        (["reingest", "--since", "", "--feed", "1"], 2, "neither a time"),
        (["events", "replay", "--feed", "999"], 3, "no feed '999'"),
        (["feeds", "add", "zeitung.example", "--unchecked"], 2, "no address of a feed"),
        (["feeds", "add", "javascript:alert(1)", "--unchecked"], 2, "no address of a feed"),
        (["feeds", "set", "1", "--header", "X-Api-Key"], 2, "is no header"),
        (["feeds", "export", "."], 1, ".: Is a directory"),
        (["feeds", "set", "1", "--language", "Deutsch"], 2, "no language tag"),
        (["feeds", "add", "https://zeitung.example/a", "--unchecked", "--language", "de-"], 2, "no language tag"),
        (["events", "tail", "--type", "artikel.*", "--no-follow"], 2, "no event has a type like"),
        (["events", "replay", "--type", "article.creatd"], 2, "article.created"),
        (["webhooks", "add", "https://zeitung.example/hook", "--type", "feed"], 2, "no event has a type like"),
    ],
)
def test_it_is_said_in_a_line_and_by_the_exit_code(room: Room, arguments: list[str], code: int, said: str) -> None:
    done = asked(*arguments)
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert said in done.output


@pytest.mark.parametrize(("said", "kept"), [("de", "de"), ("DE_at", "de-AT"), ("sr-Latn-RS", "sr-RS"), ("", None)])
def test_a_language_is_kept_as_articles_have_it(room: Room, said: str, kept: str | None) -> None:
    assert asked("feeds", "set", "1", "--language", said).exit_code == 0
    with room.sessions() as session:
        assert feeds.find(session, "1").language == kept


def test_a_poll_of_which_something_was_put_into_quarantine_is_no_success_to_a_script(
    room: Room, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREROOM_ALLOW_NETWORKS", "127.0.0.1/32")
    settings.cache_clear()
    assert asked("poll", "1").exit_code == 0
    document = publisher.document("stadt").replace(b"</channel>", b"<item><guid>leer</guid></item></channel>")
    publisher.answers["stadt"] = (200, document, "application/rss+xml")
    done = asked("poll", "1", "--json")
    assert json.loads(done.stdout)["quarantined"] == 1
    assert done.exit_code == 1


def test_an_id_that_begins_several_articles_is_a_conflict(room: Room) -> None:
    first, second = (str(article.id) for article in articles(room))
    shared = next(n for n in range(36) if first[n] != second[n])
    assert shared > 6
    assert asked("articles", "show", first[:shared]).exit_code == 4
    assert asked("articles", "show", first).exit_code == 0


def test_articles_are_listed_by_age_as_elsewhere(room: Room) -> None:
    assert len(asked("articles", "list", "--since", "1h", "--json").stdout.splitlines()) == 2
    assert asked("articles", "list", "--until", "2999-01-01T00:00:00Z", "--json").exit_code == 0


def test_an_article_is_ingested_again_by_its_address(room: Room) -> None:
    done = asked("reingest", "--article", str(articles(room)[0].url), "--dry-run")
    assert (done.exit_code, "1 articles" in done.output) == (0, True)


def test_what_came_of_a_removed_feed_can_still_be_looked_at_and_ingested_again(room: Room) -> None:
    assert asked("feeds", "remove", "1").exit_code == 0
    assert json.loads(asked("feeds", "show", "1", "--json").stdout)["status"] == "removed"
    assert len(asked("articles", "list", "--feed", "1", "--json").stdout.splitlines()) == 2
    assert "2 articles" in asked("reingest", "--feed", "1", "--dry-run").output
    assert asked("events", "replay", "--feed", "1").exit_code == 0
    assert [asked("poll", "1").exit_code, asked("feeds", "remove", "1").exit_code] == [3, 3]


@pytest.mark.parametrize("command", ["pause", "remove"])
def test_a_feed_that_rests_has_no_next_poll(room: Room, command: str) -> None:
    [line] = asked("feeds", "list", "--json").stdout.splitlines()
    assert json.loads(line)["next_fetch"] is not None
    assert asked("feeds", command, "1").exit_code == 0
    [line] = asked("feeds", "list", "--all", "--json").stdout.splitlines()
    assert json.loads(line)["next_fetch"] is None


def test_square_brackets_are_shown_as_they_are(room: Room) -> None:
    for command in (["feeds", "show", "1"], ["feeds", "list"]):
        assert "Wire [red]of[/red] [::1]" in asked(*command).output


@pytest.mark.parametrize("text", ["\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\r", "\x00", "\x7f"])
def test_what_a_terminal_would_obey_is_written_out(text: str) -> None:
    assert visible("a\tb\nÜ") == "a\tb\nÜ"
    assert visible(text).isprintable()
    assert short(text) == visible(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://hinterm:deich@db/wire"),
        ("DATABASE_URL", "postgresql://hinterm:deich@db:port/wire"),
        ("REDIS_URL", "redis.example:6379"),
        ("ALLOW_NETWORKS", "10.0.0.0/8,everything"),
        ("RULES", "/nowhere/rules.yaml"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_no_secret_shown(
    in_force: pytest.MonkeyPatch, name: str, value: str
) -> None:
    in_force.setenv(f"WIREROOM_{name}", value)
    settings.cache_clear()
    commands = ["poll 1", "worker"] if name == "RULES" else ["feeds list", "poll 1", "reingest --runs"]
    for command in commands:
        done = asked(*command.split())
        assert (done.exit_code, f"WIREROOM_{name}" in done.stderr) == (2, True), (command, done.output)
        assert "deich" not in done.output


def test_a_port_that_is_no_number_is_said_without_the_url() -> None:
    with pytest.raises(ArgumentError, match=r"^its port is no number$"):
        make_engine("postgresql://hinterm:deich@db:port/wire")


def test_a_file_that_is_no_database_is_said_to_be_none(in_force: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "wireroom.db").write_bytes(b"no database, but a text that is long enough to be taken for one" * 20)
    in_force.delenv("WIREROOM_DATABASE_URL")
    settings.cache_clear()
    assert asked("feeds", "list").exit_code == 5


def test_a_data_folder_that_cannot_be_made_is_named(in_force: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    in_force.delenv("WIREROOM_DATABASE_URL")
    in_force.setenv("WIREROOM_DATA_DIR", str(tmp_path / "file"))
    settings.cache_clear()
    done = asked("feeds", "list")
    assert (done.exit_code, str(tmp_path / "file") in done.stderr) == (1, True)


def test_the_doctor_reads_the_rules(in_force: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [")
    in_force.setenv("WIREROOM_RULES", str(rules))
    settings.cache_clear()
    findings = {one["check"]: one for one in map(json.loads, asked("doctor", "--json").stdout.splitlines())}
    assert not findings["rules"]["ok"]
    assert "is not YAML" in findings["rules"]["seen"]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", f"{HUGE}w"])
def test_a_time_beyond_all_years_is_wrong_usage(text: str) -> None:
    with pytest.raises(BadParameter, match="beyond the years"):
        moment(text, datetime(2026, 11, 23, tzinfo=UTC))
