"""What a migration moves is there afterwards, and again after it was undone, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from storage import feeds, migrate, source_lines
from storage.db import make_engine, make_sessions
from storage.models import metadata

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
    assert "ix_tag_kind_label" not in indexes(engine, "tag")
    with sessions.begin() as session:
        row = source_lines.load(session, feed.id)
        assert source_lines.seen(row, ["often", "once", "never"]) == {"often": 2, "once": 1, "never": 0}
        source_lines.count(row, [{"once": "Ein Satz"}], NOW)
        assert source_lines.seen(row, ["often", "once"]) == {"often": 2, "once": 2}


def test_postgres_packs_long_values_with_lz4_where_it_can(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    columns = text(
        "SELECT attcompression, attstorage FROM pg_attribute WHERE attrelid = CAST(:t AS regclass) AND attname = :c"
    )
    with engine.connect() as connection:
        can = connection.scalar(
            text("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        )
        body = connection.execute(columns, {"t": "outbox", "c": "body"}).one()
        data = connection.execute(columns, {"t": "blob", "c": "data"}).one()
    engine.dispose()
    assert tuple(body) == ("l" if can else "", "x")
    assert data.attstorage == "e"
