"""A newcomer who looks at the terminal reads what came in, what was taken out and what went out, on any size."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from services import wait_until
from sqlalchemy import select, text
from sqlmodel import col

from storage import feeds, glance, outbox, stream_ends
from storage.db import Sessions, make_engine, make_sessions, reading
from storage.glance import ArticleLine, Counts, EventLine, FeedLine, Glance, Glancer
from storage.models import Revision
from tasks.fetch import FetchPolicy
from tasks.intake import take_in
from tasks.poll import poll_due
from tasks.room import Room, utc_now
from workers.panels import SAMPLE_FEEDS, Process, Scene, draw
from workers.sample import SampleWire
from workers.sample.stories import sample_feeds
from workers.settings import Settings
from workers.view import View, database_words

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CHILDREN = [("redis", 11, True), ("relay", 12, True), ("worker", 13, True), ("beat", 14, True)]
FLOOD_WALL = "Urfelden baut seine Hochwassermauer in einem Jahr statt in drei"

STREAM = Settings().stream


class Newsroom:
    """A wire room without its processes: the sample wire is polled and ingested when told to."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.seconds = NOW.timestamp()
        self.room = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.1/32",)))
        self.wire = SampleWire(started=NOW, clock=lambda: self.seconds)
        self.wire.start()
        with sessions.begin() as session:
            for url, title, publisher, language in self.wire.feeds:
                feeds.add(session, url=url, title=title, publisher=publisher, language=language, now=utc_now())

    def take_in(self, seconds_after_start: float) -> None:
        """Poll every feed at that moment, ingest what came, and say that the relay is done with it."""
        self.seconds = NOW.timestamp() + seconds_after_start
        with self.sessions.begin() as session:
            feeds.ask(session, [feed.id for feed in feeds.listing(session)], now=utc_now())
        take_in(self.room, [document_id for document_id, _ in poll_due(self.room).documents])
        with self.sessions.begin() as session:
            stream_ends.note(session, STREAM, outbox.last_position(session), now=utc_now())

    def removed(self) -> int:
        """The removed lines of every revision, counted one by one."""
        with reading(self.sessions) as session:
            contents = session.scalars(select(col(Revision.content))).all()
        return sum(gone["removed"] for content in contents for gone in content.get("removals", ()))


@pytest.fixture
def newsroom(sessions: Sessions) -> Iterator[Newsroom]:
    """On SQLite and on Postgres."""
    made = Newsroom(sessions)
    yield made
    made.wire.stop()


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Newsroom]:
    engine = make_engine(sqlite_url)
    made = Newsroom(make_sessions(engine))
    yield made
    made.wire.stop()
    engine.dispose()


@pytest.fixture
def view_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., View]:
    """Views on a terminal of a given size, which writes into `console.file`."""
    monkeypatch.chdir(tmp_path)

    def make(sessions: Sessions, width: int = 80, height: int = 24, *, sampled: bool = True) -> View:
        console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)
        where = Settings(data_dir=tmp_path / ".wireroom")
        return View(
            sessions=sessions,
            where=where,
            logs=tmp_path / ".wireroom" / "logs",
            children=lambda: CHILDREN,
            sampled=sampled,
            console=console,
        )

    return make


def seen(scene: Scene, width: int, height: int) -> list[str]:
    """The lines on a terminal of that size."""
    console = Console(file=io.StringIO(), record=True, width=width, height=height)
    console.print(draw(scene, width, height))
    return console.export_text().splitlines()


def looked(newsroom: Newsroom) -> Scene:
    with reading(newsroom.sessions) as session:
        found = Glancer(stream=STREAM).look(session)
    return replace(scene(), now=utc_now(), glance=found, sampled=True)


def scene() -> Scene:
    return Scene(
        now=NOW,
        uptime=timedelta(seconds=83),
        processes=[Process(name=name, pid=pid, alive=alive) for name, pid, alive in CHILDREN],
        database="SQLite .wireroom/wireroom.db",
        redis="embedded",
        command=".venv/bin/wireroom",
    )


