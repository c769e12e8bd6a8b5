"""A feed that vanished from its address is looked for on its site's page, and only the same feed is taken for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select
from sqlmodel import col

from storage import feeds
from storage.db import Sessions
from storage.models import Feed, FeedStatus, OutboxEvent
from tasks.fetch import FetchPolicy, close
from tasks.intake import take_in
from tasks.poll import poll_due
from tasks.room import Room
from tasks.seek import seek
from tasks.subscribe import MERGED

from .conftest import Site, reply


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(sessions: Sessions, policy: FetchPolicy, clock: Clock) -> Iterator[Room]:
    yield Room(sessions=sessions, fetch=policy, clock=clock)
    close()


def rss(site: Site, *numbers: int) -> bytes:
    items = "".join(
        f"<item><guid isPermaLink='false'>stadt-{number}</guid><title>Meldung {number}</title>"
        f"<description>Der Rat tagte zum {number}. Mal.</description></item>"
        for number in numbers
    )
    link = f"<link>{site.url('/')}</link>"
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>Stadt</title>{link}{items}</channel></rss>'.encode()
    )


def page(*paths: str) -> bytes:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="{path}">' for path in paths)
    return f"<!doctype html><html><head><title>Stadt</title>{links}</head><body>Stadt</body></html>".encode()


def subscribed(site: Site, room: Room) -> int:
    """A feed at /feed that was polled once."""
    with room.sessions.begin() as session:
        feed = feeds.add(session, url=site.serve("/feed", reply(200, rss(site, 1, 2))), now=room.clock())
        session.flush()
        feed_id = feed.id
    take_in(room, [document_id for document_id, _ in poll_due(room).documents])
    return feed_id


def feed_of(room: Room, feed_id: int) -> Feed:
    with room.sessions() as session:
        return session.get_one(Feed, feed_id)


def told(room: Room) -> list[str]:
    with room.sessions() as session:
        query = (
            select(col(OutboxEvent.type))
            .where(col(OutboxEvent.type).contains("feed."))
            .order_by(col(OutboxEvent.position))
        )
        return [kind.removeprefix("wireroom.").removesuffix(".v1") for kind in session.scalars(query)]


def lost_after(room: Room, clock: Clock, feed_id: int, days: float) -> list[float]:
    """Poll whenever due for so many days; returns after how many days the feed was said to be lost."""
    begun, lost = clock.now, []
    while clock.now < begun + timedelta(days=days):
        clock.now = feed_of(room, feed_id).next_fetch_at
        if poll_due(room).lost:
            lost.append((clock.now - begun).total_seconds() / 86400)
    return lost


@pytest.mark.parametrize("status", [404, 410])
def test_a_vanished_feed_is_found_again_on_its_sites_page(site: Site, room: Room, clock: Clock, status: int) -> None:
    feed_id = subscribed(site, room)
    site.serve("/feed", reply(status))
    site.serve("/", reply(200, page("/sport.rss", "/feed", "/neu.rss")))
    site.serve("/sport.rss", reply(200, rss(site, 70, 71)))
    site.serve("/neu.rss", reply(200, rss(site, 2, 3)))
    assert lost_after(room, clock, feed_id, 6 if status == 404 else 2)
    assert seek(room, feed_id) == site.url("/neu.rss")
    feed = feed_of(room, feed_id)
    assert (feed.url, feed.status, feed.failures) == (site.url("/neu.rss"), FeedStatus.ACTIVE, 0)
    assert feed.next_fetch_at == clock.now
    assert told(room)[-1] == "feed.moved"
    take_in(room, [document_id for document_id, _ in poll_due(room).documents])
    assert feed_of(room, feed_id).last_success_at == clock.now


def test_a_feed_is_looked_for_after_three_days_and_then_weekly(site: Site, room: Room, clock: Clock) -> None:
    feed_id = subscribed(site, room)
    site.serve("/feed", reply(404))
    days = lost_after(room, clock, feed_id, 20)
    assert 3 <= days[0] < 4.2
    assert all(later - sooner >= 7 for sooner, later in pairwise(days))
    assert len(days) >= 2


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_a_feed_that_is_refused_or_down_is_not_looked_for(site: Site, room: Room, clock: Clock, status: int) -> None:
    feed_id = subscribed(site, room)
    site.serve("/feed", reply(status))
    assert lost_after(room, clock, feed_id, 5) == []


def test_another_feed_of_the_site_is_not_taken_for_it(site: Site, room: Room, clock: Clock) -> None:
    feed_id = subscribed(site, room)
    site.serve("/feed", reply(404))
    site.serve("/", reply(200, page("/sport.rss")))
    site.serve("/sport.rss", reply(200, rss(site, 70, 71)))
    assert seek(room, feed_id) is None
    assert feed_of(room, feed_id).url == site.url("/feed")


def test_a_feed_found_where_another_is_subscribed_is_left_to_that_one(site: Site, room: Room, clock: Clock) -> None:
    feed_id = subscribed(site, room)
    with room.sessions.begin() as session:
        feeds.add(session, url=site.serve("/neu.rss", reply(200, rss(site, 2, 3))), now=clock.now)
    site.serve("/feed", reply(404))
    site.serve("/", reply(200, page("/neu.rss")))
    assert seek(room, feed_id) == site.url("/neu.rss")
    assert feed_of(room, feed_id).status is FeedStatus.REMOVED
    with room.sessions() as session:
        [body] = session.scalars(select(col(OutboxEvent.body)).where(col(OutboxEvent.subject) == f"feed/{feed_id}"))
    told = json.loads(body)
    assert (told["type"], told["data"]["feed"]["id"]) == ("wireroom.feed.removed.v1", feed_id)
    assert (told["data"]["cause"], told["data"]["reason"]) == ("poll", MERGED)


def test_a_page_that_cannot_be_had_changes_nothing(site: Site, room: Room) -> None:
    feed_id = subscribed(site, room)
    assert seek(room, feed_id) is None
    assert seek(room, 4711) is None
