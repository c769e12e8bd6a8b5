"""From feed to event: what an editor, an operator and a subscriber see of one piece's way through the wire room."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from publisher import Piece, Publisher
from sqlalchemy import event, select
from sqlmodel import Session, col
from wire import BODY, TEASER, Clock, articles, bath, events, poll_and_ingest, subscribe

from storage import articles as store
from storage import documents, feeds, quarantine, stories
from storage.models import Document, DocumentState, Feed, FeedStatus, OutboxEvent, QuarantineState
from storage.records import Event, FetchOutcome
from tasks import ingest as ingesting
from tasks.content import clean_of
from tasks.ingest import ingest
from tasks.intake import batches, sweep, take_in, work_off_waiting
from tasks.poll import poll_due, poll_one
from tasks.room import Room
from tasks.stories import Fingerprint, fingerprints


def test_crawled_copy_comes_out_clean_with_one_event(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    [article] = articles(room)
    with room.sessions() as session:
        clean = clean_of(store.contents(session, {article.id: 1})[article.id])
    assert clean.headline == "Altenbrück bekommt ein neues Hallenbad"
    assert clean.teaser == TEASER
    assert [block.kind.value for block in clean.blocks] == ["paragraph", "subhead", "paragraph"]
    assert "Kosten von 18 Millionen Euro" in clean.text
    assert "Transparenz" not in clean.text
    assert "Veröffentlicht" not in clean.text
    assert TEASER not in clean.text
    assert [source.name for source in clean.sources] == ["altenpost.example"]
    assert len([removal for removal in clean.removals if removal.removed]) == 6
    assert article.language == "de"
    assert events(room) == ["article.created"]


def test_a_second_poll_of_an_unchanged_feed_leaves_no_message_and_no_event(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    report, ingested = poll_and_ingest(room, clock)
    assert [result.outcome for result in report.fetched] == [FetchOutcome.NOT_MODIFIED]
    assert (report.documents, ingested) == ([], [])
    assert events(room) == ["article.created"]


def test_the_same_bytes_without_validators_end_at_the_hash(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.answers["stadt"] = (200, publisher.document("stadt"), "application/rss+xml")
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    report, ingested = poll_and_ingest(room, clock)
    assert [result.outcome for result in report.fetched] == [FetchOutcome.SAME_BODY]
    assert ingested == []


def test_a_corrected_paragraph_makes_one_revision_that_says_what_it_was(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [bath().edited(body=BODY.replace("21 zu 9", "22 zu 8"))]
    poll_and_ingest(room, clock)
    assert events(room) == ["article.created", "article.revised"]
    [article] = articles(room)
    assert article.revision == 2
    with room.sessions() as session:
        revised = session.scalars(select(OutboxEvent).order_by(col(OutboxEvent.position).desc()).limit(1)).one()
        history = store.revisions(session, article.id)
    data = json.loads(revised.body)["data"]
    assert list(data["changed"]) == ["blocks"]
    assert "21 zu 9" in json.dumps(data["changed"], ensure_ascii=False)
    assert "22 zu 8" in json.dumps(data["article"], ensure_ascii=False)
    assert [(row.number, row.changed) for row in history] == [(1, []), (2, ["blocks"])]
    assert "21 zu 9" in json.dumps(history[0].content, ensure_ascii=False)


def test_a_new_piece_is_ingested_without_touching_the_known_one(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"].insert(0, Piece(guid="zug-2", headline="Bahn stellt Nachtzug ein", body="<p>Kurz.</p>"))
    _, [ingested] = poll_and_ingest(room, clock)
    assert ingested.outcomes == {"created": 1, "unchanged": 1}
    assert events(room) == ["article.created", "article.created"]


def test_a_changed_tracking_link_or_a_new_guid_for_the_same_page_is_no_news(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = [replace(bath(), link="https://zeitung.example/bad?utm_source=rss")]
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [replace(bath(), guid="neu-7", link="http://www.zeitung.example/bad?utm_source=mail")]
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"] = [replace(bath(), guid="neu-7", link="https://zeitung.example/umgezogen")]
    poll_and_ingest(room, clock)
    assert len(articles(room)) == 1
    assert events(room) == ["article.created", "article.revised"]  # the page moved, and that is told once


def test_two_workers_with_the_same_document_make_one_article(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    clock.forward(days=1)
    report = poll_due(room)
    ids = [document_id for document_id, _ in report.documents]
    workers = [threading.Thread(target=take_in, args=(room, ids)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(articles(room)) == 1
    assert events(room) == ["article.created"]


def test_two_documents_of_one_feed_ingested_at_once_make_each_article_once(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds["stadt"] = [Piece(guid=f"g{n}", headline=f"Meldung Nummer {n}") for n in range(20)]
    feed_id = subscribe(room, publisher)
    first = poll_one(room, feed_id)
    publisher.feeds["stadt"].append(Piece(guid="g20", headline="Meldung Nummer 20"))
    second = poll_one(room, feed_id)
    ids = [document_id for report in (first, second) for document_id, _ in report.documents]
    with room.sessions() as session:  # as if neither waited for the other
        both = [session.get_one(Document, document_id) for document_id in ids]
    workers = [threading.Thread(target=ingest, args=(room, document)) for document in both]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(articles(room)) == 21
    assert events(room) == ["article.created"] * 21


@pytest.mark.parametrize("beside", [False, True])
def test_an_entry_that_fails_a_step_taken_for_all_documents_of_a_batch_stops_no_other(
    room: Room, publisher: Publisher, monkeypatch: pytest.MonkeyPatch, *, beside: bool
) -> None:
    def failing(pieces: list[tuple[str, str | None, str]]) -> list[Fingerprint]:
        if any("Nummer 3" in headline for headline, _, _ in pieces):
            raise ValueError("planted")
        return fingerprints(pieces)

    monkeypatch.setattr("tasks.decide.fingerprints", failing)
    publisher.feeds["stadt"] = [Piece(guid=f"g{n}", headline=f"Meldung Nummer {n}") for n in range(6)]
    publisher.feeds["land"] = [Piece(guid=f"l{n}", headline=f"Bericht Nummer {n}") for n in range(6, 9)]
    names = ["stadt", "land"] if beside else ["stadt"]
    done = take_in(room, [poll_one(room, subscribe(room, publisher, name)).documents[0][0] for name in names])
    assert sorted((one.outcomes["created"], one.quarantined) for one in done) == ([(3, 0)] if beside else []) + [(5, 1)]
    assert sorted(article.headline[-1] for article in articles(room)) == [*"01245", *("678" if beside else "")]
    with room.sessions() as session:
        [held] = quarantine.listing(session, state=QuarantineState.HELD, feed_id=None, limit=10)
        assert (held.error, b"Meldung Nummer 3" in quarantine.raw(held)) == ("ValueError('planted')", True)


def test_an_older_document_never_overwrites_a_newer_one(room: Room, publisher: Publisher, clock: Clock) -> None:
    feed_id = subscribe(room, publisher)
    [(old, _)] = poll_one(room, feed_id).documents
    publisher.feeds["stadt"] = [bath().edited(headline="Hallenbad: Rat stimmt zu")]
    [(new, _)] = poll_one(room, feed_id).documents
    take_in(room, [old, new])
    with room.sessions.begin() as session:  # as an operator releases what was in quarantine
        documents.requeue(session, old, now=clock())
    [late] = take_in(room, [old])
    assert late.outcomes == {"stale": 1}
    assert [article.headline for article in articles(room)] == ["Hallenbad: Rat stimmt zu"]


def test_a_correction_waits_for_what_it_corrects(room: Room, publisher: Publisher, clock: Clock) -> None:
    feed_id = subscribe(room, publisher)
    [(old, _)] = poll_one(room, feed_id).documents
    publisher.feeds["stadt"] = [bath().edited(headline="Hallenbad: Rat stimmt zu")]
    [(new, _)] = poll_one(room, feed_id).documents
    assert take_in(room, [new]) == []
    assert [done.document_id for done in work_off_waiting(room, 1).ingested] == [old, new]
    assert events(room) == ["article.created", "article.revised"]


def test_a_document_whose_message_was_lost_is_swept_up(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    clock.forward(days=1)
    poll_due(room)
    assert list(sweep(room)) == []  # its message may still be on its way
    clock.forward(minutes=1)
    [ids] = sweep(room)
    take_in(room, ids)
    assert events(room) == ["article.created"]
    assert list(sweep(room)) == []


def test_a_document_that_keeps_killing_its_worker_is_quarantined_with_its_bytes(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    subscribe(room, publisher)
    clock.forward(days=1)
    [(document_id, _)] = poll_due(room).documents
    for _ in range(room.poison_after):
        with room.sessions.begin() as session:  # a worker claims it, and is never heard of again
            assert documents.claim(session, now=clock(), lease=room.lease, ids=[document_id])
        clock.forward(minutes=10)
    [result] = take_in(room, [document_id])
    assert result.state is DocumentState.QUARANTINED
    with room.sessions() as session:
        [held] = quarantine.listing(session, state=QuarantineState.HELD, feed_id=None, limit=10)
        assert quarantine.raw(held) == publisher.document("stadt")
    assert list(sweep(room)) == []


def test_a_document_tried_before_travels_alone() -> None:
    assert list(batches([(1, 0), (2, 1), (3, 0)])) == [[1, 3], [2]]


def test_a_page_that_is_no_feed_harms_nothing_and_makes_the_feed_failing(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    feed_id = subscribe(room, publisher)
    poll_and_ingest(room, clock)
    login = b"<!doctype html><html><head><title>Anmelden</title></head><body><form></form></body></html>"
    publisher.answers["stadt"] = (200, login, "text/html")
    for _ in range(4):
        poll_and_ingest(room, clock)
    with room.sessions() as session:
        feed = feeds.find(session, str(feed_id))
        assert feed.failures == 4
        assert feed.status is FeedStatus.ACTIVE
    assert events(room) == ["article.created", "feed.failing"]
    del publisher.answers["stadt"]
    poll_and_ingest(room, clock)
    assert events(room) == ["article.created", "feed.failing", "feed.recovered"]


def test_one_failing_feed_does_not_hold_up_the_others(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher, "gibt-es-nicht")
    subscribe(room, publisher)
    report, _ = poll_and_ingest(room, clock)
    assert {result.outcome for result in report.fetched} == {FetchOutcome.HTTP_4XX, FetchOutcome.CHANGED}
    assert events(room) == ["article.created"]


def test_every_attempt_leaves_a_row_with_the_reason_for_the_next(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    feed_id = subscribe(room, publisher)
    begun = clock()
    poll_and_ingest(room, clock)
    poll_and_ingest(room, clock)
    with room.sessions() as session:
        history = feeds.history(session, feed_id)
    assert [(row.outcome, row.status) for row in history] == [
        (FetchOutcome.NOT_MODIFIED, 304),
        (FetchOutcome.CHANGED, 200),
    ]
    assert all(row.next_fetch_at > begun and row.next_fetch_reason for row in history)


def test_the_events_of_a_first_fetch_are_marked_as_backfill(room: Room, publisher: Publisher, clock: Clock) -> None:
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    publisher.feeds["stadt"].insert(0, Piece(guid="neu", headline="Eine neue Meldung"))
    poll_and_ingest(room, clock)
    with room.sessions() as session:
        bodies = session.scalars(select(col(OutboxEvent.body)).order_by(col(OutboxEvent.position)))
        assert [json.loads(body)["data"]["backfill"] for body in bodies] == [True, False]


def test_one_document_that_cannot_be_written_does_not_hold_up_those_that_came_with_it(
    room: Room, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.feeds |= {name: [bath().edited(guid=f"bad-{name}", headline=f"Bad in {name}")] for name in ("a", "b")}
    ids = {name: subscribe(room, publisher, name) for name in ("stadt", "a", "b")}
    gather = ingesting.gather

    def fail_for_a(session: Session, room: Room, feed: Feed, *rest: Any) -> list[Event]:
        if feed.id == ids["a"]:
            raise RuntimeError("the disk is full")
        return gather(session, room, feed, *rest)

    monkeypatch.setattr(ingesting, "gather", fail_for_a)
    _, done = poll_and_ingest(room, clock)
    assert {one.feed_id for one in done} == {ids["stadt"], ids["b"]}
    assert {article.feed_id for article in articles(room)} == {ids["stadt"], ids["b"]}
    monkeypatch.undo()
    clock.forward(minutes=4)  # its lease is over
    [waiting] = list(sweep(room))
    [late] = take_in(room, waiting)
    assert (late.feed_id, late.outcomes["created"]) == (ids["a"], 1)
    assert sorted(events(room)).count("article.created") == 3


def test_documents_of_different_feeds_are_written_in_one_transaction(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds |= {name: [bath().edited(guid=f"bad-{name}", headline=f"Bad in {name}")] for name in ("a", "b")}
    for name in ("stadt", "a", "b"):
        subscribe(room, publisher, name)
    clock.forward(days=1)
    report = poll_due(room)
    commits: list[object] = []
    engine = room.sessions.kw["bind"]

    def note(connection: object) -> None:
        commits.append(connection)

    event.listen(engine, "commit", note)
    take_in(room, [document_id for document_id, _ in report.documents])
    event.remove(engine, "commit", note)
    assert len(articles(room)) == 3
    assert len(commits) == 3  # the claim, all that was written, and a claim that finds nothing more


def test_copies_in_documents_that_are_written_together_make_one_story_that_is_told_once(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    publisher.feeds |= {name: [bath().edited(guid=f"bad-{name}")] for name in ("a", "b")}
    for name in ("stadt", "a", "b"):
        subscribe(room, publisher, name)
    poll_and_ingest(room, clock)
    told = events(room)
    copies = {article.id: article for article in articles(room)}
    with room.sessions() as session:
        [story_id] = {story_id for story_id, _ in stories.stories_of(session, copies).values()}
        members = stories.members(session, story_id)
    assert [member.article_id for member in members] == sorted(copies, key=lambda own: copies[own].feed_id)
    assert [member.duplicate_of for member in members] == [None, *[members[0].article_id] * 2]
    assert Counter(told) == {"article.created": 3, "article.duplicate_of": 2, "story.opened": 1, "story.joined": 2}


def test_teasers_of_feeds_that_give_no_more_make_a_story_by_what_they_say(
    room: Room, publisher: Publisher, clock: Clock
) -> None:
    teaser = (
        "Die Bahn will im Sommer 40 Bahnhöfe im Norden sanieren. Das kündigte der Konzern am Mittwoch in Hamburg an. "
        "Im Mittelpunkt stehen Dächer, Aufzüge und Toiletten."
    )
    here = "Am Samstag spielt die Stadtkapelle auf dem Markt, am Sonntag öffnen die Gärtnereien, abends das Kino."
    there = (
        "Ein Lauf durch den Wald, ein Chor in der Kirche und drei Ausstellungen: Wer Ritter mag, geht in das Schloss."
    )
    headline = "Das ist am Wochenende in Altwik los"
    publisher.feeds["stadt"] = [Piece(guid="s1", headline="Bahn saniert im Norden", teaser=teaser)]
    publisher.feeds["stadt"] += [Piece(guid="s2", headline=headline, teaser=here)]
    publisher.feeds["land"] = [Piece(guid="l1", headline="Dächer für 40 Bahnhöfe", teaser=teaser)]
    publisher.feeds["land"] += [Piece(guid="l2", headline=headline, teaser=there)]
    for name in ("stadt", "land"):  # the text of the first is read again from what is stored
        subscribe(room, publisher, name)
        poll_and_ingest(room, clock)
    with room.sessions() as session:
        held = stories.stories_of(session, [article.id for article in articles(room)])
    assert len({story_id for story_id, _ in held.values()}) == 1
    assert len(held) == 2