def test_on_80_by_24_a_newcomer_reads_what_happens_and_what_to_do_next(on_sqlite: Newsroom) -> None:
    on_sqlite.take_in(0)
    on_sqlite.take_in(16)
    lines = seen(looked(on_sqlite), 80, 24)
    assert len(lines) == 24
    assert max(cell_len(line) for line in lines) <= 80
    assert lines[0].split() == [
        *("wireroom", "up", "1:23", "4", "processes"),
        *("SQLite", ".wireroom/wireroom.db", "·", "Redis", "embedded"),
    ]
    counters = dict(zip(("feeds", "documents", "articles", "revisions"), lines[1].split(), strict=False))
    assert counters == {"feeds": "3", "documents": "5", "articles": "9", "revisions": "10"}
    page = "\n".join(lines)
    for words in (
        "lines removed",
        "events out",
        "quarantine",
        "sample wire: no feed added yet",
        "newest articles",
        "−7 lines",
        "Pegelblatt",
        "rev 2: Urfelden baut seine",
        "last events out",
        "article.created",
        "article.revised",
        "next polls",
        "The Harbour Ledger",
        ".venv/bin/wireroom feeds add URL",
        ".venv/bin/wireroom articles list",
        "Ctrl-C stops",
    ):
        assert words in page, words
    assert sum(" de " in line or " en " in line for line in lines) >= 8


def test_a_wider_terminal_shows_whole_headlines_and_what_they_are_about(on_sqlite: Newsroom) -> None:
    on_sqlite.take_in(0)
    lines = seen(looked(on_sqlite), 140, 40)
    assert len(lines) == 40
    row = next(line for line in lines if FLOOD_WALL[:50] in line and "lines" in line)
    assert "Pegelblatt" in row
    assert "Donau, Linz" in row
    assert "(redis, relay, worker, beat)" in lines[0]
    assert sum("article.created" in line for line in lines) == 8


def test_the_counters_are_what_the_store_holds_whichever_database_it_is(newsroom: Newsroom) -> None:
    glancer = Glancer(stream=STREAM)
    for seconds in (0, 16, 1000):
        newsroom.take_in(seconds)
        with reading(newsroom.sessions) as session:
            counts = glancer.look(session).counts
            last = outbox.last_position(session)
        assert counts.lines_removed == newsroom.removed() > 0
        assert isinstance(counts.lines_removed, int)  # the view said 75.0
        assert counts.events == last
        assert (counts.feeds, counts.failing, counts.quarantined) == (3, 0, 0)
        assert (counts.documents_waiting, counts.events_waiting) == (0, 0)
    # On a slow machine the large counts are taken anew only now and then: a fresh look has them as they are.
    with reading(newsroom.sessions) as session:
        fresh, lasting = Glancer(stream=STREAM).look(session), glancer.look(session)
    assert (fresh.counts.articles, fresh.counts.revisions) == (15, 16)
    assert fresh.counts.lines_removed == lasting.counts.lines_removed
    assert fresh.events == lasting.events


def test_the_newest_article_stands_first_and_the_last_event_too(on_sqlite: Newsroom) -> None:
    on_sqlite.take_in(0)
    on_sqlite.take_in(31)
    found = looked(on_sqlite).glance
    assert found is not None
    assert {article.headline for article in found.articles[:2]} == {
        "Council votes to keep the library open all night",
        "Urfelden zieht Hochwasserschutz vor: Mauer soll in einem Jahr stehen",
    }
    assert [article.at for article in found.articles] == sorted((a.at for a in found.articles), reverse=True)
    assert [event.position for event in found.events] == list(range(found.counts.events, 0, -1))
    revised = next(event for event in found.events if event.type == "article.revised")
    assert revised.about == f"{FLOOD_WALL} (blocks, correction)"


