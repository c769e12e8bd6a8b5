"""A feed of teasers: its articles' pages are fetched, waited for, kept, and never cost an article."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from publisher import Piece, Publisher
from sqlalchemy import select
from sqlmodel import col
from wire import Clock, articles, events, poll_and_ingest, subscribe

from storage import articles as store
from storage import documents, feeds
from storage.articles import Selection
from storage.models import Blob, Document, DocumentState, OutboxEvent, Page, PageState
from tasks import housekeeping, reingest
from tasks.content import clean_of
from tasks.fetch import close
from tasks.intake import sweep, take_in
from tasks.pages import PagesReport, due, fetch_due
from tasks.room import Room

LEAD = "Der Rat von Altenbrück hat am Montag beschlossen, die Brücke am Hafen noch heuer zu sanieren."
BODY = (
    "Die Arbeiten beginnen nach Angaben des Bauamts im März und dauern acht Monate, sagte Stadtrat Emil Haas.",
    "Während der Sperre fahren die Busse der Linien 4 und 7 über die Nordbrücke, Radfahrer weichen über den Steg aus.",
    "Die Kosten von sechs Millionen Euro teilen sich Stadt und Land; die Opposition hatte ein Gutachten verlangt.",
    "Zuletzt war die Brücke vor vierzig Jahren saniert worden, damals unter laufendem Verkehr und mit viel Ärger.",
)


def page(*paragraphs: str) -> tuple[int, bytes, str]:
    """An article's page as sites serve it: menu, article, what else there is, footer."""
    menu = "".join(f"<li><a href='/{name}'>{name}</a></li>" for name in ("Politik", "Sport", "Kultur", "Wetter"))
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    more = "".join(f"<li><a href='/x{n}'>Mehr lesen {n}</a></li>" for n in range(8))
    html = (
        f"<!doctype html><html><head><title>Zeitung</title></head><body><nav><ul>{menu}</ul></nav>"
        f"<main><article><h1>Brücke wird saniert</h1><div class='text'>{text}</div></article></main>"
        f"<aside><ul>{more}</ul></aside><footer>Impressum Datenschutz</footer></body></html>"
    )
    return 200, html.encode(), "text/html; charset=utf-8"


def teaser(publisher: Publisher, name: str = "seite-1", headline: str = "Brücke wird saniert") -> Piece:
    return Piece(guid=name, headline=headline, teaser=LEAD, link=publisher.url(name).removesuffix(".xml"))


@pytest.fixture
def feed_id(room: Room, publisher: Publisher) -> int:
    """A feed of one teaser whose page is there, with pages asked for."""
    publisher.feeds["stadt"] = [teaser(publisher)]
    publisher.answers["seite-1"] = page(LEAD, *BODY)
    added = subscribe(room, publisher)
    asks(room, added, yes=True)
    return added


def asks(room: Room, feed_id: int, *, yes: bool) -> None:
    with room.sessions.begin() as session:
        feeds.lock(session, feed_id).settings = {"pages": yes}


def fetched(room: Room) -> PagesReport:
    """Fetch what is due, and ingest the documents that waited for it."""
    report = fetch_due(room)
    take_in(room, [document_id for document_id, _ in report.documents])
    return report


def text_of(room: Room, number: int | None = None) -> str:
    [article] = articles(room)
    with room.sessions() as session:
        versions = {article.id: number or article.revision}
        return clean_of(store.contents(session, versions)[article.id]).text


def row(room: Room, name: str = "seite-1") -> Page:
    with room.sessions() as session:
        return session.scalars(select(Page).where(col(Page.url).endswith(name))).one()


