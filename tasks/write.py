"""Write what was decided about a document's entries: rows, stories and the events that tell of them, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from storage import articles, outbox, stories
from storage.encode import encoded
from storage.models import Document, Feed
from storage.records import ArticleView, Cause, Event, HeldArticle, Tag
from tasks import events
from tasks.content import fingerprint as content_sha256
from tasks.decide import Decision
from tasks.events import Detail
from tasks.events.envelope import traced
from tasks.normalize import VERSION as NORMALIZER
from tasks.room import Room
from tasks.stories.settle import Settled, settle
from tasks.stories.table import Arrival
from tasks.withdraw import withdraw

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Why something is written, and when; `backfill` marks what a feed already held when it was first fetched.

    `traceparent` is what the events are told to belong to, where traces are made.
    """

    cause: Cause
    now: datetime
    backfill: bool = False
    traceparent: str | None = None


def settle_decided(
    session: Session, room: Room, those: Sequence[tuple[Feed, Sequence[Decision], datetime]]
) -> dict[UUID, Settled]:
    """Settle what was decided about feeds, each at its time, into stories, all at once, for `gather` to take.

    To be called before any of it is written, and in the same transaction.
    """
    arrivals = [arrival for feed, decisions, now in those for arrival in _arrivals(feed, decisions, now)]
    now = max(now for _, _, now in those)
    return settle(session, arrivals, since=now - room.story_window, now=now)


@dataclass(kw_only=True)
class Batch:
    """What is written at the end of a transaction, in a handful of statements: rows, and the events in their order."""

    writes: articles.Writes = field(default_factory=articles.no_writes)
    told: list[Event] = field(default_factory=list)

    def write(self, session: Session) -> None:
        """Write it; raises Raced when another worker identified or revised one of the articles since it was read."""
        articles.write(session, self.writes)
        outbox.record(session, self.told)


def gather(
    session: Session,
    room: Room,
    feed: Feed,
    document: Document,
    decisions: Sequence[Decision],
    occasion: Occasion,
    settled: Mapping[UUID, Settled],
    batch: Batch,
) -> list[Event]:
    """Add what was decided about a document to what is to be written; returns the events that tell of it.

    The caller holds the feed's lock. `settled` is what `settle_decided` made of the decisions, and of those of other
    feeds that are written with them. Raises Raced as `Batch.write` does.
    """
    writes = batch.writes
    told: list[Event] = []
    views: dict[UUID, ArticleView] = {}
    held = [d.held.id for d in decisions if d.held is not None and d.content]
    old_tags, in_stories = articles.tags_of(session, held), stories.stories_of(session, held)
    for decision in decisions:
        if decision.match is None or decision.article_id is None:
            continue
        own = {"feed_id": feed.id, "article_id": decision.article_id}
        writes.aliases += [{"kind": kind, "key": key, **own} for kind, key in decision.match.aliases]
        if decision.outcome == "withdrawn" and decision.held is not None:
            told.append(_withdrawn(session, room, decision, decision.held, document, occasion))
        if not decision.content:
            continue
        before = old_tags.get(decision.article_id, ())
        retagged = decision.held is None or _names(before) != _names(decision.tags)
        parts = _encoded(decision)
        number = _rows(writes, decision, parts, document, own, tagger=room.enrichers.version, occasion=occasion)
        if retagged:
            writes.tags.append({"article_id": decision.article_id, "tags": parts["tags"]})
            writes.retagged += [decision.article_id] if decision.held is not None else []
        if decision.outcome in {"created", "revised"} or retagged:
            view = _view(feed, decision, parts, number, occasion.now, settled.get(decision.article_id))
            if view.story_id is None and decision.article_id in in_stories:
                story_id, duplicate_of = in_stories[decision.article_id]
                view = replace(view, story_id=story_id, duplicate_of=duplicate_of)
            views[decision.article_id] = view
            told += _events(room, view, decision, before if retagged else None, occasion)
    mine = [settled.get(decision.article_id) for decision in decisions if decision.article_id is not None]
    for one in mine:
        told += _story_events(one, occasion) if one is not None else []
    told += _duplicates(room, decisions, views, settled, occasion)
    if occasion.traceparent is not None:
        told = [traced(event, occasion.traceparent) for event in told]
    batch.told += told
    for event in told:
        log.debug("event.recorded", event_id=event.id, type=event.type, subject=event.subject, document_id=document.id)
    return told


def _withdrawn(
    session: Session,
    room: Room,
    decision: Decision,
    held: HeldArticle,
    document: Document,
    occasion: Occasion,
) -> Event:
    """Mark an article that its publisher has withdrawn, as it last was, and tell of it."""
    return withdraw(
        session,
        held.id,
        reason=decision.reason,
        cause=occasion.cause,
        now=occasion.now,
        detail=_detail(room),
        # An operator who polls by hand brings the publisher's word: what he says himself no publisher takes back.
        by=Cause.POLL if occasion.cause is Cause.OPERATOR else None,
        # The entry that says so is what is known of the article from now on.
        said={
            "entry_sha256": decision.entry.sha256,
            "document_id": document.id,
            "position": decision.entry.position,
        },
    )


def _arrivals(feed: Feed, decisions: Iterable[Decision], now: datetime) -> Iterable[Arrival]:
    """The texts that may be copies of others."""
    for decision in decisions:
        if decision.fingerprint is None or decision.article_id is None:
            continue
        held = decision.held
        yield Arrival(
            article_id=decision.article_id,
            fingerprint=decision.fingerprint,
            feed_id=feed.id,
            revision=1 if held is None else held.revision + 1,
            first_seen_at=now if held is None else held.first_seen_at,
            revised=held is not None,
        )


