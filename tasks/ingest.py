"""Ingest stored documents: read what is held, decide in pure stages, write in one transaction.

    read    feed, bytes, the identities its entries are known by, what is held of them
    decide  parse → identify → normalize → tag → revise                          (no transaction is open)
    write   articles, revisions, identities, tags, stories, outbox, quarantine, the feed's memory, the document's end

What was read may have changed by the time it is written: unique keys and revision numbers notice, `Raced` rolls
everything back, and the document is read anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import structlog
from sqlmodel import Session

from storage import documents, feeds, pushes, quarantine, source_lines
from storage import pages as page_rows
from storage.db import reading
from storage.errors import Raced
from storage.models import Document, DocumentState, Feed, SourceLines
from storage.records import BadEntry, Cause, Event, FetchOutcome, ParsedDocument
from tasks import delta_audit, events, pages, push, trace
from tasks.cadence import Rhythm
from tasks.decide import Decided, Decision, decide
from tasks.formats import NotAFeed, ParseFailed, parse_guarded
from tasks.memory import hints_json
from tasks.rekey import AGAIN, Rekeyed
from tasks.room import Room
from tasks.stories.settle import Settled
from tasks.trace import Span
from tasks.write import Batch, Occasion, gather, settle_decided

log = structlog.get_logger()

# What reading a document in both ways came to.
Audit = Literal["agreed", "differed"]
# Writers of one feed queue up behind its row, so losing a race three times over means something else is wrong.
RACES = 3


class LeaseLost(Exception):
    """The document was given to another worker while this one was busy with it; nothing was written."""


@dataclass(kw_only=True)
class Ingested:
    """What a document came to: how many entries of each outcome, the decisions, and what was quarantined.

    One that waits for pages is still `stored`; `awaited` says for how many. `reread` is one that was done before, and
    is read once more for a page that came late.
    """

    document_id: int
    feed_id: int
    state: DocumentState
    cause: Cause
    fetched_at: datetime
    begun_at: datetime
    ingested_at: datetime
    backfill: bool = False
    decisions: list[Decision] = field(default_factory=list)
    quarantined: int = 0
    events: int = 0
    skipped: int = 0
    awaited: int = 0
    reread: bool = False
    audit: Audit | None = None
    error: str | None = None
    traceparent: str | None = None
    parent: str | None = None

    @property
    def span(self) -> Span | None:
        """What was done, where traces are made."""
        if self.traceparent is None:
            return None
        return Span(
            name="ingest",
            traceparent=self.traceparent,
            parent=self.parent,
            started_at=self.begun_at,
            ended_at=self.ingested_at,
            about={
                "wireroom.feed_id": self.feed_id,
                "wireroom.document_id": self.document_id,
                "wireroom.cause": self.cause.value,
                "wireroom.events": self.events,
                **{f"wireroom.entries.{outcome}": number for outcome, number in self.outcomes.items()},
            },
            error=self.error,
        )

    @property
    def outcomes(self) -> Counter[str]:
        """Entries by outcome; those skipped because their bytes were seen before count as unchanged."""
        counts = Counter(decision.outcome for decision in self.decisions)
        if self.skipped:
            counts["unchanged"] += self.skipped
        return counts

    @property
    def removals(self) -> Counter[str]:
        """Lines taken out of what was new or revised, by rule."""
        written = (d.clean for d in self.decisions if d.clean is not None and d.outcome in {"created", "revised"})
        return Counter(removal.rule for clean in written for removal in clean.removals if removal.removed)

    @property
    def removed_lines(self) -> int:
        """Lines taken out of what was new or revised."""
        return self.removals.total()

    @property
    def published(self) -> list[datetime]:
        """When the new articles were published, as far as their source says."""
        created = (decision.entry for decision in self.decisions if decision.outcome == "created")
        return [entry.published_at for entry in created if entry.published_at is not None]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A document that was read and decided on, and waits to be written."""

    document: Document
    joined: pages.Joined
    decided: Decided
    backfill: bool
    now: datetime
    audit: Audit | None = None


