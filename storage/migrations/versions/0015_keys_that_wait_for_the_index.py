"""keys that wait for the index

SQLite writes whole pages, and the keys by which copies find each other belong all over their index. They wait in a row
per transaction now until there are enough of them; those that are in the index already stay there.

Revision: 0015
Follows: 0014
"""

from __future__ import annotations

import struct

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_BAND = "INSERT INTO story_band (key, print_id) VALUES (?, ?)"


def upgrade() -> None:
    op.create_table(
        "story_fresh",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("prints", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_fresh")),
    )


def downgrade() -> None:
    connection = op.get_bind()
    for keys, prints in connection.execute(sa.text("SELECT keys, prints FROM story_fresh")).all():
        numbers = (struct.unpack(f"<{len(part) // 8}q", part) for part in (keys, prints))
        if rows := list(zip(*numbers, strict=True)):
            connection.exec_driver_sql(_BAND, rows)
    op.drop_table("story_fresh")
