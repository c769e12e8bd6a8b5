"""Ingest one stored document: read what is held, decide in pure stages, write in one transaction.

    read    feed, bytes, the identities its entries are known by, what is held of them
    decide  parse → identify → normalize → tag → revise                          (no transaction is open)
    write   articles, revisions, identities, tags, outbox, quarantine, the feed's memory, the document's end

What was read may have changed by the time it is written: unique keys and revision numbers notice, `Raced` rolls
everything back, and the document is read anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from storage import articles, documents, feeds, outbox, quarantine
from storage.db import reading
from storage.errors import Raced
from storage.ids import new_id
from storage.models import Document, DocumentState, Feed
from storage.records import (
    ArticleView,
    BadEntry,
    Cause,
    Entry,
    Event,
    FetchOutcome,
    HeldArticle,
    ParsedDocument,
    Tag,
)
from tasks import events
from tasks.cadence import Rhythm
from tasks.content import clean_of, content_of, fingerprint, media_of
from tasks.enrich import EnrichInput, Tagging
from tasks.formats import NotAFeed, ParseFailed, parse
from tasks.identify import Match, identify
from tasks.memory import hints_json
from tasks.normalize import VERSION as NORMALIZER
from tasks.normalize import normalize
from tasks.revise import Revised, revise
from tasks.room import Room
from tasks.urls import document_keys

log = structlog.get_logger()

# Writers of one feed queue up behind its row, so losing a race three times over means something else is wrong.
RACES = 3


class LeaseLost(Exception):
    """The document was given to another worker while this one was busy with it; nothing was written."""


@dataclass(kw_only=True)
class Decision:
    """What one entry comes to; `content`, `tags` and `changed` stand only where something is written."""

    entry: Entry
    outcome: str
    article_id: UUID | None = None
    held: HeldArticle | None = None
    match: Match | None = None
    content: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    language: str | None = None


@dataclass(kw_only=True)
class Ingested:
    """What a document came to: how many entries of each outcome, the decisions, and what was quarantined."""

    document_id: int
    feed_id: int
    state: DocumentState
    decisions: list[Decision] = field(default_factory=list)
    quarantined: int = 0
    events: int = 0
    removed_lines: int = 0
    skipped: int = 0
    error: str | None = None

    @property
    def outcomes(self) -> Counter[str]:
        """Entries by outcome; those skipped because their bytes were seen before count as unchanged."""
        counts = Counter(decision.outcome for decision in self.decisions)
        if self.skipped:
            counts["unchanged"] += self.skipped
        return counts


def ingest(room: Room, document: Document) -> Ingested:
    """Ingest a claimed document; raises LeaseLost when it took longer than its lease, Raced after several races."""
    for left in reversed(range(RACES)):
        try:
            return _ingest_once(room, document)
        except Raced as race:
            if not left:
                raise
            log.info("document.raced", document_id=document.id, reason=str(race))
    raise AssertionError("unreachable: the last race is raised")


def _ingest_once(room: Room, document: Document) -> Ingested:
    now = room.clock()
    with reading(room.sessions) as session:
        feed = session.get_one(Feed, document.feed_id)
        body = documents.body(session, document.sha256)
        backfill = not documents.earlier_ingested(session, document)
    try:
        parsed, decisions, bad = _read(room, feed, document, body)
    except NotAFeed as error:
        return refuse(room, document, reason=FetchOutcome.NOT_A_FEED, error=str(error), body=body)
    except ParseFailed as error:
        return refuse(room, document, reason=FetchOutcome.PARSE, error=str(error), body=body)
    result = Ingested(
        document_id=document.id,
        feed_id=feed.id,
        state=DocumentState.INGESTED,
        decisions=decisions,
        skipped=len(parsed.skipped),
    )
    with room.sessions.begin() as session:
        locked = feeds.lock(session, feed.id)
        apply(session, feed, document, result, room=room, cause=document.cause, backfill=backfill, now=now)
        result.quarantined = quarantine.hold(session, document, (*parsed.bad, *bad), now)
        if document.id >= locked.hints.get("document", 0):
            _learn(locked, document, parsed, decisions, now)
        closed = documents.finish(
            session,
            document,
            state=result.state,
            now=now,
            outcome={**result.outcomes, "quarantined": len(parsed.bad) + len(bad)},
        )
        if not closed:
            raise LeaseLost(f"document {document.id} was given to another worker")
    return result


def _read(
    room: Room, feed: Feed, document: Document, body: bytes
) -> tuple[ParsedDocument, list[Decision], list[BadEntry]]:
    """Parse a document and decide on its entries, reading only the items whose bytes were not seen before.

    Where a new item seems to be an article that an unread one is already, only the whole document can tell them apart.
    """
    seen = {} if feed.hints.get("degraded") else feed.seen
    parsed = parse(body, content_type=document.content_type, url=document.url, seen=seen)
    decisions, bad = decide(room, feed, document.id, parsed, force=False)
    elsewhere = {seen[name] for name in parsed.skipped}
    if any(decision.article_id is not None and decision.article_id.hex in elsewhere for decision in decisions):
        parsed = parse(body, content_type=document.content_type, url=document.url)
        decisions, bad = decide(room, feed, document.id, parsed, force=False)
    return parsed, decisions, bad


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
    return Ingested(
        document_id=document.id,
        feed_id=document.feed_id,
        state=DocumentState.QUARANTINED,
        quarantined=held,
        error=error,
    )


def decide(
    room: Room,
    feed: Feed,
    document_id: int,
    parsed: ParsedDocument,
    *,
    force: bool,
    only: Collection[int] | None = None,
) -> tuple[list[Decision], list[BadEntry]]:
    """What each entry of a parsed document comes to, and the entries that could not be read after all.

    With `force` an entry that is held unchanged is normalized and tagged anew (re-ingestion); with `only` the entries
    at other positions are left alone.
    """
    keys = document_keys(parsed.entries, degraded=bool(feed.hints.get("degraded")))
    with reading(room.sessions) as session:
        known = articles.known_by(session, feed.id, (key for own in keys for key in own))
        held = articles.held(session, set(known.values()))
        matches = identify(keys, known)
        pending = [
            (entry, match)
            for entry, match in zip(parsed.entries, matches, strict=True)
            if only is None or entry.position in only
        ]
        versions = {
            match.article: held[match.article].revision
            for entry, match in pending
            if match is not None
            and match.article in held
            and (force or held[match.article].entry_sha256 != entry.sha256)
        }
        before = articles.contents(session, versions)
    decisions: list[Decision] = []
    bad: list[BadEntry] = []
    for entry, match in pending:
        try:
            decisions.append(_decide_one(room, feed, document_id, entry, match, held, before, force=force))
        except Exception as error:  # noqa: BLE001  # one bad entry never stops a feed: it is kept with its reason
            log.warning("entry.quarantined", feed_id=feed.id, position=entry.position, error=repr(error))
            raw = json.dumps({"guid": entry.guid, "url": entry.url, "headline": entry.headline}).encode()
            bad.append(BadEntry(position=entry.position, reason="normalize", error=repr(error), raw=raw))
    return decisions, bad


def _decide_one(
    room: Room,
    feed: Feed,
    document_id: int,
    entry: Entry,
    match: Match | None,
    held: dict[UUID, HeldArticle],
    before: dict[UUID, dict[str, Any]],
    *,
    force: bool,
) -> Decision:
    if match is None:
        return Decision(entry=entry, outcome="repeated")
    if match.article is None:
        return _made(room, feed, Decision(entry=entry, outcome="created", article_id=new_id(), match=match))
    known = held.get(match.article)
    if known is None:
        return Decision(entry=entry, outcome="purged", match=match)
    decision = Decision(entry=entry, outcome="unchanged", article_id=known.id, held=known, match=match)
    if known.document_id > document_id:
        decision.outcome = "stale"
        return decision
    if known.entry_sha256 == entry.sha256 and not force:
        return decision
    _made(room, feed, decision)
    decision.before = before[known.id]
    verdict = revise(decision.before, decision.content)
    if isinstance(verdict, Revised):
        decision.outcome, decision.changed = "revised", dict(verdict.changed)
    else:
        decision.outcome = "refreshed"
    return decision


def _made(room: Room, feed: Feed, decision: Decision) -> Decision:
    """Normalize and tag the decision's entry."""
    entry = decision.entry
    off = frozenset(feed.settings.get("rules_off", ()))
    clean = normalize(
        entry, off=off, threshold=feed.settings.get("threshold", room.threshold), publisher=feed.publisher
    )
    tagging: Tagging = room.enrichers.tag(
        EnrichInput(
            headline=clean.headline,
            teaser=clean.teaser,
            blocks=clean.blocks,
            categories=entry.categories,
            feed_language=entry.language or feed.language,
            url=entry.url,
        )
    )
    for problem in tagging.errors:
        log.warning("enricher.failed", feed_id=feed.id, article_id=str(decision.article_id), error=str(problem))
    decision.language, decision.tags = tagging.language, tuple(tagging.tags)
    decision.content = content_of(entry, clean, language=tagging.language)
    return decision


