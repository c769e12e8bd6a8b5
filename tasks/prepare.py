"""Read stored documents and decide on their entries; nothing is written but the end of what is no feed.

Documents that are written together are prepared together, a step at a time for all of them: their sources are read at
once, each is parsed, the identities of all their entries are asked for at once, and each is decided on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import documents, feeds, quarantine, source_lines
from storage.db import reading
from storage.models import Document, DocumentState, Feed, SourceLines
from storage.records import BadEntry, FetchOutcome
from tasks import delta_audit, pages
from tasks.decide import Decided, deciding, fingerprint
from tasks.formats import NotAFeed, ParseFailed, parse_guarded
from tasks.identities import Keyed, keyed
from tasks.ingested import Audit, Ingested, LeaseLost
from tasks.room import Room
from tasks.steps import Steps, take_all


@dataclass(frozen=True, kw_only=True)
class Source:
    """What deciding on a document needs: its feed, what that has taught of its lines, and the document's bytes.

    `blobs` are the bytes as they are kept, by hash; `backfill` says that no document of the feed was ingested before.
    """

    feed: Feed
    lines: SourceLines
    blobs: Mapping[str, bytes]
    backfill: bool


def sources(room: Room, those: Sequence[Document]) -> dict[int, Source]:
    """The sources of these documents (one of each feed) by feed, read together."""
    ids = [document.feed_id for document in those]
    with reading(room.sessions) as session:
        known, lines = feeds.several(session, ids), source_lines.load_several(session, ids)
        blobs = documents.kept(session, {document.sha256 for document in those})
        # The earlier documents may be pruned by now; then the feed itself remembers that there was one.
        first = {one.id for one in those if known[one.feed_id].hints.get("document", one.id) >= one.id}
        first -= documents.after_ingested(session, first)
    return {
        one.feed_id: Source(feed=known[one.feed_id], lines=lines[one.feed_id], blobs=blobs, backfill=one.id in first)
        for one in those
    }


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A document that was parsed, with its entries' pages, and where it is from."""

    document: Document
    source: Source
    joined: pages.Joined
    now: datetime
    audit: Audit | None = None


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A document that was read and decided on, and waits to be written."""

    document: Document
    joined: pages.Joined
    decided: Decided
    backfill: bool
    now: datetime
    audit: Audit | None = None


def prepare(room: Room, document: Document) -> Ready | Ingested:
    """Parse a document and decide on its entries, or say what its end is for now.

    One that is no feed is put into quarantine, one that waits for pages is put aside. Raises LeaseLost.
    """
    parsed = parse(room, document, sources(room, [document])[document.feed_id])
    if isinstance(parsed, Ingested):
        return parsed
    ready = take_all(settled_on(room, parsed, identities(room, [parsed])[document.feed_id]))
    if isinstance(ready, Ready):
        fingerprinted([ready])
    return ready


def parse(room: Room, document: Document, source: Source) -> Parsed | Ingested:
    """Parse a document, reading only the items whose bytes were not seen before, or say what its end is for now.

    A page that came late is for an item that was seen: then the whole document is read, too. On a share of documents
    both ways are held against each other. Raises LeaseLost.
    """
    now = room.clock()
    try:
        feed, body = source.feed, _body(document, source)
        joined = _joined(room, feed, document, body, _seen(feed, document))
        audit: Audit | None = None
        if joined.parsed.skipped and delta_audit.due(room, document):
            full = _joined(room, feed, document, body, {})
            audit = "agreed" if delta_audit.agrees(room, feed, document, joined.parsed, full.parsed) else "differed"
            if audit == "differed":
                joined = full
        return Parsed(document=document, source=source, joined=joined, now=now, audit=audit)
    except _ENDS as end:
        return _ended(room, document, source, now, end)


def identities(room: Room, those: Sequence[Parsed]) -> dict[int, Keyed]:
    """The identities of the entries of these documents (one of each feed) by feed, asked for all together."""
    with reading(room.sessions) as session:
        found = keyed(session, [(one.source.feed, one.joined.parsed) for one in those])
    return {one.document.feed_id: own for one, own in zip(those, found, strict=True)}


def settled_on(room: Room, parsed: Parsed, own: Keyed) -> Steps[Ready | Ingested]:
    """Decide, step by step, on the entries of a parsed document, whose identities are `own`. Raises LeaseLost.

    Where a new item seems to be an article that an unread one is already, only the whole document can tell them apart.
    """
    document, source, joined = parsed.document, parsed.source, parsed.joined
    feed, lines = source.feed, source.lines
    try:
        read = joined.parsed
        made = yield from deciding(room, feed, document.id, read, force=False, lines=lines, identities=own)
        elsewhere = {feed.seen[name] for name in read.skipped}
        if any(one.article_id is not None and one.article_id.hex in elsewhere for one in made.decisions):
            joined = _joined(room, feed, document, _body(document, source), {})
            made = yield from deciding(room, feed, document.id, joined.parsed, force=False, lines=lines)
    except _ENDS as end:
        return _ended(room, document, source, parsed.now, end)
    return Ready(
        document=document,
        joined=joined,
        decided=made,
        backfill=source.backfill,
        now=parsed.now,
        audit=parsed.audit,
    )


def fingerprinted(those: Sequence[Ready]) -> None:
    """Fingerprint the articles of documents that are written together: after it they are ready indeed."""
    fingerprint([(one.document.feed_id, one.decided) for one in those])


def _body(document: Document, source: Source) -> bytes:
    return documents.opened(document.sha256, source.blobs)


def _seen(feed: Feed, document: Document) -> Mapping[str, str]:
    whole = feed.hints.get("degraded") or feed.hints.get("whole_since") or document.outcome.get("whole")
    return {} if whole else feed.seen


class _PagesAwaited(Exception):
    """Pages of the document's entries are still to come, and there is time to wait for them."""

    def __init__(self, joined: pages.Joined) -> None:
        super().__init__(f"{len(joined.open)} pages")
        self.joined = joined


