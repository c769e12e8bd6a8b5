"""Claims: one worker at a time has a feed or a document, and whoever lost it writes nothing."""

from __future__ import annotations

from datetime import timedelta

from publisher import Publisher
from sqlalchemy import bindparam, text
from sqlmodel.sql.sqltypes import UTCDateTime
from wire import Clock, articles, events, subscribe

from storage import documents, feeds
from storage.db import is_sqlite
from storage.models import Feed
from tasks.poll import poll_due
from tasks.room import Room

LEASE = timedelta(minutes=3)


def test_each_due_feed_is_given_to_one_worker_only(room: Room, publisher: Publisher, clock: Clock) -> None:
    ids = {subscribe(room, publisher, f"feed-{n}") for n in range(10)}
    with room.sessions.begin() as one:
        first = feeds.claim_due(one, now=clock(), limit=6, lease=LEASE)
    with room.sessions.begin() as two:
        second = feeds.claim_due(two, now=clock(), limit=10, lease=LEASE)
    assert len(first) == 6
    assert {feed.id for feed in first} | {feed.id for feed in second} == ids
    assert not {feed.id for feed in first} & {feed.id for feed in second}


def test_a_lease_that_ran_out_is_taken_up_again(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    with room.sessions.begin() as session:
        [lost] = feeds.claim_due(session, now=clock(), limit=1, lease=LEASE)
    clock.forward(minutes=4)
    with room.sessions.begin() as session:
        [again] = feeds.claim_due(session, now=clock(), limit=1, lease=LEASE)
    assert again.id == lost.id
    assert again.lease_token != lost.lease_token


def test_a_worker_that_slept_past_its_lease_writes_nothing(room: Room, publisher: Publisher, clock: Clock) -> None:
    feed_id = subscribe(room, publisher)
    with room.sessions.begin() as session:
        [mine] = feeds.claim_due(session, now=clock(), limit=1, lease=LEASE)
    clock.forward(minutes=4)
    with room.sessions.begin() as session:
        feeds.claim_due(session, now=clock(), limit=1, lease=LEASE)
    with room.sessions.begin() as session:
        assert feeds.still_held(session, {feed_id: mine.lease_token or ""}) == {}


def test_a_document_given_to_another_worker_cannot_be_finished_by_the_first(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(room, publisher)
    [(document_id, _)] = poll_due(room).documents
    with room.sessions.begin() as session:
        [mine] = documents.claim(session, now=clock(), lease=LEASE, ids=[document_id])
    clock.forward(minutes=4)
    with room.sessions.begin() as session:
        documents.claim(session, now=clock(), lease=LEASE, ids=[document_id])
    with room.sessions.begin() as session:
        assert not documents.finish(session, mine, state=mine.state, now=clock(), outcome={})
    assert (articles(room), events(room)) == ([], [])


def test_claiming_due_feeds_is_a_range_scan_of_an_index(room: Room, publisher: Publisher, clock: Clock) -> None:
    with room.sessions.begin() as session:
        far = {"created_at": clock(), "settings": {}, "seen": {}, "hints": {}, "rhythm": {}, "state": {}}
        rows = [
            far | {"url": f"http://{n}.example/", "next_fetch_at": clock() + timedelta(minutes=n - 20)}
            for n in range(2000)
        ]
        session.add_all(Feed(**row) for row in rows)
    question = "SELECT id FROM feed WHERE status = 'active' AND next_fetch_at <= :now ORDER BY next_fetch_at LIMIT 100"
    with room.sessions() as session:
        if not is_sqlite(session):
            session.execute(text("ANALYZE feed"))
        due = bindparam("now", clock(), type_=UTCDateTime())
        how = "EXPLAIN QUERY PLAN " if is_sqlite(session) else "EXPLAIN "
        plan = "\n".join(str(row) for row in session.execute(text(how + question).bindparams(due)))
    assert "ix_feed_due" in plan