def apply(
    session: Session,
    feed: Feed,
    document: Document,
    result: Ingested,
    *,
    room: Room,
    cause: Cause,
    backfill: bool,
    now: datetime,
) -> None:
    """Write what was decided: rows and the events that tell of them, together or not at all."""
    writes = articles.no_writes()
    told: list[Event] = []
    old_tags = articles.tags_of(session, [d.held.id for d in result.decisions if d.held is not None and d.content])
    for decision in result.decisions:
        match, held = decision.match, decision.held
        if match is None or decision.article_id is None:
            continue
        keys = [{"feed_id": feed.id, "kind": k, "key": v, "article_id": decision.article_id} for k, v in match.aliases]
        writes.aliases += keys
        if not decision.content:
            continue
        digest = fingerprint(decision.content)
        number = 1 if held is None else held.revision + (decision.outcome == "revised")
        row = _article_row(decision, document, number=number, digest=digest, version=room.enrichers.version)
        if held is None:
            kind, key = match.primary
            writes.identities.append({"feed_id": feed.id, "kind": kind, "key": key, "article_id": decision.article_id})
            writes.articles.append(
                row | {"feed_id": feed.id, "guid": decision.entry.guid, "first_seen_at": now, "revised_at": now}
            )
        else:
            revised_at = now if decision.outcome == "revised" else held.revised_at
            writes.updates.append(row | {"was": held.revision, "revised_at": revised_at})
        retagged = held is None or _tag_set(old_tags[held.id]) != _tag_set(decision.tags)
        if retagged:
            writes.tags += _tag_rows(decision)
            if held is not None:
                writes.retagged.append(held.id)
        view = None
        if decision.outcome in {"created", "revised"}:
            writes.revisions.append(
                _revision_row(decision, document, number=number, digest=digest, cause=cause, now=now)
            )
            result.removed_lines += sum(r.get("removed", True) for r in decision.content.get("removals", ()))
        if decision.outcome in {"created", "revised"} or retagged:
            view = view_of(feed, decision, number=number, now=now)
        if decision.outcome == "created" and view is not None:
            told.append(events.article_created(view, cause=cause, backfill=backfill, now=now))
        elif decision.outcome == "revised" and view is not None:
            told.append(events.article_revised(view, changed=decision.changed, cause=cause, now=now))
        elif retagged and view is not None and held is not None:
            before = [_tag_record(tag) for tag in old_tags[held.id]]
            told.append(events.article_tags_changed(view, before=before, cause=cause, now=now))
    articles.write(session, writes)
    outbox.record(session, told)
    result.events = len(told)


