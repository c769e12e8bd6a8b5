"""The frozen values that the pure stages speak in: what a document, an entry, an article is before any table knows it.

Nothing here imports SQL, a clock or a socket. Every `datetime` is aware; a naive one is refused where it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from storage.frozen import record


class NaiveDatetimeError(ValueError):
    """A datetime without a zone reached a record; attach the zone where the text was read."""


def aware(name: str, moment: datetime | None) -> datetime | None:
    """Return `moment` unchanged, or raise `NaiveDatetimeError` naming the field when it carries no zone."""
    if moment is not None and moment.tzinfo is None:
        raise NaiveDatetimeError(f"{name}={moment.isoformat()} has no time zone")
    return moment


# --- entry: one item as parsed from a document -------------------------------------------------------------------


@record(frozen=True, kw_only=True, slots=True)
class Markup:
    """Text as the feed gave it, with what it is: `html` still has its tags, `text` has none to interpret."""

    value: str
    kind: Literal["html", "text"] = "html"


@record(frozen=True, kw_only=True, slots=True)
class Category:
    """A category as the feed names it (RSS `category@domain`, Atom `category@scheme`/`@label`)."""

    term: str
    scheme: str | None = None
    label: str | None = None


@record(frozen=True, kw_only=True, slots=True)
class Media:
    """An enclosure or media:content; `url` is absolute, `size` in bytes as claimed."""

    url: str
    type: str | None = None
    size: int | None = None
    title: str | None = None
    credit: str | None = None


@record(frozen=True, kw_only=True, slots=True)
class Entry:
    """One item of a feed document, decoded but not yet judged.

    `guid` is verbatim (never resolved against a base). `url` is absolute. `sha256` (hex) covers every field that
    ingestion reads and neither `position` nor the feed's address, so an entry that only moved is the same entry.
    `raw_sha256` (hex) covers the bytes of the item as they stood in the document and what the document says for all its
    items; hand it back as `seen` and the same bytes are not parsed again. Empty where the format has no such bytes.
    """

    position: int
    guid: str | None
    url: str | None
    headline: str
    teaser: Markup | None = None
    content: Markup | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[Category, ...] = ()
    media: tuple[Media, ...] = ()
    language: str | None = None
    published_raw: str | None = None
    published_at: datetime | None = None
    updated_raw: str | None = None
    updated_at: datetime | None = None
    sha256: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    raw_sha256: str = ""

    def __post_init__(self) -> None:
        aware("published_at", self.published_at)
        aware("updated_at", self.updated_at)


@record(frozen=True, kw_only=True, slots=True)
class BadEntry:
    """An entry that could not be read: why, and its bytes, for the quarantine; `raw_sha256` as on `Entry`."""

    position: int
    reason: str
    error: str
    raw: bytes
    raw_sha256: str = ""


@record(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """An entry that a feed says it has deleted: its id, when, and why (RFC 6721 `at:deleted-entry`)."""

    guid: str
    deleted_at: datetime | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        aware("deleted_at", self.deleted_at)


@record(frozen=True, kw_only=True, slots=True)
class FeedHints:
    """What a feed says of itself; durations in seconds, hours in UTC (RSS 2.0 ttl/skipHours/skipDays, RSS 1.0 sy:).

    `skip_days` count from Monday = 0. `update_period` is sy:updatePeriod divided by sy:updateFrequency.
    """

    title: str | None = None
    site_url: str | None = None
    language: str | None = None
    format: str | None = None
    ttl: int | None = None
    update_period: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    hubs: tuple[str, ...] = ()
    self_url: str | None = None
    deleted: tuple[Tombstone, ...] = ()


@record(frozen=True, kw_only=True, slots=True)
class ParsedDocument:
    """A document as parsed: what the feed says of itself, its good entries in document order, and its bad ones.

    `skipped` are the `raw_sha256` of items that were known already and so not parsed. `reader` names what read it
    (`xml`, `items`, `feedparser`, `recover`, `json`, `sitemap`); `notes` say what was odd, for the operator.
    """

    hints: FeedHints
    entries: tuple[Entry, ...]
    bad: tuple[BadEntry, ...] = ()
    skipped: tuple[str, ...] = ()
    reader: str = ""
    notes: tuple[str, ...] = ()


# --- article: the clean piece ------------------------------------------------------------------------------------


class BlockKind(StrEnum):
    """What a block of an article is."""

    PARAGRAPH = "paragraph"
    SUBHEAD = "subhead"
    LIST_ITEM = "list_item"
    QUOTE = "quote"
    CAPTION = "caption"
    TABLE_ROW = "table_row"
    VERSE = "verse"
    EMBED = "embed"


# No slots and not by keyword only, as with Tag below.
@record(frozen=True)
class Block:
    """One block of the body, in order; `text` is plain, NFC, without surrounding space."""

    kind: BlockKind
    text: str


@record(frozen=True, kw_only=True, slots=True)
class Source:
    """A source note such as "(vienna.at)": its name and where it stood (index of the block, offset in its text)."""

    name: str
    block: int
    offset: int


@record(frozen=True, kw_only=True, slots=True)
class Removal:
    """A line that was taken out of the article (or only marked, below the threshold), and why.

    `position` counts the lines of the input, headline and teaser fields not among them. `repeats` is the text that
    the line is a copy of, where it is one; `seen` is in how many other articles of the source the line stood, where
    that was the evidence. `confidence` runs from 0 to 1.
    """

    line: str
    rule: str
    reason: str
    position: int
    confidence: float = 1.0
    repeats: str | None = None
    seen: int | None = None
    removed: bool = True


@record(frozen=True, kw_only=True, slots=True)
class CleanArticle:
    """An entry after cleaning: each line once, furniture in its fields, and everything taken out listed."""

    headline: str
    teaser: str | None
    blocks: tuple[Block, ...]
    sources: tuple[Source, ...] = ()
    removals: tuple[Removal, ...] = ()
    byline: str | None = None
    dateline: str | None = None
    credit: str | None = None
    correction: str | None = None
    embargo: str | None = None

    @property
    def text(self) -> str:
        """The body as plain text, one block a paragraph."""
        return "\n\n".join([block.text for block in self.blocks])


class KnownLines(StrEnum):
    """How an operator or the count judges a line of a source."""

    LEARNED = "learned"
    PINNED = "pinned"
    FORBIDDEN = "forbidden"


@record(frozen=True, kw_only=True, slots=True)
class KnownLine:
    """What a source has taught about one line: how many of the `articles` counted held it, and who decided."""

    key: str
    seen: int
    articles: int
    state: KnownLines = KnownLines.LEARNED


# --- stories -----------------------------------------------------------------------------------------------------


class StoryRelation(StrEnum):
    """How a copy relates to the copy it was joined by: read it as "this article … that one"."""

    FIRST = "first"
    IDENTICAL = "identical"
    CUT_OF = "cut_of"
    EXTENDS = "extends"
    EDITED_FROM = "edited_from"
    CORRECTS = "corrects"
    JOINED = "joined"


# --- tags --------------------------------------------------------------------------------------------------------


# No slots: they make orjson ask for each field by name, which takes it five times as long. Not by keyword only: an
# article has fifteen, and keywords double what making one costs.
@record(frozen=True)
class Tag:
    """What an article is about, and who says so.

    `kind` is `category`, `person`, `organisation`, `place`, `topic`, `rule` or an enricher's own word. `scheme` and
    `code` name the vocabulary (`medtop`, `iso3166`, `feed`, …). `evidence` are the words that led to the tag.
    """

    kind: str
    label: str
    scheme: str | None = None
    code: str | None = None
    confidence: float = 1.0
    enricher: str = ""
    version: str = ""
    evidence: tuple[str, ...] = ()


# --- what fetching comes to ---------------------------------------------------------------------------------------


@record(frozen=True, kw_only=True, slots=True)
class Validators:
    """`ETag` and `Last-Modified` byte for byte as received (RFC 9110 §8.8); None where the server sent none.

    `url` is the address whose answer carried them: they are sent to no other. None sends them on every hop.
    """

    etag: str | None = None
    last_modified: str | None = None
    url: str | None = None


@record(frozen=True, kw_only=True, slots=True)
class FetchRequest:
    """One feed to fetch. `secret_headers` and `secret_query` (name and value of a parameter) are sent to the URL's own
    host only and never logged. With a `proxy` that host is resolved there.

    `known_sha256` is the digest of the document we hold (`FetchResult.body_sha256` of its fetch). `audit` asks without
    validators, to learn whether the server tells the truth about them. A `page` is an article's: HTML is what it
    should bring.
    """

    feed_id: int
    url: str
    validators: Validators = Validators()
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_query: tuple[str, str] | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    verify_tls: bool = True
    known_sha256: str | None = None
    audit: bool = False
    page: bool = False


class FetchOutcome(StrEnum):
    """How an attempt ended. Everything from `dns` on is a failure."""

    CHANGED = "changed"
    SAME_BODY = "same_body"
    NOT_MODIFIED = "not_modified"
    DEFERRED = "deferred"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    BAD_ENCODING = "bad_encoding"
    REDIRECTS = "redirects"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    GONE = "gone"
    THROTTLED = "throttled"
    NOT_A_FEED = "not_a_feed"
    EMPTY = "empty"
    PARSE = "parse"
    OTHER = "other"

    @property
    def failed(self) -> bool:
        """Whether the attempt brought neither a document nor the word that there is no new one."""
        return self not in {
            FetchOutcome.CHANGED,
            FetchOutcome.SAME_BODY,
            FetchOutcome.NOT_MODIFIED,
            FetchOutcome.DEFERRED,
        }


@record(frozen=True, kw_only=True, slots=True)
class FetchResult:
    """One attempt as a value: the log line, the history row, the metrics and the next-poll rule all read this.

    `headers` are the answer's, names in lower case, only those that later stages read. `body` is decoded from its
    content-encoding and present on a 200 only. `hops` are the redirects followed, as (status, URL it led to).
    `validators` are what to keep for the next request, whatever the outcome: merged on a 304, as before on a failure.
    `body_sha256` is the digest of a 200's body without its build dates; `audited` says that no validators were sent
    although some are held; `lied` that the server would have answered 304 to them although its document had changed.
    `retry_at` is when a deferred feed's host may be free.
    """

    feed_id: int
    url: str
    final_url: str
    outcome: FetchOutcome
    started_at: datetime
    duration_ms: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    validators: Validators = Validators()
    body: bytes | None = None
    wire_bytes: int = 0
    hops: tuple[tuple[int, str], ...] = ()
    error: str | None = None
    body_sha256: str | None = None
    audited: bool = False
    lied: bool = False
    retry_at: datetime | None = None

    def __post_init__(self) -> None:
        aware("started_at", self.started_at)
        aware("retry_at", self.retry_at)


class Cause(StrEnum):
    """Why something was ingested; carried into every event."""

    POLL = "poll"
    PUSH = "push"
    REINGEST = "reingest"
    OPERATOR = "operator"


# --- what we hold, as the pure stages see it ----------------------------------------------------------------------


@record(frozen=True, kw_only=True, slots=True)
class HeldArticle:
    """The article we already keep, as far as deciding needs it."""

    id: UUID
    revision: int
    entry_sha256: str
    content_sha256: str
    normalizer: int
    tagger: str
    updated_at: datetime | None
    status: str
    document_id: int
    first_seen_at: datetime
    revised_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_cause: str | None = None


@record(frozen=True, kw_only=True, slots=True)
class ArticleView:
    """An article as it goes out: the cleaned piece of one revision with its tags, ids and times.

    `encoded` are parts of it (`tags`, `body`) that are JSON already, for whoever writes it as such.
    """

    id: UUID
    feed_id: int
    feed_url: str
    publisher: str | None
    revision: int
    status: str
    url: str | None
    guid: str | None
    language: str | None
    published_at: datetime | None
    published_raw: str | None
    updated_at: datetime | None
    first_seen_at: datetime
    clean: CleanArticle
    authors: tuple[str, ...] = ()
    media: tuple[Media, ...] = ()
    tags: tuple[Tag, ...] = ()
    normalizer: int = 0
    duplicate_of: UUID | None = None
    story_id: UUID | None = None
    encoded: Mapping[str, Any] = field(default_factory=dict, compare=False)


@record(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened, as it will be told: one CloudEvent, its id fixed by what it is about.

    `body` is the CloudEvent 1.0 in structured JSON, in UTF-8; the rest stands beside it so that nothing need parse it.
    """

    id: str
    type: str
    subject: str
    feed_id: int | None
    time: datetime
    body: bytes
    traceparent: str | None = None

    def __post_init__(self) -> None:
        aware("time", self.time)
