"""Where the CPU of a new article goes: documents are ingested in this process, ten at once, and each stage timed.

Run with `python -m benchmarks.line_stages [FEEDS]`. Each figure excludes the stages that run inside it.
feedparser reads the same documents between ours: on a machine that does other work, too, trust the ratio alone.
"""

from __future__ import annotations

import gc
import io
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import structlog
from sqlalchemy.engine.default import DefaultDialect

from benchmarks.line_feeds import ENTRIES, feed
from storage import articles, documents, feeds, migrate, outbox
from storage.db import make_engine, make_sessions
from tasks import decide, intake, prepare, write
from tasks.enrich import Enrichers
from tasks.room import Room

WARM = 3  # documents before counting begins: word lists are loaded, memos begin to fill
STAGES: list[tuple[Any, str, str]] = [
    (prepare, "parse_guarded", "parse"),
    (decide, "read", "normalize"),
    (decide, "normalize", "normalize"),
    (decide, "line_keys", "line keys"),
    (decide, "content_of", "content"),
    (decide, "fingerprints", "fingerprint"),
    (write, "content_sha256", "content"),
    (write, "settle", "stories"),
    (write, "_events", "events"),
    (articles, "write", "rows of articles and tags"),
    (outbox, "_write", "rows of events"),
    (DefaultDialect, "do_commit", "commit"),
    (Enrichers, "tag", "tag: frame, split, language"),
]


class Clock:
    """CPU per label, in seconds, without what runs inside another label."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def timed(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        """`function`, counted under `label`."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.process_time() - start
                self.spent[label] += whole - self._inner.pop()
                if self._inner:
                    self._inner[-1] += whole

        return counted


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """Every stage counted by `clock` as long as this lasts."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in STAGES]
    for owner, name, label in STAGES:
        setattr(owner, name, clock.timed(getattr(owner, name), label))
    try:
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def measured(count: int) -> tuple[dict[str, float], float, float]:
    """CPU seconds by stage, of everything, and of feedparser over the same documents, for `count` feeds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'bench.db'}")
        migrate.upgrade(engine)
        room = Room(sessions=make_sessions(engine))
        named = Enrichers.load()
        counted = [replace(one, function=_listed(clock, one.function, one.name)) for one in named.enrichers]
        room.__dict__["enrichers"] = replace(named, enrichers=tuple(counted))
        ids = _stored(room, count + WARM)
        intake.take_in(room, ids[:WARM])
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 20, 50)  # as workers do
        clock.spent.clear()
        whole = baseline = 0.0
        with watched(clock):
            for begin in range(WARM, len(ids), intake.BATCH):
                some = range(begin, min(begin + intake.BATCH, len(ids)))
                start = time.process_time()
                done = intake.take_in(room, [ids[number] for number in some])
                whole += time.process_time() - start
                if (made := sum(one.outcomes["created"] for one in done)) != ENTRIES * len(some):
                    raise SystemExit(f"documents {ids[some[0]]} to {ids[some[-1]]} made {made} articles")
                for number in some:
                    body = io.BytesIO(feed(number))
                    start = time.process_time()
                    feedparser.parse(body)
                    baseline += time.process_time() - start
        engine.dispose()
    return dict(clock.spent), whole, baseline


def _listed(clock: Clock, function: Callable[..., Any], name: str) -> Callable[..., Any]:
    return clock.timed(lambda known: list(function(known)), f"tag: {name}")


def _stored(room: Room, count: int) -> list[int]:
    now = datetime.now(UTC)
    ids: list[int] = []
    with room.sessions.begin() as session:
        for number in range(count):
            held = feeds.add(session, url=f"https://bench{number}.example/feed", now=now)
            session.flush()
            body = feed(number)
            name = documents.digest(body)
            row = {"feed_id": held.id, "sha256": name, "url": held.url, "content_type": "application/rss+xml"}
            ids += documents.store(session, {name: body}, [row | {"fetched_at": now, "due_at": now}])
    return ids


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    spent, whole, baseline = measured(count)
    entries = count * ENTRIES
    rest = whole - sum(spent.values())
    for label, seconds in sorted([*spent.items(), ("everything else", rest)], key=lambda one: -one[1]):
        print(f"{label:30} {seconds / entries * 1000:7.3f} ms per article {seconds / whole:6.1%}")
    print(f"{'all':30} {whole / entries * 1000:7.3f} ms per article")
    print(
        f"{'feedparser, parsing alone':30} {baseline / entries * 1000:7.3f} ms per entry; ratio {whole / baseline:.2f}"
    )


if __name__ == "__main__":
    main()