def _article_row(decision: Decision, document: Document, *, number: int, digest: str, version: str) -> dict[str, Any]:
    content, entry = decision.content, decision.entry
    return {
        "id": decision.article_id,
        "status": "usable",
        "revision": number,
        "headline": content.get("headline", ""),
        "teaser": content.get("teaser"),
        "url": content.get("url"),
        "language": decision.language,
        "published_at": entry.published_at,
        "updated_at": entry.updated_at,
        "entry_sha256": entry.sha256,
        "content_sha256": digest,
        "normalizer": NORMALIZER,
        "tagger": version,
        "document_id": document.id,
        "position": entry.position,
        "words": sum(block["text"].count(" ") + 1 for block in content.get("blocks", ())),
    }


def _revision_row(
    decision: Decision, document: Document, *, number: int, digest: str, cause: Cause, now: datetime
) -> dict[str, Any]:
    return {
        "article_id": decision.article_id,
        "number": number,
        "created_at": now,
        "cause": cause,
        "entry_sha256": decision.entry.sha256,
        "content_sha256": digest,
        "normalizer": NORMALIZER,
        "document_id": document.id,
        "position": decision.entry.position,
        "changed": sorted(decision.changed),
        "content": decision.content,
    }


def _tag_rows(decision: Decision) -> list[dict[str, Any]]:
    return [
        {
            "article_id": decision.article_id,
            "number": number,
            "kind": tag.kind,
            "label": tag.label,
            "scheme": tag.scheme,
            "code": tag.code,
            "confidence": tag.confidence,
            "enricher": tag.enricher,
            "version": tag.version,
            "evidence": list(tag.evidence),
        }
        for number, tag in enumerate(decision.tags)
    ]


