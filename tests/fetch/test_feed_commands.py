"""`wireroom feeds`: look before adding, give a feed its own way of being asked, take in lists, tell of each."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner, Result

from storage import feeds
from storage.db import make_engine, make_sessions
from storage.models import FeedStatus, OutboxEvent
from tasks.fetch import close
from tasks.fetch.policy import utc_now
from workers.cli.root import app
from workers.settings import settings

from .conftest import FEED, Site, reply

Command = Callable[..., Result]


@pytest.fixture
def wireroom(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("WIREROOM_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("WIREROOM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WIREROOM_ALLOW_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    handlers = logging.getLogger().handlers[:]
    yield lambda *words, **options: CliRunner().invoke(app, list(words), **options)
    settings.cache_clear()
    # What the command set up for its own process is not for the tests that follow.
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    close()


def add(sqlite_url: str, url: str) -> int:
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        feed = feeds.add(session, url=url, now=utc_now())
        session.flush()
        feed_id = feed.id
    engine.dispose()
    return feed_id


def test_a_feed_is_looked_at_and_explained_without_being_kept(site: Site, wireroom: Command) -> None:
    site.serve("/old", reply(301, Location="/feed"))
    site.serve("/feed", reply(200, FEED, ETag='"1"', Content_Type="application/rss+xml"))
    answer = wireroom("feeds", "test", site.url("/old"), "--json")
    facts = json.loads(answer.stdout)
    assert answer.exit_code == 0, answer.output
    assert (facts["outcome"], facts["entries"], facts["title"]) == ("changed", 1, "Lokales")
    assert facts["headlines"] == ["Brücke gesperrt"]
    assert facts["redirects"] == [f"301 to {site.url('/feed')}"]
    assert facts["validators"] == "ETag"
    assert facts["problem"] is None
    assert wireroom("feeds", "list", "--json").stdout.strip() == ""


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply(404), "HTTP 404"),
        (reply(200, b"<!doctype html><html><body>Anmelden</body></html>"), "an HTML page instead of a feed"),
        (reply(200, b'<?xml version="1.0"?><rss version="2.0"><channel></channel></rss>'), "a feed without entries"),
    ],
)
def test_what_is_wrong_with_a_feed_is_said(site: Site, wireroom: Command, answer: bytes, problem: str) -> None:
    said = wireroom("feeds", "test", site.serve("/feed", answer), "--json")
    assert said.exit_code == 1
    assert json.loads(said.stdout)["problem"] == problem


def test_a_feed_is_given_credentials_that_no_listing_shows(site: Site, wireroom: Command, sqlite_url: str) -> None:
    wanted = "Bearer s3cret"
    url = site.serve("/feed", lambda asked: reply(200 if asked.headers.get("authorization") == wanted else 401, FEED))
    feed_id = str(add(sqlite_url, url))
    assert json.loads(wireroom("feeds", "test", feed_id, "--json").stdout)["status"] == 401
    done = wireroom("feeds", "set", feed_id, "--auth", "bearer", "--header", "X-Desk: wien", input="s3cret\n")
    assert done.exit_code == 0, done.output
    assert json.loads(wireroom("feeds", "test", feed_id, "--json").stdout)["status"] == 200
    assert site.asked[-1].headers["x-desk"] == "wien"
    shown = wireroom("feeds", "show", feed_id, "--json")
    assert json.loads(shown.stdout)["settings"]["auth"] == {"kind": "bearer", "token": "***"}
    assert "s3cret" not in done.output + shown.output
    wireroom("feeds", "set", feed_id, "--auth", "none", "--header", "X-Desk:", "--interval", "1800")
    facts = json.loads(wireroom("feeds", "show", feed_id, "--json").stdout)
    assert facts["settings"] == {}
    assert facts["interval"] == 1800


def test_a_setting_that_cannot_be_used_changes_nothing(site: Site, wireroom: Command, sqlite_url: str) -> None:
    feed_id = str(add(sqlite_url, site.serve("/feed", reply(200, FEED))))
    for words in (("--proxy", "socks5://x"), ("--header", "Cookie: a=b"), ("--auth", "digest")):
        refused = wireroom("feeds", "set", feed_id, *words, input="x\n")
        assert refused.exit_code == 2, refused.output
    assert json.loads(wireroom("feeds", "show", feed_id, "--json").stdout)["settings"] == {}


def test_a_feed_of_teasers_is_told_of_pages_and_polled_with_them(
    site: Site, wireroom: Command, sqlite_url: str
) -> None:
    text = "Die Brücke am Hafen wird im März gesperrt, sagte Stadtrat Emil Haas am Montag in Altenbrück. " * 5
    page = f"<html><head><title>Z</title></head><body><article><p>{text}</p></article></body></html>"
    site.serve("/brücke", reply(200, page.encode(), Content_Type="text/html; charset=utf-8"))
    site.routes["/br%C3%BCcke"] = site.routes["/brücke"]
    feed = FEED.replace(b"<guid>1</guid>", f"<guid>1</guid><link>{site.url('/brücke')}</link>".encode())
    feed_id = str(add(sqlite_url, site.serve("/feed", reply(200, feed, Content_Type="application/rss+xml"))))
    assert "--pages" in json.loads(wireroom("feeds", "test", feed_id, "--json").stdout)["pages"]
    assert wireroom("feeds", "set", feed_id, "--pages").exit_code == 0
    polled = json.loads(wireroom("poll", feed_id, "--json").stdout)
    assert polled["entries"] == {"created": 1}
    [article] = json.loads("[" + wireroom("articles", "list", "--json").stdout.strip() + "]")
    shown = json.loads(wireroom("articles", "show", article["id"], "--json").stdout)
    assert text.strip() in shown["blocks"][0]["text"]
    assert shown["page"] == "held"
    assert json.loads(wireroom("feeds", "show", feed_id, "--json").stdout)["pages"] == {"held": 1}
    assert site.asked[-1].headers["accept"].startswith("text/html")


def test_a_feed_that_is_added_is_asked_once_and_then_with_its_validators(site: Site, wireroom: Command) -> None:
    site.serve(
        "/feed",
        lambda asked: reply(304 if asked.headers.get("if-none-match") == '"1"' else 200, FEED, ETag='"1"'),
    )
    added = wireroom("feeds", "add", site.url("/feed"), "--json")
    assert added.exit_code == 0, added.output
    feed_id = str(json.loads(added.stdout)["id"])
    [first] = json.loads(wireroom("feeds", "show", feed_id, "--json").stdout)["attempts"]
    assert (first["outcome"], first["details"]["validators"]["etag"]) == ("changed", '"1"')
    polled = json.loads(wireroom("poll", feed_id, "--json").stdout)
    assert (polled["outcome"], polled["entries"]) == ("not_modified", {"created": 1})
    assert [asked.headers.get("if-none-match") for asked in site.asked] == [None, '"1"']
    assert json.loads(wireroom("poll", feed_id, "--json").stdout)["entries"] == {}


def test_a_feed_that_is_added_by_its_page_or_a_redirect_is_asked_once_as_well(site: Site, wireroom: Command) -> None:
    page = b"<!doctype html><html><head><link rel=alternate type='application/rss+xml' href='/old'></head></html>"
    site.serve("/", reply(200, page, Content_Type="text/html"))
    site.serve("/old", reply(301, Location="/feed"))
    site.serve("/feed", reply(200, FEED, ETag='"1"'))
    added = json.loads(wireroom("feeds", "add", site.url("/"), "--json").stdout)
    assert added["url"] == site.url("/feed")
    assert [asked.path for asked in site.asked] == ["/", "/old", "/feed"]
    assert json.loads(wireroom("feeds", "show", str(added["id"]), "--json").stdout)["etag"] == '"1"'


def told(database_url: str) -> list[tuple[str, int]]:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        rows = session.execute(
            select(col(OutboxEvent.type), col(OutboxEvent.feed_id)).order_by(col(OutboxEvent.position))
        )
        found = [(kind.removeprefix("wireroom.").removesuffix(".v1"), feed_id) for kind, feed_id in rows]
    engine.dispose()
    return found


def details(database_url: str) -> list[dict[str, Any]]:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        bodies = session.scalars(select(col(OutboxEvent.body)).order_by(col(OutboxEvent.position))).all()
    engine.dispose()
    return [json.loads(body)["data"] for body in bodies]


OPML = """<opml version="2.0"><body>
<outline text="Altenpost"><outline type="rss" text="Stadt" xmlUrl="https://altenpost.example/stadt.xml"/>
<outline type="rss" text="Land" xmlUrl="https://altenpost.example/land.xml"/></outline>
<outline type="rss" text="Nothing" xmlUrl="javascript:alert(1)"/>
<outline type="rss" text="Wire" xmlUrl="https://wire.example/en.xml"/></body></opml>"""


def test_a_list_of_feeds_comes_and_goes_as_opml_and_each_is_told_of_once(
    wireroom: Command, sqlite_url: str, tmp_path: Path
) -> None:
    add(sqlite_url, "https://wire.example/en.xml")
    given = tmp_path / "given.opml"
    given.write_text(OPML, encoding="utf-8")
    assert json.loads(wireroom("feeds", "import", str(given), "--json").stdout) == {"added": 2, "known": 1}
    assert json.loads(wireroom("feeds", "import", str(given), "--json").stdout) == {"added": 0, "known": 3}
    assert told(sqlite_url) == [("feed.added", 2), ("feed.added", 3)]
    held = [
        json.loads(line) for line in wireroom("feeds", "list", "--publisher", "Altenpost", "--json").stdout.splitlines()
    ]
    assert [one["title"] for one in held] == ["Stadt", "Land"]
    taken = tmp_path / "taken.opml"
    assert wireroom("feeds", "export", str(taken)).exit_code == 0
    written = taken.read_text(encoding="utf-8")
    assert all(f"https://{place}" in written for place in ("altenpost.example/stadt.xml", "wire.example/en.xml"))
    assert wireroom("feeds", "import", str(tmp_path / "none.opml")).exit_code == 3
    given.write_text("<html><body>Anmelden</body></html>", encoding="utf-8")
    assert wireroom("feeds", "import", str(given)).exit_code == 2


def test_the_end_of_a_subscription_is_told_and_so_is_its_return_with_what_it_is_given(
    wireroom: Command, sqlite_url: str
) -> None:
    url = "https://wire.example/de.xml"
    assert wireroom("feeds", "add", url, "--unchecked").exit_code == 0
    assert wireroom("feeds", "pause", "1").exit_code == 0
    assert wireroom("feeds", "remove", "1").exit_code == 0
    assert wireroom("feeds", "set", "1").exit_code == 3
    again = wireroom(
        "feeds", "add", url, "--unchecked", "--publisher", "Wire", "--interval", "600", "--pages", "--json"
    )
    assert json.loads(again.stdout)["id"] == 1
    shown = json.loads(wireroom("feeds", "show", "1", "--json").stdout)
    assert (shown["publisher"], shown["interval"], shown["settings"]) == ("Wire", 600, {"pages": True})
    assert told(sqlite_url) == [("feed.added", 1), ("feed.paused", 1), ("feed.removed", 1), ("feed.added", 1)]


def test_a_pause_and_its_end_are_told_once_each(wireroom: Command, sqlite_url: str) -> None:
    feed_id = str(add(sqlite_url, "https://wire.example/de.xml"))
    assert wireroom("feeds", "resume", feed_id).exit_code == 0, "an active feed is due at once"
    assert told(sqlite_url) == [], "and nobody need hear of it"
    for _ in range(2):
        assert wireroom("feeds", "pause", feed_id, "--reason", "licence ended").exit_code == 0
    for _ in range(2):
        assert wireroom("feeds", "resume", feed_id).exit_code == 0
    assert told(sqlite_url) == [("feed.paused", 1), ("feed.resumed", 1)]
    assert [data.get("reason") or data["was"] for data in details(sqlite_url)] == ["licence ended", "paused"]


@pytest.mark.parametrize(("status", "said"), [("active", "feed.failing"), ("gone", "feed.gone")])
def test_who_was_told_of_a_failing_feed_is_told_of_its_resumption(
    wireroom: Command, sqlite_url: str, status: str, said: str
) -> None:
    feed_id = add(sqlite_url, "https://wire.example/de.xml")
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        feed = feeds.find(session, str(feed_id))
        feed.status, feed.state, feed.failures = FeedStatus(status), {"told": said, "failures": 9}, 9
        session.add(feed)
    engine.dispose()
    assert wireroom("feeds", "resume", str(feed_id)).exit_code == 0
    assert told(sqlite_url) == [("feed.resumed", feed_id)]
    assert [data["was"] for data in details(sqlite_url)] == [said.removeprefix("feed.")]


def test_a_feed_is_called_otherwise_and_given_its_own_name_back(wireroom: Command, sqlite_url: str) -> None:
    feed_id = str(add(sqlite_url, "https://wire.example/de.xml"))
    named = wireroom("feeds", "set", feed_id, "--title", "Wire", "--publisher", "Agency", "--language", "de-AT")
    assert named.exit_code == 0, named.output
    shown = json.loads(wireroom("feeds", "show", "Wire", "--json").stdout)
    assert (shown["publisher"], shown["language"]) == ("Agency", "de-AT")
    assert wireroom("feeds", "set", "Wire", "--publisher", "", "--title", "").exit_code == 0
    shown = json.loads(wireroom("feeds", "show", feed_id, "--json").stdout)
    assert (shown["title"], shown["publisher"], shown["language"]) == (None, None, "de-AT")


def test_a_header_is_no_title(wireroom: Command, sqlite_url: str) -> None:
    feed_id = str(add(sqlite_url, "https://wire.example/de.xml"))
    assert wireroom("feeds", "set", feed_id, "--title", "Wire").exit_code == 0
    assert wireroom("feeds", "set", feed_id, "--header", "X-Desk: 7", "--header", "Accept-Language: de").exit_code == 0
    shown = json.loads(wireroom("feeds", "show", feed_id, "--json").stdout)
    assert shown["title"] == "Wire"
    assert set(shown["settings"]["headers"]) == {"X-Desk", "Accept-Language"}
    assert wireroom("feeds", "set", feed_id, "--header", "X-Desk:", "--title", "Desk").exit_code == 0
    shown = json.loads(wireroom("feeds", "show", "Desk", "--json").stdout)
    assert set(shown["settings"]["headers"]) == {"Accept-Language"}
