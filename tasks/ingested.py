"""What ingesting a document came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from storage.models import Document, DocumentState
from storage.records import Cause
from tasks import trace
from tasks.decide import Decision
from tasks.trace import Span

# What reading a document in both ways came to.
Audit = Literal["agreed", "differed"]


class LeaseLost(Exception):
    """The document was given to another worker while this one was busy with it; nothing was written."""


@dataclass(kw_only=True)
class Ingested:
    """What a document came to: how many entries of each outcome, the decisions, and what was quarantined.

    One that waits for pages is still `stored`; `awaited` says for how many. `reread` is one that was done before, and
    is read once more for a page that came late.
    """

    document_id: int
    feed_id: int
    state: DocumentState
    cause: Cause
    fetched_at: datetime
    begun_at: datetime
    ingested_at: datetime
    backfill: bool = False
    decisions: list[Decision] = field(default_factory=list)
    quarantined: int = 0
    events: int = 0
    skipped: int = 0
    awaited: int = 0
    reread: bool = False
    audit: Audit | None = None
    error: str | None = None
    traceparent: str | None = None
    parent: str | None = None

    @classmethod
    def of(cls, document: Document, state: DocumentState, *, now: datetime, **more: Any) -> Self:
        """What a document came to that was begun at `now`, as far as it is known."""
        return cls(
            document_id=document.id,
            feed_id=document.feed_id,
            state=state,
            cause=document.cause,
            fetched_at=document.fetched_at,
            begun_at=now,
            ingested_at=now,
            **more,
        )

    def traced(self, document: Document) -> Self:
        """The same, in the trace that the poll began; a document that came another way begins one here."""
        self.parent = document.traceparent
        self.traceparent = trace.within(self.parent) if self.parent else trace.begin()
        return self

    @property
    def span(self) -> Span | None:
        """What was done, where traces are made."""
        if self.traceparent is None:
            return None
        return Span(
            name="ingest",
            traceparent=self.traceparent,
            parent=self.parent,
            started_at=self.begun_at,
            ended_at=self.ingested_at,
            about={
                "wireroom.feed_id": self.feed_id,
                "wireroom.document_id": self.document_id,
                "wireroom.cause": self.cause.value,
                "wireroom.events": self.events,
                **{f"wireroom.entries.{outcome}": number for outcome, number in self.outcomes.items()},
            },
            error=self.error,
        )

    @property
    def outcomes(self) -> Counter[str]:
        """Entries by outcome; those skipped because their bytes were seen before count as unchanged."""
        counts = Counter(decision.outcome for decision in self.decisions)
        if self.skipped:
            counts["unchanged"] += self.skipped
        return counts

    @property
    def removals(self) -> Counter[str]:
        """Lines taken out of what was new or revised, by rule."""
        written = (d.clean for d in self.decisions if d.clean is not None and d.outcome in {"created", "revised"})
        return Counter(removal.rule for clean in written for removal in clean.removals if removal.removed)

    @property
    def removed_lines(self) -> int:
        """Lines taken out of what was new or revised."""
        return self.removals.total()

    @property
    def published(self) -> list[datetime]:
        """When the new articles were published, as far as their source says."""
        created = (decision.entry for decision in self.decisions if decision.outcome == "created")
        return [entry.published_at for entry in created if entry.published_at is not None]
