"""Articles past their time go, and what their feeds show again of them is no news."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from publisher import Piece, Publisher
from sqlalchemy import func, select
from sqlmodel import col
from wire import Clock, articles, bath, events, poll_and_ingest, subscribe

from storage.models import Article, ArticleTags, Blob, Document, Feed, Identity, Revision
from storage.story_models import Ruling, Story, StoryMember, StoryRuling
from tasks import housekeeping
from tasks.room import Room

KEEP = timedelta(days=60)


@pytest.fixture
def forgetful(room: Room) -> Room:
    """A room that keeps articles for sixty days."""
    room.keep_articles = KEEP
    return room


def rows(room: Room, model: type) -> int:
    with room.sessions() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def replaced(publisher: Publisher, room: Room, clock: Clock) -> None:
    """The bath leaves the feed, and its time runs out."""
    publisher.feeds["stadt"] = [Piece(guid="neu-1", headline="Eine neue Meldung", body="<p>Kurz gesagt.</p>")]
    poll_and_ingest(room, clock)
    clock.forward(days=70)
    publisher.feeds["stadt"] = [Piece(guid="neu-2", headline="Noch eine Meldung", body="<p>Kurz gefasst.</p>")]
    poll_and_ingest(room, clock)


def test_an_article_past_its_time_goes_with_all_that_hangs_on_it(
    forgetful: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(forgetful, publisher)
    poll_and_ingest(forgetful, clock)
    replaced(publisher, forgetful, clock)
    keys = rows(forgetful, Identity)
    assert housekeeping.prune(forgetful)["articles"] == 2
    assert [article.headline for article in articles(forgetful)] == ["Noch eine Meldung"]
    assert rows(forgetful, Revision) == 1
    assert rows(forgetful, Identity) == keys
    with forgetful.sessions() as session:
        assert set(session.scalars(select(col(ArticleTags.article_id)))) <= set(
            session.scalars(select(col(Article.id)))
        )
    assert rows(forgetful, Document) == rows(forgetful, Blob) == 1  # nobody needs the other documents any more


def test_a_purged_article_does_not_come_back_when_its_feed_shows_it_again(
    forgetful: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(forgetful, publisher)
    poll_and_ingest(forgetful, clock)
    replaced(publisher, forgetful, clock)
    housekeeping.prune(forgetful)
    told = events(forgetful)
    again = [
        bath(),
        bath().edited(guid="anders-7", link="https://zeitung.example/bad-1"),
        bath().edited(headline="Hallenbad: jetzt aber"),
    ]
    for piece in again:
        publisher.feeds["stadt"] = [piece, *publisher.feeds["stadt"][-1:]]
        _, [ingested] = poll_and_ingest(forgetful, clock)
        assert ingested.outcomes["purged"] == 1
    assert events(forgetful) == told
    assert len(articles(forgetful)) == 1


def test_an_article_that_its_feed_still_has_is_kept_however_old_it_is(
    forgetful: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(forgetful, publisher)
    poll_and_ingest(forgetful, clock)
    clock.forward(days=400)
    poll_and_ingest(forgetful, clock)
    assert housekeeping.prune(forgetful)["articles"] == 0
    assert len(articles(forgetful)) == 1


def test_so_is_one_of_a_json_feed(forgetful: Room, publisher: Publisher, clock: Clock) -> None:
    item = '{"id": "a-1", "title": "Brücke gesperrt", "content_text": "Die Brücke ist bis Mai gesperrt."}'
    feed = f'{{"version": "https://jsonfeed.org/version/1.1", "title": "Stadt", "items": [{item}]}}'
    publisher.answers["stadt"] = (200, feed.encode(), "application/feed+json")
    subscribe(forgetful, publisher)
    poll_and_ingest(forgetful, clock)
    clock.forward(days=400)
    assert housekeeping.prune(forgetful)["articles"] == 0


def test_an_article_that_changed_lately_is_kept(forgetful: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(forgetful, publisher)
    poll_and_ingest(forgetful, clock)
    clock.forward(days=59)
    publisher.feeds["stadt"] = [bath().edited(headline="Hallenbad: Rat stimmt zu")]
    poll_and_ingest(forgetful, clock)
    publisher.feeds["stadt"] = [Piece(guid="neu-1", headline="Eine neue Meldung")]
    poll_and_ingest(forgetful, clock)
    clock.forward(days=50)
    assert housekeeping.prune(forgetful)["articles"] == 0
    clock.forward(days=10)
    assert housekeeping.prune(forgetful)["articles"] == 1


def test_without_the_setting_articles_are_kept_for_ever(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    replaced(publisher, room, clock)
    clock.forward(days=4000)
    assert housekeeping.prune(room)["articles"] == 0
    assert len(articles(room)) == 3


def test_a_feed_whose_documents_are_all_forgotten_still_has_news_and_no_backfill(
    forgetful: Room, publisher: Publisher, clock: Clock
) -> None:
    feed_id = subscribe(forgetful, publisher)
    poll_and_ingest(forgetful, clock)
    publisher.feeds["stadt"] = []
    poll_and_ingest(forgetful, clock)
    clock.forward(days=100)
    housekeeping.prune(forgetful)
    with forgetful.sessions.begin() as session:
        for document in session.scalars(select(Document)):
            session.delete(document)
        assert session.get_one(Feed, feed_id).hints["document"]
    publisher.feeds["stadt"] = [Piece(guid="neu-1", headline="Eine neue Meldung")]
    _, [ingested] = poll_and_ingest(forgetful, clock)
    assert (ingested.outcomes, ingested.backfill) == ({"created": 1}, False)


def test_a_purged_copy_leaves_its_story_and_an_empty_story_goes(
    forgetful: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["land"] = [bath()]
    subscribe(forgetful, publisher)
    subscribe(forgetful, publisher, "land")
    poll_and_ingest(forgetful, clock)
    assert (rows(forgetful, Story), rows(forgetful, StoryMember)) == (1, 2)
    with forgetful.sessions.begin() as session:
        one, two = sorted(session.scalars(select(col(Article.id))))
        for other, ruling in ((two, Ruling.TOGETHER), (uuid4(), Ruling.APART)):
            session.add(StoryRuling(article_id=one, other_id=other, ruling=ruling, decided_at=clock()))
    publisher.feeds["land"] = [Piece(guid="neu-1", headline="Eine neue Meldung")]
    poll_and_ingest(forgetful, clock)
    clock.forward(days=70)
    housekeeping.prune(forgetful)
    assert (rows(forgetful, Story), rows(forgetful, StoryMember)) == (1, 1)
    publisher.feeds["stadt"] = [Piece(guid="neu-1", headline="Eine ganz andere Meldung")]
    poll_and_ingest(forgetful, clock)
    housekeeping.prune(forgetful)
    assert (rows(forgetful, Story), rows(forgetful, StoryMember), rows(forgetful, StoryRuling)) == (0, 0, 0)
