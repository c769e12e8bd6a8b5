"""Who the entries of a document are: their keys, whose those are, and what to make of a feed that changed its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlmodel import Session

from storage import articles
from storage.articles import Key
from storage.models import Feed, SourceLines
from storage.records import Entry, ParsedDocument
from tasks.content import clean_of
from tasks.identify import Match, identify
from tasks.lines import known_lines
from tasks.normalize import clean_headline, normalize
from tasks.normalize.fold import fold
from tasks.rekey import AGAIN, Piece, Rekeyed, judged, recognise, under_new_keys, with_found
from tasks.urls import DocumentKeys, document_keys


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """The keys of a document's entries, and whose those are that the feed knows."""

    keys: DocumentKeys
    known: Mapping[Key, UUID]


def keyed(session: Session, those: Sequence[tuple[Feed, ParsedDocument]]) -> list[Keyed]:
    """The keys of the entries of documents, each with its feed, and whose they are: one look for all of them."""
    keys = [
        document_keys(parsed.entries, degraded=bool(feed.hints.get("degraded")), total=_total(parsed))
        for feed, parsed in those
    ]
    wanted: dict[int, list[Key]] = {}
    for (feed, _), own in zip(those, keys, strict=True):
        wanted.setdefault(feed.id, []).extend([key for one in own for key in one])
    known = articles.known_by_feed(session, wanted)
    return [Keyed(keys=own, known=known.get(feed.id, {})) for (feed, _), own in zip(those, keys, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Who each entry is, and whether the document's guids mean nothing. `rekeyed` says that its keys are new."""

    matches: list[Match | None]
    degraded: bool
    rekeyed: Rekeyed | None = None


def identified(
    session: Session, feed: Feed, parsed: ParsedDocument, own: Keyed, lines: SourceLines | None, now: datetime
) -> Identified:
    """Who each entry is. Where `lines` are given, a feed that gave its entries new keys is noticed.

    A second change within a month says that its guids mean nothing: from then on they are not used, as where a
    document's guids are all the same.
    """
    total = _total(parsed)
    degraded = bool(feed.hints.get("degraded"))
    keys, known = own.keys, own.known
    matches = identify(keys, known)
    if lines is None:
        return Identified(matches=matches, degraded=keys.degraded)
    rekeyed = None
    if keys.degraded and not degraded:
        rekeyed = judged(range(len(matches)), matches, {})
    # A source that has taught nothing yet has nothing that could have had other keys before.
    if lines.articles and (fresh := under_new_keys(keys, matches, known, total)):
        found = _recognised(session, feed, parsed, matches, fresh, lines)
        if (rekeyed := judged(fresh, matches, found)) is not None:
            last = feed.hints.get("rekeyed")
            again = last is not None and now - datetime.fromisoformat(last) < AGAIN
            if again and not keys.degraded:
                keys = document_keys(parsed.entries, degraded=True, total=total)
                known = {**known} | articles.known_by(session, feed.id, (key for own in keys for key in own))
                matches = identify(keys, known)
                found = _recognised(session, feed, parsed, matches, range(len(matches)), lines)
            matches = with_found(matches, found, known)
            rekeyed = None if again else rekeyed
    return Identified(matches=matches, degraded=keys.degraded, rekeyed=rekeyed)


def _recognised(
    session: Session,
    feed: Feed,
    parsed: ParsedDocument,
    matches: Sequence[Match | None],
    fresh: Iterable[int],
    lines: SourceLines,
) -> dict[int, UUID]:
    """Those of the fresh entries that are held pieces by what they say; no piece that another entry is counts.

    A feed that gave its entries new keys still has pieces that its last document had: where it has none of those, it
    has turned over whole, and its earlier pieces need not be read.
    """
    taken = {match.article for match in matches if match is not None and match.article is not None}
    taken |= {UUID(feed.seen[name]) for name in parsed.skipped if name in feed.seen}
    strangers = {
        n: Piece(
            headline=fold(clean_headline(entry.headline, publisher=feed.publisher)),
            published_at=entry.published_at,
            text=partial(_text_of, feed, entry, lines),
        )
        for n, entry in ((n, parsed.entries[n]) for n in fresh)
        if (match := matches[n]) is not None and match.article is None
    }
    if not strangers:
        return {}
    last = {UUID(article) for article in feed.seen.values()} - taken
    if 0 < len(last) <= articles.CHUNK and not recognise(
        strangers, _pieces(session, articles.headlines(session, feed.id, only=last))
    ):
        return {}
    return recognise(strangers, _pieces(session, articles.headlines(session, feed.id, without=taken)))


def _pieces(session: Session, held: Mapping[UUID, tuple[str, datetime | None, int]]) -> dict[UUID, Piece]:
    return {
        article: Piece(headline=fold(headline), published_at=at, text=partial(_held_text, session, article, revision))
        for article, (headline, at, revision) in held.items()
    }


def _text_of(feed: Feed, entry: Entry, lines: SourceLines) -> bytes:
    clean = normalize(entry, known=known_lines(lines), publisher=feed.publisher)
    return fold(" ".join((clean.teaser or "", clean.text)))


def _held_text(session: Session, article: UUID, revision: int) -> bytes:
    clean = clean_of(articles.contents(session, {article: revision}).get(article, {}))
    return fold(" ".join((clean.teaser or "", clean.text)))


def _total(parsed: ParsedDocument) -> int:
    return len(parsed.entries) + len(parsed.skipped)