def test_an_article_waits_for_its_page_and_is_told_once_and_whole(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    _, [waiting] = poll_and_ingest(room, clock)
    assert (waiting.state, waiting.awaited) == (DocumentState.STORED, 1)
    assert events(room) == []
    assert fetched(room).held == 1
    assert events(room) == ["article.created"]
    text = text_of(room)
    assert all(paragraph in text for paragraph in BODY)
    assert LEAD not in text  # the teaser stands in its field, and the page's copy of it is a repeat
    assert "Impressum" not in text
    assert "Politik" not in text


def test_an_entry_that_is_the_whole_piece_asks_for_no_page(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    whole = "".join(f"<p>{paragraph} {number}</p>" for number in range(5) for paragraph in BODY)
    publisher.feeds["stadt"] = [replace(teaser(publisher), body=whole)]
    poll_and_ingest(room, clock)
    assert events(room) == ["article.created"]
    assert publisher.requests["seite-1", 200] == 0


def test_a_feed_that_asks_for_no_pages_gets_none(room: Room, publisher: Publisher, clock: Clock) -> None:
    publisher.feeds["stadt"] = [teaser(publisher)]
    publisher.answers["seite-1"] = page(*BODY)
    subscribe(room, publisher)
    poll_and_ingest(room, clock)
    assert events(room) == ["article.created"]
    assert not due(room)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, b"", "text/html"), "http_4xx: HTTP 404"),
        ((200, b"%PDF-1.7", "application/pdf"), "other: no page but application/pdf"),
        ((200, b"<html><body><p>Anmelden</p></body></html>", "text/html"), "no_article: no article's text on the page"),
    ],
)
def test_a_page_that_cannot_be_had_leaves_the_teaser_and_the_reason(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int, answer: tuple[int, bytes, str], reason: str
) -> None:
    publisher.answers["seite-1"] = answer
    poll_and_ingest(room, clock)
    assert fetched(room).failed == 1
    assert events(room) == ["article.created"]
    [article] = articles(room)
    assert article.teaser == LEAD
    held = row(room)
    assert (held.state, held.due_at, held.error) == (PageState.FAILED, None, reason)
    poll_and_ingest(room, clock)
    clock.forward(days=2)
    assert fetched(room) == PagesReport()


