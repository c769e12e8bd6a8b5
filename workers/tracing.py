"""Spans to a collector, as OTLP over HTTP. Imported only where WIREROOM_OTLP_URL is set; needs the extra `otel`.

What was done is told afterwards, from values: no context crosses a queue or a fork, and a verb knows nothing of it.
One `Exporter` per process, made after the fork: its sending thread would not live in a child.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from storage.outbox import Stamped
from tasks import trace
from tasks.trace import Span
from workers.settings import Settings

# Seconds for one attempt to send: a collector that is away must not hold up a stop.
PATIENCE = 3.0
KINDS = {"fetch": SpanKind.CLIENT, "ingest": SpanKind.CONSUMER, "publish": SpanKind.PRODUCER}


class Exporter:
    """Sends spans in the background, and drops them when they cannot be sent for long."""

    def __init__(self, chosen: Settings, process: str) -> None:
        self._resource = Resource.create(
            {
                "service.name": "wireroom",
                "service.version": version("wireroom"),
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
                "wireroom.process": process,
            }
        )
        self._scope = InstrumentationScope("wireroom", version("wireroom"))
        self._sending = BatchSpanProcessor(OTLPSpanExporter(endpoint=str(chosen.otlp_url), timeout=PATIENCE))

    def tell(self, spans: Iterable[Span]) -> None:
        """Send these spans, soon."""
        for span in spans:
            self._sending.on_end(self._readable(span))

    def count(self, outcome: Any) -> None:
        """Tell of what a task came to, whatever it was."""
        self.tell(getattr(outcome, "spans", ()))

    def published(self, events: Sequence[Stamped], now: datetime) -> None:
        """Tell that these events stand in the stream now."""
        self.tell(
            Span(
                name="publish",
                traceparent=trace.within(event.traceparent),
                parent=event.traceparent,
                started_at=event.created_at,
                ended_at=max(now, event.created_at),
                about={
                    "cloudevents.event_id": event.id,
                    "cloudevents.event_type": event.type,
                    "cloudevents.event_subject": event.subject,
                    "wireroom.position": event.position,
                },
            )
            for event in events
            if event.traceparent is not None
        )

    def close(self) -> None:
        """Send what is left."""
        self._sending.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(span.traceparent, remote=False),
            parent=None if span.parent is None else _context(span.parent, remote=True),
            resource=self._resource,
            attributes=dict(span.about),
            kind=KINDS.get(span.name, SpanKind.INTERNAL),
            status=Status(StatusCode.OK) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=_nanoseconds(span.started_at),
            end_time=_nanoseconds(span.ended_at),
            instrumentation_scope=self._scope,
        )


def _context(traceparent: str, *, remote: bool) -> SpanContext:
    return SpanContext(
        trace_id=int(trace.trace_of(traceparent), 16),
        span_id=int(trace.span_of(traceparent), 16),
        is_remote=remote,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
