"""the pages of articles, for feeds that give teasers only

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "page",
        sa.Column("feed_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("entry_sha256", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "state",
            sa.Enum("wanted", "held", "failed", name="pagestate", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("due_at", UTCDateTime(), nullable=True),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("fetched_at", UTCDateTime(), nullable=True),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("article", sa.LargeBinary(), nullable=True),
        sa.Column("extractor", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"], name=op.f("fk_page_feed_id_feed")),
        sa.PrimaryKeyConstraint("feed_id", "key", name=op.f("pk_page")),
    )
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index("ix_page_due_at", "page", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_page_document_id", "page", ["document_id"])
    op.create_index("ix_page_sha256", "page", ["sha256"])


def downgrade() -> None:
    op.drop_table("page")
