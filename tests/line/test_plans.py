"""What a new article costs must not grow with the store: on SQLite every statement of the line goes by an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from publisher import ALLOW, Piece, Publisher
from services import migrated
from sqlalchemy import Engine, event, insert
from wire import Clock, bath, poll_and_ingest, subscribe

from storage import articles, outbox, story_index
from storage.db import make_engine, make_sessions
from storage.glance import Glancer
from storage.ids import new_id
from storage.models import Identity
from storage.story_models import StoryBand
from tasks.fetch import FetchPolicy
from tasks.room import Room

# Tables that grow with every article, poll or event.
GROWING = (
    *("article", "revision", "article_tags", "identity", "document", "blob", "fetch", "outbox"),
    *("story_print", "story_band", "story_member", "story"),
)
# Read from one end by their key until a limit is reached: SQLite calls that a scan, too.
ENDED = " LIMIT "
# A limit does not help there: all rows are read before the first one is known.
SORTED = "USE TEMP B-TREE FOR ORDER BY"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(migrated(f"sqlite:///{tmp_path}/w.db"))
    yield made
    made.dispose()


@contextmanager
def scans(engine: Engine) -> Iterator[list[str]]:
    """Statements, with their plans, that read a growing table from end to end or sort it while this lasts."""
    found: list[str] = []

    def look(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        if executemany or not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            return
        own = cursor.connection.cursor()
        plan = [row[3] for row in own.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()]
        own.close()
        scanned = [line for line in plan if any(line == f"SCAN {table}" or line.startswith(f"SCAN {table} ")
                                                for table in GROWING)]  # fmt: skip
        if scanned and ENDED not in statement.replace("\n", " "):
            found.append(f"{scanned}: {statement}")
        if SORTED in plan and any(f"FROM {table} " in statement.replace("\n", " ") for table in GROWING):
            found.append(f"{plan}: {statement}")

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", look)


def test_no_statement_of_the_line_reads_a_growing_table_from_end_to_end_or_sorts_it(engine: Engine) -> None:
    clock = Clock()
    room = Room(sessions=make_sessions(engine), fetch=FetchPolicy(allow=ALLOW), clock=clock)
    copies = {name: [bath().edited(guid=f"bad-{name}")] for name in ("stadt", "land", "fluss")}
    with Publisher(feeds=copies) as publisher, scans(engine) as found:
        for name in ("stadt", "land"):
            subscribe(room, publisher, name)
        poll_and_ingest(room, clock)  # new, and a copy of it
        publisher.feeds["stadt"] = [bath().edited(guid="bad-stadt", headline="Altenbrück baut sein Hallenbad nun doch")]
        subscribe(room, publisher, "fluss")  # a revision, and a copy found in the store
        _, done = poll_and_ingest(room, clock)
        assert sum(one.outcomes["created"] + one.outcomes["revised"] for one in done) == 2
        publisher.feeds["stadt"] = [Piece(guid=f"neu-{number}", headline=f"Meldung {number}") for number in range(5)]
        poll_and_ingest(room, clock)  # turned over whole
        publisher.feeds["stadt"] = [replace(one, guid=f"{one.guid}-b") for one in publisher.feeds["stadt"]]
        poll_and_ingest(room, clock)  # the same under new keys
        with room.sessions() as session:
            assert outbox.read_after(session, 0, limit=100)
            shown = Glancer(stream="wireroom:events").look(session)
        assert shown.counts.lines_removed > 0
    # The live view also counts all articles, and the longer that takes, the more seldom it does.
    counting = ("SELECT count(*) AS count_1", "SELECT sum(article.revision)")
    assert [one for one in found if not any(count in one for count in counting)] == []


def test_a_statement_that_reads_a_whole_table_would_be_found(engine: Engine) -> None:
    with scans(engine) as found, engine.connect() as connection:
        connection.exec_driver_sql("SELECT content FROM revision WHERE number = 2")
    assert len(found) == 1


def test_a_statement_that_sorts_a_table_to_take_a_few_would_be_found(engine: Engine) -> None:
    newest = "SELECT id FROM article WHERE feed_id = 1 ORDER BY first_seen_at DESC LIMIT 5"
    with scans(engine) as found, engine.begin() as connection:
        connection.exec_driver_sql(newest)
        assert found == []
        connection.exec_driver_sql("DROP INDEX ix_article_feed_id")
        connection.exec_driver_sql("CREATE INDEX by_feed ON article (feed_id)")
        connection.exec_driver_sql(newest)
    assert len(found) == 1


def test_postgres_looks_keys_up_in_their_index_however_many_are_asked_for(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    draw = Random(7)
    held = [draw.getrandbits(62) for _ in range(100_000)]
    with engine.begin() as connection:
        connection.execute(insert(StoryBand), [{"key": key, "print_id": n // 16} for n, key in enumerate(held)])
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _k, query, values, *_: asked.append((query, values)))
    # A message of ten documents: three hundred new texts.
    keys = {key for _ in range(300) for key in (*draw.sample(held, 16), draw.getrandbits(62))}
    with make_sessions(engine)() as session:
        story_index.sharing(session, keys)
        query, values = next(one for one in asked if "story_band" in one[0])
        plan = [row[0] for row in session.connection().exec_driver_sql(f"EXPLAIN {query}", values)]
    engine.dispose()
    assert any("Index" in line for line in plan)
    assert not any("Seq Scan on story_band" in line for line in plan)


def test_postgres_looks_identities_up_in_their_index_and_finds_those_of_that_feed_and_kind(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    rows = [{"feed_id": n % 7, "kind": "guid", "key": f"{n:032x}", "article_id": new_id()} for n in range(20_000)]
    with engine.begin() as connection:
        connection.execute(insert(Identity), rows)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _k, query, values, *_: asked.append((query, values)))
    keys = [("guid", row["key"]) for row in rows[:600]] + [("url", row["key"]) for row in rows[:600]]
    with make_sessions(engine)() as session:
        known = articles.known_by_feed(session, {3: keys, 5: keys[:70], 99: keys})
        query, values = next(one for one in asked if "identity" in one[0])
        plan = [row[0] for row in session.connection().exec_driver_sql(f"EXPLAIN {query}", values)]
    engine.dispose()
    assert known == {
        feed_id: {("guid", row["key"]): row["article_id"] for row in rows[:some] if row["feed_id"] == feed_id}
        for feed_id, some in ((3, 600), (5, 70))
    }
    assert not any("Seq Scan on identity" in line for line in plan)
