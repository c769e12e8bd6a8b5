"""the tags of an article together

A row for each tag was half of the rows that a new article wrote, and on Postgres each had its own look at the article
that it belongs to. They are written and read together: now they are one list.

Revision: 0014
Follows: 0013
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.encode import to_json

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_FIELDS = ("kind", "label", "scheme", "code", "confidence", "enricher", "version", "evidence")
_TAG = sa.table(
    "tag", sa.column("article_id", sa.Uuid), sa.column("number"), *(sa.column(name) for name in _FIELDS[:-1]),
    sa.column("evidence", sa.JSON),
)  # fmt: skip
_LISTED = sa.table("article_tags", sa.column("article_id", sa.Uuid), sa.column("tags", sa.JSON))
_ARTICLE = sa.table("article", sa.column("id", sa.Uuid))
# Articles at a time.
_SOME = 500
_HAS_LZ4 = "SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"


def upgrade() -> None:
    connection = op.get_bind()
    op.create_table(
        "article_tags",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_article_tags_article_id_article")),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_article_tags")),
    )
    if connection.dialect.name == "postgresql" and connection.scalar(sa.text(_HAS_LZ4)):
        op.execute("ALTER TABLE article_tags ALTER COLUMN tags SET COMPRESSION lz4")
    statement = "INSERT INTO article_tags (article_id, tags) VALUES (:article_id, :tags)"
    if connection.dialect.name == "postgresql":
        statement = statement.replace(":tags", "CAST(:tags AS json)")
    insert = sa.text(statement).bindparams(sa.bindparam("article_id", type_=sa.Uuid()))
    for ids in _batches(connection, _ARTICLE.c.id):
        query = sa.select(_TAG).where(_TAG.c.article_id.between(ids[0], ids[-1]))
        held = {
            article_id: [_record(row) for row in rows]
            for article_id, rows in groupby(
                connection.execute(query.order_by(_TAG.c.article_id, _TAG.c.number)), lambda row: row.article_id
            )
        }
        connection.execute(insert, [{"article_id": one, "tags": to_json(held.get(one, []))} for one in ids])
    op.drop_table("tag")


def _record(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS}


def _batches(connection: sa.Connection, column: Any) -> Any:
    query = sa.select(column).order_by(column).limit(_SOME)
    ids = list(connection.scalars(query))
    while ids:
        yield ids
        ids = list(connection.scalars(query.where(column > ids[-1])))


def downgrade() -> None:
    connection = op.get_bind()
    op.create_table(
        "tag",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("enricher", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_tag_article_id_article")),
        sa.PrimaryKeyConstraint("article_id", "number", name=op.f("pk_tag")),
        sqlite_with_rowid=False,
    )
    for ids in _batches(connection, _LISTED.c.article_id):
        lists = connection.execute(sa.select(_LISTED).where(_LISTED.c.article_id.in_(ids)))
        rows = [{"article_id": one, "number": n, **tag} for one, tags in lists for n, tag in enumerate(tags)]
        if rows:
            connection.execute(sa.insert(_TAG), rows)
    op.drop_table("article_tags")
