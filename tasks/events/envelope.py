"""The envelope every event goes out in (CloudEvents 1.0, structured JSON), and what may stand in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit
from uuid import UUID

from storage.encode import json_bytes
from storage.ids import event_id
from storage.records import Block, Event

# CloudEvents 1.0 §"Size Limits": intermediaries must forward 64 KiB; the rest is left for what transports add.
MAX_BYTES = 60 * 1024
MASK = "***"
_SECRET = re.compile(
    r"(?i)(?:^|[_.-])(?:api_?key|key|token|auth|authorization|secret|sig|signature|pass|passwd|password|pwd|pw|"
    r"session|sid|credential|jwt)(?:$|[_.-])|(?:token|apikey|secret|password|signature)$"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Detail:
    """How much an event carries: with `text` the cleaned piece, without it ids and links; never over `max_bytes`."""

    text: bool = True
    max_bytes: int = MAX_BYTES


FULL = Detail()
REFERENCE = Detail(text=False)


def type_of(name: str, version: int = 1) -> str:
    """The CloudEvents type of an event called `article.created`."""
    return f"wireroom.{name}.v{version}"


def schema_of(name: str, version: int = 1) -> str:
    """The `dataschema` of an event: the `$id` of its JSON Schema in docs/schemas/."""
    return f"urn:wireroom:schema:{name}:v{version}"


def envelope(
    name: str, *, about: tuple[object, ...], source: str, subject: str, now: datetime, data: Mapping[str, Any]
) -> dict[str, Any]:
    """The event as a JSON object. `about` is what tells it from every other event of its type, for ever.

    `partitionkey` repeats the subject: what has the same key is delivered in order.
    """
    kind = type_of(name)
    return {
        "specversion": "1.0",
        "id": event_id(kind, *about),
        "source": source,
        "type": kind,
        "subject": subject,
        "time": in_utc(now),
        "datacontenttype": "application/json",
        "dataschema": schema_of(name),
        "partitionkey": subject,
        "data": data,
    }


def sealed(ce: Mapping[str, Any], *, feed_id: int | None, now: datetime, body: bytes | None = None) -> Event:
    """The envelope as a record, ready for the outbox; `body` spares encoding it twice."""
    return Event(
        id=ce["id"],
        type=ce["type"],
        subject=ce["subject"],
        feed_id=feed_id,
        time=now,
        body=json_bytes(ce) if body is None else body,
    )


def traced(event: Event, traceparent: str) -> Event:
    """The event with the trace that it belongs to (CloudEvents, Distributed Tracing extension)."""
    # Its text is one JSON object, and a traceparent holds nothing that JSON would escape.
    return replace(event, traceparent=traceparent, body=event.body[:-1] + f',"traceparent":"{traceparent}"}}'.encode())


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC: in JSON it is RFC 3339 then."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return in_utc(moment).isoformat()


def feed_source(feed_id: int) -> str:
    """The `source` of everything that a feed brought."""
    return f"/feeds/{feed_id}"


def plain(value: Any) -> Any:
    """`value` as JSON knows it; raises TypeError for what has no agreed form in an event."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, UUID | date):
        return str(value)
    if isinstance(value, Block):
        return {"kind": value.kind.value, "text": value.text}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(inner) for inner in value)
    raise TypeError(f"an event cannot carry a {type(value).__name__}")


@lru_cache(maxsize=4096)
def public_url(url: str) -> str:
    """`url` as strangers may see it: without user and password, secret-looking query values masked."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    query = parts.query
    if any(_SECRET.search(key) for key, _ in parse_qsl(query, keep_blank_values=True)):
        query = "&".join(
            f"{quote(key)}={MASK if _SECRET.search(key) else quote(value)}"
            for key, value in parse_qsl(query, keep_blank_values=True)
        )
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))