def _joined(room: Room, feed: Feed, document: Document, body: bytes, seen: Mapping[str, str]) -> pages.Joined:
    """The document with its entries' pages; raises _PagesAwaited while there is time to wait for one."""
    parsed = parse_guarded(body, content_type=document.content_type, url=document.url, seen=seen)
    joined = pages.join(room, feed, document, parsed)
    if pages.awaits(room, document, joined, room.clock()):
        raise _PagesAwaited(joined)
    return joined


# What ends a document before it is ready.
_ENDS = (_PagesAwaited, NotAFeed, ParseFailed)


def _ended(room: Room, document: Document, source: Source, now: datetime, end: Exception) -> Ingested:
    """A document's end for now: put aside for its pages, or quarantined as no feed. Raises LeaseLost."""
    if isinstance(end, _PagesAwaited):
        if not pages.put_aside(room, document, end.joined, now):
            raise LeaseLost(f"document {document.id} was given to another worker") from None
        return Ingested.of(document, DocumentState.STORED, now=now, awaited=len(end.joined.open))
    reason = FetchOutcome.NOT_A_FEED if isinstance(end, NotAFeed) else FetchOutcome.PARSE
    return refuse(room, document, reason=reason, error=str(end), body=_body(document, source))


def refuse(room: Room, document: Document, *, reason: FetchOutcome, error: str, body: bytes) -> Ingested:
    """Put a whole document into quarantine with its reason and bytes, and count it as a failure of its feed."""
    now = room.clock()
    with room.sessions.begin() as session:
        feed = feeds.lock(session, document.feed_id)
        whole = BadEntry(position=-1, reason=reason.value, error=error, raw=body)
        held = quarantine.hold(session, document, [whole], now)
        # Polling reads this: it decides when to look again, and whether somebody should be told.
        feed.unread = f"{reason.value}: {error}"
        session.add(feed)
        documents.finish(session, document, state=DocumentState.QUARANTINED, now=now, outcome={"error": error})
    refused = Ingested.of(document, DocumentState.QUARANTINED, now=now, quarantined=held, error=error)
    return refused.traced(document) if room.traced else refused