def _tag_record(tag: Any) -> Tag:
    return Tag(
        kind=tag.kind,
        label=tag.label,
        scheme=tag.scheme,
        code=tag.code,
        confidence=tag.confidence,
        enricher=tag.enricher,
        version=tag.version,
        evidence=tuple(tag.evidence),
    )


def _tag_set(tags: Sequence[Any]) -> set[tuple[str, str, str | None, str | None]]:
    """What makes two taggings differ for a subscriber: not the confidence, not the words that led there."""
    return {(tag.kind, tag.label, tag.scheme, tag.code) for tag in tags}


def view_of(feed: Feed, decision: Decision, *, number: int, now: datetime) -> ArticleView:
    """The article of a decision as it goes out."""
    entry, content = decision.entry, decision.content
    if decision.article_id is None:
        raise ValueError("only an identified entry has a view")
    return ArticleView(
        id=decision.article_id,
        feed_id=feed.id,
        feed_url=feed.url,
        publisher=feed.publisher,
        revision=number,
        status="usable",
        url=content.get("url"),
        guid=entry.guid,
        language=decision.language,
        published_at=entry.published_at,
        published_raw=entry.published_raw,
        updated_at=entry.updated_at,
        first_seen_at=decision.held.first_seen_at if decision.held else now,
        clean=clean_of(content),
        authors=entry.authors,
        media=media_of(content),
        tags=decision.tags,
        normalizer=NORMALIZER,
    )


def _learn(
    feed: Feed, document: Document, parsed: ParsedDocument, decisions: Sequence[Decision], now: datetime
) -> None:
    """Keep what the newest document taught of its feed: what it says of itself, its items, how often it publishes."""
    hints = parsed.hints
    feed.title = feed.title or hints.title
    feed.site_url = feed.site_url or hints.site_url
    feed.language = feed.language or hints.language
    known = {name: feed.seen[name] for name in parsed.skipped if name in feed.seen}
    read = {d.entry.raw_sha256: d.article_id.hex for d in decisions if d.entry.raw_sha256 and d.article_id is not None}
    feed.seen = known | read
    degraded = feed.hints.get("degraded") or document_keys(parsed.entries).degraded
    feed.hints = (
        hints_json(hints)
        | {"document": document.id}
        | _kin(feed, document, known=bool(parsed.skipped) or any(d.held is not None for d in decisions))
        | ({"degraded": True} if degraded else {})
    )
    published = [d.entry.published_at or now for d in decisions if d.outcome == "created"]
    window = len(parsed.entries) + len(parsed.skipped)
    feed.rhythm = Rhythm.from_json(feed.rhythm).seen(published, window=window, now=now).to_json()
    feed.unread = None


def _kin(feed: Feed, document: Document, *, known: bool) -> dict[str, str]:
    """Whether the first document from this address held entries that were known: then it is the same feed there."""
    if feed.hints.get("met") == document.url:
        return {name: feed.hints[name] for name in ("met", "kin") if name in feed.hints}
    return {"met": document.url} | ({"kin": document.url} if known else {})
