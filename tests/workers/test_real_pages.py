"""Real workers on a feed of teasers: pages are fetched and waited for, one of them lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from publisher import Piece, Publisher
from real_house import House, kill
from services import wait_until
from sqlalchemy import select
from sqlmodel import col

from storage.models import Article, Feed, OutboxEvent, Page, PageState, Revision

PAGES = 12
TEXT = "Der Rat von Altenbrück hat am Montag zum {n}. Mal getagt, sagte Stadtrat Emil Haas nach der Sitzung. "


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A feed of teasers, each with its page; the last page is not there."""
    with Publisher() as made:
        base = made.url("x").removesuffix("/x.xml")
        made.feeds["stadt"] = [
            Piece(guid=f"g{n}", headline=f"Meldung Nummer {n}", teaser="Kurz.", link=f"{base}/seite-{n}")
            for n in range(PAGES)
        ]
        for n in range(PAGES):
            body = "".join(f"<p>{TEXT.format(n=f'{n}{k}')}</p>" for k in range(5))
            html = f"<!doctype html><html><head><title>Z</title></head><body><article>{body}</article></body></html>"
            made.answers[f"seite-{n}"] = (200, html.encode(), "text/html")
        made.answers[f"seite-{PAGES - 1}"] = (404, b"", "text/html")
        yield made


def with_pages(house: House, publisher: Publisher) -> None:
    house.subscribe(publisher, ["stadt"])
    with house.sessions.begin() as session:
        feed = session.scalars(select(Feed)).one()
        feed.settings = {"pages": True}
        session.add(feed)


@pytest.mark.timeout(240)
def test_articles_come_with_their_pages_though_a_worker_is_killed_while_it_fetches_them(
    house: House, publisher: Publisher
) -> None:
    with_pages(house, publisher)
    with house.process("beat"):
        with house.process("worker", "--concurrency", "1") as first:
            wait_until(lambda: house.count(Page) == PAGES, seconds=60, what="the wish for pages")
            kill(first)
        with house.process("worker", "--concurrency", "2"):
            wait_until(lambda: house.count(Article) == PAGES, seconds=150, what="the articles")
            wait_until(
                lambda: house.count(Page, col(Page.state) == PageState.WANTED) == 0, seconds=60, what="every page"
            )
    assert house.count(Page, col(Page.state) == PageState.HELD) == PAGES - 1
    assert house.count(OutboxEvent, col(OutboxEvent.type).like("%article.created%")) == PAGES
    with house.sessions() as session:
        texts = [len(str(content.get("blocks", ""))) for content in session.scalars(select(col(Revision.content)))]
    assert len([length for length in texts if length > 300]) == PAGES - 1
