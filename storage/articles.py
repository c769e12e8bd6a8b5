"""Articles, their revisions, identities and tags. Session first, never a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, Text, Uuid, and_, bindparam, cast, delete, func, or_, select, text, update
from sqlmodel import Session, col

from storage import bulk
from storage.db import is_sqlite
from storage.encode import to_json
from storage.errors import Ambiguous, Raced, UnknownArticle
from storage.models import Article, ArticleStatus, ArticleTags, Feed, Identity, Revision, metadata
from storage.records import HeldArticle, Tag

Key = tuple[str, str]
# Bound parameters per statement: SQLite allows 32,766, and a plan over more values gains nothing.
CHUNK = 400


def known_by(session: Session, feed_id: int, keys: Iterable[Key]) -> dict[Key, UUID]:
    """Which of these (kind, key) identities the feed already has, and whose they are."""
    return known_by_feed(session, {feed_id: keys}).get(feed_id, {})


def known_by_feed(session: Session, keys: Mapping[int, Iterable[Key]]) -> dict[int, dict[Key, UUID]]:
    """Which of these (kind, key) identities each feed already has, and whose they are; without feeds that have none."""
    wanted: dict[int, dict[str, list[str]]] = {}
    for feed_id, own in keys.items():
        for kind, key in own:
            wanted.setdefault(feed_id, {}).setdefault(kind, []).append(key)
    found: dict[int, dict[Key, UUID]] = {}
    if wanted:
        given = to_json({str(feed_id): kinds for feed_id, kinds in wanted.items()})
        rows = session.connection().execute(_KNOWN_SQLITE if is_sqlite(session) else _KNOWN, {"wanted": given})
        for feed_id, kind, key, article_id in rows:
            found.setdefault(feed_id, {})[kind, key] = article_id
    return found


# Statements of every document are made once: to put one together costs more than to run it. The keys come as one value,
# so that it is the same statement for any number of them, and one look into the index for each.
_KNOWN_SQLITE, _KNOWN = (
    text(query).columns(feed_id=BigInteger, kind=Text, key=Text, article_id=Uuid)
    for query in (
        "SELECT held.feed_id, held.kind, held.key, held.article_id FROM json_each(:wanted) AS feeds"
        " CROSS JOIN json_each(feeds.value) AS kinds CROSS JOIN json_each(kinds.value) AS wanted"
        " CROSS JOIN identity AS held"
        " ON held.feed_id = CAST(feeds.key AS INTEGER) AND held.kind = kinds.key AND held.key = wanted.value",
        "SELECT held.feed_id, held.kind, held.key, held.article_id FROM json_each(CAST(:wanted AS json)) AS feeds"
        " CROSS JOIN LATERAL json_each(feeds.value) AS kinds"
        " CROSS JOIN LATERAL json_array_elements_text(kinds.value) AS wanted(key)"
        " CROSS JOIN LATERAL (SELECT * FROM identity AS one WHERE one.feed_id = CAST(feeds.key AS bigint)"
        " AND one.kind = kinds.key AND one.key = wanted.key OFFSET 0) AS held",
    )
)


def held(session: Session, ids: Iterable[UUID]) -> dict[UUID, HeldArticle]:
    """What deciding needs of these articles; a purged one (its identities are tombstones) is missing."""
    wanted = list(ids)
    found: dict[UUID, HeldArticle] = {}
    columns = (
        col(Article.id),
        col(Article.revision),
        col(Article.entry_sha256),
        col(Article.content_sha256),
        col(Article.normalizer),
        col(Article.tagger),
        col(Article.updated_at),
        col(Article.status),
        col(Article.document_id),
        col(Article.first_seen_at),
        col(Article.revised_at),
        col(Article.withdrawn_at),
        col(Article.withdrawn_cause),
    )
    for start in range(0, len(wanted), CHUNK):
        for row in session.execute(select(*columns).where(col(Article.id).in_(wanted[start : start + CHUNK]))):
            found[row.id] = HeldArticle(**row._asdict())
    return found


def fingerprints(session: Session, ids: Collection[UUID]) -> dict[UUID, set[str]]:
    """The fingerprints of every entry that these articles were made from; a purged one is missing."""
    wanted = list(ids)
    found: dict[UUID, set[str]] = {}
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        for one, column in ((Article.id, Article.entry_sha256), (Revision.article_id, Revision.entry_sha256)):
            for article_id, name in session.execute(select(col(one), col(column)).where(col(one).in_(some))):
                found.setdefault(article_id, set()).add(name)
    return found


def wordings(session: Session, ids: Collection[UUID]) -> dict[UUID, set[str]]:
    """The fingerprints of what was told of these articles in any version."""
    found: dict[UUID, set[str]] = {article_id: set() for article_id in ids}
    query = select(col(Revision.article_id), col(Revision.content_sha256)).where(col(Revision.article_id).in_(found))
    for article_id, name in session.execute(query):
        found[article_id].add(name)
    return found


def contents(session: Session, versions: Mapping[UUID, int]) -> dict[UUID, dict[str, Any]]:
    """The stored content of these revisions (article id → number)."""
    wanted = list(versions)
    found: dict[UUID, dict[str, Any]] = {}
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        given = {"ids": some, "numbers": list({versions[one] for one in some})}
        rows = session.connection().execute(_CONTENTS, given)
        found |= {article_id: content for article_id, number, content in rows if number == versions[article_id]}
    return found


# Two lists and not one of pairs: SQLite reads the whole table for pairs.
_CONTENTS = select(col(Revision.article_id), col(Revision.number), col(Revision.content)).where(
    col(Revision.article_id).in_(bindparam("ids", expanding=True)),
    col(Revision.number).in_(bindparam("numbers", expanding=True)),
)


def headlines(
    session: Session,
    feed_id: int,
    *,
    only: Collection[UUID] | None = None,
    without: Collection[UUID] = (),
    limit: int = 500,
) -> dict[UUID, tuple[str, datetime | None, int]]:
    """Headline, time of publication and revision of `only` these articles of a feed, else of its newest ones.

    The newest are `limit` besides those that are left out as `without`.
    """
    connection = session.connection()
    if only is not None:
        rows = connection.execute(_HEADLINES_OF, {"feed": feed_id, "ids": list(only)})
    else:
        rows = connection.execute(_NEWEST_HEADLINES, {"feed": feed_id, "most": limit + len(without)})
    return {name: (headline, at, revision) for name, headline, at, revision in rows if name not in without}


_HEADLINES = select(col(Article.id), col(Article.headline), col(Article.published_at), col(Article.revision)).where(
    col(Article.feed_id) == bindparam("feed")
)
_HEADLINES_OF = _HEADLINES.where(col(Article.id).in_(bindparam("ids", expanding=True)))
_NEWEST_HEADLINES = _HEADLINES.order_by(col(Article.first_seen_at).desc()).limit(bindparam("most"))


def tags_of(session: Session, ids: Iterable[UUID]) -> dict[UUID, tuple[Tag, ...]]:
    """The tags of these articles in their order."""
    found: dict[UUID, tuple[Tag, ...]] = dict.fromkeys(ids, ())
    wanted = list(found)
    columns = (col(ArticleTags.article_id), col(ArticleTags.tags))
    for start in range(0, len(wanted), CHUNK):
        query = select(*columns).where(columns[0].in_(wanted[start : start + CHUNK]))
        for article_id, tags in session.execute(query):
            found[article_id] = tuple(Tag(**tag | {"evidence": tuple(tag["evidence"])}) for tag in tags)
    return found


@dataclass(kw_only=True)
class Writes:
    """Everything a transaction changes, as rows, so that it is a handful of statements."""

    articles: list[dict[str, Any]]
    updates: list[dict[str, Any]]
    revisions: list[dict[str, Any]]
    identities: list[dict[str, Any]]
    aliases: list[dict[str, Any]]
    tags: list[dict[str, Any]]
    retagged: list[UUID]


_ARTICLES, _REVISIONS, _IDENTITIES, _TAGS = (
    metadata.tables[model.__tablename__] for model in (Article, Revision, Identity, ArticleTags)
)


def no_writes() -> Writes:
    """An empty set of rows to fill."""
    return Writes(articles=[], updates=[], revisions=[], identities=[], aliases=[], tags=[], retagged=[])


_UPDATE = (
    update(Article)
    .where(col(Article.id) == bindparam("b_id"), col(Article.revision) == bindparam("b_was"))
    .values({name: bindparam(f"b_{name}") for name in (
        "revision", "headline", "teaser", "url", "language", "published_at", "updated_at", "revised_at",
        "entry_sha256", "content_sha256", "normalizer", "tagger", "document_id", "position", "words", "status",
    )} | {"withdrawn_at": None, "withdrawn_cause": None, "withdrawn_reason": None})
)  # fmt: skip


def write(session: Session, writes: Writes) -> None:
    """Write rows; raises Raced when another worker identified or revised one of the articles meanwhile.

    `identities` are the keys that a new article stands or falls with; `aliases` are further keys, left to whoever
    had them first.
    """
    if bulk.insert(session, _IDENTITIES, writes.identities, ignore=True) != len(writes.identities):
        raise Raced("an entry of this document was identified by another worker meanwhile")
    bulk.insert(session, _IDENTITIES, writes.aliases, ignore=True)
    bulk.insert(session, _ARTICLES, writes.articles)
    connection = session.connection()
    for row in writes.updates:
        bound = {f"b_{name}": value for name, value in row.items()}
        if connection.execute(_UPDATE, bound).rowcount != 1:
            raise Raced(f"article {row['id']} was revised by another worker meanwhile")
    bulk.insert(session, _REVISIONS, writes.revisions)
    if writes.retagged:
        connection.execute(delete(ArticleTags).where(col(ArticleTags.article_id).in_(writes.retagged)))
    bulk.insert(session, _TAGS, writes.tags)


def past(
    session: Session, *, before: datetime, after: tuple[datetime, UUID] | None = None, limit: int = 500
) -> list[tuple[UUID, int, datetime]]:
    """Articles that last changed before that moment, as (id, feed, first seen), the oldest first; `after` goes on."""
    seen, name = col(Article.first_seen_at), col(Article.id)
    query = select(name, col(Article.feed_id), seen).where(seen < before, col(Article.revised_at) < before)
    if after is not None:
        query = query.where(or_(seen > after[0], and_(seen == after[0], name > after[1])))
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(seen, name).limit(limit))]


def purge(session: Session, ids: Collection[UUID]) -> None:
    """Forget articles with their revisions and tags. Their identities stay as tombstones: none comes back as new."""
    wanted, connection = list(ids), session.connection()
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        for model, column in (
            (ArticleTags, ArticleTags.article_id),
            (Revision, Revision.article_id),
            (Article, Article.id),
        ):
            connection.execute(delete(model).where(col(column).in_(some)))


def withdraw(session: Session, article_id: UUID, revision: int, **said: Any) -> None:
    """Mark an article as withdrawn as it stands; raises Raced when another worker revised or withdrew it meanwhile."""
    marked = session.connection().execute(
        update(Article)
        .where(
            col(Article.id) == article_id,
            col(Article.revision) == revision,
            col(Article.status) == ArticleStatus.USABLE,
        )
        .values(status=ArticleStatus.CANCELED, **said)
    )
    if marked.rowcount != 1:
        raise Raced(f"article {article_id} was revised or withdrawn by another process meanwhile")


def find(session: Session, reference: str, *, keys: Sequence[Key] = ()) -> Article:
    """The article with this id, or the only one whose id begins so, or known by one of `keys` in any feed.

    Raises UnknownArticle or Ambiguous.
    """
    try:
        article = session.get(Article, UUID(reference))
    except ValueError:
        article = None
    if article is None:
        article = _by_keys(session, keys) or _by_part(session, reference)
    if article is None:
        raise UnknownArticle(f"no article {reference!r}: `wireroom articles list` shows ids")
    return article


def _by_keys(session: Session, keys: Sequence[Key]) -> Article | None:
    for kind, key in keys:
        known = select(col(Identity.article_id)).where(col(Identity.kind) == kind, col(Identity.key) == key)
        query = select(Article).where(col(Article.id).in_(known.scalar_subquery()))
        article = session.scalars(query.order_by(col(Article.first_seen_at)).limit(1)).first()
        if article is not None:
            return article
    return None


def _by_part(session: Session, reference: str) -> Article | None:
    part = reference.replace("-", "").lower()
    if not 6 <= len(part) <= 32 or not all(c in "0123456789abcdef" for c in part):
        return None
    first, last = UUID(part.ljust(32, "0")), UUID(part.ljust(32, "f"))
    rows = session.scalars(select(Article).where(col(Article.id).between(first, last)).limit(2)).all()
    if len(rows) > 1:
        raise Ambiguous(f"several articles answer to {reference!r}: give more of the id")
    return rows[0] if rows else None


def revisions(session: Session, article_id: UUID) -> Sequence[Revision]:
    """Every version of an article, the first one first."""
    query = select(Revision).where(col(Revision.article_id) == article_id).order_by(col(Revision.number))
    return session.scalars(query).all()


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which articles are meant: every condition given must hold; times are of first sight, `until` excluded."""

    article_ids: tuple[UUID, ...] = ()
    feed_id: int | None = None
    publisher: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    normalized_before: int | None = None
    tagged_before: str | None = None
    language: str | None = None
    tag: str | None = None
    words: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked for, and so everything would be meant."""
        return self == Selection()


def select_articles(selection: Selection, *columns: Any) -> Select[Any]:
    """The query for a selection; `columns` default to the whole article."""
    query = select(*(columns or (Article,))).where(*_conditions(selection))
    if selection.publisher is not None:
        query = query.join(Feed, col(Feed.id) == col(Article.feed_id)).where(col(Feed.publisher) == selection.publisher)
    return query


def _named(tag: str) -> Any:
    """Whether a row of tags has one with this label or code, in whatever case.

    The text of the JSON says it: a quotation mark within a value is escaped there, so that `"label":"…"` can only be
    the field. The databases' lower() may know only ASCII: what is asked for is also looked for as it is written.
    """
    text = cast(col(ArticleTags.tags), Text)
    fields = [f'"{name}":{to_json(tag)}' for name in ("label", "code")]
    spellings = [text.contains(field, autoescape=True) for field in fields]
    return or_(*spellings, *(func.lower(text).contains(field.lower(), autoescape=True) for field in fields))


def _conditions(selection: Selection) -> list[Any]:
    conditions: list[Any] = []
    if selection.article_ids:
        conditions.append(col(Article.id).in_(selection.article_ids))
    if selection.feed_id is not None:
        conditions.append(col(Article.feed_id) == selection.feed_id)
    if selection.since is not None:
        conditions.append(col(Article.first_seen_at) >= selection.since)
    if selection.until is not None:
        conditions.append(col(Article.first_seen_at) < selection.until)
    if selection.normalized_before is not None:
        conditions.append(col(Article.normalizer) < selection.normalized_before)
    if selection.tagged_before is not None:
        conditions.append(col(Article.tagger) != selection.tagged_before)
    if selection.language is not None:
        conditions.append(col(Article.language) == selection.language)
    if selection.tag is not None:
        conditions.append(col(Article.id).in_(select(col(ArticleTags.article_id)).where(_named(selection.tag))))
    if selection.words is not None:
        # SQLite's own lower() and LIKE know only ASCII: the pieces are matched as they are written, or capitalised.
        for word in selection.words.split():
            spellings = {word, word.lower(), word.capitalize()}
            fields = (col(Article.headline), col(Article.teaser))
            conditions.append(or_(*(f.contains(s, autoescape=True) for f in fields for s in spellings)))
    return conditions
