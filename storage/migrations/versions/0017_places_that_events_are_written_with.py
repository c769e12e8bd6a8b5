"""places that events are written with

An event's row was written without its place and written once more with it, body and all. It is written once now: the
place is its key, and `outbox_end` counts. Events that had none get theirs here, in the order they were recorded in.
`stream_end` says how far the relay is, which a missing place said before.

On SQLite the table is written anew, which takes as much room as its events until the migration is done.

Workers of the release before, which may run on for a while, write rows without a place. SQLite numbers them by itself,
and whoever takes places there looks at the last row, too; on Postgres the default takes the next place.

Revision: 0017
Follows: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEXT = (
    "CREATE FUNCTION outbox_next() RETURNS bigint LANGUAGE sql AS"
    " 'UPDATE outbox_end SET position = position + 1 RETURNING position'"
)
_PLACE_THE_REST = (
    "UPDATE outbox SET position = numbered.place FROM ("
    "SELECT id, (SELECT coalesce(max(position), 0) FROM outbox) + row_number() OVER (ORDER BY id) AS place"
    " FROM outbox WHERE position IS NULL"
    ") AS numbered WHERE outbox.id = numbered.id"
)


def upgrade() -> None:
    op.create_table(
        "outbox_end",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_end")),
    )
    op.create_table(
        "stream_end",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_stream_end")),
    )
    op.execute(_PLACE_THE_REST)
    op.execute("INSERT INTO outbox_end (id, position) SELECT 1, coalesce(max(position), 0) FROM outbox")
    if op.get_bind().dialect.name == "sqlite":
        _write_anew(
            sa.Column("position", _BIG, autoincrement=False, nullable=False),
            *_columns(),
            sa.Column("body", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
        )
        return
    op.drop_index("ix_outbox_unstamped", table_name="outbox")
    op.drop_constraint("uq_outbox_position", "outbox")
    op.drop_constraint("pk_outbox", "outbox")
    op.drop_column("outbox", "id")
    op.create_primary_key("pk_outbox", "outbox", ["position"])
    op.execute(_NEXT)
    op.execute("ALTER TABLE outbox ALTER COLUMN position SET DEFAULT outbox_next()")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE outbox ALTER COLUMN position DROP DEFAULT")
        op.execute("DROP FUNCTION outbox_next()")
    op.drop_table("stream_end")
    op.drop_table("outbox_end")
    unstamped = sa.text("position IS NULL")
    if op.get_bind().dialect.name == "sqlite":
        _write_anew(
            sa.Column("id", _BIG, nullable=False),
            *_columns(),
            sa.Column("body", sa.Text(), nullable=False),
            sa.Column("position", sa.BigInteger(), nullable=True),
            sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
            sa.UniqueConstraint("position", name=op.f("uq_outbox_position")),
            numbered="id, ",
        )
    else:
        op.drop_constraint("pk_outbox", "outbox")
        op.alter_column("outbox", "position", nullable=True)
        op.execute("ALTER TABLE outbox ADD COLUMN id BIGSERIAL NOT NULL")
        # A serial numbers the rows as they lie in the table.
        op.execute("UPDATE outbox SET id = position")
        op.execute("SELECT setval(pg_get_serial_sequence('outbox', 'id'), greatest(max(id), 1)) FROM outbox")
        op.create_primary_key("pk_outbox", "outbox", ["id"])
        op.create_unique_constraint("uq_outbox_position", "outbox", ["position"])
    op.create_index("ix_outbox_unstamped", "outbox", ["id"], sqlite_where=unstamped, postgresql_where=unstamped)


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("feed_id", _BIG, nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("traceparent", sa.String(length=55), nullable=True),
    ]


def _write_anew(*shape: sa.Column[object] | sa.Constraint, numbered: str = "") -> None:
    """Copy the outbox of SQLite into a table of another shape, in order; `numbered` gets the positions, too."""
    op.rename_table("outbox", "outbox_before")
    op.create_table(
        "outbox",
        *shape,
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
        sqlite_autoincrement=bool(numbered),
    )
    kept = "position, event_id, type, feed_id, subject, created_at, traceparent, body"
    also = "position, " if numbered else ""
    op.execute(f"INSERT INTO outbox ({numbered}{kept}) SELECT {also}{kept} FROM outbox_before ORDER BY position")  # noqa: S608  # names of this file
    op.drop_table("outbox_before")
    op.create_index("ix_outbox_created_at", "outbox", ["created_at"])
