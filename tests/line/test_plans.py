"""What a new article costs must not grow with the store: on SQLite every statement of the line goes by an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from publisher import ALLOW, Publisher
from services import migrated
from sqlalchemy import Engine, event
from wire import Clock, bath, poll_and_ingest, subscribe

from storage import outbox
from storage.db import make_engine, make_sessions
from storage.glance import Glancer
from tasks.fetch import FetchPolicy
from tasks.room import Room

# Tables that grow with every article, poll or event.
GROWING = ("article", "revision", "tag", "identity", "document", "blob", "fetch", "outbox", "story_print", "story_band",
           "story_member", "story")  # fmt: skip
# Read from one end by their key until a limit is reached: SQLite calls that a scan, too.
ENDED = " LIMIT "


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(migrated(f"sqlite:///{tmp_path}/w.db"))
    yield made
    made.dispose()


@contextmanager
def scans(engine: Engine) -> Iterator[list[str]]:
    """Statements, with their plans, that read a growing table from end to end while this lasts."""
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

    event.listen(engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", look)


def test_no_statement_of_the_line_reads_a_growing_table_from_end_to_end(engine: Engine) -> None:
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
        with room.sessions.begin() as session:
            assert outbox.stamp(session, limit=100) > 0
        with room.sessions() as session:
            assert outbox.read_after(session, 0, limit=100)
            shown = Glancer().look(session)
        assert shown.counts.lines_removed > 0
    # The live view also counts all articles, and the longer that takes, the more seldom it does.
    counting = ("SELECT count(*) AS count_1", "SELECT sum(article.revision)")
    assert [one for one in found if not any(count in one for count in counting)] == []


def test_a_statement_that_reads_a_whole_table_would_be_found(engine: Engine) -> None:
    with scans(engine) as found, engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT content FROM revision WHERE (article_id, number) IN (VALUES ('x', 1), ('y', 2))"
        )
    assert len(found) == 1
