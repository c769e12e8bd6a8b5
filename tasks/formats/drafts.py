"""An item as read by any of the readers, before it is judged, and the one place where it becomes an `Entry`.

All readers end here, so that a feed gives the same entries whichever of them had to read it today.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from storage.records import Category, Entry, Markup, Media
from tasks.formats import dates, text
from tasks.formats.links import web_link

FINGERPRINT = "1"  # raise it when the same item would be read differently: every entry is then looked at once more
_CATEGORY_MAX = 256  # characters; longer is prose in the wrong element
_CATEGORIES_MAX = 64
_AUTHORS_MAX = 32
_AUTHOR_MAX = 512
_MEDIA_MAX = 64
_EXTRA_MAX = 4_096
_VERBATIM_MAX = 4_096
_TAG = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}|\d{3}))?(?:-|$)")


class EmptyItemError(ValueError):
    """An item without headline, text, link and guid: there is nothing in it to make an article of."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """The words of an item as they stood in the document, markup and all; `None` where the element was missing.

    `title_kind`, `teaser_kind`, `content_kind` are `html`, `text`, or `guess` where the format does not say.
    `fallback_link` is used when `link` is no web address (a permalink guid).
    """

    position: int
    base: str
    guid: str | None = None
    link: str | None = None
    fallback_link: str | None = None
    title: str | None = None
    title_kind: str = "guess"
    teaser: str | None = None
    teaser_kind: str = "guess"
    content: str | None = None
    content_kind: str = "guess"
    authors: list[str] = field(default_factory=list)
    categories: list[tuple[str | None, str | None, str | None]] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    language: str | None = None
    published: str | None = None
    updated: str | None = None
    extra: dict[str, str] = field(default_factory=dict)
    raw_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What holds for all entries of a document: the zone that its own dates are in, and its language."""

    zone: tzinfo = UTC
    language: str | None = None


def entry(draft: Draft, habits: Habits) -> Entry:
    """Judge a draft; raises `EmptyItemError` when nothing is left to make an entry of."""
    headline = text.headline(draft.title, literal=draft.title_kind == "text") if draft.title else ""
    teaser = _markup(draft.teaser, draft.teaser_kind)
    content = _markup(draft.content, draft.content_kind)
    guid = _verbatim(draft.guid)
    url = web_link(draft.link, draft.base) or _permalink(draft.fallback_link)
    if not (headline or teaser or content or url):
        raise EmptyItemError("no headline, text or link")
    language = draft.language or habits.language
    published = dates.read(draft.published, default=habits.zone, language=language)
    updated = (
        published
        if draft.updated == draft.published  # as nearly all of Atom
        else dates.read(draft.updated, default=habits.zone, language=language)
    )
    extra = {name: text.mend(value)[:_EXTRA_MAX] for name, value in draft.extra.items() if value}
    if (published and published.assumed) or (updated and updated.assumed):
        extra["date_zone"] = "assumed"
    parts: dict[str, Any] = {
        "guid": guid,
        "url": url,
        "headline": headline,
        "teaser": teaser,
        "content": content,
        "authors": tuple(
            dict.fromkeys(name for raw in draft.authors[:_AUTHORS_MAX] if (name := text.author(raw[:_AUTHOR_MAX])))
        ),
        "categories": _categories(draft.categories),
        "media": tuple({one.url: one for one in reversed(draft.media[:_MEDIA_MAX])}.values())[::-1],
        "language": language_tag(language),
        "published_raw": _verbatim(draft.published),
        "updated_raw": _verbatim(draft.updated),
        "extra": extra,
    }
    return Entry(
        position=draft.position,
        published_at=published.at if published else None,
        updated_at=updated.at if updated else None,
        sha256=_sha256(parts),
        raw_sha256=draft.raw_sha256,
        **parts,
    )


def _permalink(guid: str | None) -> str | None:
    """Return a guid that is a whole address; `12345` is a permalink by default of RSS and the address of nothing."""
    return web_link(guid, guid) if guid and guid.strip().startswith(("http://", "https://")) else None


def _markup(value: str | None, kind: str) -> Markup | None:
    if value is None:
        return None
    clean = text.mend(value).strip()
    if not clean:
        return None
    html = text.has_tags(clean) if kind == "text" else kind == "html" or text.is_markup(clean)
    return Markup(value=clean, kind="html" if html else "text")


def _categories(found: list[tuple[str | None, str | None, str | None]]) -> tuple[Category, ...]:
    made: dict[Category, None] = {}
    for term, scheme, label in found[:_CATEGORIES_MAX]:
        name = text.label((term or label or "")[:_CATEGORY_MAX])
        if name:
            shown = text.label(label[:_CATEGORY_MAX]) if label else None
            where = (scheme or "").strip()[:_CATEGORY_MAX] or None
            made[Category(term=name, scheme=where, label=shown or None)] = None
    return tuple(made)


def _verbatim(value: str | None) -> str | None:
    """Return `value` without surrounding blanks and without what no database keeps (NUL, lone surrogates)."""
    return (text.storable(value.strip())[:_VERBATIM_MAX] or None) if value else None


def language_tag(value: str | None) -> str | None:
    """Return a language tag in the form `de-AT`; None for what is no tag (`Deutsch`)."""
    found = _TAG.match(value.strip().replace("_", "-")) if value else None
    if found is None:
        return None
    return found[1].lower() + (f"-{found[2].upper()}" if found[2] else "")


def _sha256(parts: dict[str, Any]) -> str:
    """Hash what ingestion reads, the lengths of its parts first: nothing slides from one part into the next."""
    names = ("guid", "url", "headline", "published_raw", "updated_raw", "language")
    words: list[str] = [FINGERPRINT, *(parts[name] or "" for name in names)]
    for markup in (parts["teaser"], parts["content"]):
        words += [markup.kind, markup.value] if markup else ["", ""]
    words += [str(len(parts["authors"])), *parts["authors"], str(len(parts["categories"]))]
    for category in parts["categories"]:
        words += [category.term, category.scheme or "", category.label or ""]
    words.append(str(len(parts["media"])))
    for one in parts["media"]:
        words += [one.url, one.type or "", str(one.size), one.title or "", one.credit or ""]
    for name in sorted(parts["extra"]):
        words += [name, parts["extra"][name]]
    lengths = ",".join(map(str, map(len, words)))
    return hashlib.sha256("".join([lengths, *words]).encode("utf-8", "replace")).hexdigest()
