"""One trace per document, from its poll to its events, sent by real processes to a real OTLP receiver."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from processes import Shown
from publisher import Piece, Publisher
from services import wait_until
from sqlmodel import col, select

from storage import feeds
from storage.models import Document, OutboxEvent
from tasks import trace
from tasks.events.contracts import check
from workers.stream import Stream, connect


class Collector(ThreadingHTTPServer):
    """Takes what exporters send (OTLP/HTTP, protobuf)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.processes: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def by_trace(self) -> dict[str, list[Any]]:
        """The spans of each trace."""
        found = defaultdict(list)
        for span in list(self.spans):
            found[span.trace_id.hex()].append(span)
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            named = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            self.server.processes.add(named["service.instance.id"])
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.timeout(240)
def test_a_document_is_one_trace_from_poll_to_event_and_children_that_follow_send_too(
    house: Shown, collector: Collector
) -> None:
    pieces = {f"f{n}": [Piece(guid=f"{n}-{k}", headline=f"Meldung {k} von {n}") for k in range(3)] for n in range(4)}
    with Publisher(feeds=pieces) as publisher:
        house.subscribe(publisher)
        worker = house.start("worker", "--concurrency", "2", otlp_url=collector.url)
        relay = house.start("relay", otlp_url=collector.url)
        house.start("beat", otlp_url=collector.url)
        wait_until(lambda: len(collector.spans) >= 4 * (1 + 1 + 1 + 3), seconds=90, what="the spans")
        traces = collector.by_trace()
        assert len(traces) == 4
        for spans in traces.values():
            by_name = defaultdict(list)
            for span in spans:
                by_name[span.name].append(span)
            assert {name: len(found) for name, found in by_name.items()} == {
                "poll": 1, "fetch": 1, "ingest": 1, "publish": 3,
            }  # fmt: skip
            (poll,), (fetch,), (ingest,) = by_name["poll"], by_name["fetch"], by_name["ingest"]
            assert poll.parent_span_id == b""
            assert fetch.parent_span_id == ingest.parent_span_id == poll.span_id
            assert all(span.parent_span_id == ingest.span_id for span in by_name["publish"])
            assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)

        # The rows and the events carry the same trace.
        with house.sessions() as session:
            documents = session.exec(select(Document)).all()
            rows = session.exec(select(OutboxEvent).order_by(col(OutboxEvent.position))).all()
        assert {trace.trace_of(document.traceparent or "") for document in documents} == traces.keys()
        assert {row.traceparent for row in rows} == {json.loads(row.body)["traceparent"] for row in rows}
        stream = Stream(connect(house.redis.url), "wireroom:events")
        entries: Any = stream.client.xrange(stream.key)
        for _, fields in entries:
            event = json.loads(fields["ce"])
            check(event)
            assert trace.trace_of(event["traceparent"]) in traces
        stream.client.close()

        # Exporters are made after the fork: a child that takes the place of another has one of its own.
        senders = set(collector.processes)
        for child in worker.children():
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: worker.value("wireroom_children_started_total") == 4, seconds=60, what="new children")
        publisher.feeds["new"] = [Piece(guid="new", headline="Neu")]
        with house.sessions.begin() as session:
            feeds.add(session, url=publisher.url("new"), now=datetime.now(UTC))
        wait_until(lambda: len(collector.by_trace()) == 5, seconds=90, what="a new trace")
        wait_until(lambda: collector.processes - senders, seconds=30, what="spans of a new child")

        # What is left when a process stops is sent first.
        relay.running.send_signal(signal.SIGTERM)
        assert relay.running.wait(30) == 0


@pytest.mark.timeout(120)
def test_a_collector_that_is_away_holds_nothing_up(house: Shown, publisher: Publisher) -> None:
    house.subscribe(publisher)
    worker = house.start("worker", "--concurrency", "1", otlp_url="http://127.0.0.1:1/v1/traces")
    house.start("beat")
    wait_until(lambda: worker.value("wireroom_entries_total", outcome="created") == 120, seconds=60, what="articles")
    worker.running.send_signal(signal.SIGTERM)
    assert worker.running.wait(60) == 0


CODE = """
import sys
from workers import app
app._open_room()
from workers.settings import settings
from workers.relaying import relay_events
import threading
stop = threading.Event(); stop.set()
relay_events(settings(), stop, with_beat=False)
ours = ("prometheus_client", "opentelemetry.exporter", "opentelemetry.proto", "opentelemetry.sdk.trace", "requests")
print([name for name in sys.modules if name.startswith(ours)])  # redis-py looks at OpenTelemetry's metrics by itself
"""


def test_nothing_of_it_is_loaded_where_it_is_off(tmp_path: Path, sqlite_url: str, redis_url: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("WIREROOM_")} | {
        "WIREROOM_DATABASE_URL": sqlite_url,
        "WIREROOM_REDIS_URL": redis_url,
        "WIREROOM_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_traceparent_is_a_w3c_one_and_a_span_within_it_keeps_the_trace() -> None:
    first = trace.begin()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", first)
    inner = trace.within(first)
    assert trace.trace_of(inner) == trace.trace_of(first)
    assert trace.span_of(inner) != trace.span_of(first)
    assert trace.begin() != first