def ingest(room: Room, document: Document) -> Ingested:
    """Ingest a claimed document; raises LeaseLost when it took longer than its lease, Raced after several races."""
    for left in reversed(range(RACES)):
        try:
            ready = prepare(room, document)
            if isinstance(ready, Ingested):
                return ready
            with room.sessions.begin() as session:
                (result,) = _written(session, room, [ready])
            result.ingested_at = room.clock()
            return result
        except Raced as race:
            if not left:
                raise
            log.info("document.raced", document_id=document.id, reason=str(race))
    raise AssertionError("unreachable: the last race is raised")


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


def prepare(room: Room, document: Document, source: Source | None = None) -> Ready | Ingested:
    """Read a document, and its source where it was not read already, and decide on its entries.

    One that is no feed is put into quarantine, one that waits for pages is put aside, and that is its end for now.
    Raises LeaseLost.
    """
    now = room.clock()
    source = source or sources(room, [document])[document.feed_id]
    body = documents.opened(document.sha256, source.blobs)
    try:
        joined, decided, audit = _read(room, source, document, body)
    except _PagesAwaited as awaited:
        return _put_aside(room, document, awaited.joined, now)
    except NotAFeed as error:
        return refuse(room, document, reason=FetchOutcome.NOT_A_FEED, error=str(error), body=body)
    except ParseFailed as error:
        return refuse(room, document, reason=FetchOutcome.PARSE, error=str(error), body=body)
    return Ready(document=document, joined=joined, decided=decided, backfill=source.backfill, now=now, audit=audit)


def _traced(room: Room, document: Document, result: Ingested) -> Ingested:
    """The result as a span in the trace that the poll began; a document that came another way begins one here."""
    if room.traced:
        result.parent = document.traceparent
        result.traceparent = trace.within(result.parent) if result.parent else trace.begin()
    return result


def write_together(room: Room, those: Sequence[Ready]) -> list[Ingested]:
    """Write documents of different feeds in one transaction: all of them, or none.

    Every document touches the same few indexes; together they touch each page of them once. Raises LeaseLost, Raced.
    """
    with room.sessions.begin() as session:
        written = _written(session, room, sorted(those, key=lambda ready: ready.document.feed_id))
    for result in written:
        result.ingested_at = room.clock()
    return written


def _written(session: Session, room: Room, those: Sequence[Ready]) -> list[Ingested]:
    """Write documents that come in the order of their feeds.

    Feeds are locked in that order, and before copies are, so that no two workers wait for each other.
    """
    locked = _locked(session, those)
    decided = [(locked[ready.document.feed_id].feed, ready.decided.decisions, ready.now) for ready in those]
    settled = settle_decided(session, room, decided)
    batch = Batch()
    written = [_gathered(session, room, ready, locked[ready.document.feed_id], settled, batch) for ready in those]
    batch.write(session)
    ends = [
        documents.Ended(document=ready.document, state=result.state, now=ready.now, outcome=_came_to(ready, result))
        for ready, result in zip(those, written, strict=True)
    ]
    if not documents.finish_all(session, ends):
        raise LeaseLost(f"one of the documents {[end.document.id for end in ends]} was given to another worker")
    return written


def _came_to(ready: Ready, result: Ingested) -> dict[str, int]:
    return {**result.outcomes, "quarantined": len(ready.joined.parsed.bad) + len(ready.decided.bad)}


@dataclass(frozen=True, kw_only=True)
class _Memory:
    """A feed that is locked, with what its documents have taught of its lines, and whether a hub pushes it."""

    feed: Feed
    lines: SourceLines
    subscribed: bool


def _locked(session: Session, those: Sequence[Ready]) -> dict[int, _Memory]:
    """The feeds of these documents by id, locked; what goes with them is read once they are."""
    ids = [ready.document.feed_id for ready in those]
    locked = feeds.lock_several(session, ids)
    lines = source_lines.load_several(session, ids)
    subscribed = pushes.subscribed(session, ids)
    return {one: _Memory(feed=locked[one], lines=lines[one], subscribed=one in subscribed) for one in ids}


