"""Reading only new items is held against reading everything, and given up for a feed where the two differ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from publisher import Piece, Publisher
from sqlalchemy import update
from sqlmodel import col
from structlog.testing import capture_logs
from wire import Clock, articles, events, poll_and_ingest, subscribe

from storage import feeds
from storage.models import Article, Feed, FeedStatus, Revision
from tasks.ingested import Ingested
from tasks.room import Room


def pieces(count: int) -> list[Piece]:
    return [Piece(guid=f"g{n}", headline=f"Meldung Nummer {n}", body=f"<p>Text der {n}.</p>") for n in range(count)]


@pytest.fixture
def feed_id(room: Room, publisher: Publisher, clock: Clock) -> Iterator[int]:
    """A feed of ten pieces that was read once; every document is audited."""
    room.delta_audit = 1.0
    publisher.feeds["stadt"] = pieces(10)
    feed_id = subscribe(room, publisher)
    poll_and_ingest(room, clock)
    return feed_id


def grown(room: Room, publisher: Publisher, clock: Clock) -> Ingested:
    """Poll once more, with one piece more."""
    publisher.feeds["stadt"] = pieces(len(publisher.feeds["stadt"]) + 1)
    _, [ingested] = poll_and_ingest(room, clock)
    return ingested


def garble(room: Room) -> None:
    """Have an article be held as something that its item does not say, as if it had been read wrongly."""
    first = articles(room)[0].id
    with room.sessions.begin() as session:
        for model, mine in ((Article, Article.id), (Revision, Revision.article_id)):
            session.execute(update(model).where(col(mine) == first).values(entry_sha256="0" * 64))


def test_where_both_ways_agree_nothing_is_said(room: Room, publisher: Publisher, clock: Clock, feed_id: int) -> None:
    with capture_logs() as logs:
        ingested = grown(room, publisher, clock)
    assert (ingested.audit, ingested.skipped, ingested.outcomes["created"]) == ("agreed", 10, 1)
    assert "delta.differs" not in [line["event"] for line in logs]


def test_where_they_differ_it_is_logged_and_the_feed_read_whole_from_then_on(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    garble(room)
    with capture_logs() as logs:
        ingested = grown(room, publisher, clock)
    assert (ingested.audit, ingested.skipped) == ("differed", 0)
    assert ingested.outcomes == {"created": 1, "unchanged": 9, "refreshed": 1}
    [said] = [line for line in logs if line["event"] == "delta.differs"]
    assert said["log_level"] == "error"
    assert len(said["differing"]) == 1
    assert events(room) == ["article.created"] * 11
    later = grown(room, publisher, clock)
    assert (later.audit, later.skipped) == (None, 0)
    with room.sessions.begin() as session:
        feeds.set_status(session, session.get_one(Feed, feed_id), FeedStatus.ACTIVE, now=clock())
    assert grown(room, publisher, clock).skipped == 12


def test_the_share_of_documents_is_the_setting(room: Room, publisher: Publisher, clock: Clock, feed_id: int) -> None:
    garble(room)
    room.delta_audit = 0.0
    assert grown(room, publisher, clock).audit is None
    room.delta_audit = 0.5
    drawn = [grown(room, publisher, clock).audit for _ in range(30)]
    assert "differed" in drawn


def test_an_article_that_was_said_in_two_ways_agrees_with_both(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    publisher.feeds["stadt"][0] = publisher.feeds["stadt"][0].edited(headline="Meldung Nummer 0, ergänzt")
    poll_and_ingest(room, clock)
    changed = next(one for one in articles(room) if "ergänzt" in one.headline)
    with room.sessions.begin() as session:
        # As if a hub had brought another wording since: the feed's own is held as an earlier version.
        session.execute(update(Article).where(col(Article.id) == changed.id).values(entry_sha256="0" * 64))
    publisher.feeds["stadt"].append(Piece(guid="neu", headline="Eine neue Meldung"))
    _, [ingested] = poll_and_ingest(room, clock)
    assert ingested.audit == "agreed"
