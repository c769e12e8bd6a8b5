"""The content of a revision: from a cleaned entry to what is kept and sent, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from storage.encode import canonical_json
from storage.records import Block, BlockKind, CleanArticle, Entry, Media, Removal, Source
from tasks.revise import VISIBLE
from tasks.urls import canonical


def content_of(entry: Entry, clean: CleanArticle, *, language: str | None) -> dict[str, Any]:
    """What is kept of one revision, as JSON-ready values; empty fields are left out."""
    content: dict[str, Any] = {
        "headline": clean.headline,
        "teaser": clean.teaser,
        "blocks": [{"kind": _KINDS[block.kind], "text": block.text} for block in clean.blocks],
        "sources": [_given(source) for source in clean.sources],
        "removals": [_given(removal) for removal in clean.removals],
        "byline": clean.byline,
        "dateline": clean.dateline,
        "credit": clean.credit,
        "correction": clean.correction,
        "embargo": clean.embargo,
        "url": entry.url,
        "canonical_url": canonical(entry.url) if entry.url else None,
        "guid": entry.guid,
        "authors": list(entry.authors),
        "media": [_given(medium) for medium in entry.media],
        "categories": [category.label or category.term for category in entry.categories],
        "language": language,
        "published_at": entry.published_at.isoformat() if entry.published_at else None,
        "published_raw": entry.published_raw,
        "updated_at": entry.updated_at.isoformat() if entry.updated_at else None,
        "updated_raw": entry.updated_raw,
    }
    return {name: value for name, value in content.items() if value}


_KINDS: Final = {kind: kind.value for kind in BlockKind}  # an enum takes four times as long to say its value
# Their values are plain; `asdict` copies each as if it were not, in ten times the time.
_FIELDS: Final = {kind: tuple([field.name for field in fields(kind)]) for kind in (Source, Removal, Media)}


def _given(part: Source | Removal | Media) -> dict[str, Any]:
    return {name: value for name in _FIELDS[type(part)] if (value := getattr(part, name)) is not None}


def clean_of(content: Mapping[str, Any]) -> CleanArticle:
    """The cleaned article that `content_of` was given."""
    return CleanArticle(
        headline=content.get("headline", ""),
        teaser=content.get("teaser"),
        blocks=tuple(Block(kind=BlockKind(block["kind"]), text=block["text"]) for block in content.get("blocks", ())),
        sources=tuple(Source(**source) for source in content.get("sources", ())),
        removals=tuple(Removal(**removal) for removal in content.get("removals", ())),
        byline=content.get("byline"),
        dateline=content.get("dateline"),
        credit=content.get("credit"),
        correction=content.get("correction"),
        embargo=content.get("embargo"),
    )


def media_of(content: Mapping[str, Any]) -> tuple[Media, ...]:
    """The media of a kept revision."""
    return tuple(Media(**medium) for medium in content.get("media", ()))


def time_of(content: Mapping[str, Any], name: str) -> datetime | None:
    """A time of a kept revision, aware."""
    text = content.get(name)
    return datetime.fromisoformat(text) if text else None


def fingerprint(content: Mapping[str, Any]) -> str:
    """sha256 (hex) over what a reader would notice; the same for the same article however it came."""
    visible = {name: content[name] for name in VISIBLE if name in content}
    return sha256(canonical_json(visible)).hexdigest()
