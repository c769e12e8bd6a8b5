"""Traces as values: what a verb did, when and about what. Whoever runs the verb may send them on; nothing here does.

One trace per document, from its poll to its events. Its name travels as `traceparent` (W3C Trace Context, version 00)
in the rows of document and event, and in the event itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Something that was done: `traceparent` is its own name, `parent` that of what it was done for, if anything."""

    name: str
    traceparent: str
    parent: str | None
    started_at: datetime
    ended_at: datetime
    about: Mapping[str, str | int | float] = field(default_factory=dict)
    error: str | None = None


def begin() -> str:
    """The traceparent of a new trace's first span."""
    return f"00-{token_hex(16)}-{token_hex(8)}-01"


def within(traceparent: str) -> str:
    """The traceparent of a new span in the same trace."""
    version, trace, _, flags = traceparent.split("-")
    return f"{version}-{trace}-{token_hex(8)}-{flags}"


def trace_of(traceparent: str) -> str:
    """The trace that a span belongs to, 32 hexadecimal digits."""
    return traceparent.split("-")[1]


def span_of(traceparent: str) -> str:
    """The span itself, 16 hexadecimal digits."""
    return traceparent.split("-")[2]
