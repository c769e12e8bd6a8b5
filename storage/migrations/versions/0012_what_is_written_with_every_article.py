"""what is written with every article

Two indexes that no query goes by had an entry for each tag and event. Lines that came once stand apart, as keys alone.

Revision: 0012
Follows: 0011
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ROWS = sa.table("source_lines", sa.column("feed_id"), sa.column("lines", sa.JSON), sa.column("once", sa.JSON))
# Rows at a time: a row is some 60 kB in the old form.
_SOME = 200


def upgrade() -> None:
    op.drop_index("ix_tag_kind_label", table_name="tag")
    op.drop_index("ix_outbox_subject", table_name="outbox")
    # What stands in `lines` with a count of one is moved when the row is next written.
    op.add_column("source_lines", sa.Column("once", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    connection, last = op.get_bind(), -1
    query = sa.select(_ROWS).order_by(_ROWS.c.feed_id).limit(_SOME)
    while rows := connection.execute(query.where(_ROWS.c.feed_id > last)).all():
        for row in rows:
            last = row.feed_id
            whole = _together(row.lines, row.once)
            connection.execute(sa.update(_ROWS).where(_ROWS.c.feed_id == last).values(lines=whole))
    op.drop_column("source_lines", "once")
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.create_index("ix_tag_kind_label", "tag", ["kind", "label"])


def _together(lines: dict[str, list[Any]], once: dict[str, str]) -> dict[str, list[Any]]:
    return lines | {key: [1, int(day), ""] for day, keys in once.items() for key in keys.split()}
