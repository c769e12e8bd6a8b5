"""Take stored documents in: claim, ingest, and put into quarantine what kills its worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import structlog

from storage import documents
from storage.models import Document, DocumentState
from storage.records import FetchOutcome
from tasks.ingest import Ingested, LeaseLost, ingest, refuse
from tasks.room import Room

log = structlog.get_logger()

# Documents per message: a Celery task costs 3.3 ms whatever it does, and a batch must end well within a lease.
BATCH = 10
# Documents that one sweep sends for: enough to keep every worker busy until the next one.
SWEEP = 500


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


def take_in(room: Room, ids: Sequence[int]) -> list[Ingested]:
    """Claim and ingest documents, or put them aside for their pages; those that another worker has are left to it."""
    done = work_off(room, ids)
    return done.ingested + done.waiting


def work_off(room: Room, ids: Sequence[int]) -> Intake:
    """As `take_in`, and say as well what was left unfinished."""
    with room.sessions.begin() as session:
        claimed = documents.claim(session, now=room.clock(), lease=room.lease, ids=ids)
    intake = Intake(again=sum(document.attempts > 1 for document in claimed))
    for document in claimed:
        done = _take_in_one(room, document)
        if isinstance(done, str):
            intake.unfinished[done] += 1
        elif done.awaited:
            intake.waiting.append(done)
        else:
            intake.ingested.append(done)
    return intake


def _take_in_one(room: Room, document: Document) -> Ingested | str:
    """Ingest a claimed document, or say why that was not finished."""
    started = perf_counter()
    bound = log.bind(document_id=document.id, feed_id=document.feed_id)
    try:
        result = _poison(room, document) if document.attempts > room.poison_after else ingest(room, document)
    except LeaseLost:
        bound.warning("document.lease_lost")
        return "lease_lost"
    except Exception:  # noqa: BLE001  # logged with its trace; the document stays due
        # Not known to be the document's own fault (the database may be away): it stays due and is tried again.
        bound.exception("document.failed", attempts=document.attempts)
        return "failed"
    if result.awaited:
        bound.info("document.awaits_pages", pages=result.awaited)
        return result
    level = bound.warning if result.state is DocumentState.QUARANTINED else bound.info
    level(
        "document.ingested" if result.state is DocumentState.INGESTED else "document.quarantined",
        cause=document.cause.value,
        **{f"entries_{name}": count for name, count in sorted(result.outcomes.items())},
        quarantined=result.quarantined,
        events=result.events,
        lines_removed=result.removed_lines,
        duration_ms=round((perf_counter() - started) * 1000, 1),
        **({"error": result.error} if result.error else {}),
    )
    return result


def _poison(room: Room, document: Document) -> Ingested:
    with room.sessions() as session:
        body = documents.body(session, document.sha256)
    error = f"tried {document.attempts - 1} times and never finished: it kills or hangs its worker"
    return refuse(room, document, reason=FetchOutcome.PARSE, error=error, body=body)


def sweep(room: Room) -> Iterator[list[int]]:
    """Batches of documents whose time has come and which nobody has."""
    with room.sessions() as session:
        waiting = documents.waiting(session, now=room.clock() - room.grace, limit=SWEEP)
    return batches(waiting)
