"""Polling against a real database and a web server on loopback: what is kept, when it is next, and what is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from storage import feeds
from storage.db import Sessions
from storage.models import Feed, FeedStatus, OutboxEvent
from storage.records import FetchOutcome
from tasks.fetch import FetchPolicy, close
from tasks.poll import poll_due
from tasks.room import Room

from .conftest import FEED, Site, reply


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(sessions: Sessions, policy: FetchPolicy, clock: Clock) -> Iterator[Room]:
    yield Room(sessions=sessions, fetch=policy, clock=clock)
    close()


def subscribe(room: Room, *urls: str) -> list[int]:
    with room.sessions.begin() as session:
        added = [feeds.add(session, url=url, now=room.clock()) for url in urls]
        session.flush()
        return [feed.id for feed in added]


def feed_of(room: Room, feed_id: int) -> Feed:
    with room.sessions() as session:
        return session.get_one(Feed, feed_id)


def told(room: Room) -> list[str]:
    with room.sessions() as session:
        return list(session.scalars(select(col(OutboxEvent.type)).order_by(col(OutboxEvent.position))))


def poll_when_due(room: Room, clock: Clock, feed_id: int, times: int) -> None:
    for _ in range(times):
        clock.now = feed_of(room, feed_id).next_fetch_at
        assert poll_due(room).fetched


def test_a_document_is_kept_with_its_validators_and_the_next_poll_has_a_reason(
    site: Site, room: Room, clock: Clock
) -> None:
    (feed_id,) = subscribe(room, site.serve("/feed", reply(200, FEED, ETag='"1"')))
    report = poll_due(room)
    assert len(report.documents) == 1
    feed = feed_of(room, feed_id)
    assert feed.etag == '"1"'
    assert feed.next_fetch_reason == "rhythm not yet known"
    assert clock.now + timedelta(minutes=30) < feed.next_fetch_at < clock.now + timedelta(hours=2)
    site.serve("/feed", lambda asked: reply(304 if asked.headers.get("if-none-match") == '"1"' else 500))
    poll_when_due(room, clock, feed_id, 3)
    assert [asked.headers.get("if-none-match") for asked in site.asked] == [None, '"1"', '"1"', '"1"']
    assert feed_of(room, feed_id).failures == 0


def test_documents_are_delivered_before_the_slowest_feed_is_through(site: Site, room: Room) -> None:
    slow = site.serve("/slow", lambda _: [2.5, reply(200, FEED)])
    quick = site.serve("/quick", reply(200, FEED.replace(b">1<", b">2<")))
    subscribe(room, slow, quick)
    delivered: list[tuple[int, list[str]]] = []

    def deliver(documents: object) -> None:
        delivered.append((len(documents), [asked.path for asked in site.asked]))  # type: ignore[arg-type]

    report = poll_due(room, deliver)
    assert [number for number, _ in delivered] == [1, 1]
    assert len(report.documents) == 2


def test_a_shard_does_not_hold_the_documents_it_has_kept(site: Site, room: Room) -> None:
    subscribe(room, site.serve("/feed", reply(200, FEED)))
    report = poll_due(room)
    assert len(report.documents) == 1
    assert [(result.outcome, result.body) for result in report.fetched] == [(FetchOutcome.CHANGED, None)]


def test_a_full_shard_calls_for_the_next_at_once(site: Site, room: Room) -> None:
    room.shard = 2
    subscribe(room, *(site.serve(f"/{number}", reply(200, FEED)) for number in range(3)))
    calls: list[int] = []
    assert poll_due(room, more=lambda: calls.append(len(site.asked))).full
    assert calls == [0]
    assert not poll_due(room, more=lambda: calls.append(1)).full
    assert calls == [0]


def test_a_feed_that_moved_for_good_is_polled_at_its_new_address(site: Site, room: Room, clock: Clock) -> None:
    old, new = site.serve("/old", reply(301, Location="/new")), site.serve("/new", reply(200, FEED, ETag='"1"'))
    site.serve("/old", reply(200, FEED))
    (feed_id,) = subscribe(room, old)
    poll_when_due(room, clock, feed_id, 1)
    site.serve("/old", reply(301, Location="/new"))
    for _ in range(8):
        clock.now += timedelta(hours=13)
        poll_due(room)
    assert feed_of(room, feed_id).url == new
    assert told(room) == ["wireroom.feed.moved.v1"]


def test_two_feeds_that_become_one_are_merged(site: Site, room: Room, clock: Clock) -> None:
    new = site.serve("/new", reply(200, FEED))
    old = site.serve("/old", reply(200, FEED))
    new_id, old_id = subscribe(room, new, old)
    poll_due(room)
    site.serve("/old", reply(301, Location="/new"))
    for _ in range(8):
        clock.now += timedelta(hours=13)
        poll_due(room)
    assert feed_of(room, old_id).status is FeedStatus.REMOVED
    assert feed_of(room, new_id).status is FeedStatus.ACTIVE
    assert told(room) == ["wireroom.feed.removed.v1"]


def test_a_lasting_failure_is_told_once_and_its_end_once(site: Site, room: Room, clock: Clock) -> None:
    (feed_id,) = subscribe(room, site.serve("/feed", reply(500)))
    poll_when_due(room, clock, feed_id, 8)
    site.serve("/feed", reply(200, FEED))
    poll_when_due(room, clock, feed_id, 2)
    assert told(room) == ["wireroom.feed.failing.v1", "wireroom.feed.recovered.v1"]


def test_a_budget_stretches_the_waits_of_all_feeds(site: Site, room: Room, clock: Clock) -> None:
    ids = subscribe(room, *(site.serve(f"/{number}", reply(200, FEED)) for number in range(6)))
    room.polls_per_minute = 6 / (3 * 60)  # each of the six once in three hours
    poll_due(room)
    waits = [(feed_of(room, feed_id).next_fetch_at - clock.now).total_seconds() / 3600 for feed_id in ids]
    assert sum(waits) / len(waits) == pytest.approx(3.0, rel=0.15)
    room.cadence = replace(room.cadence, stretch=1.0)
    assert room.shared_out_at == clock.now


def test_a_429_leaves_the_feed_alone_for_as_long_as_it_asked(site: Site, room: Room, clock: Clock) -> None:
    (feed_id,) = subscribe(room, site.serve("/feed", reply(429, Retry_After="7200")))
    poll_due(room)
    feed = feed_of(room, feed_id)
    assert feed.next_fetch_at >= clock.now + timedelta(seconds=7200)
    assert feed.next_fetch_reason == "Retry-After 7200 s"


def test_the_history_says_which_validators_an_attempt_brought(site: Site, room: Room, clock: Clock) -> None:
    answers = iter([reply(200, FEED, ETag='"1"'), reply(304, ETag='"2"'), reply(304)])
    (feed_id,) = subscribe(room, site.serve("/feed", lambda asked: next(answers)))
    poll_when_due(room, clock, feed_id, 3)
    with room.sessions() as session:
        details = [row.details for row in reversed(feeds.history(session, feed_id))]
    brought = [detail.get("validators", {}).get("etag") for detail in details]
    assert brought == ['"1"', '"2"', None]
