"""What does an identified entry do to the article that is held: nothing, a revision, or is it stale? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# What a reader would notice. A change in anything else is none: the order of categories, a
# new `updated` alone, another tracking parameter in the link.
VISIBLE = (
    "headline",
    "teaser",
    "blocks",
    "byline",
    "dateline",
    "credit",
    "correction",
    "embargo",
    "sources",
    "canonical_url",
    "authors",
    "media",
    "language",
    "published_at",
)


@dataclass(frozen=True, kw_only=True)
class Unchanged:
    """Nothing that a reader would notice."""


@dataclass(frozen=True, kw_only=True)
class Revised:
    """A new revision: the names of the visible fields that changed, and what they were."""

    changed: Mapping[str, Any] = field(default_factory=dict)


def revise(held: Mapping[str, Any], fresh: Mapping[str, Any]) -> Unchanged | Revised:
    """Compare the content of the current revision with the content just made, field by visible field."""
    changed = {name: held.get(name) for name in VISIBLE if _plain(held.get(name)) != _plain(fresh.get(name))}
    return Revised(changed=changed) if changed else Unchanged()


def _plain(value: Any) -> Any:
    """Absent, empty and null say the same."""
    return None if value in (None, "", [], {}) else value
