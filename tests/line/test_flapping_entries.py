"""An entry that two systems write in turn does not become a version with every poll."""

from __future__ import annotations

from publisher import Publisher
from wire import BODY, Clock, articles, bath, events, poll_and_ingest, subscribe

from tasks.decide import FLAPS
from tasks.room import Room


def test_an_entry_that_flips_between_two_wordings_is_told_of_so_often_and_no_more(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(room, publisher)
    for number in range(2 * FLAPS):
        publisher.feeds["stadt"] = [bath().edited(body=BODY.replace("21 zu 9", "22 zu 8") if number % 2 else BODY)]
        poll_and_ingest(room, clock)
    [article] = articles(room)
    assert article.revision == FLAPS
    assert events(room).count("article.revised") == FLAPS - 1
    publisher.feeds["stadt"] = [bath().edited(body=BODY.replace("21 zu 9", "20 zu 10"))]
    poll_and_ingest(room, clock)
    assert articles(room)[0].revision == FLAPS + 1
    assert events(room)[-1] == "article.revised"  # a wording that is new is news


def test_an_entry_that_changes_often_is_told_of_each_time(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    for number in range(FLAPS + 6):
        publisher.feeds["stadt"] = [bath().edited(body=BODY.replace("21 zu 9", f"{number + 40} zu 9"))]
        poll_and_ingest(room, clock)
    assert articles(room)[0].revision == FLAPS + 6
