"""How Alembic runs the migrations: all in one transaction, one process at a time, no waiting for ever on a lock."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import Connection, text

from storage import models, story_models, webhook_models
from storage.db import make_engine

# Two containers that start at once must not both migrate; any constant serves as the key.
MIGRATION_LOCK = 0x57495245
# A table is in the metadata once its module is imported.
TABLES = (models, story_models, webhook_models)


def _render(kind: str, thing: object, _context: object) -> str | Literal[False]:
    """Plain names for SQLModel's own types, so that a migration needs no internals of theirs."""
    if kind == "type" and type(thing).__name__ == "AutoString":
        length = getattr(thing, "length", None)
        return f"sa.String(length={length})" if length else "sa.String()"
    return "UTCDateTime()" if kind == "type" and type(thing).__name__ == "UTCDateTime" else False


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.metadata,
        render_item=_render,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,  # SQLite can, once the driver leaves BEGIN to us
        compare_type=False,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    _migrate(connection)
else:
    engine = make_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite:///wireroom.db")
    with engine.connect() as opened:
        _migrate(opened)
    engine.dispose()
