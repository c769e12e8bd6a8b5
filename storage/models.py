"""Every table. One metadata with a naming convention, so that a migration can name what it changes.

Hand-over between processes is always a row with `due_at` (null once done), `attempts` and a `lease_token`: whoever
claims it moves `due_at` to the end of his lease, so a worker that died gives the row back by doing nothing.
"""

# No `from __future__ import annotations` here: SQLModel reads the annotations at class creation.
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Enum, Index, Integer, LargeBinary, MetaData, Text, text
from sqlmodel import Field, SQLModel

from storage.records import Cause, FetchOutcome

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

# SQLite makes a rowid alias, and so a cheap key, of INTEGER only.
BigId = BigInteger().with_variant(Integer(), "sqlite")
# Ids that were handed out are never handed out again, even after pruning (SQLite reuses them otherwise).
AUTOINCREMENT = {"sqlite_autoincrement": True}


def enum_column(kind: type[StrEnum]) -> Enum:
    """A column that stores the member's value (SQLAlchemy would store its name, and a native type on Postgres)."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda members: [m.value for m in members])


class FeedStatus(StrEnum):
    """Whether a feed is polled; an operator pauses or removes it, only a publisher's lasting 410 makes it gone.

    A removed feed keeps its articles and its URL, so that adding it again goes on where it stopped.
    """

    ACTIVE = "active"
    PAUSED = "paused"
    GONE = "gone"
    REMOVED = "removed"


class ArticleStatus(StrEnum):
    """IPTC pubstatus: may the piece be used?"""

    USABLE = "usable"
    WITHHELD = "withheld"
    CANCELED = "canceled"


class DocumentState(StrEnum):
    """Where a stored document stands on its way into articles."""

    STORED = "stored"
    INGESTED = "ingested"
    QUARANTINED = "quarantined"


class QuarantineState(StrEnum):
    """What became of something that could not be ingested."""

    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"


class PushState(StrEnum):
    """Where a subscription at a hub stands (WebSub): to be asked for, asked for, granted, refused."""

    WANTED = "wanted"
    ASKED = "asked"
    ACTIVE = "active"
    DENIED = "denied"


class PageState(StrEnum):
    """Where an article's page stands: to be fetched, held, or given up (the row says why)."""

    WANTED = "wanted"
    HELD = "held"
    FAILED = "failed"


