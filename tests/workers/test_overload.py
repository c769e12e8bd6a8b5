"""More comes than the workers can do: what is urgent overtakes, the oldest is not starved, Redis stays small."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from publisher import ALLOW, Piece, Publisher
from real_house import House
from services import redis_server, wait_until
from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from storage import feeds
from storage.models import Document, DocumentState, Feed
from tasks import jobs
from tasks.fetch import FetchPolicy
from tasks.poll import poll_due
from tasks.room import Room
from workers.app import make_app
from workers.cli.root import app
from workers.settings import Settings, settings

FEEDS, ROUNDS = 30, 4
QUEUE = "wireroom:ingest"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    with redis_server(tmp_path / "redis") as server:
        made = House(tmp_path, database_url, server)
        yield made
        made.sessions.kw["bind"].dispose()


@pytest.fixture
def flooded(house: House) -> Room:
    """Four documents of each of thirty feeds wait for a worker, and then one of a feed with priority."""
    names = [f"feed{number}" for number in range(FEEDS)]
    room = Room(sessions=house.sessions, fetch=FetchPolicy(allow=ALLOW))
    moment = datetime.now(UTC) - timedelta(minutes=10)
    room.clock = lambda: moment
    with Publisher(feeds={name: [] for name in (*names, "breaking")}) as publisher:
        house.subscribe(publisher, names)
        for turn in range(ROUNDS):
            for name in names:
                publisher.feeds[name].append(Piece(guid=f"{name}-{turn}", headline=f"Meldung {turn} von {name}"))
            moment += timedelta(minutes=1)
            with house.sessions.begin() as session:
                feeds.ask(session, session.scalars(select(col(Feed.id))).all(), now=moment)
            poll_due(room)
        house.subscribe(publisher, ["breaking"])
        with house.sessions.begin() as session:
            breaking = session.scalars(select(Feed).where(col(Feed.url) == publisher.url("breaking"))).one()
            breaking.priority, breaking.next_fetch_at = 10, moment
        publisher.feeds["breaking"].append(Piece(guid="b", headline="Eilt"))
        poll_due(room)
    return room


@pytest.mark.timeout(240)
def test_breaking_copy_overtakes_and_the_oldest_goes_first(house: House, flooded: Room) -> None:
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, house.server.client().llen(QUEUE))
        return house.count(Document, col(Document.state) == DocumentState.INGESTED) == FEEDS * ROUNDS + 1

    with house.process("worker", "--concurrency", "1"), house.process("beat"):
        wait_until(done, seconds=180, what="the end of the flood")
    with house.sessions() as session:
        query = select(Document).order_by(col(Document.ingested_at), col(Document.id))
        order = list(session.scalars(query))
    # One message's worth may have been taken before.
    assert any(document.priority for document in order[:10])
    rounds = [(document.id - 1) // FEEDS for document in order if not document.priority]
    first_of = {turn: rounds.index(turn) for turn in range(ROUNDS)}
    assert sorted(first_of, key=first_of.__getitem__) == list(range(ROUNDS))
    # A feed's documents keep their order.
    for feed_id in {document.feed_id for document in order}:
        own = [document.id for document in order if document.feed_id == feed_id]
        assert own == sorted(own)
    assert most <= jobs.QUEUED


def test_a_queue_that_is_long_already_is_made_no_longer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "QUEUED", 5)
    monkeypatch.setenv("WIREROOM_REDIS_URL", house.server.url)
    make_app(Settings())
    for _ in range(4):
        jobs._send_for([[1], [2], [3]])
    assert house.server.client().llen(QUEUE) == 5
    house.server.kill()
    jobs._send_for([[1]])  # the sweep finds it when Redis is back


def test_the_lag_is_seen_by_an_operator(house: House, flooded: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in house.env.items():
        if name.startswith("WIREROOM_"):
            monkeypatch.setenv(name, value)
    settings.cache_clear()
    said = CliRunner().invoke(app, ["lag", "--json"])
    settings.cache_clear()
    assert said.exit_code == 0
    assert f'"stage": "documents to ingest", "waiting": {FEEDS * ROUNDS + 1}' in said.output