def test_a_store_with_a_long_past_counts_removed_lines_from_now_on(
    on_sqlite: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "PAST", 5)
    on_sqlite.take_in(0)
    before, glancer = on_sqlite.removed(), Glancer(stream=STREAM)
    with reading(on_sqlite.sessions) as session:
        assert glancer.look(session).counts.lines_removed == 0
    on_sqlite.take_in(1000)
    with reading(on_sqlite.sessions) as session:
        found = glancer.look(session)
    assert found.counts.lines_removed == on_sqlite.removed() - before
    page = "\n".join(seen(replace(scene(), glance=found), 80, 24))
    assert "removed now" in page
    assert "lines removed" not in page


def test_a_database_that_is_emptied_meanwhile_is_read_from_its_beginning(on_sqlite: Newsroom) -> None:
    glancer = Glancer(stream=STREAM)
    on_sqlite.take_in(0)
    with reading(on_sqlite.sessions) as session:
        glancer.look(session)
    with on_sqlite.sessions.begin() as session:
        for table in ("outbox", "article_tags", "revision", "identity", "article"):
            session.connection().execute(text(f"DELETE FROM {table}"))
        session.connection().execute(text("UPDATE outbox_end SET position = 0"))
    with reading(on_sqlite.sessions) as session:
        found = glancer.look(session)
    assert (found.counts.events, found.counts.lines_removed, found.articles, found.events) == (0, 0, (), ())


def test_a_view_that_has_not_read_yet_says_so() -> None:
    assert any("reading the database" in line for line in seen(scene(), 80, 24))
    empty = "\n".join(seen(replace(scene(), glance=Glance(counts=Counts())), 80, 24))
    assert "no feed yet: .venv/bin/wireroom feeds add URL" in empty
    assert "sample wire" not in empty


def test_the_sample_wire_is_named_for_what_it_is_until_a_feed_is_added_and_after() -> None:
    assert len(sample_feeds()) == SAMPLE_FEEDS
    for count, words in ((3, "sample wire: no feed added yet."), (4, "sample wire: beside your own feeds.")):
        found = Glance(counts=Counts(feeds=count))
        assert any(words in line for line in seen(replace(scene(), glance=found, sampled=True), 80, 24))


def test_a_process_that_is_down_is_named() -> None:
    processes = [Process(name="redis", pid=1, alive=True), Process(name="worker", pid=None, alive=False)]
    head = seen(replace(scene(), processes=processes), 80, 24)[0]
    assert "1 process, down: worker" in head


def test_a_failing_feed_says_how_and_feeds_beyond_the_last_line_are_counted() -> None:
    bad = FeedLine(name="Bote", next_at=NOW, reason="http_5xx, failure 3", failing_as="http_5xx", busy=False)
    busy = replace(bad, name="Ledger", failing_as=None, reason="being fetched", busy=True)
    later = replace(busy, next_at=NOW + timedelta(minutes=90), reason="rhythm 12 a day", busy=False)
    found = Glance(counts=Counts(feeds=40, failing=1), feeds=(bad, busy, later, later, later))
    lines = seen(replace(scene(), glance=found), 120, 24)
    page = "\n".join(lines)
    assert "1 failing" in lines[1]
    assert "failing (http_5xx): http_5xx, failure 3" in page
    assert "in 2 h" in page
    assert "feeds more)" in page
    assert any("Bote" in line and " due " in line for line in lines)
    assert any("Ledger" in line and " now " in line for line in lines)


def test_passwords_in_addresses_are_not_shown() -> None:
    feed = FeedLine(name="https://u:geheim@a.example/f", next_at=NOW, reason="-", failing_as=None, busy=False)
    page = "\n".join(seen(replace(scene(), glance=Glance(counts=Counts(feeds=1), feeds=(feed,))), 140, 30))
    assert "geheim" not in page
    where = Settings(database_url="postgresql://u:geheim@db.example/wire")  # type: ignore[arg-type]
    assert database_words(where) == "Postgres db.example/wire"


