"""What a migration moves is there afterwards, and again after it was undone, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, inspect, text

from storage import bulk, feeds, migrate, outbox, source_lines, story_index
from storage.articles import Selection, select_articles, tags_of
from storage.db import make_engine, make_sessions
from storage.ids import new_id
from storage.models import metadata
from storage.records import Event, Tag
from storage.story_index import Print

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


def indexes(engine: Engine, table: str) -> set[str | None]:
    return {index["name"] for index in inspect(engine).get_indexes(table)}


def test_the_newest_schema_is_what_the_models_say(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_lines_that_came_once_go_on_counting_after_a_step_back_and_forth(engine: Engine) -> None:
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        feed = feeds.add(session, url="https://morgenpost.example/feed", now=NOW)
        session.flush()
        row = source_lines.load(session, feed.id)
        source_lines.count(row, [{"often": "Newsletter", "once": "Ein Satz"}, {"often": "Newsletter"}], NOW)
        session.add(row)
    migrate.downgrade(engine, "0011")
    assert "ix_tag_kind_label" in indexes(engine, "tag")
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT lines FROM source_lines")).scalar_one()
    assert "once" in str(kept)
    migrate.upgrade(engine)
    assert "tag" not in inspect(engine).get_table_names()
    with sessions.begin() as session:
        row = source_lines.load(session, feed.id)
        assert source_lines.seen(row, ["often", "once", "never"]) == {"often": 2, "once": 1, "never": 0}
        source_lines.count(row, [{"once": "Ein Satz"}], NOW)
        assert source_lines.seen(row, ["often", "once"]) == {"often": 2, "once": 2}


def test_tags_are_an_articles_own_after_a_step_back_and_forth(engine: Engine) -> None:
    tags = tuple(
        Tag(kind="place", label=f"Ort „{n}“", scheme="iso3166" if n else None, code="AT" if n else None,
            confidence=0.97, enricher="names", version="2", evidence=("in Ort", str(n)))
        for n in range(3)
    )  # fmt: skip
    sessions = make_sessions(engine)
    ids = [new_id() for _ in range(1_203)]  # more than one batch
    articles = [
        {"id": one, "status": "usable", "feed_id": 1, "revision": 1, "headline": "", "first_seen_at": NOW,
         "revised_at": NOW, "entry_sha256": "", "content_sha256": "", "normalizer": 1, "tagger": "", "document_id": 1,
         "position": 0, "words": 0}
        for one in ids
    ]  # fmt: skip
    with sessions.begin() as session:
        feeds.add(session, url="https://morgenpost.example/feed", now=NOW)
        session.flush()
        bulk.insert(session, metadata.tables["article"], articles)
        rows = [{"article_id": one, "tags": tags[: n % 4]} for n, one in enumerate(ids)]
        bulk.insert(session, metadata.tables["article_tags"], rows)
    migrate.downgrade(engine, "0013")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM tag")) == sum(n % 4 for n in range(len(ids)))
    migrate.upgrade(engine)
    with sessions() as session:
        assert tags_of(session, ids) == {one: tags[: n % 4] for n, one in enumerate(ids)}
        of_a_label = select_articles(Selection(tag="ort „2“"), func.count())
        assert session.scalar(of_a_label) == len(ids) // 4


def test_keys_that_wait_for_the_index_are_in_it_after_a_step_back(engine: Engine) -> None:
    sessions = make_sessions(engine)
    prints = [
        Print(article_id=new_id(), version=1, text_key=-1, keys=(7, -5, 1 << 62)),
        Print(article_id=new_id(), version=1, text_key=-2, keys=(7, 3)),
        Print(article_id=new_id(), version=1, text_key=-3, keys=()),
    ]
    with sessions.begin() as session:
        story_index.add(session, prints[:2], now=NOW)
        story_index.add(session, prints[2:], now=NOW)
    asked = [-5, 3, 7, 8, 1 << 62]
    under = {-5: {1}, 3: {2}, 7: {1, 2}, 1 << 62: {1}}
    with sessions() as session:
        assert {key: set(found) for key, found in story_index.sharing(session, asked).items()} == under
    migrate.downgrade(engine, "0014")
    assert "story_fresh" not in inspect(engine).get_table_names()
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT key, print_id FROM story_band ORDER BY key, print_id")).all()
    assert [tuple(row) for row in kept] == [(-5, 1), (3, 2), (7, 1), (7, 2), (1 << 62, 1)]
    migrate.upgrade(engine)
    with sessions() as session:
        assert {key: set(found) for key, found in story_index.sharing(session, asked).items()} == under


def test_events_keep_their_places_and_those_without_one_get_theirs(engine: Engine) -> None:
    columns = "event_id, type, feed_id, subject, body, created_at, position"
    rows = [("b", 2), ("late", None), ("a", 1), ("later", None), ("g", 7)]
    migrate.downgrade(engine, "0016")
    with engine.begin() as connection:
        for name, position in rows:
            connection.execute(
                text(f"INSERT INTO outbox ({columns}) VALUES (:name, 't', 1, 's', '{{}}', :at, :position)"),
                {"name": name, "position": position, "at": f"{NOW:%Y-%m-%d %H:%M:%S.%f}"},
            )
    migrate.upgrade(engine)
    sessions = make_sessions(engine)
    placed = [(1, "a"), (2, "b"), (7, "g"), (8, "late"), (9, "later")]

    def seen() -> list[tuple[int, str]]:
        with sessions() as session:
            return [(one.position, one.id) for one in outbox.read_after(session, 0, limit=10)]

    assert seen() == placed
    with sessions.begin() as session:
        outbox.record(session, [Event(id="new", type="t", subject="s", feed_id=None, time=NOW, body="{}")])
    assert seen() == [*placed, (10, "new")]
    migrate.downgrade(engine, "0016")
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT position, event_id FROM outbox ORDER BY id")).all()
        assert [tuple(row) for row in kept] == [*placed, (10, "new")]
        new = text(f"INSERT INTO outbox ({columns}) VALUES ('newest', 't', 1, 's', '{{}}', :at, NULL) RETURNING id")
        assert connection.execute(new, {"at": f"{NOW:%Y-%m-%d %H:%M:%S.%f}"}).scalar_one() == 11
    migrate.upgrade(engine)
    assert seen() == [*placed, (10, "new"), (11, "newest")]


def test_an_outbox_without_events_begins_with_the_first_place_after_a_step_back_and_forth(engine: Engine) -> None:
    migrate.downgrade(engine, "0016")
    migrate.upgrade(engine)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        outbox.record(session, [Event(id="new", type="t", subject="s", feed_id=None, time=NOW, body="{}")])
        session.flush()
    with sessions() as session:
        assert outbox.position_of(session, "new") == 1


def test_postgres_packs_long_values_with_lz4_or_not_at_all(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    columns = text(
        "SELECT attcompression, attstorage FROM pg_attribute WHERE attrelid = CAST(:t AS regclass) AND attname = :c"
    )

    def kept(table: str, column: str) -> tuple[str, str]:
        with engine.connect() as connection:
            return tuple(connection.execute(columns, {"t": table, "c": column}).one())

    with engine.connect() as connection:
        lz4 = connection.scalar(
            text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        )
    long = (("outbox", "body"), ("revision", "content"))
    assert {kept(*one) for one in long} == {("l", "x") if lz4 else ("", "e")}
    assert kept("blob", "data")[1] == "e"
    migrate.downgrade(engine, "0015")
    assert {kept(*one)[1] for one in long} == {"x"}
    engine.dispose()
