"""articles that are withdrawn

Revision: 0011
Follows: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("article", sa.Column("withdrawn_at", UTCDateTime(), nullable=True))
    op.add_column("article", sa.Column("withdrawn_cause", AutoString(), nullable=True))
    op.add_column("article", sa.Column("withdrawn_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("article") as batch_op:
        for name in ("withdrawn_reason", "withdrawn_cause", "withdrawn_at"):
            batch_op.drop_column(name)
