"""Dates that lie ahead of the clock are not believed, and not lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from publisher import Publisher
from wire import Clock, articles, bath, events, poll_and_ingest, subscribe

from storage import articles as store
from storage.records import Entry, FeedHints, ParsedDocument
from tasks.room import Room
from tasks.times import believed

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "believes"),
    [(timedelta(0), True), (timedelta(hours=26), True), (timedelta(days=3), False), (timedelta(days=30000), False)],
)
def test_a_date_is_believed_up_to_two_days_ahead(ahead: timedelta, believes: bool) -> None:
    entry = Entry(position=0, guid="1", url=None, headline="H", published_raw="raw", published_at=NOW + ahead)
    [found] = believed(ParsedDocument(hints=FeedHints(), entries=(entry,)), NOW).entries
    assert (found.published_at is not None) is believes
    assert found.published_raw == "raw"
    assert found.sha256 == entry.sha256


def test_an_article_from_the_future_has_no_date_but_what_its_feed_wrote(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = [replace(bath(), published=clock() + timedelta(days=400))]
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    [article] = articles(room)
    assert article.published_at is None
    with room.sessions() as session:
        content = store.contents(session, {article.id: 1})[article.id]
    assert "published_at" not in content
    assert "GMT" in content["published_raw"] or "+0000" in content["published_raw"]
    poll_and_ingest(room, clock)
    assert events(room) == ["article.created"]
