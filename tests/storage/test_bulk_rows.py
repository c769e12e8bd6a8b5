"""Rows that go in many at a time come out as the models give them, on SQLite and on Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Column, MetaData, Table, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import col

from storage import bulk, db, feeds
from storage.articles import Selection, select_articles, tags_of
from storage.db import Sessions, make_engine, make_sessions
from storage.models import Article, Identity, Revision, metadata
from storage.records import Cause, Tag

NOW = datetime(2026, 5, 4, 12, 30, 1, 250, tzinfo=UTC)


def article(sessions: Sessions) -> dict[str, object]:
    with sessions.begin() as session:
        feed = feeds.add(session, url=f"https://example.org/{uuid4()}", now=NOW)
        session.flush()
        feed_id = feed.id
    row = {"id": uuid4(), "feed_id": feed_id, "status": "usable", "revision": 1, "headline": "Fähre läuft aus"}
    times = {"published_at": None, "first_seen_at": NOW, "revised_at": NOW.astimezone(timezone(timedelta(hours=2)))}
    marks = {"entry_sha256": "e", "content_sha256": "c", "normalizer": 1, "tagger": "t", "document_id": 1}
    return row | times | marks | {"position": 0, "words": 3}


def test_ids_times_and_nested_values_come_back_as_they_went_in(sessions: Sessions) -> None:
    row = article(sessions)
    content = {"headline": "Fähre läuft aus", "blocks": [{"kind": "quote", "text": "„So“ – \u2028 %s ? :x 😀"}]}
    revision = {"article_id": row["id"], "number": 1, "created_at": NOW, "cause": Cause.POLL, "entry_sha256": "e"}
    revision |= {"content_sha256": "c", "normalizer": 1, "document_id": 1, "position": 0, "changed": []}
    with sessions.begin() as session:
        assert bulk.insert(session, metadata.tables["article"], [row]) == 1
        assert bulk.insert(session, metadata.tables["revision"], [revision | {"content": content}]) == 1
    with sessions() as session:
        held = session.get_one(Article, row["id"])
        assert (held.status.value, held.published_at, held.first_seen_at, held.revised_at) == ("usable", None, NOW, NOW)
        kept = session.get_one(Revision, (row["id"], 1))
        assert (kept.cause, kept.changed, kept.content) == (Cause.POLL, [], content)


def test_more_rows_than_one_statement_takes_all_go_in_in_their_order(sessions: Sessions) -> None:
    row = article(sessions)
    names = ("article_id", "number", "created_at", "cause", "entry_sha256", "content_sha256", "normalizer")
    names += ("document_id", "position", "changed", "content")
    versions = [
        (row["id"], n, NOW, Cause.POLL, "e", "c", 1, 1, n, ("headline", str(n)), {"headline": f"Fassung {n}"})
        for n in range(137)
    ]
    with sessions.begin() as session:
        bulk.insert(session, metadata.tables["article"], [row])
        assert bulk.insert_values(session, metadata.tables["revision"], names, versions) == 137
    with sessions() as session:
        held = session.scalars(select(Revision).order_by(col(Revision.number))).all()
        assert [(one.number, one.changed, one.content) for one in held] == [
            (n, ["headline", str(n)], {"headline": f"Fassung {n}"}) for n in range(137)
        ]


def test_the_tags_of_an_article_come_back_as_they_went_in(sessions: Sessions) -> None:
    row, bare = article(sessions), article(sessions)
    tags = (
        Tag(kind="place", label='Ö "x" % _', code="AT", scheme="iso3166", confidence=0.5, evidence=("a", "b")),
        Tag(kind="topic", label="Sport", code="medtop:15000000", scheme="medtop", enricher="topics", version="1"),
    )
    with sessions.begin() as session:
        bulk.insert(session, metadata.tables["article"], [row, bare])
        bulk.insert(session, metadata.tables["article_tags"], [{"article_id": row["id"], "tags": tags}])
    with sessions() as session:
        assert tags_of(session, [bare["id"], row["id"]]) == {bare["id"]: (), row["id"]: tags}
        for tag, found in (
            ('Ö "x" % _', True), ("sport", True), ("SPORT", True), ("medtop:15000000", True), ("at", True),
            ("spor", False), ("Ö", False), ("a", False), ("topics", False), ('Ö "x" _ %', False),
        ):  # fmt: skip
            chosen = session.scalars(select_articles(Selection(tag=tag), col(Article.id))).all()
            assert chosen == ([row["id"]] if found else []), tag


def test_what_is_held_already_is_left_out_or_refused_as_asked(sessions: Sessions) -> None:
    table = metadata.tables["identity"]
    rows = [{"feed_id": 1, "kind": "guid", "key": key, "article_id": uuid4()} for key in ("a", "b", "c")]
    with sessions.begin() as session:
        assert bulk.insert(session, table, rows[:1], ignore=True) == 1
        assert bulk.insert(session, table, rows, ignore=True) == 2
        assert bulk.insert(session, table, []) == 0
    with pytest.raises(IntegrityError), sessions.begin() as session:
        bulk.insert(session, table, rows)
    with sessions() as session:
        assert len(session.scalars(select(Identity)).all()) == 3


def test_every_kind_of_column_comes_back_as_it_went_in(sessions: Sessions) -> None:
    table = Table(
        "kinds",
        MetaData(),
        *(Column(name, metadata.tables[of].c[name].type) for of, name in (
            ("feed", "id"), ("push", "in_header"), ("blob", "data"), ("feed", "pull"), ("feed", "interval"),
            ("feed", "settings"), ("story_print", "version"), ("feed", "url"), ("feed", "created_at"),
            ("article", "withdrawn_at"), ("story", "merged_into"), ("document", "cause"), ("document", "traceparent"),
        )),
    )  # fmt: skip
    assert {_type(column) for column in table.c} == {_type(one) for of in metadata.tables.values() for one in of.c}
    early, late = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    rows: list[tuple[object, ...]] = [
        (1, True, b"\0\xff\\\t\n", -0.1, -(2**31), {"a": "\t\\ \u0001 ä 😀"}, -(2**15), "\t\\N \n ä 😀", early, late,
         uuid4(), Cause.PUSH, ""),
        (2**62, False, b"", 1e300, None, {}, 2**15 - 1, "", late, None, None, Cause.POLL, None),
    ]  # fmt: skip
    # Long text may come in UTF-8.
    given = [*rows, (3, *rows[0][1:7], b"\xc3\xa4 \x7f", *rows[0][8:])]
    rows = [rows[0], (3, *rows[0][1:7], "ä \x7f", *rows[0][8:]), rows[1]]
    with sessions.begin() as session:
        table.create(session.connection())
        assert bulk.insert_values(session, table, tuple(table.c.keys()), given) == 3
        assert [tuple(row) for row in session.execute(select(table).order_by(table.c.id))] == rows
        table.drop(session.connection())


def _type(column: Column[Any]) -> str:
    return str(column.type.compile(postgresql.dialect()).partition("(")[0])  # type: ignore[no-untyped-call]


def test_a_server_that_goes_away_while_rows_are_copied_is_the_database_s_fault(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    sessions = make_sessions(engine)
    rows = [{"feed_id": 1, "kind": "guid", "key": key, "article_id": uuid4()} for key in ("a", "b")]

    def copy_on_a_killed_connection() -> None:
        with sessions.begin() as session:
            backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:backend, 5000)"), {"backend": backend})
            bulk.insert(session, metadata.tables["identity"], rows)

    with pytest.raises(DBAPIError) as caught:
        copy_on_a_killed_connection()
    assert db.away(caught.value)
    assert caught.value.connection_invalidated
    with sessions.begin() as session:
        assert bulk.insert(session, metadata.tables["identity"], rows) == 2
    engine.dispose()


def test_text_that_the_database_cannot_keep_is_refused_and_leaves_nothing(sessions: Sessions) -> None:
    row = article(sessions)
    good, bad = row | {"headline": "Fähre"}, row | {"id": uuid4(), "headline": "halb \ud83d"}
    with pytest.raises((DBAPIError, UnicodeEncodeError)), sessions.begin() as session:
        bulk.insert(session, metadata.tables["article"], [good, bad])
    with sessions() as session:
        assert session.scalars(select(Article)).all() == []


def test_many_rows_of_which_some_are_held_all_go_in_but_those(sessions: Sessions) -> None:
    table = metadata.tables["identity"]
    rows = [{"feed_id": 1, "kind": "guid", "key": str(n), "article_id": uuid4()} for n in range(3 * bulk.ROWS)]
    first, rest = rows[: 2 * bulk.ROWS], rows[bulk.ROWS :]
    with sessions.begin() as session:
        assert bulk.insert(session, table, first, ignore=True) == len(first)
    # Some are held, and one stands there twice.
    with sessions.begin() as session:
        before = bulk.insert(session, table, [rows[0] | {"key": "before"}])
        assert bulk.insert(session, table, [*rest, rest[-1]], ignore=True) == bulk.ROWS
    with sessions() as session:
        keys = session.scalars(select(Identity.key)).all()
        assert sorted(keys) == sorted([*(str(row["key"]) for row in rows), *["before"] * before])
