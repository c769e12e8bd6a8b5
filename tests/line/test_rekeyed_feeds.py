"""A feed that gives its entries new guids is told of once, and none of its articles comes twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from publisher import Piece, Publisher
from sqlalchemy import select
from sqlmodel import col
from wire import Clock, articles, events, poll_and_ingest, subscribe

from storage.models import OutboxEvent
from tasks.room import Room

BEGUN = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
SUBJECTS = ("Brücke", "Schule", "Spital", "Hafen", "Bahn", "Theater", "Markt", "Wald", "Museum", "Stadion")
_serial = count()


def pieces() -> list[Piece]:
    """Ten pieces as a content system gives them: the guid is the page's address."""
    return [
        Piece(
            guid=f"http://www.zeitung.example/?p={number}",
            headline=f"{subject}: Der Rat von Altenbrück hat entschieden",
            teaser=f"Die Stadt Altenbrück nimmt für {subject} mehr Geld in die Hand als im Vorjahr geplant war.",
            body=f"<p>{subject} war das Thema der Sitzung am {number}. des Monats, und das blieb so.</p>",
            link=f"http://www.zeitung.example/2026/11/{subject.lower()}-{number}",
            published=BEGUN + timedelta(hours=number, minutes=7 * number),
        )
        for number, subject in enumerate(SUBJECTS)
    ]


def to_https(piece: Piece) -> Piece:
    assert piece.link is not None
    return replace(piece, guid=piece.guid.replace("http:", "https:"), link=piece.link.replace("http:", "https:"))


def to_other_host(piece: Piece) -> Piece:
    assert piece.link is not None
    move = ("www.zeitung.example", "neu.zeitung.example")
    return replace(piece, guid=piece.guid.replace(*move), link=piece.link.replace(*move))


def to_other_system(piece: Piece) -> Piece:
    """Other guids, other addresses; what was written stays."""
    number = SUBJECTS.index(piece.headline.partition(":")[0])
    return replace(piece, guid=f"node-{4000 + number}", link=f"https://zeitung.example/artikel/{4000 + number}")


def to_other_slug(piece: Piece) -> Piece:
    assert piece.link is not None
    link = f"{piece.link}-altenbrueck"
    return replace(piece, guid=link, link=link)


def to_import_date(piece: Piece) -> Piece:
    """A system that calls all its articles published when they were brought in."""
    return replace(to_other_system(piece), published=BEGUN + timedelta(days=3))


def to_random(piece: Piece) -> Piece:
    return replace(piece, guid=f"urn:uuid:{next(_serial):032x}")


def to_random_without_pages(piece: Piece) -> Piece:
    return replace(piece, guid=f"urn:uuid:{next(_serial):032x}", link="https://zeitung.example/")


def to_equal(piece: Piece) -> Piece:
    return replace(piece, guid="N/A")


def to_equal_without_pages(piece: Piece) -> Piece:
    return replace(piece, guid="N/A", link="https://zeitung.example/")


CHANGES = [
    to_https,
    to_other_host,
    to_other_system,
    to_other_slug,
    to_import_date,
    to_random,
    to_random_without_pages,
    to_equal,
    to_equal_without_pages,
]


def told(room: Room, name: str) -> list[dict[str, object]]:
    with room.sessions() as session:
        bodies = session.scalars(
            select(col(OutboxEvent.body))
            .where(col(OutboxEvent.type) == f"wireroom.{name}.v1")
            .order_by(OutboxEvent.position)
        )
        return [json.loads(body)["data"] for body in bodies]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_new_guids_make_one_event_and_no_article(
    room: Room, publisher: Publisher, clock: Clock, change: Callable[[Piece], Piece]
) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    for number in range(4):  # a system that changes its guids at every request is one incident, too
        fresh = Piece(guid=f"neu-{number}", headline=f"Neues aus Altenbrück, Folge {number}")
        publisher.feeds["stadt"] = [change(piece) for piece in pieces()]
        if number:
            publisher.feeds["stadt"].insert(0, fresh)
        poll_and_ingest(room, clock)
    assert len([article for article in articles(room) if "Folge" not in article.headline]) == 10
    [event] = told(room, "feed.rekeyed")
    assert (event["matched"], event["unmatched"], event["backfill"]) == (10, 0, False)


