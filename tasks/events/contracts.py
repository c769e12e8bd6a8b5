"""The contract of every event as Pydantic models: the JSON Schemas and the AsyncAPI document are made from them.

A published version never loses a field nor changes one's type; what breaks a reader gets a new version beside it.
Readers must let fields pass that they do not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from storage.records import BlockKind, Cause


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


Id = Annotated[str, Field(description="A UUID in its canonical form.", json_schema_extra={"format": "uuid"})]
Confidence = Annotated[float, Field(ge=0, le=1)]


class FeedRef(_Told):
    """The feed something came from; its URL without credentials."""

    id: int
    url: str


class FeedOfArticle(FeedRef):
    """The feed of an article, and whose feed it is."""

    publisher: str | None


class Tag(_Told):
    """What an article is about, and who says so."""

    kind: str = Field(description="`category`, `person`, `organisation`, `place`, `topic`, `rule` or a plugin's word.")
    label: str
    scheme: str | None = Field(description="The vocabulary of `code`: `medtop`, `iso3166`, `feed`, …")
    code: str | None
    confidence: Confidence
    enricher: str
    version: str
    evidence: list[str] = Field(description="The words that led to the tag.")


class Block(_Told):
    """One block of the body, plain text."""

    kind: BlockKind
    text: str


class Media(_Told):
    """An enclosure: link, MIME type and size in bytes as the feed claims."""

    url: str
    type: str | None
    size: int | None
    title: str | None
    credit: str | None


class ArticleReference(_Told):
    """An article by ids and links, with what a filter asks for."""

    id: Id
    revision: int = Field(ge=1, description="Counts the article's versions; drop what is older than what you have.")
    status: Literal["usable", "withheld", "canceled"] = Field(description="IPTC pubstatus.")
    url: str | None
    guid: str | None
    feed: FeedOfArticle
    language: str | None = Field(description="BCP 47.")
    published_at: AwareDatetime | None
    updated_at: AwareDatetime | None
    first_seen_at: AwareDatetime
    story_id: Id | None
    duplicate_of: Id | None
    normalizer: int = Field(description="The version of the cleaning that made this revision.")
    tags: list[Tag]


class Article(ArticleReference):
    """A cleaned article as it went out: each line once, furniture in its fields."""

    headline: str
    teaser: str | None
    body: list[Block]
    byline: str | None
    dateline: str | None
    credit: str | None
    correction: str | None
    embargo: str | None
    sources: list[str]
    authors: list[str]
    media: list[Media]


class Claim(_Told):
    """Where the whole revision is to be had when the event does not carry it (claim check)."""

    article_id: Id
    revision: int
    href: str = Field(description="Path below the events server.")
    left_out: list[str]
    bytes: int | None = Field(description="How large the whole event would have been.")


class Was(_Told):
    """What a changed field was before; null too when the old value was left out (see `claim`)."""

    was: JsonValue


class _Data(_Told):
    cause: Cause
    backfill: bool = Field(description="True when old pieces are brought in: do not alert readers.")


class _ArticleData(_Data):
    truncated: bool = Field(description="True when the event was too long and parts were left out; see `claim`.")
    claim: Claim | None
    article: Article | ArticleReference


class ArticleCreated(_ArticleData):
    """A piece that was not known before."""


class ArticleRevised(_ArticleData):
    """A new revision of a known piece, with the changed fields and what they were."""

    changed: dict[str, Was]


class ArticleDuplicateOf(_ArticleData):
    """The piece repeats another one, the `original`."""

    original: Id
    relation: str
    similarity: Confidence


class ArticleWithdrawn(_ArticleData):
    """The publisher killed the piece: stop showing it."""

    reason: str | None


class ArticleTagsChanged(_ArticleData):
    """The same revision is tagged otherwise than it was."""

    added: list[Tag]
    removed: list[Tag]


class _StoryData(_Data):
    story_id: Id


class StoryOpened(_StoryData):
    """A story, the cluster of copies and versions of one piece, begins with its first article."""

    article_id: Id


class StoryJoined(_StoryData):
    """An article joins a story."""

    article_id: Id
    revision: int
    relation: str
    similarity: Confidence


class StorySplit(_StoryData):
    """Articles leave a story for another one."""

    article_ids: list[Id]
    into: Id


class _FeedData(_Data):
    feed: FeedRef
    incident: str = Field(description="Names the one happening; `feed.recovered` has that of its `feed.failing`.")


class FeedAdded(_FeedData):
    """A feed is subscribed from now on."""

    title: str | None


class FeedFailing(_FeedData):
    """A feed has failed so long or so often that someone should look."""

    since: AwareDatetime
    failures: int
    outcome: str
    error: str | None


class FeedRecovered(_FeedData):
    """The feed answers again."""

    since: AwareDatetime
    failures: int


class FeedMoved(_FeedData):
    """The publisher moved the feed for good; `feed.url` is the new address."""

    former_url: str


class FeedRekeyed(_FeedData):
    """The feed gave its entries new guids; known articles were recognised all the same."""

    matched: int
    unmatched: int


class FeedGone(_FeedData):
    """The publisher says the feed is gone; it is polled no more."""

    reason: str | None


class FeedPaused(_FeedData):
    """An operator has the feed left alone until it is resumed."""

    reason: str | None = Field(description="Why, where the operator said so.")


class FeedResumed(_FeedData):
    """The feed is polled again, and what was told of its failing is over: it is told anew if it goes on."""

    was: Literal["paused", "failing", "gone"]


class FeedRemoved(_FeedData):
    """The feed is subscribed no more; its articles stay."""

    reason: str | None = Field(description="Why, where no operator wished it.")


class _RunData(_Data):
    run_id: int
    total: int


class ReingestStarted(_RunData):
    """An operator has stored documents ingested again."""

    selection: dict[str, JsonValue]


class ReingestFinished(_RunData):
    """The run is through."""

    done: int
    changed: int
    failed: int


# Every event that is published: (name, version) and the model of its `data`. A line is never taken out.
EVENTS: dict[tuple[str, int], type[_Data]] = {
    ("article.created", 1): ArticleCreated,
    ("article.revised", 1): ArticleRevised,
    ("article.duplicate_of", 1): ArticleDuplicateOf,
    ("article.withdrawn", 1): ArticleWithdrawn,
    ("article.tags_changed", 1): ArticleTagsChanged,
    ("story.opened", 1): StoryOpened,
    ("story.joined", 1): StoryJoined,
    ("story.split", 1): StorySplit,
    ("feed.added", 1): FeedAdded,
    ("feed.failing", 1): FeedFailing,
    ("feed.recovered", 1): FeedRecovered,
    ("feed.moved", 1): FeedMoved,
    ("feed.rekeyed", 1): FeedRekeyed,
    ("feed.gone", 1): FeedGone,
    ("feed.paused", 1): FeedPaused,
    ("feed.resumed", 1): FeedResumed,
    ("feed.removed", 1): FeedRemoved,
    ("reingest.started", 1): ReingestStarted,
    ("reingest.finished", 1): ReingestFinished,
}


def _without_default(schema: JsonDict) -> None:
    """An attribute of a CloudEvent is there or not, and never null."""
    schema.pop("default", None)


class CloudEvent(_Told):
    """CloudEvents 1.0 in structured JSON; `partitionkey` repeats the subject: same key, delivered in order."""

    specversion: Literal["1.0"]
    id: Id
    source: str = Field(description="`/feeds/<id>`, or `/reingest/<id>`.")
    type: str
    subject: str = Field(description="An article's id, `story/<id>`, `feed/<id>` or `reingest/<id>`.")
    time: AwareDatetime
    datacontenttype: Literal["application/json"]
    dataschema: str
    partitionkey: str
    traceparent: str | SkipJsonSchema[None] = Field(
        default=None,
        pattern="^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        description="W3C Trace Context of what led to the event; there only where traces are made.",
        json_schema_extra=_without_default,
    )
    data: dict[str, Any]


def check(event: dict[str, Any]) -> CloudEvent:
    """Hold a decoded event against its contract; raises pydantic's ValidationError, or KeyError for an unknown type."""
    envelope = CloudEvent.model_validate(event)
    name, _, version = envelope.type.removeprefix("wireroom.").rpartition(".v")
    EVENTS[(name, int(version))].model_validate(envelope.data)
    return envelope