def _encoded(decision: Decision) -> dict[str, Any]:
    """What of an article goes into its rows, its digest and its events alike: turned into JSON once."""
    # A block reads the same in all of them, since its keys are in the order of the alphabet.
    parts = {"tags": decision.tags, "body": decision.content.get("blocks", ())}
    return {name: encoded(value) if value else value for name, value in parts.items()}


def _rows(
    writes: articles.Writes,
    decision: Decision,
    parts: Mapping[str, Any],
    document: Document,
    own: Mapping[str, Any],
    *,
    tagger: str,
    occasion: Occasion,
) -> int:
    """Add the article's row and, for a new version, the revision's; returns the revision's number."""
    entry, content, held = decision.entry, decision.content, decision.held
    if "blocks" in content:
        content = content | {"blocks": parts["body"]}
    number = 1 if held is None else held.revision + (decision.outcome == "revised")
    common = {
        "entry_sha256": entry.sha256,
        "content_sha256": content_sha256(content),
        "normalizer": NORMALIZER,
        "document_id": document.id,
        "position": entry.position,
    }
    row = common | {
        "id": decision.article_id,
        "status": "usable",
        "revision": number,
        "headline": content.get("headline", ""),
        "teaser": content.get("teaser"),
        "url": content.get("url"),
        "language": decision.language,
        "published_at": entry.published_at,
        "updated_at": entry.updated_at,
        "tagger": tagger,
        "words": sum(block["text"].count(" ") + 1 for block in decision.content.get("blocks", ())),
    }
    if held is None and decision.match is not None:
        kind, key = decision.match.primary
        writes.identities.append({"kind": kind, "key": key, **own})
        times = {"first_seen_at": occasion.now, "revised_at": occasion.now}
        writes.articles.append(row | times | {"feed_id": own["feed_id"], "guid": entry.guid})
    elif held is not None:
        revised_at = occasion.now if decision.outcome == "revised" else held.revised_at
        writes.updates.append(row | {"was": held.revision, "revised_at": revised_at})
    if decision.outcome in {"created", "revised"}:
        made = {"article_id": decision.article_id, "number": number, "created_at": occasion.now}
        said = {"cause": occasion.cause, "changed": sorted(decision.changed), "content": content}
        writes.revisions.append(common | made | said)
    return number


def _names(tags: Iterable[Tag]) -> set[tuple[str, str, str | None, str | None]]:
    """What makes two taggings differ for a subscriber: not the confidence, not the words that led there."""
    return {(tag.kind, tag.label, tag.scheme, tag.code) for tag in tags}


def _view(
    feed: Feed,
    decision: Decision,
    parts: Mapping[str, Any],
    number: int,
    now: datetime,
    settled: Settled | None,
) -> ArticleView:
    """The article of a decision as it goes out."""
    entry, held = decision.entry, decision.held
    if decision.article_id is None or decision.clean is None:
        raise ValueError("only an identified, cleaned entry has a view")
    return ArticleView(
        id=decision.article_id,
        feed_id=feed.id,
        feed_url=feed.url,
        publisher=feed.publisher,
        revision=number,
        status="usable",
        url=entry.url,
        guid=entry.guid,
        language=decision.language,
        published_at=entry.published_at,
        published_raw=entry.published_raw,
        updated_at=entry.updated_at,
        first_seen_at=held.first_seen_at if held else now,
        clean=decision.clean,
        authors=entry.authors,
        media=entry.media,
        tags=decision.tags,
        normalizer=NORMALIZER,
        duplicate_of=settled.duplicate_of if settled else None,
        story_id=settled.story_id if settled else None,
        encoded=parts,
    )


def _events(
    room: Room, view: ArticleView, decision: Decision, before: Sequence[Tag] | None, occasion: Occasion
) -> list[Event]:
    """What to tell of one article; `before` are its tags until now where they changed."""
    common: dict[str, Any] = {"cause": occasion.cause, "now": occasion.now, "detail": _detail(room)}
    if decision.outcome == "created":
        return [events.article_created(view, backfill=occasion.backfill, **common)]
    if decision.outcome == "revised":
        return [events.article_revised(view, changed=decision.changed, **common)]
    return [events.article_tags_changed(view, before=before or (), **common)]


def _detail(room: Room) -> Detail:
    return Detail(text=room.payload == "full")


def _story_events(one: Settled, occasion: Occasion) -> list[Event]:
    told: list[Event] = []
    common: dict[str, Any] = {"cause": occasion.cause, "now": occasion.now, "backfill": occasion.backfill}
    if one.opened_with is not None:
        first = one.opened_with
        told.append(events.story_opened(one.story_id, article_id=first.article_id, feed_id=first.feed_id, **common))
    for member in one.joined:
        if member != one.opened_with:
            joined = events.story_joined(
                one.story_id,
                article_id=member.article_id,
                revision=member.revision,
                feed_id=member.feed_id,
                relation=member.relation.value,
                similarity=member.similarity,
                **common,
            )
            told.append(joined)
    return told


def _duplicates(
    room: Room,
    decisions: Sequence[Decision],
    views: Mapping[UUID, ArticleView],
    settled: Mapping[UUID, Settled],
    occasion: Occasion,
) -> list[Event]:
    """The word that an article says what another one said before."""
    told: list[Event] = []
    for decision in decisions:
        one = settled.get(decision.article_id) if decision.article_id else None
        if one is None or one.duplicate_of is None or decision.outcome not in {"created", "revised"}:
            continue
        view = views[one.article_id]
        told.append(
            events.article_duplicate_of(
                view,
                original=one.duplicate_of,
                relation=one.how.relation.value,
                similarity=one.how.similarity,
                cause=occasion.cause,
                now=occasion.now,
                backfill=occasion.backfill,
                detail=_detail(room),
            )
        )
    return told
