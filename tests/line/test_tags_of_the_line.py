"""What the line gives the enrichers: the article with its dateline, and the feed that brought it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from publisher import Piece, Publisher
from wire import Clock, articles, poll_and_ingest, subscribe

from storage import articles as store
from storage.models import Feed
from tasks.room import Room

RULES = """
rules:
  - {name: by address, tag: {label: Address}, feeds: ["*/stadt.xml"]}
  - {name: by title, tag: {label: Title}, feeds: [stadt]}
  - {name: by publisher, tag: {label: Publisher}, feeds: ["altenpost*"]}
  - {name: another, tag: {label: Another}, feeds: ["*land*"]}
"""


def labels(room: Room, kind: str) -> list[str]:
    [article] = articles(room)
    with room.sessions() as session:
        return [tag.label for tag in store.tags_of(session, [article.id])[article.id] if tag.kind == kind]


@pytest.fixture
def ruled(room: Room, tmp_path: Path) -> Room:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return replace(room, rules=path)


def test_a_rule_for_feeds_holds_by_address_title_and_publisher_from_the_first_document_on(
    ruled: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = [Piece(guid="1", headline="Der Rat hat getagt", body="<p>Es ging um nichts.</p>")]
    feed_id = subscribe(ruled, publisher)
    with ruled.sessions.begin() as session:
        session.get_one(Feed, feed_id).publisher = "Altenpost"
    poll_and_ingest(ruled, clock)
    assert labels(ruled, "rule") == ["Address", "Title", "Publisher"]


def test_the_place_of_a_dateline_is_a_tag_though_the_dateline_is_no_part_of_the_text(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    body = "<p>Graz (APA) - Ein Stromausfall hat am Freitag Teile der Stadt lahmgelegt. Verletzt wurde niemand.</p>"
    publisher.feeds["stadt"] = [Piece(guid="1", headline="Der Strom ist weg", body=body)]
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    assert labels(room, "place") == ["Graz"]
