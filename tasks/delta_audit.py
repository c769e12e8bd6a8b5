"""Is reading only what is new the same as reading everything? Asked of a share of the documents, and acted on."""

from __future__ import annotations

from uuid import UUID

import structlog

from storage import articles
from storage.db import reading
from storage.models import Document, Feed
from storage.records import ParsedDocument
from tasks.formats.delta import audit
from tasks.room import Room

log = structlog.get_logger()


def due(room: Room, document: Document) -> bool:
    """Whether this document is one of the share that is read whole as well: drawn by its own hash, so once for all."""
    return int(document.sha256[:8], 16) < room.delta_audit * 2**32


def agrees(room: Room, feed: Feed, document: Document, part: ParsedDocument, full: ParsedDocument) -> bool:
    """Whether the part that was read and what is held of the items that were not are together the full document."""
    whole = {entry.raw_sha256: entry.sha256 for entry in full.entries}
    read = {entry.raw_sha256: entry.sha256 for entry in part.entries}
    known = {name: UUID(feed.seen[name]) for name in part.skipped if name in feed.seen}
    with reading(room.sessions) as session:
        held = articles.fingerprints(session, set(known.values()))
    # An article may have been said in several ways since (a hub's and the feed's own): each of them is what is held.
    said = {
        name: whole[name] if whole.get(name) in held.get(article, ()) else "another"
        for name, article in known.items()
        if article in held
    }
    missing = [name for name in (*read, *part.skipped) if name not in whole]
    differing = [*audit(full, said), *(name for name in read if whole.get(name) != read[name])]
    counted = len(part.entries) + len(part.bad) + len(part.skipped) == len(full.entries) + len(full.bad)
    if counted and not missing and not differing:
        return True
    log.error(
        "delta.differs",
        feed_id=feed.id,
        document_id=document.id,
        counted=counted,
        missing=len(missing),
        differing=differing[:5],
    )
    return False