def _gathered(
    session: Session, room: Room, ready: Ready, memory: _Memory, settled: Mapping[UUID, Settled], batch: Batch
) -> Ingested:
    """What a document comes to: its rows and events go into `batch`, what its feed remembers into the session."""
    document, joined, decided, now = ready.document, ready.joined, ready.decided, ready.now
    locked, lines = memory.feed, memory.lines
    parsed, decisions, bad = joined.parsed, decided.decisions, decided.bad
    result = Ingested(
        document_id=document.id,
        feed_id=document.feed_id,
        state=DocumentState.INGESTED,
        cause=document.cause,
        fetched_at=document.fetched_at,
        begun_at=now,
        ingested_at=now,
        backfill=ready.backfill,
        decisions=decisions,
        skipped=len(parsed.skipped),
        reread=bool(document.outcome.get("whole")),
        audit=ready.audit,
    )
    _traced(room, document, result)
    if joined.open and page_rows.arrived(session, document.feed_id, joined.open):
        raise Raced("a page came while its entry was worked on")
    page_rows.want(session, joined.wanted, now=now)
    occasion = Occasion(cause=document.cause, now=now, backfill=ready.backfill, traceparent=result.traceparent)
    result.events = len(gather(session, room, locked, document, decisions, occasion, settled, batch))
    taught = [decision.taught for decision in decisions if decision.taught]
    if taught:
        source_lines.count(lines, taught, now)
        session.add(lines)
    result.quarantined = quarantine.hold(session, document, (*parsed.bad, *bad), now)
    if decided.rekeyed is not None:
        told = _tell_rekeyed(locked, document, decided.rekeyed, now)
        batch.told += told
        result.events += len(told)
    if ready.audit == "differed":
        locked.hints = locked.hints | {"whole_since": now.isoformat()}
    if document.id >= locked.hints.get("document", 0):
        _learn(locked, document, parsed, decided, now)
        push.learn(session, locked, document, parsed.hints, decisions, now, subscribed=memory.subscribed)
    return result


class _PagesAwaited(Exception):
    """Pages of the document's entries are still to come, and there is time to wait for them."""

    def __init__(self, joined: pages.Joined) -> None:
        super().__init__(f"{len(joined.open)} pages")
        self.joined = joined


def _put_aside(room: Room, document: Document, joined: pages.Joined, now: datetime) -> Ingested:
    if not pages.put_aside(room, document, joined, now):
        raise LeaseLost(f"document {document.id} was given to another worker")
    return Ingested(
        document_id=document.id,
        feed_id=document.feed_id,
        state=DocumentState.STORED,
        cause=document.cause,
        fetched_at=document.fetched_at,
        begun_at=now,
        ingested_at=now,
        awaited=len(joined.open),
    )


def _read(room: Room, source: Source, document: Document, body: bytes) -> tuple[pages.Joined, Decided, Audit | None]:
    """Parse a document and decide on its entries, reading only the items whose bytes were not seen before.

    Where a new item seems to be an article that an unread one is already, only the whole document can tell them apart.
    A page that came late is for an item that was seen: then the whole document is read, too. On a share of documents
    both ways are held against each other.
    """
    feed = source.feed
    whole = feed.hints.get("degraded") or feed.hints.get("whole_since") or document.outcome.get("whole")
    seen = {} if whole else feed.seen
    joined = _parsed(room, feed, document, body, seen)
    audit: Audit | None = None
    if joined.parsed.skipped and delta_audit.due(room, document):
        full = _parsed(room, feed, document, body, {})
        audit = "agreed" if delta_audit.agrees(room, feed, document, joined.parsed, full.parsed) else "differed"
        if audit == "differed":
            joined = full
    decided = decide(room, feed, document.id, joined.parsed, force=False, lines=source.lines)
    elsewhere = {seen[name] for name in joined.parsed.skipped}
    if any(decision.article_id is not None and decision.article_id.hex in elsewhere for decision in decided.decisions):
        joined = _parsed(room, feed, document, body, {})
        decided = decide(room, feed, document.id, joined.parsed, force=False, lines=source.lines)
    return joined, decided, audit


