"""Faults planted in the line from poll to event: the checker sees each, and none in the real thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from event_consumer import effects_file
from services import RedisServer

from storage import documents, feeds, outbox
from storage.db import Sessions
from storage.models import Document, DocumentState
from tasks import intake, poll, write
from tasks.fetch import FetchPolicy
from tasks.ingested import Ingested
from tasks.room import Room
from workers.relay import Relay, State

from .checker import faults
from .evidence import collect
from .press import Press

NAMES = ["zeitung1", "zeitung2", "zeitung3"]


class Line:
    """Poll, ingest and relay in this process, over three feeds."""

    def __init__(self, sessions: Sessions, server: RedisServer, press: Press, effects: Path) -> None:
        self.room = Room(sessions=sessions, fetch=FetchPolicy(allow=("127.0.0.0/8",)))
        self.server, self.press, self.effects = server, press, effects
        with sessions.begin() as session:
            self.ids = [feeds.add(session, url=press.url(name), now=self.room.clock()) for name in NAMES]
        effects_file(str(effects)).close()

    def publish_and_take_in(self, *deeds: Callable[[], None]) -> None:
        """Something is published, fetched and ingested; polled once more, so that publishers know what was accepted."""
        for deed in deeds:
            deed()
        for _ in range(2):
            with self.room.sessions.begin() as session:
                feeds.ask(session, [feed.id for feed in self.ids], now=self.room.clock())
            report = poll.poll_due(self.room)
            intake.take_in(self.room, [number for number, _ in report.documents])

    def faults(self) -> list[str]:
        """Relay everything to a reader without faults, and compare."""
        relay = Relay(sessions=self.room.sessions, redis_url=self.server.url)
        while relay.step() is State.BUSY:
            pass
        with self.room.sessions() as session:
            told = outbox.read_after(session, 0, limit=10_000)
        with effects_file(str(self.effects)) as effects:
            effects.executemany("INSERT INTO effect VALUES (?, ?, ?)", [(e.id, e.subject, e.position) for e in told])
        effects.close()
        names = {self.press.url(name): name for name in NAMES}
        client = self.server.client()
        found = collect(self.room.sessions, client, self.effects, {event.id: {event.body} for event in told}, names)
        client.close()
        relay.close()
        return faults(self.press.book, found)


@pytest.fixture
def line(sessions: Sessions, own_redis: RedisServer, tmp_path: Path) -> Iterator[Line]:
    with Press(NAMES, seed=1) as press:
        yield Line(sessions, own_redis, press, tmp_path / "effects.db")


def test_the_real_line_has_no_fault(line: Line) -> None:
    line.publish_and_take_in(line.press.publish, line.press.publish, line.press.publish)
    line.publish_and_take_in(line.press.edit, line.press.rekey, line.press.copy_over)
    line.publish_and_take_in(line.press.edit, line.press.publish)
    assert line.faults() == []


def no_outbox_row(_session: object, events: Sequence[Any]) -> None:
    """An article is committed, and its event forgotten."""


def no_document(_session: object, _bodies: object, rows: Sequence[Any]) -> list[int]:
    """Validators are committed, and the document is not."""
    return [0 for _ in rows]


def done_before_its_commit(room: Room, document: Document, *_: object) -> Ingested:
    """The document is marked as done, and the worker dies before its articles are committed."""
    with room.sessions.begin() as session:
        documents.finish(session, document, state=DocumentState.INGESTED, now=room.clock(), outcome={})
    raise KeyboardInterrupt


def test_a_lost_outbox_row_is_seen(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write.outbox, "record", no_outbox_row)
    line.publish_and_take_in(line.press.publish)
    monkeypatch.undo()
    assert [fault.partition(":")[0] for fault in line.faults()] == ["events"]


def test_a_document_that_is_done_before_its_commit_is_seen(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("parse", "ingest"):  # together with others, or alone
        monkeypatch.setattr(intake, name, done_before_its_commit)
    with pytest.raises(KeyboardInterrupt):
        line.publish_and_take_in(line.press.publish)
    monkeypatch.undo()
    line.publish_and_take_in()
    assert any(fault.endswith("/p1 is lost") for fault in line.faults())


def test_validators_without_their_document_are_seen(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll.documents, "store", no_document)
    line.publish_and_take_in(line.press.publish)
    monkeypatch.undo()
    line.publish_and_take_in()
    (fault,) = line.faults()
    assert fault.endswith("/p1 is lost")
