"""What a document says is deleted (RFC 6721), and the articles that it means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from storage import articles
from storage.records import Entry, HeldArticle, ParsedDocument, Tombstone
from tasks.identify import Match
from tasks.urls import identity_keys

# The position of what stands in a document and is no entry.
NOWHERE = -1


@dataclass(frozen=True, kw_only=True)
class Buried:
    """An article whose entry the document says is deleted, and the tombstone in the form of an entry."""

    stone: Entry
    held: HeldArticle
    match: Match


def buried(session: Session, feed_id: int, parsed: ParsedDocument, document_id: int) -> list[Buried]:
    """The articles that are held and not withdrawn yet, and that a tombstone of the document means."""
    if not parsed.hints.deleted:
        return []
    stones: dict[articles.Key, Entry] = {identity_keys(stone)[0]: stone for stone in _counting(parsed)}
    known = articles.known_by(session, feed_id, stones)
    held = articles.held(session, set(known.values()))
    return [
        Buried(
            stone=stones[key],
            held=held[article_id],
            match=Match(article=article_id, by=key[0], primary=key, aliases=()),
        )
        for key, article_id in known.items()
        if article_id in held and not held[article_id].withdrawn_at and held[article_id].document_id <= document_id
    ]


def _counting(parsed: ParsedDocument) -> list[Entry]:
    """The tombstones that count: those than which no entry of the same document is later (RFC 6721 §3)."""
    stated = {entry.guid: entry.updated_at for entry in parsed.entries}
    return [
        _stone(one)
        for one in parsed.hints.deleted
        if one.guid not in stated or not _later(stated[one.guid], one.deleted_at)
    ]


def _later(updated: datetime | None, deleted: datetime | None) -> bool:
    return updated is not None and (deleted is None or updated > deleted)


def _stone(one: Tombstone) -> Entry:
    extra = {"status": "deleted"} | ({"reason": one.reason} if one.reason else {})
    sha256 = f"deleted {one.deleted_at.isoformat() if one.deleted_at else ''}"
    return Entry(position=NOWHERE, guid=one.guid, url=None, headline="", sha256=sha256, extra=extra)
