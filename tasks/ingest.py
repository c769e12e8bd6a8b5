"""Ingest stored documents: read what is held, decide in pure stages, write in one transaction.

    read    feed, bytes, the identities its entries are known by, what is held of them     tasks/prepare.py
    decide  parse → identify → normalize → tag → revise        (no transaction is open)     tasks/decide.py
    write   articles, revisions, identities, tags, stories, outbox, quarantine, the feed's memory, the document's end

What was read may have changed by the time it is written: unique keys and revision numbers notice, `Raced` rolls
everything back, and the document is read anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlmodel import Session

from storage import documents, feeds, pushes, quarantine, source_lines
from storage import pages as page_rows
from storage.errors import Raced
from storage.models import Document, DocumentState, Feed, SourceLines
from tasks import push
from tasks.ingested import Ingested, LeaseLost
from tasks.learn import learn, tell_rekeyed
from tasks.prepare import Ready, prepare
from tasks.room import Room
from tasks.stories.settle import Settled
from tasks.write import Batch, Occasion, gather, settle_decided

log = structlog.get_logger()

# Writers of one feed queue up behind its row, so losing a race three times over means something else is wrong.
RACES = 3


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
    result = Ingested.of(
        document,
        DocumentState.INGESTED,
        now=now,
        backfill=ready.backfill,
        decisions=decisions,
        skipped=len(parsed.skipped),
        reread=bool(document.outcome.get("whole")),
        audit=ready.audit,
    )
    if room.traced:
        result.traced(document)
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
        told = tell_rekeyed(locked, document, decided.rekeyed, now)
        batch.told += told
        result.events += len(told)
    if ready.audit == "differed":
        locked.hints = locked.hints | {"whole_since": now.isoformat()}
    if document.id >= locked.hints.get("document", 0):
        learn(locked, document, parsed, decided, now)
        push.learn(session, locked, document, parsed.hints, decisions, now, subscribed=memory.subscribed)
    return result
