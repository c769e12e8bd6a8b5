"""A kill reaches the article: by status, by the desk's words, by a tombstone, by an operator; and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from publisher import Publisher
from sqlalchemy import select
from sqlmodel import col
from wire import BODY, TEASER, Clock, articles, bath, events, poll_and_ingest, subscribe

from storage import stories
from storage.articles import Selection
from storage.models import ArticleStatus, OutboxEvent
from storage.records import Entry, Markup
from tasks import kills
from tasks.intake import take_in
from tasks.poll import poll_one
from tasks.reingest import open_run, proceed
from tasks.room import Room
from tasks.withdraw import NothingToDo, restore_by_hand, withdraw_by_hand

TEXTS = yaml.safe_load((Path(__file__).parent / "kills.yaml").read_text())
TOMBSTONES = "xmlns:at='http://purl.org/atompub/tombstones/1.0'"


def entry(headline: str, text: str, **extra: str) -> Entry:
    body = Markup(value=text, kind="text") if text else None
    return Entry(position=0, guid="g", url=None, headline=headline, content=body, extra=extra)


@pytest.mark.parametrize(("headline", "text"), TEXTS["kills"])
def test_what_a_desk_writes_to_kill_a_piece_is_a_kill(headline: str, text: str) -> None:
    assert kills.reason(entry(headline, text))


@pytest.mark.parametrize(("headline", "text"), TEXTS["look_alikes"])
def test_a_story_about_a_withdrawal_is_a_story(headline: str, text: str) -> None:
    assert kills.reason(entry(headline, text)) is None


def test_a_long_text_that_begins_like_a_notice_is_a_story() -> None:
    notice = "This article was removed from the collection in 1911, and nobody missed it. "
    assert kills.reason(entry("A stolen painting", notice))
    assert (
        kills.reason(entry("A stolen painting", notice + "The museum has its own account of that night. " * 20)) is None
    )


@pytest.mark.parametrize("status", ["canceled", "stat:canceled", "Cancelled", "killed"])
def test_a_status_says_it_whatever_the_words_say(status: str) -> None:
    assert kills.reason(entry("Hallenbad beschlossen", "Der Rat hat zugestimmt.", status=status))
    assert kills.reason(entry("ACHTUNG: Meldung gestrichen", "", status="usable")) is None


def told(room: Room, kind: str) -> list[dict[str, Any]]:
    """The data of all events of a kind."""
    with room.sessions() as session:
        query = (
            select(OutboxEvent)
            .where(col(OutboxEvent.type) == f"wireroom.{kind}.v1")
            .order_by(col(OutboxEvent.position))
        )
        return [json.loads(row.body)["data"] for row in session.scalars(query)]


def test_a_kill_in_words_marks_the_article_and_is_told_once(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [
        bath().edited(headline="EILT: Meldung zurückgezogen", teaser="Die Zahlen sind falsch.", body="")
    ]
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"].insert(0, bath().edited(guid="neu", link="https://zeitung.example/neu"))  # type: ignore[call-arg]
    poll_and_ingest(room, clock)
    [killed, _] = articles(room)
    assert (killed.status, killed.withdrawn_reason) == (ArticleStatus.CANCELED, "Die Zahlen sind falsch.")
    assert (killed.headline, killed.revision) == ("Altenbrück bekommt ein neues Hallenbad", 1)
    [event] = told(room, "article.withdrawn")
    assert event["reason"] == "Die Zahlen sind falsch."
    assert (event["article"]["status"], event["article"]["headline"]) == ("canceled", killed.headline)
    assert [kind for kind in events(room) if kind.startswith("article.")][:2] == [
        "article.created",
        "article.withdrawn",
    ]


def rss(status: str = "", headline: str = "Altenbrück bekommt ein neues Hallenbad") -> bytes:
    stated = f"<nar:pubStatus>{status}</nar:pubStatus>" if status else ""
    return (
        "<rss version='2.0' xmlns:nar='http://iptc.org/std/nar/2006-10-01/'><channel><title>Stadt</title><item>"
        f"<guid>bad-1</guid><title>{headline}</title><description>{TEASER}</description>{stated}</item></channel></rss>"
    ).encode()


def serve(publisher: Publisher, body: bytes) -> None:
    publisher.answers["stadt"] = (200, body, "application/xml")


def test_a_status_withdraws_and_only_a_usable_one_brings_back(room: Room, publisher: Publisher, clock: Clock) -> None:
    serve(publisher, rss())
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    for body in (rss("canceled"), rss(), rss(headline="Hallenbad: Rat stimmt zu"), rss("canceled")):
        serve(publisher, body)
        poll_and_ingest(room, clock)
    assert events(room) == ["article.created", "article.withdrawn"]
    serve(publisher, rss("usable"))
    poll_and_ingest(room, clock)
    [article] = articles(room)
    assert (article.status, article.revision, article.withdrawn_at) == (ArticleStatus.USABLE, 2, None)
    assert events(room) == ["article.created", "article.withdrawn", "article.revised"]
    assert told(room, "article.revised")[0]["changed"]["status"] == {"was": "canceled"}
    serve(publisher, rss("canceled"))
    poll_and_ingest(room, clock)
    ids = [event["article"]["revision"] for event in told(room, "article.withdrawn")]
    assert ids == [1, 2]


def test_an_entry_that_was_withdrawn_before_it_was_seen_is_not_told(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    serve(publisher, rss("canceled"))
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    assert (articles(room), events(room)) == ([], [])


def atom(*entries: str) -> bytes:
    return (
        f"<feed xmlns='http://www.w3.org/2005/Atom' {TOMBSTONES}><id>urn:stadt</id><title>Stadt</title>"
        f"<updated>2026-11-23T09:00:00Z</updated>{''.join(entries)}</feed>"
    ).encode()


def atom_entry(name: str, updated: str = "2026-11-20T08:00:00Z") -> str:
    return (
        f"<entry><id>urn:{name}</id><title>Altenbrück bekommt ein neues Hallenbad {name}</title>"
        f"<updated>{updated}</updated><link href='https://zeitung.example/{name}'/><summary>{TEASER}</summary></entry>"
    )


def tombstone(name: str, when: str = "2026-11-24T08:00:00Z") -> str:
    return f"<at:deleted-entry ref='urn:{name}' when='{when}'><at:comment>Irrtum</at:comment></at:deleted-entry>"


def test_a_tombstone_withdraws_its_entry_and_a_later_entry_brings_it_back(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    serve(publisher, atom(atom_entry("eins"), atom_entry("zwei")))
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    serve(publisher, atom(tombstone("eins"), tombstone("nie-gesehen"), atom_entry("zwei")))
    for _ in range(2):
        poll_and_ingest(room, clock)
    one, two = articles(room)
    assert (one.status, one.withdrawn_reason) == (ArticleStatus.CANCELED, "Irrtum")
    assert two.status is ArticleStatus.USABLE
    serve(publisher, atom(tombstone("eins"), atom_entry("eins"), atom_entry("zwei")))  # a cache's old entry
    poll_and_ingest(room, clock)
    assert articles(room)[0].status is ArticleStatus.CANCELED
    serve(publisher, atom(tombstone("eins"), atom_entry("eins", "2027-01-01T00:00:00Z"), atom_entry("zwei")))
    poll_and_ingest(room, clock)
    assert [article.status for article in articles(room)] == [ArticleStatus.USABLE] * 2
    kinds = [kind for kind in events(room) if kind.startswith("article.") and kind != "article.duplicate_of"]
    assert kinds == ["article.created", "article.created", "article.withdrawn", "article.revised"]


def test_an_entry_that_rolled_off_the_feed_is_not_withdrawn(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [bath().edited(guid="neu", link="https://zeitung.example/neu", headline="Neu", body="")]
    poll_and_ingest(room, clock)
    assert [article.status for article in articles(room)] == [ArticleStatus.USABLE] * 2


def test_what_an_operator_withdrew_only_an_operator_restores(room: Room, publisher: Publisher, clock: Clock) -> None:
    serve(publisher, rss())
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    [article] = articles(room)
    withdraw_by_hand(room, article.id, reason="einstweilige Verfügung")
    with pytest.raises(NothingToDo, match="einstweilige Verfügung"):
        withdraw_by_hand(room, article.id, reason="noch einmal")
    serve(publisher, rss("usable", headline="Hallenbad: Rat stimmt zu"))
    poll_and_ingest(room, clock)
    assert articles(room)[0].status is ArticleStatus.CANCELED
    restore_by_hand(room, article.id)
    with pytest.raises(NothingToDo):
        restore_by_hand(room, article.id)
    assert (articles(room)[0].status, articles(room)[0].revision) == (ArticleStatus.USABLE, 2)
    assert events(room) == ["article.created", "article.withdrawn", "article.revised"]
    assert [event["cause"] for event in told(room, "article.withdrawn")] == ["operator"]


def test_a_kill_that_an_operator_polled_by_hand_is_the_publishers_to_take_back(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    serve(publisher, rss())
    feed_id = subscribe(room, publisher)
    poll_and_ingest(room, clock)
    serve(publisher, rss("canceled"))
    clock.forward(days=1)
    take_in(room, [document_id for document_id, _ in poll_one(room, feed_id).documents])
    [article] = articles(room)
    assert (article.status, article.withdrawn_cause) == (ArticleStatus.CANCELED, "poll")
    assert [event["cause"] for event in told(room, "article.withdrawn")] == ["operator"]
    serve(publisher, rss("usable", headline="Hallenbad: Rat stimmt zu"))
    poll_and_ingest(room, clock)
    assert articles(room)[0].status is ArticleStatus.USABLE


def test_reingestion_leaves_what_is_withdrawn_as_it_is(room: Room, publisher: Publisher, clock: Clock) -> None:
    serve(publisher, rss())
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    serve(publisher, rss("canceled"))
    poll_and_ingest(room, clock)
    for _ in proceed(room, open_run(room, Selection())):
        pass
    assert articles(room)[0].status is ArticleStatus.CANCELED
    assert [kind for kind in events(room) if kind.startswith("article.")] == ["article.created", "article.withdrawn"]


def test_the_members_of_a_story_show_which_of_them_is_withdrawn(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["land"] = [bath().edited(guid="bad-2", link="https://land.example/bad")]
    subscribe(room, publisher)
    subscribe(room, publisher, "land")
    poll_and_ingest(room, clock)
    publisher.feeds["land"][0] = publisher.feeds["land"][0].edited(
        headline="MANDATORY KILL", teaser="Wrong.", body=BODY
    )
    poll_and_ingest(room, clock)
    [event] = told(room, "article.withdrawn")
    assert event["article"]["story_id"] is not None
    with room.sessions() as session:
        [story] = {story_id for story_id, _ in stories.stories_of(session, [a.id for a in articles(room)]).values()}
        assert sorted(copy.status for copy in stories.members(session, story)) == ["canceled", "usable"]


def test_a_revision_in_a_story_goes_out_with_its_story(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["land"] = [bath().edited(guid="bad-2", link="https://land.example/bad")]
    subscribe(room, publisher)
    subscribe(room, publisher, "land")
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [bath().edited(headline="Ganz anderes Thema", teaser="", body="<p>Kurz.</p>")]
    poll_and_ingest(room, clock)
    [revised] = told(room, "article.revised")
    assert revised["article"]["story_id"] is not None
