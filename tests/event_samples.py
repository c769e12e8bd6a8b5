"""One event of every kind, about a forest fire."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from storage.records import ArticleView, Block, BlockKind, Cause, CleanArticle, Event, Media, Source, Tag
from tasks import events
from tasks.events import contracts

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ARTICLE = UUID("01890000-0000-7000-8000-000000000001")
STORY = UUID("01890000-0000-7000-8000-000000000002")
OTHER = UUID("01890000-0000-7000-8000-000000000003")


def article(**changes: Any) -> ArticleView:
    clean = CleanArticle(
        headline="Waldbrand in Brandenburg",
        teaser="Die Feuerwehr ist im Einsatz.",
        blocks=(
            Block(kind=BlockKind.PARAGRAPH, text="Potsdam – „Es brennt“, sagte die Sprecherin."),
            Block(kind=BlockKind.SUBHEAD, text="Wind aus Südwest"),
        ),
        sources=(Source(name="dpa", block=0, offset=3),),
        dateline="Potsdam",
        credit="dpa",
    )
    view = ArticleView(
        id=ARTICLE,
        feed_id=7,
        feed_url="https://desk:geheim@wire.example/rss?topic=fire&api_key=abc123",
        publisher="Wire",
        revision=2,
        status="usable",
        url="https://wire.example/fire",
        guid="fire-1",
        language="de",
        published_at=NOW - timedelta(hours=1),
        published_raw="Mon, 23 Nov 2026 07:00:00 GMT",
        updated_at=None,
        first_seen_at=NOW,
        clean=clean,
        authors=("A. Beispiel",),
        media=(Media(url="https://wire.example/fire.jpg", type="image/jpeg", size=1200),),
        tags=(Tag(kind="place", label="Brandenburg", scheme="iso3166", code="DE-BB", enricher="places", version="1"),),
        normalizer=3,
        story_id=STORY,
    )
    return replace(view, **changes)


def told(event: Event) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(event.body)
    contracts.check(decoded)
    assert (event.id, event.type, event.subject) == (decoded["id"], decoded["type"], decoded["subject"])
    return decoded


def every_event(view: ArticleView | None = None, detail: events.Detail = events.FULL) -> list[Event]:
    view = view or article()
    told_of = {"cause": Cause.POLL, "now": NOW}
    feed = {"incident": "2026-11-23T08:00", "now": NOW}
    story = {"feed_id": 7, "cause": Cause.POLL, "now": NOW}
    url = view.feed_url
    return [
        events.article_created(view, backfill=False, detail=detail, **told_of),
        events.article_revised(view, changed={"headline": "Waldbrand"}, detail=detail, **told_of),
        events.article_withdrawn(view, reason="Bitte nicht verwenden", detail=detail, **told_of),
        events.article_duplicate_of(
            view, original=OTHER, relation="copy", similarity=0.98765, detail=detail, **told_of
        ),
        events.article_tags_changed(view, before=(), detail=detail, **told_of),
        events.story_opened(STORY, article_id=ARTICLE, **story),
        events.story_joined(STORY, article_id=OTHER, revision=1, relation="copy", similarity=1.0, **story),
        events.story_split(STORY, article_ids=[OTHER, ARTICLE], into=uuid4(), **story),
        events.feed_added(7, url, title="Wire", **feed),
        events.feed_failing(7, url, since=NOW, failures=9, outcome="timeout", error="no answer in 30 s", **feed),
        events.feed_recovered(7, url, since=NOW, failures=9, **feed),
        events.feed_moved(7, url, former_url="https://old:pw@wire.example/rss", **feed),
        events.feed_rekeyed(7, url, matched=40, unmatched=2, **feed),
        events.feed_gone(7, url, reason="410 Gone", **feed),
        events.feed_paused(7, url, reason="the licence ended", **feed),
        events.feed_resumed(7, url, was="paused", **feed),
        events.feed_removed(7, url, reason="feed 8 stands at its new address", **feed),
        events.reingest_started(3, selection={"feed": 7, "since": NOW}, total=12, now=NOW),
        events.reingest_finished(3, total=12, done=11, changed=4, failed=1, now=NOW),
    ]


def long(paragraphs: int) -> ArticleView:
    text = Block(kind=BlockKind.PARAGRAPH, text="ä" * 1000)
    view = article()
    return replace(view, clean=replace(view.clean, blocks=(text,) * paragraphs))
