"""Events about an article: created, revised, withdrawn, found to be a duplicate, tagged anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.encode import json_bytes
from storage.records import ArticleView, Cause, Event, Tag
from tasks.events.envelope import FULL, Detail, envelope, feed_source, in_utc, instant, plain, public_url, sealed

# A link or guid longer than this is no link; in an event that is too long already it goes first.
LONGEST_LINK = 2048
LONGEST_HEADLINE = 1000
# What leaves an event that is too long, in this order; a reader fetches the whole by `claim`.
_FIRST_OUT = ("body", "media", "teaser", "sources", "authors")


def article_created(view: ArticleView, *, cause: Cause, backfill: bool, now: datetime, detail: Detail = FULL) -> Event:
    """A piece that was not known before."""
    return _told("article.created", view, cause=cause, now=now, detail=detail, about=(), backfill=backfill)


def article_revised(
    view: ArticleView,
    *,
    changed: Mapping[str, Any],
    cause: Cause,
    now: datetime,
    backfill: bool = False,
    detail: Detail = FULL,
) -> Event:
    """A new revision; `changed` maps each changed field to what it was before."""
    was = {field: {"was": plain(old)} for field, old in changed.items()}
    if not detail.text:
        was = {field: {"was": None} for field in was}
    return _told(
        "article.revised",
        view,
        cause=cause,
        now=now,
        detail=detail,
        about=(view.revision,),
        backfill=backfill,
        extra={"changed": was},
    )


def article_withdrawn(
    view: ArticleView,
    *,
    reason: str | None,
    cause: Cause,
    now: datetime,
    backfill: bool = False,
    detail: Detail = FULL,
) -> Event:
    """The publisher killed the piece: whoever shows it must stop. `reason` in the publisher's words."""
    return _told(
        "article.withdrawn",
        view,
        cause=cause,
        now=now,
        detail=detail,
        about=(view.revision,),
        backfill=backfill,
        extra={"reason": reason},
    )


def article_duplicate_of(
    view: ArticleView,
    *,
    original: UUID,
    relation: str,
    similarity: float,
    cause: Cause,
    now: datetime,
    backfill: bool = False,
    detail: Detail = FULL,
) -> Event:
    """The piece repeats another; `relation` says how (`copy`, `version`, …), `similarity` runs from 0 to 1."""
    return _told(
        "article.duplicate_of",
        view,
        cause=cause,
        now=now,
        detail=detail,
        about=(view.revision, original),
        backfill=backfill,
        extra={"original": str(original), "relation": relation, "similarity": round(similarity, 4)},
    )


def article_tags_changed(
    view: ArticleView,
    *,
    before: Sequence[Tag],
    cause: Cause,
    now: datetime,
    backfill: bool = False,
    detail: Detail = FULL,
) -> Event:
    """The same revision is tagged otherwise than it was; the view carries the new tags, `before` the old ones.

    Tags may go and come back on one revision, so the moment tells one change from the next.
    """
    old, new = {_name(tag): tag for tag in before}, {_name(tag): tag for tag in view.tags}
    return _told(
        "article.tags_changed",
        view,
        cause=cause,
        now=now,
        detail=detail,
        about=(view.revision, instant(now)),
        backfill=backfill,
        extra={
            "added": [tag for name, tag in new.items() if name not in old],
            "removed": [tag for name, tag in old.items() if name not in new],
        },
    )


def _told(
    name: str,
    view: ArticleView,
    *,
    cause: Cause,
    now: datetime,
    detail: Detail,
    about: tuple[object, ...],
    backfill: bool,
    extra: Mapping[str, Any] | None = None,
) -> Event:
    data: dict[str, Any] = {
        "cause": cause.value,
        "backfill": backfill,
        "truncated": False,
        "claim": None if detail.text else _claim(view, left_out=("text",)),
        "article": article_payload(view) if detail.text else _reference(view),
    }
    if extra:
        data.update(extra)
    subject = str(view.id)
    ce = envelope(
        name,
        about=(subject, *about),
        source=feed_source(view.feed_id),
        subject=subject,
        now=now,
        data=data,
    )
    body = json_bytes(ce)
    if len(body) > detail.max_bytes:
        body = _shortened(ce, view, detail.max_bytes, size=len(body))
    return sealed(ce, feed_id=view.feed_id, now=now, body=body)


def _shortened(ce: Mapping[str, Any], view: ArticleView, limit: int, *, size: int) -> bytes:
    """The event without its longest parts, as few of them as needed; `claim` says where they are."""
    data = ce["data"]
    data["truncated"] = True
    left_out: list[str] = []
    data["claim"] = _claim(view, left_out=left_out, size=size)
    for field in ("changed", "added", "removed", *_FIRST_OUT):
        if field == "changed" and field in data:
            data[field] = {name: {"was": None} for name in data[field]}
        elif field in data:
            data[field] = []
        elif data["article"].get(field):
            data["article"][field] = None if field == "teaser" else []
        else:
            continue
        left_out.append(field)
        body = json_bytes(ce)
        if len(body) <= limit:
            return body
    left_out[:] = ["text", "tags"]
    if "changed" in data:
        data["changed"] = {}
    data["article"] = _reference(view) | {"tags": []}
    if data.get("reason"):
        data["reason"] = data["reason"][:LONGEST_HEADLINE]
    return json_bytes(ce)


def _claim(view: ArticleView, *, left_out: Sequence[str], size: int | None = None) -> dict[str, Any]:
    """Where the whole revision is to be had: below the events server, and by `wireroom articles show`."""
    return {
        "article_id": str(view.id),
        "revision": view.revision,
        "href": f"/articles/{view.id}/revisions/{view.revision}",
        "left_out": left_out,
        "bytes": size,
    }


def _reference(view: ArticleView) -> dict[str, Any]:
    """Ids, links and what a filter asks for; no editorial text."""
    return {
        "id": view.id,
        "revision": view.revision,
        "status": view.status,
        "url": _link(view.url),
        "guid": _link(view.guid),
        "feed": {"id": view.feed_id, "url": public_url(view.feed_url), "publisher": view.publisher},
        "language": view.language,
        "published_at": in_utc(view.published_at) if view.published_at else None,
        "updated_at": in_utc(view.updated_at) if view.updated_at else None,
        "first_seen_at": in_utc(view.first_seen_at),
        "story_id": view.story_id,
        "duplicate_of": view.duplicate_of,
        "normalizer": view.normalizer,
        "tags": view.encoded.get("tags", view.tags),
    }


def article_payload(view: ArticleView) -> dict[str, Any]:
    """The cleaned article in the form that it has in an event."""
    clean = view.clean
    return _reference(view) | {
        "headline": clean.headline,
        "teaser": clean.teaser,
        "body": view.encoded.get("body", clean.blocks),
        "byline": clean.byline,
        "dateline": clean.dateline,
        "credit": clean.credit,
        "correction": clean.correction,
        "embargo": clean.embargo,
        "sources": [source.name for source in clean.sources],
        "authors": view.authors,
        "media": view.media,
    }


def _name(tag: Tag) -> tuple[str, str, str | None, str | None]:
    return tag.kind, tag.label, tag.scheme, tag.code


def _link(link: str | None) -> str | None:
    return link if link is None or len(link) <= LONGEST_LINK else None