def _parsed(room: Room, feed: Feed, document: Document, body: bytes, seen: Mapping[str, str]) -> pages.Joined:
    """The document with its entries' pages; raises _PagesAwaited while there is time to wait for one."""
    parsed = parse_guarded(body, content_type=document.content_type, url=document.url, seen=seen)
    joined = pages.join(room, feed, document, parsed)
    if pages.awaits(room, document, joined, room.clock()):
        raise _PagesAwaited(joined)
    return joined


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
    refused = Ingested(
        document_id=document.id,
        feed_id=document.feed_id,
        state=DocumentState.QUARANTINED,
        cause=document.cause,
        fetched_at=document.fetched_at,
        begun_at=now,
        ingested_at=now,
        quarantined=held,
        error=error,
    )
    return _traced(room, document, refused)


def _learn(feed: Feed, document: Document, parsed: ParsedDocument, decided: Decided, now: datetime) -> None:
    """Keep what the newest document taught of its feed: what it says of itself, its items, how often it publishes.

    What a hub pushes may be the new entries alone: it tells of the rhythm, and not of what the feed's document holds.
    """
    decisions = decided.decisions
    rhythm = Rhythm.from_json(feed.rhythm)
    published = [d.entry.published_at or now for d in decisions if d.outcome == "created"]
    # An item of JSON has no bytes of its own; it is noted all the same, for whoever asks what the document holds.
    read = {d.entry.raw_sha256 or d.entry.sha256: d.article_id.hex for d in decisions if d.article_id is not None}
    feed.unread = None
    if document.cause is Cause.PUSH:
        feed.seen = feed.seen | read
        feed.rhythm = rhythm.seen(published, window=rhythm.window, now=now).to_json()
        return
    hints = parsed.hints
    feed.title = feed.title or hints.title
    feed.site_url = feed.site_url or hints.site_url
    feed.language = feed.language or hints.language
    feed.seen = {name: feed.seen[name] for name in parsed.skipped if name in feed.seen} | read
    degraded = decided.degraded
    total = len(parsed.entries) + len(parsed.skipped)
    feed.hints = (
        hints_json(hints)
        | {"document": document.id}
        | _kin(feed, document, known=bool(parsed.skipped) or any(d.held is not None for d in decisions))
        | ({"degraded": True} if degraded else {})
        | {name: feed.hints[name] for name in ("rekeyed", "whole_since") if name in feed.hints}
    )
    feed.rhythm = rhythm.seen(published, window=total, now=now).to_json()


def _tell_rekeyed(feed: Feed, document: Document, rekeyed: Rekeyed, now: datetime) -> list[Event]:
    """The event, told once, that the feed gave its entries new keys."""
    last = feed.hints.get("rekeyed")
    if last is not None and now - datetime.fromisoformat(last) < AGAIN:
        return []  # the document beside this one has told it
    feed.hints = feed.hints | {"rekeyed": now.isoformat()}
    matched, unmatched = rekeyed.matched, rekeyed.unmatched
    event = events.feed_rekeyed(
        feed.id,
        feed.url,
        matched=matched,
        unmatched=unmatched,
        incident=now.isoformat(),
        now=now,
        cause=document.cause,
    )
    log.warning("feed.rekeyed", feed_id=feed.id, matched=matched, unmatched=unmatched)
    return [event]


def _kin(feed: Feed, document: Document, *, known: bool) -> dict[str, str]:
    """Whether the first document from this address held entries that were known: then it is the same feed there."""
    if feed.hints.get("met") == document.url:
        return {name: feed.hints[name] for name in ("met", "kin") if name in feed.hints}
    return {"met": document.url} | ({"kin": document.url} if known else {})
