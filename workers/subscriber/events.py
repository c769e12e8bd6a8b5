"""What a subscriber gets, what it may choose from, and what can be wrong.

SubscriberError
├── GapError             events were trimmed before they were read, and nobody fills or accepts the gap
├── PartitionMismatch    the group was made with another number of partitions
└── Malformed            an entry of the stream that is no event
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any
from zlib import crc32


class SubscriberError(Exception):
    """Base of everything in this module."""


class GapError(SubscriberError):
    """Events are gone from the stream unread: pass `replay` (to fill the gap) or `on_gap` (to accept it)."""


class PartitionMismatch(SubscriberError):
    """All consumers of a group must be started with the same number of partitions."""


class Malformed(SubscriberError):
    """The entry has no event in it."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event. `position` is its place in the order of all; `ce` the CloudEvent, decoded on first use.

    `tries` counts earlier failed attempts at it; `replayed` is true when it came from the database, not the stream.
    """

    position: int
    id: str
    type: str
    subject: str
    feed: int | None
    body: str = field(repr=False)
    tries: int = 0
    replayed: bool = False

    @cached_property
    def ce(self) -> Mapping[str, Any]:
        """The CloudEvent; raises Malformed when it is not JSON."""
        try:
            decoded: Mapping[str, Any] = json.loads(self.body)
        except ValueError as error:
            raise Malformed(f"event {self.id} at {self.position} is not JSON: {error}") from error
        return decoded

    @property
    def data(self) -> Mapping[str, Any]:
        """What the event tells."""
        told: Mapping[str, Any] = self.ce["data"]
        return told

    @property
    def article(self) -> Mapping[str, Any] | None:
        """The article, in events about one."""
        return self.data.get("article")

    @property
    def time(self) -> datetime:
        """When it happened."""
        return datetime.fromisoformat(self.ce["time"])


def event_of(position: int, fields: Mapping[str, str], *, tries: int = 0, replayed: bool = False) -> Event:
    """The event in an entry of the stream; raises Malformed when the entry is none."""
    try:
        return Event(
            position=position,
            id=fields["id"],
            type=fields["type"],
            subject=fields["subject"],
            feed=int(fields["feed"]) if fields.get("feed") else None,
            body=fields["ce"],
            tries=tries,
            replayed=replayed,
        )
    except (KeyError, ValueError) as error:
        raise Malformed(f"the entry at {position} is no event: {error!r}") from error


def event_from_json(position: int, body: str, *, replayed: bool = False) -> Event:
    """The event in a CloudEvent's JSON, as a replay gives it."""
    ce = json.loads(body)
    source = str(ce["source"])
    feed = int(source.removeprefix("/feeds/")) if source.startswith("/feeds/") else None
    return Event(
        position=position,
        id=ce["id"],
        type=ce["type"],
        subject=ce["subject"],
        feed=feed,
        body=body,
        replayed=replayed,
    )


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Positions strictly between `after` and `before` are gone from the stream."""

    after: int
    before: int


def partition_of(subject: str, partitions: int) -> int:
    """Which partition a subject belongs to: CRC-32 of its UTF-8, modulo; the same in every language."""
    return crc32(subject.encode()) % partitions


@dataclass(frozen=True, kw_only=True)
class Select:
    """Which events are wanted; every condition that is set must hold, and within one any of its values.

    `types` are globs over `article.created` or the full type. `languages` match by prefix (`de` takes `de-AT`).
    `tags` are a label, `kind:label` or `scheme:code`, in any case. What has no article has neither language nor tags.
    """

    types: tuple[str, ...] = ()
    feeds: frozenset[int] = frozenset()
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __call__(self, event: Event) -> bool:
        """Whether `event` is wanted; its JSON is decoded only if language or tags are asked for."""
        if not self.wants_type(event.type):
            return False
        if self.feeds and event.feed not in self.feeds:
            return False
        if not self.languages and not self.tags:
            return True
        article = event.article
        if article is None:
            return False
        return self._language(article.get("language")) and self._tags(article.get("tags") or ())

    def wants_type(self, kind: str) -> bool:
        """Whether events of this full type are wanted."""
        if not self.types:
            return True
        short = kind.removeprefix("wireroom.").rpartition(".v")[0]
        return any(fnmatchcase(kind, glob) or fnmatchcase(short, glob) for glob in self.types)

    def _language(self, language: str | None) -> bool:
        if not self.languages:
            return True
        have = (language or "").casefold()
        return any(have == want.casefold() or have.startswith(f"{want.casefold()}-") for want in self.languages)

    def _tags(self, tags: Any) -> bool:
        if not self.tags:
            return True
        wanted = {tag.casefold() for tag in self.tags}
        return any(not wanted.isdisjoint(_names(tag)) for tag in tags)


def _names(tag: Mapping[str, Any]) -> set[str]:
    label = str(tag.get("label", "")).casefold()
    names = {label, f"{tag.get('kind')}:{label}".casefold()}
    if tag.get("scheme") and tag.get("code"):
        names.add(f"{tag['scheme']}:{tag['code']}".casefold())
    return names
