"""what Postgres does not pack

A server that has no lz4 packed events and revisions with pglz, which was two fifths of its CPU for a new article. There
they are kept as they come now, as they are on SQLite: half again the disk for an article, as long as its events are
kept. With lz4 they are still packed. Rows that are there already stay as they are.

Revision: 0016
Follows: 0015
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_LONG = (("outbox", "body"), ("revision", "content"))
_HAS_LZ4 = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql" or op.get_bind().scalar(text(_HAS_LZ4)):
        return
    for table, column in _LONG:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in _LONG:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTENDED")