def test_a_page_that_comes_too_late_revises_its_article(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    publisher.answers["seite-1"] = (503, b"", "text/html")
    poll_and_ingest(room, clock)
    assert fetched(room).later == 1
    assert events(room) == []  # the next try is within the time that the article may wait
    clock.forward(minutes=3)
    assert fetched(room).later == 1
    assert events(room) == ["article.created"]  # …the one after that is not
    publisher.answers["seite-1"] = page(LEAD, *BODY)
    clock.forward(minutes=10)
    assert fetched(room).held == 1
    assert events(room) == ["article.created", "article.revised"]
    assert BODY[3] in text_of(room)
    assert text_of(room, 1) == ""


def test_a_page_that_never_comes_is_given_up_after_a_day(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    publisher.answers["seite-1"] = (503, b"", "text/html")
    poll_and_ingest(room, clock)
    for _ in range(48):
        fetch_due(room)
        clock.forward(hours=1)
    assert publisher.requests["seite-1", 503] == 6
    assert row(room).state is PageState.FAILED
    assert not due(room)


def test_a_page_whose_worker_died_is_fetched_by_the_next(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    from storage import pages

    with room.sessions.begin() as session:
        assert pages.claim_due(session, now=clock(), limit=10, lease=room.lease)
    assert fetch_due(room) == PagesReport()
    clock.forward(seconds=room.lease.total_seconds() + 1)
    assert due(room)
    assert fetched(room).held == 1
    [ids] = list(sweep(room)) or [[]]
    take_in(room, ids)
    assert BODY[0] in text_of(room)
    assert events(room) == ["article.created"]


def test_a_lost_message_costs_no_article(room: Room, publisher: Publisher, clock: Clock, feed_id: int) -> None:
    poll_and_ingest(room, clock)
    assert due(room)  # what the sweep looks at
    fetch_due(room)  # …and the message for the document is lost
    clock.forward(minutes=1)
    [ids] = sweep(room)
    take_in(room, ids)
    assert events(room) == ["article.created"]
    assert BODY[0] in text_of(room)


def test_waiting_for_pages_is_no_attempt_at_the_document(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    _, [waiting] = poll_and_ingest(room, clock)
    with room.sessions() as session:
        assert session.get_one(Document, waiting.document_id).attempts == 0


def test_a_polled_feed_with_a_new_teaser_does_not_fetch_the_old_page_again(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    fetched(room)
    publisher.feeds["stadt"].insert(0, teaser(publisher, "seite-2", "Schule bleibt offen"))
    publisher.answers["seite-2"] = page(
        "Die Volksschule in der Gartengasse wird nun doch nicht geschlossen, gab die Direktion am Dienstag bekannt.",
        "Im Herbst haben sich siebzehn Kinder angemeldet, gebraucht werden mindestens zehn, damit unterrichtet wird.",
        "Der Elternverein hatte Unterschriften gesammelt und mit einem Lichterzug durch die Stadt gegen die Pläne "
        "protestiert.",
    )
    poll_and_ingest(room, clock)
    fetched(room)
    assert events(room) == ["article.created", "article.created"]
    assert (publisher.requests["seite-1", 200], publisher.requests["seite-2", 200]) == (1, 1)


def test_a_changed_entry_has_its_page_fetched_anew_and_is_revised_once(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    fetched(room)
    publisher.feeds["stadt"] = [teaser(publisher, headline="Brücke wird doch nicht saniert")]
    publisher.answers["seite-1"] = page(LEAD, *(paragraph.replace("März", "Mai") for paragraph in BODY))
    poll_and_ingest(room, clock)
    assert events(room) == ["article.created"]
    fetched(room)
    assert events(room) == ["article.created", "article.revised"]
    assert "im Mai" in text_of(room)
    with room.sessions() as session:
        body = session.scalars(select(OutboxEvent).order_by(col(OutboxEvent.position).desc()).limit(1)).one().body
    assert sorted(json.loads(body)["data"]["changed"]) == ["blocks", "headline"]


def test_a_changed_entry_whose_page_is_gone_keeps_the_text_that_it_had(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    fetched(room)
    publisher.feeds["stadt"] = [teaser(publisher, headline="Brücke: Rat entscheidet")]
    publisher.answers["seite-1"] = (404, b"", "text/html")
    poll_and_ingest(room, clock)
    fetched(room)
    [article] = articles(room)
    assert (article.headline, article.revision) == ("Brücke: Rat entscheidet", 2)
    assert BODY[0] in text_of(room)


def test_reingestion_asks_nobody_and_changes_nothing(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    fetched(room)
    asks(room, feed_id, yes=False)
    before = publisher.requests.copy()
    assert [difference.outcome for difference in reingest.preview(room, Selection(feed_id=feed_id))] == ["refreshed"]
    assert publisher.requests == before


def test_a_newer_extractor_reads_the_kept_bytes_again(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    fetched(room)
    with room.sessions.begin() as session:
        held = session.scalars(select(Page)).one()
        held.extractor, held.article = "0", documents.compress(b"<p>" + b"Falsch gelesen. " * 40 + b"</p>")
        session.add(held)
    [difference] = reingest.preview(room, Selection(feed_id=feed_id))
    assert difference.outcome == "refreshed"  # the same text as the present version had found
    assert publisher.requests["seite-1", 200] == 1


def test_two_workers_on_one_document_and_its_page_make_one_article_with_its_text(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    _, [waiting] = poll_and_ingest(room, clock)
    clock.forward(seconds=room.page_wait.total_seconds())  # the document is due without its page just now

    def fetch() -> None:
        for document_id, _ in fetch_due(room).documents:
            take_in(room, [document_id])
        close()  # this thread's client

    workers = [threading.Thread(target=take_in, args=(room, [waiting.document_id])) for _ in range(2)]
    workers += [threading.Thread(target=fetch) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    clock.forward(minutes=1)
    for ids in sweep(room):
        take_in(room, ids)
    told = events(room)
    assert told.count("article.created") == 1
    assert len(told) <= 2
    assert BODY[0] in text_of(room)


def test_pages_go_with_their_document_and_bytes_that_are_used_stay(
    room: Room, publisher: Publisher, clock: Clock, feed_id: int
) -> None:
    poll_and_ingest(room, clock)
    fetched(room)
    clock.forward(days=40)
    housekeeping.prune(room)
    with room.sessions() as session:
        assert len(session.scalars(select(Page)).all()) == 1  # the article stands on that document
        assert len(session.scalars(select(Blob)).all()) == 2
    publisher.feeds["stadt"] = [teaser(publisher, headline="Brücke: Rat entscheidet")]
    poll_and_ingest(room, clock)
    fetched(room)
    publisher.feeds["stadt"] = []
    with room.sessions.begin() as session:
        for document in session.scalars(select(Document)):
            document.due_at = None
            session.add(document)
        for held in session.scalars(select(Page)):
            held.document_id = 4711
            session.add(held)
    clock.forward(days=40)
    housekeeping.prune(room)
    with room.sessions() as session:
        assert session.scalars(select(Page)).all() == []
        kept = set(session.scalars(select(col(Blob.sha256))))
        assert kept == set(session.scalars(select(col(Document.sha256))))
