"""What tests of the whole line share: a clock that is set by hand, a piece as it is crawled, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from publisher import Piece, Publisher
from sqlalchemy import select
from sqlmodel import col

from storage import feeds
from storage.models import Article, OutboxEvent
from tasks.ingested import Ingested
from tasks.intake import take_in
from tasks.poll import PollReport, poll_due
from tasks.room import Room

TEASER = "Der Gemeinderat von Altenbrück hat den Bau eines neuen Hallenbads am Stadtrand beschlossen."
BODY = (
    "<p>Transparenz: Redaktionell erstellt und geprüft.</p><p>Veröffentlicht am</p>"
    f"<p>{TEASER}</p><p>{TEASER}</p><p>{TEASER}</p><h1>Altenbrück bekommt ein neues Hallenbad</h1>"
    "<p>Mit 21 zu 9 Stimmen fiel die Entscheidung am Montagabend deutlicher aus als erwartet. Bürgermeisterin Hanna "
    "Vogt sprach von einem guten Tag für die Familien der Stadt (altenpost.example).</p>"
    "<h2>Kosten von 18 Millionen Euro</h2>"
    "<p>Das Land Oberösterreich übernimmt knapp die Hälfte der Kosten, den Rest trägt die Stadt aus Rücklagen.</p>"
)


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


def bath() -> Piece:
    """A piece as crawled copy looks: stubs, the teaser three times, the headline again."""
    return Piece(guid="bad-1", headline="Altenbrück bekommt ein neues Hallenbad", teaser=TEASER, body=BODY)


def subscribe(room: Room, publisher: Publisher, name: str = "stadt") -> int:
    """Add a publisher's feed; its id."""
    with room.sessions.begin() as session:
        feed = feeds.add(session, url=publisher.url(name), now=room.clock())
        session.flush()
        return feed.id


def poll_and_ingest(room: Room, clock: Clock) -> tuple[PollReport, list[Ingested]]:
    """Poll what is due a day from now, and ingest what came."""
    clock.forward(days=1)
    report = poll_due(room)
    return report, take_in(room, [document_id for document_id, _ in report.documents])


def articles(room: Room) -> list[Article]:
    """All articles, in the order of their coming."""
    with room.sessions() as session:
        return list(session.scalars(select(Article).order_by(col(Article.first_seen_at), col(Article.headline))))


def events(room: Room) -> list[str]:
    """The types of all events so far, in order, without the common parts of their names."""
    with room.sessions() as session:
        types = session.scalars(select(col(OutboxEvent.type)).order_by(col(OutboxEvent.position)))
        return [kind.removeprefix("wireroom.").removesuffix(".v1") for kind in types]
