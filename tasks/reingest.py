"""Re-ingest: stored documents through the same code once more, telling subscribers only what changed.

Each document is one transaction that also moves the run's cursor, so an interrupted run goes on where it stopped and
a second run over the same articles changes nothing. One process carries a run on, under a lease.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func
from sqlmodel import Session, col

from storage import articles, documents, feeds, leases, outbox
from storage.articles import Selection, select_articles
from storage.db import reading
from storage.errors import LeaseLost, Raced, StoreError, Taken
from storage.models import Article, Document, Feed, ReingestRun, RunState
from storage.records import Cause
from storage.runs import LEASE
from tasks import events, pages
from tasks.decide import Decision, deciding, fingerprint
from tasks.events.envelope import type_of
from tasks.formats import NotAFeed, ParseFailed, parse_guarded
from tasks.ingest import RACES
from tasks.room import Room
from tasks.steps import take_all
from tasks.write import Batch, Occasion, gather, settle_decided

log = structlog.get_logger()

# What counts as a changed article in a run's report.
TELLING = {type_of("article.revised"), type_of("article.tags_changed")}
# `until` is excluded, and what came in the very moment of the start stood there already.
JUST_AFTER = timedelta(microseconds=1)
# A run whose process was killed can be resumed after this time; several documents take less.
CARRIED_ON = timedelta(seconds=15)
# Live copy that has waited so long is late: then a re-ingestion does one document in so many seconds.
LIVE_WAITS = timedelta(seconds=2)
GIVES_WAY = 5.0


class UnknownRun(StoreError):
    """No such run, or it is finished."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What re-ingestion would do, or did, to one article; `changed` maps a field to (before, after)."""

    article_id: UUID | None
    headline: str
    outcome: str
    changed: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    tags_added: tuple[str, ...] = ()
    tags_removed: tuple[str, ...] = ()
    error: str | None = None

    @property
    def differs(self) -> bool:
        """Whether a subscriber would hear of it."""
        return self.outcome == "revised" or bool(self.tags_added or self.tags_removed)


def count(session: Session, selection: Selection) -> int:
    """How many articles a selection holds."""
    return session.scalar(select_articles(selection, func.count(col(Article.id)))) or 0


def preview(room: Room, selection: Selection) -> Iterator[Difference]:
    """What re-ingesting the selection would change, article by article; writes nothing."""
    cursor = 0
    while (step := _next(room, selection, cursor)) is not None:
        cursor = step.document.id
        yield from _differences(room, step)


@dataclass(kw_only=True)
class _Step:
    document: Document
    feed: Feed
    wanted: dict[int, tuple[UUID, str]]


def _next(room: Room, selection: Selection, cursor: int) -> _Step | None:
    """The next stored document that holds selected articles, and which of its entries they are."""
    with reading(room.sessions) as session:
        following = select_articles(selection, func.min(col(Article.document_id))).where(
            col(Article.document_id) > cursor
        )
        document_id = session.scalar(following)
        if document_id is None:
            return None
        columns = (col(Article.position), col(Article.id), col(Article.headline), col(Article.feed_id))
        rows = session.execute(
            select_articles(selection, *columns).where(col(Article.document_id) == document_id)
        ).all()
        document = session.get(Document, document_id)
        if document is None:
            document = Document(id=document_id, feed_id=rows[0].feed_id, sha256="", url="", fetched_at=room.clock())
        feed = session.get_one(Feed, document.feed_id)
        return _Step(document=document, feed=feed, wanted={row.position: (row.id, row.headline) for row in rows})


def _decided(room: Room, step: _Step) -> list[Decision]:
    """The decisions over a step's document; raises KeyError, NotAFeed or ParseFailed when it cannot be read."""
    with reading(room.sessions) as session:
        body = documents.body(session, step.document.sha256)
    parsed = parse_guarded(body, content_type=step.document.content_type, url=step.document.url)
    parsed = pages.join(room, step.feed, step.document, parsed).parsed
    decided = take_all(deciding(room, step.feed, step.document.id, parsed, force=True, only=step.wanted))
    fingerprint([(step.feed.id, decided)])
    decisions, bad = decided.decisions, decided.bad
    for entry in bad:
        log.warning("entry.failed", document_id=step.document.id, position=entry.position, error=entry.error)
    return decisions