class RunState(StrEnum):
    """Where a re-ingestion run stands; an interrupted one can be resumed."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"


class Feed(SQLModel, table=True):
    """A feed that is polled, with its schedule and what polling it has taught.

    `next_fetch_at` is the schedule and the lease in one: claiming a feed moves it to the end of the lease.
    `interval` is the operator's floor between polls in seconds. Ingestion writes what documents teach: `seen` (the
    hashes of the items in the newest one, and whose they are, so that the next is read only where it differs),
    `hints` (what the feed says of itself), `rhythm` (how it publishes), `unread` (why the newest could not be read).
    Polling writes `state` (what scheduling remembers) and repeats the failures in columns, for listings; `pull` is the
    feed's share of the budget of requests.
    """

    __tablename__ = "feed"
    __table_args__: ClassVar[Any] = (
        Index(
            "ix_feed_due",
            "next_fetch_at",
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
        AUTOINCREMENT,
    )

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    url: str = Field(sa_type=Text, unique=True)
    title: str | None = Field(default=None, sa_type=Text)
    site_url: str | None = Field(default=None, sa_type=Text)
    publisher: str | None = Field(default=None, sa_type=Text, index=True)
    language: str | None = None
    status: FeedStatus = Field(default=FeedStatus.ACTIVE, sa_type=enum_column(FeedStatus))
    interval: int | None = None
    priority: int = 0
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    created_at: datetime
    next_fetch_at: datetime
    next_fetch_reason: str = Field(default="never fetched", sa_type=Text)
    lease_token: str | None = None
    etag: str | None = Field(default=None, sa_type=Text)
    last_modified: str | None = Field(default=None, sa_type=Text)
    body_sha256: str | None = None
    last_fetched_at: datetime | None = None
    last_success_at: datetime | None = None
    last_changed_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    failing_as: str | None = None
    seen: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    hints: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    rhythm: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    unread: str | None = Field(default=None, sa_type=Text)
    state: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    pull: float = Field(default=1.0, sa_column_kwargs={"server_default": text("1")})


class Fetch(SQLModel, table=True):
    """One attempt at a feed, kept as history; `wire_bytes` as received, `duration_ms` until the body was read."""

    __tablename__ = "fetch"
    __table_args__: ClassVar[Any] = (Index("ix_fetch_feed_id", "feed_id", "id"), AUTOINCREMENT)

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    feed_id: int = Field(sa_type=BigId)
    started_at: datetime
    duration_ms: float
    outcome: FetchOutcome = Field(sa_type=enum_column(FetchOutcome))
    status: int | None = None
    wire_bytes: int = 0
    final_url: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    document_id: int | None = Field(default=None, sa_type=BigId)
    next_fetch_at: datetime
    next_fetch_reason: str = Field(sa_type=Text)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Blob(SQLModel, table=True):
    """Raw bytes under their own hash: zstd-compressed `data`, `size` in bytes before compression."""

    __tablename__ = "blob"

    sha256: str = Field(primary_key=True, max_length=64)
    data: bytes = Field(sa_type=LargeBinary)
    size: int


class Document(SQLModel, table=True):
    """A feed document as fetched, waiting to be ingested (`due_at` set) or done with (`due_at` null)."""

    __tablename__ = "document"
    __table_args__: ClassVar[Any] = (
        Index(
            "ix_document_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_document_feed_id", "feed_id", "id"),
        Index(
            "ix_document_waiting",
            "feed_id",
            "id",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        AUTOINCREMENT,
    )

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    feed_id: int = Field(sa_type=BigId, foreign_key="feed.id")
    sha256: str = Field(max_length=64, index=True)
    url: str = Field(sa_type=Text)
    content_type: str | None = Field(default=None, sa_type=Text)
    cause: Cause = Field(default=Cause.POLL, sa_type=enum_column(Cause))
    fetched_at: datetime
    state: DocumentState = Field(default=DocumentState.STORED, sa_type=enum_column(DocumentState))
    due_at: datetime | None = None
    lease_token: str | None = None
    attempts: int = 0
    priority: int = 0
    ingested_at: datetime | None = None
    traceparent: str | None = Field(default=None, max_length=55)
    outcome: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Article(SQLModel, table=True):
    """Our record of one piece, as its latest revision has it. The body stands in the revision.

    A withdrawn piece is kept as it last was: `status` says so, and `withdrawn_…` when, by whom and why.
    """

    __tablename__ = "article"
    __table_args__: ClassVar[Any] = (
        Index("ix_article_feed_id", "feed_id", "first_seen_at"),
        Index("ix_article_first_seen_at", "first_seen_at"),
        Index("ix_article_document_id", "document_id", "position"),
    )

    id: UUID = Field(primary_key=True)
    feed_id: int = Field(sa_type=BigId, foreign_key="feed.id")
    status: ArticleStatus = Field(default=ArticleStatus.USABLE, sa_type=enum_column(ArticleStatus))
    revision: int
    headline: str = Field(sa_type=Text)
    teaser: str | None = Field(default=None, sa_type=Text)
    url: str | None = Field(default=None, sa_type=Text)
    guid: str | None = Field(default=None, sa_type=Text)
    language: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    first_seen_at: datetime
    revised_at: datetime
    entry_sha256: str
    content_sha256: str
    normalizer: int
    tagger: str
    document_id: int = Field(sa_type=BigId)
    position: int
    words: int = 0
    withdrawn_at: datetime | None = None
    withdrawn_cause: str | None = None
    withdrawn_reason: str | None = Field(default=None, sa_type=Text)


class Revision(SQLModel, table=True):
    """One immutable version of an article; `content` is the whole cleaned piece with its removals."""

    __tablename__ = "revision"

    article_id: UUID = Field(primary_key=True, foreign_key="article.id")
    number: int = Field(primary_key=True, sa_type=Integer)
    created_at: datetime
    cause: Cause = Field(sa_type=enum_column(Cause))
    entry_sha256: str
    content_sha256: str
    normalizer: int
    document_id: int = Field(sa_type=BigId)
    position: int
    changed: list[str] = Field(default_factory=list, sa_type=JSON)
    content: dict[str, Any] = Field(sa_type=JSON)


class Identity(SQLModel, table=True):
    """A key an article is known by, unique within its feed: the database, not the code, decides what is the same entry.

    A row whose article was purged stays as a tombstone, so that the entry does not come back as new.
    """

    __tablename__ = "identity"
    __table_args__: ClassVar[Any] = {"sqlite_with_rowid": False}

    feed_id: int = Field(primary_key=True, sa_type=BigId)
    kind: str = Field(primary_key=True, max_length=16)
    key: str = Field(primary_key=True, max_length=32)
    article_id: UUID


class ArticleTags(SQLModel, table=True):
    """All tags of an article with their provenance, in their order: a list of `records.Tag` as JSON.

    One row, because they come together and are read together: a row for each was half of what an article wrote.
    """

    __tablename__ = "article_tags"

    article_id: UUID = Field(primary_key=True, foreign_key="article.id")
    tags: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class OutboxEvent(SQLModel, table=True):
    """An event, written with the change it tells of. `position` is its place in the order of all: 1, 2, 3, …

    `body` is the CloudEvent as JSON text; `event_id` is its id and never changes. `traceparent` repeats the event's.
    The body comes last: on SQLite whoever asks for the columns before it reads none of its pages.
    """

    __tablename__ = "outbox"
    __table_args__: ClassVar[Any] = (Index("ix_outbox_created_at", "created_at"),)

    position: int = Field(primary_key=True, sa_type=BigId, sa_column_kwargs={"autoincrement": False})
    event_id: str = Field(unique=True)
    type: str
    feed_id: int | None = Field(default=None, sa_type=BigId)
    subject: str
    created_at: datetime
    traceparent: str | None = Field(default=None, max_length=55)
    body: str = Field(sa_type=Text)


class OutboxEnd(SQLModel, table=True):
    """One row: the last position that was given away. Who takes places holds it until he has committed."""

    __tablename__ = "outbox_end"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int = Field(sa_type=BigInteger)


class StreamEnd(SQLModel, table=True):
    """How far a stream has been filled from the outbox, as the relay has noted it."""

    __tablename__ = "stream_end"

    stream: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    noted_at: datetime


class Reader(SQLModel, table=True):
    """A consumer group of the stream and how far it has acknowledged, kept for the day Redis loses its data."""

    __tablename__ = "reader"

    stream: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    seen_at: datetime


class Quarantined(SQLModel, table=True):
    """An entry (or, with `position` null, a whole document) that could not be ingested: why, and its bytes."""

    __tablename__ = "quarantine"
    __table_args__: ClassVar[Any] = (Index("ix_quarantine_state", "state", "id"), AUTOINCREMENT)

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    feed_id: int = Field(sa_type=BigId, foreign_key="feed.id")
    document_id: int = Field(sa_type=BigId)
    position: int | None = None
    reason: str
    error: str = Field(sa_type=Text)
    raw: bytes = Field(sa_type=LargeBinary)
    raw_sha256: str = Field(max_length=64)
    created_at: datetime
    state: QuarantineState = Field(default=QuarantineState.HELD, sa_type=enum_column(QuarantineState))
    decided_at: datetime | None = None


class SourceLines(SQLModel, table=True):
    """The lines of a source: `lines` maps a line's key to [articles that held it, day of the last one, sample].

    Most lines never come again: `once` maps a day to the keys, with a space between, of those that came on that day
    alone. `rulings` maps a key to [`pinned` or `forbidden`, sample]; `articles` is how many were counted.
    """

    __tablename__ = "source_lines"

    feed_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="feed.id")
    articles: int = 0
    lines: dict[str, list[Any]] = Field(default_factory=dict, sa_type=JSON)
    once: dict[str, str] = Field(default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"})
    rulings: dict[str, list[str]] = Field(default_factory=dict, sa_type=JSON)


class Push(SQLModel, table=True):
    """A feed's subscription at a hub. `token` is the path that the hub calls, `secret` what it signs with.

    `due_at` is when the hub is to be asked (again). A hub is trusted once it has pushed something new, and not while
    `distrusted_until` runs, because a poll found what it should have pushed. `in_header` says that the hub was named
    in an HTTP header, which goes before what the document names.
    """

    __tablename__ = "push"
    __table_args__: ClassVar[Any] = (
        Index("ix_push_due_at", "due_at", sqlite_where=text("due_at IS NOT NULL")),
        Index("ix_push_token", "token", unique=True),
    )

    feed_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="feed.id")
    hub: str = Field(sa_type=Text)
    topic: str = Field(sa_type=Text)
    in_header: bool = False
    token: str = Field(max_length=64)
    secret: str = Field(max_length=64)
    state: PushState = Field(default=PushState.WANTED, sa_type=enum_column(PushState))
    due_at: datetime | None = None
    attempts: int = 0
    error: str | None = Field(default=None, sa_type=Text)
    lease_until: datetime | None = None
    pushed_at: datetime | None = None
    pushes: int = 0
    misses: int = 0
    distrusted_until: datetime | None = None


class Parting(SQLModel, table=True):
    """A subscription that is to end: the hub is asked at `due_at`, and confirms at the path that it knew us by."""

    __tablename__ = "parting"
    __table_args__: ClassVar[Any] = (Index("ix_parting_due_at", "due_at"),)

    token: str = Field(primary_key=True, max_length=64)
    feed_id: int = Field(sa_type=BigId, foreign_key="feed.id")
    hub: str = Field(sa_type=Text)
    topic: str = Field(sa_type=Text)
    due_at: datetime
    attempts: int = 0


class Page(SQLModel, table=True):
    """The page of an article, kept for a feed whose entries are teasers; `key` is the hash of its URL as given.

    `entry_sha256` is the entry for which it was asked, `document_id` the document that asked (and waits while it is
    `wanted`). `sha256` names the page's bytes, `article` is the text found on them (zstd-compressed HTML), `extractor`
    the version that found it. `due_at` is when it is to be fetched (again).
    """

    __tablename__ = "page"
    __table_args__: ClassVar[Any] = (
        Index(
            "ix_page_due_at",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_page_document_id", "document_id"),
        Index("ix_page_sha256", "sha256"),
    )

    feed_id: int = Field(primary_key=True, sa_type=BigId, foreign_key="feed.id")
    key: str = Field(primary_key=True, max_length=32)
    url: str = Field(sa_type=Text)
    entry_sha256: str = Field(max_length=64)
    document_id: int = Field(sa_type=BigId)
    state: PageState = Field(default=PageState.WANTED, sa_type=enum_column(PageState))
    due_at: datetime | None = None
    lease_token: str | None = None
    attempts: int = 0
    error: str | None = Field(default=None, sa_type=Text)
    fetched_at: datetime | None = None
    content_type: str | None = Field(default=None, sa_type=Text)
    sha256: str | None = Field(default=None, max_length=64)
    article: bytes | None = Field(default=None, sa_type=LargeBinary)
    extractor: str | None = None


class Lease(SQLModel, table=True):
    """A job that one process at a time may do; `token` grows with every change of holder and fences the former one."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    token: int = Field(sa_type=BigInteger)
    until: datetime


class ReingestRun(SQLModel, table=True):
    """A re-ingestion: what was selected, how far it came; `cursor` is the last document done."""

    __tablename__ = "reingest_run"
    __table_args__: ClassVar[Any] = AUTOINCREMENT

    id: int = Field(default=None, primary_key=True, sa_type=BigId)
    state: RunState = Field(default=RunState.RUNNING, sa_type=enum_column(RunState))
    selection: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    started_at: datetime
    finished_at: datetime | None = None
    total: int = 0
    done: int = 0
    changed: int = 0
    failed: int = 0
    cursor: int = Field(default=0, sa_type=BigInteger)
