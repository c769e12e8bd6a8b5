"""The tables of stories: what makes copies find each other, who belongs to which story, what an operator decided."""

# No `from __future__ import annotations` here: SQLModel reads the annotations at class creation.
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, SmallInteger, Text
from sqlmodel import Field, SQLModel

from storage.models import AUTOINCREMENT, BigId, enum_column
from storage.records import StoryRelation


class Ruling(StrEnum):
    """What an operator decided about two articles, and what stands whatever is computed later."""

    APART = "apart"
    TOGETHER = "together"


class Story(SQLModel, table=True):
    """Copies of one text, two or more. A story that was found to be part of another one is `merged_into` it."""

    __tablename__ = "story"
    __table_args__: ClassVar[Any] = (Index("ix_story_changed_at", "changed_at"),)

    id: UUID = Field(primary_key=True)
    opened_at: datetime
    changed_at: datetime
    merged_into: UUID | None = None


class StoryMember(SQLModel, table=True):
    """An article in its story: how it relates to the article that it was `joined_by`, and why.

    `a_in_b` is the share of its words that stand in that article, `b_in_a` the other way round, `similarity` the
    shared runs among all of both, each from 0 to 1. `facts` are the numbers and names that differ, as pairs.
    `duplicate_of` is set where the text is the same.
    """

    __tablename__ = "story_member"
    __table_args__: ClassVar[Any] = (Index("ix_story_member_story_id", "story_id"),)

    article_id: UUID = Field(primary_key=True)
    story_id: UUID
    joined_at: datetime
    relation: StoryRelation = Field(sa_type=enum_column(StoryRelation))
    joined_by: UUID | None = None
    similarity: float = 1.0
    a_in_b: float = 1.0
    b_in_a: float = 1.0
    reason: str = Field(default="", sa_type=Text)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    duplicate_of: UUID | None = None


class StoryPrint(SQLModel, table=True):
    """A text in the window of comparison. `keys` are those it stands in `story_band` with, packed 8 bytes each.

    `kept_from` is when it or a copy with the same words was last seen: the window is counted from there. `version` is
    of the fingerprint that made the keys.
    """

    __tablename__ = "story_print"
    __table_args__: ClassVar[Any] = (Index("ix_story_print_kept_from", "kept_from"), AUTOINCREMENT)

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    article_id: UUID = Field(unique=True)
    kept_from: datetime
    version: int = Field(sa_type=SmallInteger)
    text_key: int = Field(sa_type=BigInteger)
    keys: bytes = Field(sa_type=LargeBinary)


class StoryBand(SQLModel, table=True):
    """A key of a text: texts that share one are compared."""

    __tablename__ = "story_band"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    key: int = Field(primary_key=True, sa_type=BigInteger)
    print_id: int = Field(primary_key=True, sa_type=BigInteger)


class StoryFresh(SQLModel, table=True):
    """Keys that wait to be put into `story_band` (SQLite only), in their order, and to each the id of its print.

    Both are packed 8 bytes each; `id` is that of the first of the prints.
    """

    __tablename__ = "story_fresh"

    id: int = Field(primary_key=True, sa_type=BigId)
    keys: bytes = Field(sa_type=LargeBinary)
    prints: bytes = Field(sa_type=LargeBinary)


class StoryRuling(SQLModel, table=True):
    """An operator's word on two articles (`article_id` below `other_id`); the latest one counts."""

    __tablename__ = "story_ruling"

    article_id: UUID = Field(primary_key=True)
    other_id: UUID = Field(primary_key=True)
    ruling: Ruling = Field(sa_type=enum_column(Ruling))
    decided_at: datetime
    reason: str = Field(default="", sa_type=Text)