def _differences(room: Room, step: _Step) -> Iterator[Difference]:
    try:
        decisions = _decided(room, step)
    except (KeyError, NotAFeed, ParseFailed) as error:
        for article_id, headline in step.wanted.values():
            yield Difference(article_id=article_id, headline=headline, outcome="failed", error=str(error))
        return
    with reading(room.sessions) as session:
        held = articles.tags_of(session, [d.held.id for d in decisions if d.held is not None])
    for decision in decisions:
        before = {_name(tag) for tag in held.get(decision.article_id, ())} if decision.article_id else set()
        after = {_name(tag) for tag in decision.tags} if decision.content else before
        yield Difference(
            article_id=decision.article_id,
            headline=decision.content.get("headline", decision.entry.headline),
            outcome=decision.outcome,
            changed={name: (old, decision.content.get(name)) for name, old in decision.changed.items()},
            tags_added=tuple(sorted(after - before)),
            tags_removed=tuple(sorted(before - after)),
        )


def _name(tag: Any) -> str:
    return f"{tag.kind}:{tag.code or tag.label}"


def open_run(room: Room, selection: Selection) -> ReingestRun:
    """Begin a run and tell subscribers of it."""
    now = room.clock()
    with room.sessions.begin() as session:
        run = ReingestRun(selection=_plain(selection), started_at=now, total=count(session, selection))
        session.add(run)
        session.flush()
        outbox.record(session, [events.reingest_started(run.id, selection=run.selection, total=run.total, now=now)])
    return run


def resume_run(room: Room, run_id: int) -> ReingestRun:
    """An interrupted run, to be carried on.

    Raises UnknownRun when there is none by that number left to finish, Taken when somebody is at it.
    """
    with reading(room.sessions) as session:
        run = _unfinished(session, run_id)
        holder = leases.holder_of(session, _lease(run_id), now=room.clock())
    if holder is not None:
        raise _taken(run_id, holder)
    return run


def _unfinished(session: Session, run_id: int) -> ReingestRun:
    run = session.get(ReingestRun, run_id)
    if run is None or run.state is RunState.FINISHED:
        raise UnknownRun(f"no unfinished re-ingestion {run_id}: `wireroom reingest --runs` lists them")
    return run


def proceed(room: Room, run: ReingestRun) -> Generator[tuple[ReingestRun, list[Decision]], None, None]:
    """Carry a run on, document by document, yielding the run as it stands and what the document came to.

    Closing the iterator early marks the run as interrupted. Raises UnknownRun when it is finished, Taken when somebody
    else is at it, LeaseLost when somebody took it over from this process.
    """
    held, run = _begin(room, run.id)
    selection = _selection(run.selection)
    # Only what stood in the database when the run began: what came later came through the same code anyway.
    selection = Selection(**(asdict(selection) | {"until": selection.until or run.started_at + JUST_AFTER}))
    try:
        while (step := _next(room, selection, run.cursor)) is not None:
            _give_way(room)
            held = _extended(room, held)
            run, decisions = _redo(room, held, run.id, step)
            yield run, decisions
    except LeaseLost:
        raise  # what becomes of the run is its new holder's to say
    except BaseException:
        _close(room, held, run.id, RunState.INTERRUPTED)
        raise
    yield _close(room, held, run.id, RunState.FINISHED), []


def _lease(run_id: int) -> str:
    return f"{LEASE}{run_id}"


def _taken(run_id: int, holder: str) -> Taken:
    where = holder.rpartition(":")[0]
    let_go = f"one that was killed lets go within {CARRIED_ON.seconds} s"
    return Taken(f"re-ingestion {run_id} is being carried on by process {where}; {let_go}")