def test_after_new_guids_new_pieces_are_new_and_old_ones_are_known(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    moved = [to_other_system(piece) for piece in pieces()]
    publisher.feeds["stadt"] = [Piece(guid="node-5000", headline="Eine neue Meldung"), *moved]
    poll_and_ingest(room, clock)
    assert [event["unmatched"] for event in told(room, "feed.rekeyed")] == [1]
    assert len(articles(room)) == 11
    publisher.feeds["stadt"] = [moved[0].edited(headline="Brücke: Rat vertagt"), *moved[1:]]
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 11
    assert events(room)[-1] == "article.revised"


def test_a_feed_whose_guids_change_twice_is_known_by_its_pages_from_then_on(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    for _ in range(3):
        poll_and_ingest(room, clock)
        publisher.feeds["stadt"] = [to_random(piece) for piece in pieces()]
    clock.forward(days=200)
    poll_and_ingest(room, clock)
    assert len(told(room, "feed.rekeyed")) == 1
    assert len(articles(room)) == 10


def test_pieces_that_the_last_document_had_not_are_recognised_with_those_it_had(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = pieces()[:2]
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [to_other_system(piece) for piece in pieces()]
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 10
    assert [event["matched"] for event in told(room, "feed.rekeyed")] == [10]


def test_a_second_move_after_a_year_is_told_again(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [to_https(piece) for piece in pieces()]
    poll_and_ingest(room, clock)
    clock.forward(days=365)
    publisher.feeds["stadt"] = [to_other_system(piece) for piece in pieces()]
    poll_and_ingest(room, clock)
    assert len(told(room, "feed.rekeyed")) == 2
    assert len(articles(room)) == 10


@pytest.mark.parametrize("kept", [0, 2])
def test_a_document_that_turned_over_whole_is_news(room: Room, publisher: Publisher, clock: Clock, kept: int) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    fresh = [Piece(guid=f"neu-{n}", headline=f"Meldung Nummer {n}", published=BEGUN) for n in range(10)]
    publisher.feeds["stadt"] = [*fresh, *pieces()[:kept]]
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 20
    assert told(room, "feed.rekeyed") == []


def test_the_same_headlines_every_day_are_new_pieces_every_day(room: Room, publisher: Publisher, clock: Clock) -> None:
    """A desk that calls its weather and its lottery the same each day, and has room for one day only."""

    def day(number: int) -> list[Piece]:
        names = ("Wetter", "Lotto", "Verkehr", "Börse", "Kino")
        return [
            Piece(
                guid=f"{name}-{number}",
                headline=f"{name} aktuell für Altenbrück",
                teaser=f"{name} aktuell, wie jeden Morgen aus dem Studio in Altenbrück für alle, die früh aufstehen.",
                body=f"<p>Die Lage am {number}. Tag: {number * 3} Grad und {number * 7} Punkte.</p>",
                published=BEGUN + timedelta(days=number),
            )
            for name in names
        ]

    publisher.feeds["stadt"] = day(1)
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = day(2)
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 10
    assert told(room, "feed.rekeyed") == []


def test_a_few_entries_with_new_guids_are_no_incident(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["stadt"] = pieces()
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [*(to_random(piece) for piece in pieces()[:4]), *pieces()[4:]]
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 10
    assert told(room, "feed.rekeyed") == []


def test_a_feed_that_is_new_is_no_incident(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["stadt"] = [to_equal(piece) for piece in pieces()]
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 10
    assert told(room, "feed.rekeyed") == []
