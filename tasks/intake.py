"""Take stored documents in: claim, ingest, and put into quarantine what kills its worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic, perf_counter
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars
from structlog.typing import FilteringBoundLogger as BoundLogger

from storage import db, documents
from storage.db import reading
from storage.models import Document, DocumentState
from storage.records import FetchOutcome
from tasks import alone
from tasks.enrich import RulesError
from tasks.holding import holding
from tasks.ingest import ingest, write_together
from tasks.ingested import Ingested, LeaseLost
from tasks.prepare import fingerprinted, identities, parse, refuse, settled_on, sources
from tasks.room import Room
from tasks.steps import Steps, single, take
from tasks.trace import Span, trace_of

log = structlog.get_logger()
Made = TypeVar("Made")

# Documents per message: a Celery task costs 3.3 ms whatever it does, and a batch must end well within a lease.
BATCH = 10
# Documents that one sweep sends for: enough to keep every worker busy until the next one.
SWEEP = 500
# How long after a failure a document is tried again: for each attempt once more.
AGAIN = timedelta(seconds=5)
# Seconds that a task goes on with documents that waited for those it has done; the sweep finds the rest.
FOLLOWED_UP = 20.0


def batches(waiting: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Group documents, given as (id, attempts so far), into messages.

    One that was tried before may be what killed its worker, and goes alone.
    """
    fresh = [document_id for document_id, attempts in waiting if not attempts]
    for start in range(0, len(fresh), BATCH):
        yield fresh[start : start + BATCH]
    for document_id, attempts in waiting:
        if attempts:
            yield [document_id]


@dataclass(kw_only=True)
class Intake:
    """What the documents of a message came to.

    `waiting` are those that wait for articles' pages. `unfinished` counts by reason (`failed`, `lease_lost`) those left
    to a later attempt; `again` are those that were claimed before and not finished.
    """

    ingested: list[Ingested] = field(default_factory=list)
    waiting: list[Ingested] = field(default_factory=list)
    unfinished: Counter[str] = field(default_factory=Counter)
    again: int = 0

    @property
    def spans(self) -> list[Span]:
        """What was done, where traces are made."""
        return [done.span for done in self.ingested if done.span is not None]


def take_in(room: Room, ids: Sequence[int]) -> list[Ingested]:
    """Ingest these documents, or put them aside for their pages; what another worker has, or must wait, is left."""
    done = Intake()
    while claimed := _claimed(room, ids=ids):
        _work_off(room, claimed, done)
    return done.ingested + done.waiting


def work_off_waiting(room: Room, limit: int) -> Intake:
    """Ingest the `limit` longest waiting documents, and what waited for them, and say what was left unfinished.

    A message says that there is work, not which: what is urgent goes first however late its message comes.
    """
    done = Intake()
    claimed = _claimed(room, limit=limit)
    until = monotonic() + FOLLOWED_UP
    while claimed:
        _work_off(room, claimed, done)
        if monotonic() > until:
            break
        with reading(room.sessions) as session:
            behind = documents.next_in_line(session, {document.feed_id for document in claimed}, now=room.clock())
        claimed = _claimed(room, ids=behind) if behind else ()
    return done


def take_in_alone(room: Room, document_id: int, token: str) -> None:
    """Ingest a document that another process has claimed and is suspicious of; raises what went wrong."""
    with room.sessions() as session:
        document = documents.taken(session, document_id, token)
    if document is not None:
        started = perf_counter()
        _tell(_bound(document), document, ingest(room, document), perf_counter() - started)


def _claimed(room: Room, *, ids: Sequence[int] | None = None, limit: int = 1) -> Sequence[Document]:
    with room.sessions.begin() as session:
        return documents.claim(session, now=room.clock(), lease=room.lease, ids=ids, limit=limit)


def _work_off(room: Room, claimed: Sequence[Document], intake: Intake) -> None:
    intake.again += sum(document.attempts > 1 for document in claimed)
    with holding(room, documents.extend, {document.id: document.lease_token or "" for document in claimed}):
        done, left = _take_in_together(room, [document for document in claimed if document.attempts == 1])
        alone = [document for document in claimed if document.attempts > 1]
        for one in (*done, *(_take_in_one(room, document) for document in (*left, *alone))):
            if isinstance(one, str):
                intake.unfinished[one] += 1
            elif one is None:
                continue
            elif one.awaited:
                intake.waiting.append(one)
            else:
                intake.ingested.append(one)