words = st.text(min_size=1, max_size=80)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(40, 220), height=st.integers(16, 70), headline=words, tag=words, rows=st.integers(0, 40))
def test_whatever_a_feed_says_the_view_keeps_to_the_terminal(
    width: int, height: int, headline: str, tag: str, rows: int
) -> None:
    article = ArticleLine(
        at=NOW, language="de", publisher=tag, headline=headline, removed=rows, revision=2, tags=(tag, headline)
    )
    event = EventLine(at=NOW, type="article.created", about=headline, position=1)
    feed = FeedLine(name=tag, next_at=NOW, reason=headline, failing_as=None, busy=False)
    found = Glance(
        counts=Counts(articles=10**9, events_waiting=5),
        articles=(article,) * rows,
        events=(event,) * rows,
        feeds=(feed,) * rows,
    )
    drawn = draw(replace(scene(), glance=found, trouble=headline, notes=(tag,), sampled=True), width, height).plain
    lines = drawn.split("\n")
    assert len(lines) == height
    assert max(cell_len(line) for line in lines) <= width
    assert all(line.isprintable() for line in lines)


def test_a_headline_cannot_command_the_terminal(view_of: Callable[..., View], on_sqlite: Newsroom) -> None:
    article = ArticleLine(
        at=NOW,
        language=None,
        publisher="x",
        headline="\x1b[2J\x1b]0;owned\x07gone\u202e",
        removed=0,
        revision=1,
        tags=(),
    )
    drawn = draw(replace(scene(), glance=Glance(counts=Counts(), articles=(article,))), 80, 24).plain
    assert not {"\x1b", "\x07", "\u202e"} & set(drawn)


def test_the_view_follows_the_store_while_it_runs_and_gives_the_screen_back(
    view_of: Callable[..., View], on_sqlite: Newsroom
) -> None:
    on_sqlite.take_in(0)
    view = view_of(on_sqlite.sessions)
    out = view._console.file
    assert isinstance(out, io.StringIO)
    with view:
        assert "\x1b[?1049h" in out.getvalue()

        def shown() -> bool:
            view.tick()
            return "−7 lines" in out.getvalue()

        wait_until(shown, what="the articles in the view")
    ended = out.getvalue()
    assert ended.index("\x1b[?1049l") < ended.index("wireroom is stopping")
    assert "8 articles, " in ended
    assert "8 events out. Logs: .wireroom/logs" in ended
    view.tick()
    assert out.getvalue() == ended


@pytest.mark.parametrize(
    ("url", "said"), [("sqlite://", "no such table"), ("sqlite:////nowhere/at/all.db", "unable to open database file")]
)
def test_a_database_that_cannot_be_read_is_said_in_words_and_stops_nothing(
    view_of: Callable[..., View], url: str, said: str
) -> None:
    engine = make_engine(url)
    view = view_of(make_sessions(engine))
    out = view._console.file
    assert isinstance(out, io.StringIO)
    with view:

        def shown() -> bool:
            view.tick()
            return said in out.getvalue()

        wait_until(shown, what="the trouble in the view")
    assert "the database does not answer: " in out.getvalue()
    engine.dispose()


def test_a_picture_that_cannot_be_drawn_is_noted_and_stops_nothing(
    view_of: Callable[..., View], on_sqlite: Newsroom
) -> None:
    view = view_of(on_sqlite.sessions)
    broken = True

    def children() -> list[tuple[str, int | None, bool]]:
        if broken:
            raise RuntimeError("no children today")
        return []

    with view:
        view._children = children
        view._drawn = 0.0
        view.tick()
        broken = False
        assert any("no children today" in note for note in view._scene().notes)


def test_warnings_of_the_supervisor_are_shown_in_the_view_and_kept_in_a_file(
    view_of: Callable[..., View], on_sqlite: Newsroom, tmp_path: Path
) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    with view_of(on_sqlite.sessions) as view:
        structlog.wrap_logger(
            logging.getLogger("supervisor"), processors=[structlog.stdlib.render_to_log_kwargs]
        ).warning("child.ended", child="worker")
        logging.getLogger("other").warning("one\ntwo")
        assert [note.split()[0] for note in view._scene().notes] == ["child.ended", "one"]
    assert root.handlers == before
    assert "child.ended" in (tmp_path / ".wireroom" / "logs" / "run.log").read_text()
