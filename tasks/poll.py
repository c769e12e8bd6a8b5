"""Poll a shard of feeds: claim them, fetch side by side, and keep in one transaction what came of it.

claim   one statement, a lease
fetch   one event loop, no transaction open
keep    documents, history, the next poll with its reason, incidents: all or nothing, and only for feeds whose
        lease is still ours
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import structlog
from sqlmodel import Session

from storage import documents, feeds, outbox, pushes
from storage.models import Feed, FeedStatus
from storage.records import Cause, Event, FetchOutcome, FetchRequest, FetchResult, Validators
from tasks import events, push, subscribe, trace
from tasks.access import BadAccess, asked_with
from tasks.budget import cadence_of
from tasks.cadence import Incident, Memory, NextPoll, audits, next_poll
from tasks.fetch import fetch_batches
from tasks.holding import holding
from tasks.memory import state_of
from tasks.room import Room
from tasks.trace import Span

log = structlog.get_logger()


class Busy(Exception):
    """Another worker is fetching this feed right now."""


@dataclass(kw_only=True)
class PollReport:
    """What a shard came to: the results (without their bodies), the documents to ingest as (id, attempts so far), and
    when each feed is next.

    `lost` are feeds that are no longer at their address and should be looked for; `late` is how many answers came
    when the lease on their feed had ended. `spans` tell of the documents, where traces are made.
    """

    fetched: list[FetchResult] = field(default_factory=list)
    documents: list[tuple[int, int]] = field(default_factory=list)
    next_at: dict[int, datetime] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    late: int = 0
    spans: list[Span] = field(default_factory=list)
    full: bool = False

    def add(self, batch: PollReport) -> None:
        """Take in what a part of the shard came to."""
        self.fetched += batch.fetched
        self.documents += batch.documents
        self.next_at |= batch.next_at
        self.reasons |= batch.reasons
        self.lost += batch.lost
        self.late += batch.late
        self.spans += batch.spans


# Sends off the documents that were kept, as (id, attempts so far).
Deliver = Callable[[Sequence[tuple[int, int]]], None]


def poll_due(room: Room, deliver: Deliver | None = None, more: Callable[[], None] | None = None) -> PollReport:
    """Poll one shard of due feeds; `full` says that there may be more.

    `more` is called at once where the shard is full, so that another worker takes the next one. `deliver` is called
    with the documents of each batch once they are kept, so that they are ingested while slower feeds of the shard are
    still being fetched.
    """
    with room.sessions.begin() as session:
        claimed = feeds.claim_due(session, now=room.clock(), limit=room.shard, lease=room.lease)
    full = len(claimed) == room.shard
    if full and more is not None:
        more()
    report = _poll(room, claimed, Cause.POLL, deliver)
    report.full = full
    return report


def poll_one(room: Room, feed_id: int) -> PollReport:
    """Poll one feed now, due or not; raises Busy when another worker has it."""
    with room.sessions.begin() as session:
        claimed = feeds.claim_one(session, feed_id, now=room.clock(), lease=room.lease)
    if claimed is None:
        raise Busy(f"feed {feed_id} is being fetched by a worker right now; try again in a moment")
    return _poll(room, [claimed], Cause.OPERATOR, None)


def keep_first(room: Room, feed_id: int, result: FetchResult) -> PollReport:
    """Keep what a look at a feed brought before it was added as its first poll: nobody is asked twice for one document.

    The document waits for the next sweep. Nothing is kept where a worker has polled the feed meanwhile.
    """
    with room.sessions.begin() as session:
        claimed = feeds.claim_one(session, feed_id, now=room.clock(), lease=room.lease)
    if claimed is None or claimed.last_fetched_at is not None:
        return PollReport()
    first = replace(result, feed_id=feed_id, url=claimed.url, hops=())
    report = _keep(room, [claimed], [first], Cause.POLL)
    with room.sessions.begin() as session:
        for document_id, _ in report.documents:
            documents.go_on(session, document_id, now=room.clock() - room.grace)
    return report


def _poll(room: Room, claimed: Sequence[Feed], cause: Cause, deliver: Deliver | None) -> PollReport:
    whole = PollReport()
    if not claimed:
        return whole
    started = perf_counter()
    now = room.clock()
    by_id = {feed.id: feed for feed in claimed}
    outcomes, wire_bytes = Counter[str](), 0
    with holding(room, feeds.extend, {feed.id: feed.lease_token or "" for feed in claimed}):
        for batch in fetch_batches(room.fetch, [_request(feed, now) for feed in claimed]):
            report = _keep(room, [by_id[result.feed_id] for result in batch], batch, cause)
            _tell_failures(report)
            if deliver is not None and report.documents:
                deliver(report.documents)
            whole.add(report)
            outcomes.update(result.outcome.value for result in batch)
            wire_bytes += sum(result.wire_bytes for result in batch)
            del batch  # the documents are kept: they need not stand in memory beside the next ones
    log.info(
        "shard.polled",
        feeds=len(claimed),
        documents=len(whole.documents),
        bytes=wire_bytes,
        duration_ms=round((perf_counter() - started) * 1000, 1),
        **outcomes,
    )
    return whole


def _tell_failures(report: PollReport) -> None:
    for result in report.fetched:
        if result.outcome.failed:
            log.warning(
                "feed.failed",
                feed_id=result.feed_id,
                outcome=result.outcome.value,
                status=result.status,
                error=result.error,
                next_fetch_at=report.next_at[result.feed_id].isoformat(),
                reason=report.reasons[result.feed_id],
            )


def _request(feed: Feed, now: datetime) -> FetchRequest:
    memory = Memory.from_json(feed.state)
    return FetchRequest(
        feed_id=feed.id,
        url=feed.url,
        validators=Validators(etag=feed.etag, last_modified=feed.last_modified, url=memory.validators_url),
        **_access(feed),
        known_sha256=feed.body_sha256,
        audit=audits.due(memory, now),
    )


def _access(feed: Feed) -> dict[str, Any]:
    """How the feed wants to be asked; settings that cannot be used are told of and left aside."""
    try:
        return asked_with(feed.settings)
    except BadAccess as error:
        log.warning("feed.settings_unusable", feed_id=feed.id, error=str(error))
        return {}


def _keep(room: Room, claimed: Sequence[Feed], results: Sequence[FetchResult], cause: Cause) -> PollReport:
    now = room.clock()
    report = PollReport()
    by_id = {result.feed_id: result for result in results}
    tokens = {feed.id: feed.lease_token or "" for feed in claimed}
    told: list[Event] = []
    cadence = cadence_of(room, now)
    with room.sessions.begin() as session:
        held = feeds.still_held(session, tokens)
        if lost := tokens.keys() - held.keys():
            log.warning("lease.lost", feeds=sorted(lost))
        report.late = len(lost)
        report.fetched = [by_id[feed_id] for feed_id in held]
        traces = _begun_traces(report.fetched) if room.traced else {}
        stored = _store(session, held, report.fetched, cause, now, traces)
        report.documents = [(document_id, 0) for document_id in stored.values()]
        pushed = pushes.trusted(session, list(held), now)
        rows, attempts = [], []
        for result in report.fetched:
            feed = held[result.feed_id]
            verdict = next_poll(result, state_of(feed, pushed.get(feed.id)), now, cadence)
            push.found_in_header(session, result, now)
            if verdict.seek:
                report.lost.append(feed.id)
            report.next_at[feed.id], report.reasons[feed.id] = verdict.at, verdict.reason
            attempts.append(_attempt(feed, result, verdict, stored.get(feed.id)))
            rows.append(_row(session, feed, tokens[feed.id], result, verdict, now))
            merged = rows[-1]["status"] is FeedStatus.REMOVED  # it is not polled where it moved to
            incidents = [one for one in verdict.incidents if not (merged and one.kind == "feed.moved")]
            told += [incident_event(feed, incident, now) for incident in incidents]
            if merged:
                told.append(subscribe.removed(feed, now, reason=subscribe.MERGED))
            if rows[-1]["status"] is not FeedStatus.ACTIVE:
                pushes.leave(session, feed.id, now=now)
        feeds.finish(session, rows)
        feeds.write_history(session, attempts)
        outbox.record(session, told)
        session.flush()
        # The rows were written by the statement above; what the session holds of them is stale.
        session.expunge_all()
    for feed_id, traceparent in traces.items():
        report.spans += _spans(by_id[feed_id], stored[feed_id], traceparent, now)
    report.fetched = [result if result.body is None else replace(result, body=None) for result in report.fetched]
    return report


def _begun_traces(results: Sequence[FetchResult]) -> dict[int, str]:
    """A trace for every document that is kept, by its feed."""
    changed = (result for result in results if result.outcome is FetchOutcome.CHANGED and result.body is not None)
    return {result.feed_id: trace.begin() for result in changed}


def _spans(result: FetchResult, document_id: int, traceparent: str, now: datetime) -> list[Span]:
    about = {"wireroom.feed_id": result.feed_id, "wireroom.document_id": document_id}
    fetched_at = result.started_at + timedelta(milliseconds=result.duration_ms)
    answer = {"http.response.status_code": result.status or 0, "wireroom.wire_bytes": result.wire_bytes}
    poll = Span(
        name="poll",
        traceparent=traceparent,
        parent=None,
        started_at=result.started_at,
        ended_at=max(now, fetched_at),
        about=about,
    )
    fetch = replace(poll, name="fetch", ended_at=fetched_at, about=about | answer)
    return [poll, replace(fetch, traceparent=trace.within(traceparent), parent=traceparent)]


def _store(
    session: Session,
    held: dict[int, Feed],
    results: Sequence[FetchResult],
    cause: Cause,
    now: datetime,
    traces: dict[int, str],
) -> dict[int, int]:
    """Keep the documents that changed, waiting for ingestion; feed id → document id."""
    changed = [result for result in results if result.outcome is FetchOutcome.CHANGED and result.body is not None]
    bodies = {documents.digest(result.body): result.body for result in changed if result.body is not None}
    names = {id(body): name for name, body in bodies.items()}
    rows = [
        {
            "feed_id": result.feed_id,
            "sha256": names.get(id(result.body)) or documents.digest(result.body or b""),
            "url": result.final_url,
            "content_type": result.headers.get("content-type"),
            "cause": cause,
            "fetched_at": result.started_at,
            "due_at": now,
            "priority": held[result.feed_id].priority,
            "traceparent": traces.get(result.feed_id),
        }
        for result in changed
    ]
    ids = documents.store(session, bodies, rows)
    return {result.feed_id: document_id for result, document_id in zip(changed, ids, strict=True)}


def _row(
    session: Session, feed: Feed, token: str, result: FetchResult, verdict: NextPoll, now: datetime
) -> dict[str, Any]:
    memory, good = verdict.memory, not result.outcome.failed and result.outcome is not FetchOutcome.DEFERRED
    moved_to, status = _moved(session, feed, verdict)
    if any(incident.kind == "feed.gone" for incident in verdict.incidents):
        status = FeedStatus.GONE
    return {
        "id": feed.id,
        "token": token,
        "moved_to": moved_to,
        "status": status,
        "next_fetch_at": verdict.at,
        "next_fetch_reason": verdict.reason,
        "etag": result.validators.etag,
        "last_modified": result.validators.last_modified,
        "body_sha256": result.body_sha256 or feed.body_sha256,
        "last_fetched_at": result.started_at,
        "last_success_at": now if good else feed.last_success_at,
        "last_changed_at": now if result.outcome is FetchOutcome.CHANGED else feed.last_changed_at,
        "failures": memory.failures,
        "failing_since": memory.failing_since,
        "failing_as": memory.failing_as,
        "state": memory.to_json(),
        "pull": verdict.pull,
    }


def _moved(session: Session, feed: Feed, verdict: NextPoll) -> tuple[str | None, FeedStatus]:
    """Where the feed is polled from now on, if elsewhere; one that moved to where another stands is left to that."""
    if verdict.moved_to is None:
        return None, FeedStatus.ACTIVE
    other = feeds.at_url(session, verdict.moved_to)
    if other is None:
        return verdict.moved_to, FeedStatus.ACTIVE
    log.info("feed.merged", feed_id=feed.id, into=other.id, url=verdict.moved_to)
    return None, FeedStatus.REMOVED


def _attempt(feed: Feed, result: FetchResult, verdict: NextPoll, document_id: int | None) -> dict[str, Any]:
    """The attempt as history keeps it; `feed` is as it was before, so that new validators show."""
    details: dict[str, Any] = {}
    kept = {"etag": result.validators.etag, "last_modified": result.validators.last_modified}
    if kept != {"etag": feed.etag, "last_modified": feed.last_modified}:
        details["validators"] = kept
    if result.hops:
        details["hops"] = [list(hop) for hop in result.hops]
    if result.audited:
        details["audited"] = True
    if result.lied:
        details["lied"] = True
    return {
        "feed_id": result.feed_id,
        "started_at": result.started_at,
        "duration_ms": round(result.duration_ms, 1),
        "outcome": result.outcome,
        "status": result.status,
        "wire_bytes": result.wire_bytes,
        "final_url": result.final_url if result.final_url != result.url else None,
        "error": result.error,
        "document_id": document_id,
        "next_fetch_at": verdict.at,
        "next_fetch_reason": verdict.reason,
        "details": details,
    }


def incident_event(feed: Feed, incident: Incident, now: datetime) -> Event:
    """The event that tells of an incident of a feed; raises ValueError for a kind that nobody tells."""
    details = incident.details
    about: dict[str, Any] = {"incident": incident.since.isoformat(), "now": now}
    match incident.kind:
        case "feed.failing":
            outcome, error = details["outcome"] or "other", details["error"]
            failing: dict[str, Any] = {"since": incident.since, "failures": details["failures"]}
            return events.feed_failing(feed.id, feed.url, outcome=outcome, error=error, **failing, **about)
        case "feed.recovered":
            recovered: dict[str, Any] = {"since": incident.since, "failures": details["failures"]}
            return events.feed_recovered(feed.id, feed.url, **recovered, **about)
        case "feed.gone":
            return events.feed_gone(feed.id, feed.url, reason=details["error"], **about)
        case "feed.moved":
            return events.feed_moved(feed.id, details["to"], former_url=details["from"], **about)
    raise ValueError(f"no event for the incident {incident.kind!r}")