def _take_in_together(room: Room, those: Sequence[Document]) -> tuple[list[Ingested], Sequence[Document]]:
    """Ingest documents (of different feeds, as they are claimed) in one transaction; returns also those left to do.

    Where anything goes wrong nothing is written, and one by one it is seen whose fault it is.
    """
    if len(those) < 2:
        return [], those
    started = perf_counter()
    done: list[Ingested] = []
    left: list[Document] = []
    kept = those
    try:
        known = sources(room, those)
        parsed = _each([(one, single(partial(parse, room, one, known[one.feed_id]))) for one in those], done, left)
        kept = [one.document for one in parsed]
        own = identities(room, parsed)
        ready = _each([(one.document, settled_on(room, one, own[one.document.feed_id])) for one in parsed], done, left)
        kept = [one.document for one in ready]
        fingerprinted(ready)
        done += write_together(room, ready) if ready else []
    except Exception as error:  # noqa: BLE001  # met again, and then said in full, when they are tried one by one
        log.info("documents.taken_apart", document_ids=[one.id for one in kept], error=repr(error)[:300])
        left += kept
    each = (perf_counter() - started) / len(those)
    by_id = {document.id: document for document in those}
    for result in done:
        document = by_id[result.document_id]
        _tell(_bound(document), document, result, each)
    return done, left


def _each(
    work: Sequence[tuple[Document, Steps[Made | Ingested]]], done: list[Ingested], left: list[Document]
) -> list[Made]:
    """What comes of each document, a step at a time for all; those that end are done, those that fail are left."""
    made: dict[int, Made] = {}
    while work:
        going: list[tuple[Document, Steps[Made | Ingested]]] = []
        for document, steps in work:
            try:
                with bound_contextvars(document_id=document.id, feed_id=document.feed_id):
                    one = take(steps)
            except Exception as error:  # noqa: BLE001  # as above
                log.info("document.set_apart", document_id=document.id, error=repr(error)[:300])
                left.append(document)
                continue
            if one is None:
                going.append((document, steps))
            elif isinstance(one.made, Ingested):
                done.append(one.made)
            else:
                made[document.id] = one.made
        work = going
    return [*made.values()]


def _take_in_one(room: Room, document: Document) -> Ingested | str | None:
    """Ingest a claimed document, or say why that was not finished; None where it was left to a process of its own."""
    started = perf_counter()
    bound = _bound(document)
    try:
        with bound_contextvars(document_id=document.id, feed_id=document.feed_id):
            result = _suspected(room, document) if document.attempts > room.poison_after else ingest(room, document)
    except LeaseLost:
        bound.warning("document.lease_lost")
        return "lease_lost"
    except Exception as error:  # noqa: BLE001  # logged with its trace; the document stays due
        # What the operator has to mend is no fault of the document either.
        blameless = db.away(error) or isinstance(error, RulesError)
        bound.exception("document.failed", attempts=document.attempts, blameless=blameless)
        _give_back(room, document, blameless=blameless)
        return "failed"
    if result is not None:
        _tell(bound, document, result, perf_counter() - started)
    return result


def _bound(document: Document) -> BoundLogger:
    about: dict[str, int | str] = {"document_id": document.id, "feed_id": document.feed_id}
    if document.traceparent is not None:
        about["trace_id"] = trace_of(document.traceparent)
    bound: BoundLogger = log.bind(**about)
    return bound


def _tell(bound: BoundLogger, document: Document, result: Ingested, seconds: float) -> None:
    """The one line of a document; `seconds` is its share where several were done together."""
    if result.awaited:
        bound.info("document.awaits_pages", pages=result.awaited)
        return
    level = bound.warning if result.state is DocumentState.QUARANTINED else bound.info
    level(
        "document.ingested" if result.state is DocumentState.INGESTED else "document.quarantined",
        cause=document.cause.value,
        **{f"entries_{name}": count for name, count in sorted(result.outcomes.items())},
        quarantined=result.quarantined,
        events=result.events,
        lines_removed=result.removed_lines,
        duration_ms=round(seconds * 1000, 1),
        **({"error": result.error} if result.error else {}),
    )


def _give_back(room: Room, document: Document, *, blameless: bool) -> None:
    """Let the document be tried again soon; what it is not to blame for does not count as a try."""
    again = room.clock() + AGAIN * (1 if blameless else document.attempts)
    try:
        with room.sessions.begin() as session:
            documents.give_back(session, document, due_at=again, blameless=blameless)
    except SQLAlchemyError as error:
        log.warning("document.not_given_back", document_id=document.id, error=type(error).__name__)


def _suspected(room: Room, document: Document) -> Ingested | None:
    """A document that was claimed and never finished: it kills its worker, or its workers were killed over something
    else. Tried in a process of its own, it shows which; only what fails there is put into quarantine.
    """
    error = alone.fault(room, document)
    if error is None:
        return None
    with reading(room.sessions) as session:
        body = documents.body(session, document.sha256)
    error = f"tried {document.attempts} times and never finished; alone, {error}"
    return refuse(room, document, reason=FetchOutcome.PARSE, error=error, body=body)


def sweep(room: Room) -> Iterator[list[int]]:
    """Batches of documents whose time has come and which nobody has."""
    with reading(room.sessions) as session:
        waiting = documents.waiting(session, now=room.clock(), grace=room.grace, limit=SWEEP)
    return batches(waiting)