def _begin(room: Room, run_id: int) -> tuple[leases.Held, ReingestRun]:
    """Take the run up, as it stands now."""
    now, name = room.clock(), _lease(run_id)
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    with room.sessions.begin() as session:
        held = leases.acquire(session, name, holder=holder, ttl=CARRIED_ON, now=now)
        if held is None:
            raise _taken(run_id, leases.holder_of(session, name, now=now) or "unknown")
        run = _unfinished(session, run_id)
        run.state = RunState.RUNNING
        session.add(run)
    return held, run


def _extended(room: Room, held: leases.Held) -> leases.Held:
    """The lease, extended if it is time; raises LeaseLost."""
    now = room.clock()
    if held.until - now > CARRIED_ON / 2:
        return held
    with room.sessions.begin() as session:
        leases.fence(session, held)
        return leases.acquire(session, held.name, holder=held.holder, ttl=CARRIED_ON, now=now) or held


def _give_way(room: Room) -> None:
    """Let live copy go first: while any waits for a worker, old copy waits too, but not for ever."""
    until = monotonic() + GIVES_WAY
    while monotonic() < until:
        with reading(room.sessions) as session:
            if not documents.waiting(session, now=room.clock() - LIVE_WAITS, limit=1):
                return
        sleep(0.2)


def _redo(room: Room, held: leases.Held, run_id: int, step: _Step) -> tuple[ReingestRun, list[Decision]]:
    for left in reversed(range(RACES)):
        try:
            return _redo_once(room, held, run_id, step)
        except Raced:
            if not left:
                raise
    raise AssertionError("unreachable: the last race is raised")


def _redo_once(room: Room, held: leases.Held, run_id: int, step: _Step) -> tuple[ReingestRun, list[Decision]]:
    now = room.clock()
    decisions: list[Decision] = []
    failed = 0
    try:
        decisions = _decided(room, step)
        failed = len(step.wanted) - len(decisions)
    except (KeyError, NotAFeed, ParseFailed) as error:
        log.warning("reingest.document_failed", document_id=step.document.id, error=str(error))
        failed = len(step.wanted)
    with room.sessions.begin() as session:
        leases.fence(session, held)
        feed = feeds.lock(session, step.feed.id)
        settled = settle_decided(session, room, [(feed, decisions, now)])
        batch, occasion = Batch(), Occasion(cause=Cause.REINGEST, now=now)
        told = gather(session, room, feed, step.document, decisions, occasion, settled, batch)
        batch.write(session)
        run = session.get_one(ReingestRun, run_id)
        run.done += len(step.wanted)
        run.changed += len({event.subject for event in told if event.type in TELLING})
        run.failed += failed
        run.cursor = step.document.id
        session.add(run)
    return run, decisions


def _close(room: Room, held: leases.Held, run_id: int, state: RunState) -> ReingestRun:
    now = room.clock()
    with room.sessions.begin() as session:
        leases.fence(session, held)
        leases.release(session, held, now=now)
        run = session.get_one(ReingestRun, run_id)
        run.state = state
        if state is RunState.FINISHED:
            run.finished_at = now
            told = events.reingest_finished(
                run.id, total=run.total, done=run.done, changed=run.changed, failed=run.failed, now=now
            )
            outbox.record(session, [told])
        session.add(run)
    return run


def _plain(selection: Selection) -> dict[str, Any]:
    """A selection as JSON, without what was not asked for."""
    plain: dict[str, Any] = {}
    for name, value in asdict(selection).items():
        if value in (None, ()):
            continue
        if isinstance(value, datetime):
            plain[name] = value.isoformat()
        elif isinstance(value, tuple):
            plain[name] = [str(part) for part in value]
        else:
            plain[name] = value
    return plain


def _selection(plain: dict[str, Any]) -> Selection:
    """The selection that `_plain` was given."""
    values = dict(plain)
    for name in ("since", "until"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    if "article_ids" in values:
        values["article_ids"] = tuple(UUID(part) for part in values["article_ids"])
    return Selection(**values)
