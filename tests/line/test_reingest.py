"""Re-ingestion: seen beforehand, told only where it changes something, interrupted and taken up again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from publisher import Piece, Publisher
from sqlalchemy import select, update
from wire import Clock, articles, events, poll_and_ingest

from storage import runs
from storage.articles import Selection
from storage.errors import LeaseLost, Taken
from storage.models import Article, Document, ReingestRun, RunState
from tasks import reingest
from tasks.intake import take_in
from tasks.poll import poll_due
from tasks.room import Room


def finish(room: Room, opened: ReingestRun) -> ReingestRun:
    """Carry a run to its end."""
    *_, (last, _) = reingest.proceed(room, opened)
    return last


def run(room: Room, selection: Selection) -> ReingestRun:
    """A whole run."""
    return finish(room, reingest.open_run(room, selection))


@pytest.fixture
def filled(room: Room, publisher: Publisher, clock: Clock) -> Room:
    """A room with three articles in two feeds, cleaned with the stub rule off, as an older normalizer might have."""
    publisher.feeds["land"] = [
        Piece(guid=f"l{n}", headline=f"Landesmeldung {n}", body=f"<p>{text}</p>")
        for n, text in enumerate(
            ("Die Brücke bei Grünau wird im Frühjahr saniert.", "Das Museum verlängert seine Ausstellung bis März.")
        )
    ]
    with room.sessions.begin() as session:
        for name in ("stadt", "land"):
            from storage import feeds

            feeds.add(session, url=publisher.url(name), now=clock(), settings={"rules_off": ["stub"]}, publisher=name)
    poll_and_ingest(room, clock)
    with room.sessions.begin() as session:
        from storage.models import Feed

        session.execute(update(Feed).values(settings={}))
    return room


def test_a_dry_run_shows_each_change_and_writes_nothing(filled: Room) -> None:
    before = events(filled)
    differences = list(reingest.preview(filled, Selection()))
    changed = [difference for difference in differences if difference.differs]
    assert len(differences) == 3
    assert [difference.headline for difference in changed] == ["Altenbrück bekommt ein neues Hallenbad"]
    old, new = changed[0].changed["blocks"]
    assert "Veröffentlicht am" in {block["text"] for block in old}
    assert "Veröffentlicht am" not in {block["text"] for block in new}
    assert events(filled) == before


def test_a_run_revises_what_comes_out_otherwise_and_tells_of_nothing_else(filled: Room) -> None:
    finished = run(filled, Selection())
    assert (finished.state, finished.total, finished.done, finished.changed) == (RunState.FINISHED, 3, 3, 1)
    assert events(filled)[3:] == ["reingest.started", "article.revised", "reingest.finished"]
    assert {article.headline: article.revision for article in articles(filled)} == {
        "Altenbrück bekommt ein neues Hallenbad": 2,
        "Landesmeldung 0": 1,
        "Landesmeldung 1": 1,
    }


def test_a_second_run_changes_nothing(filled: Room) -> None:
    run(filled, Selection())
    again = run(filled, Selection())
    assert (again.done, again.changed) == (3, 0)
    assert events(filled)[-2:] == ["reingest.started", "reingest.finished"]


def test_an_interrupted_run_goes_on_where_it_stopped(filled: Room) -> None:
    opened = reingest.open_run(filled, Selection())
    with closing(reingest.proceed(filled, opened)) as steps:
        halfway, _ = next(steps)
    with filled.sessions() as session:
        stopped = session.get_one(ReingestRun, opened.id)
    assert (stopped.state, stopped.done) == (RunState.INTERRUPTED, halfway.done)
    assert 0 < stopped.done < stopped.total
    resumed = reingest.resume_run(filled, opened.id)
    resumed = finish(filled, resumed)
    assert (resumed.state, resumed.done) == (RunState.FINISHED, resumed.total)
    assert events(filled).count("article.revised") == 1


def test_a_run_is_carried_on_by_one_process_at_a_time(filled: Room) -> None:
    opened = reingest.open_run(filled, Selection())
    with closing(reingest.proceed(filled, opened)) as steps:
        next(steps)
        with pytest.raises(Taken, match=f"re-ingestion {opened.id} is being carried on by process "):
            reingest.resume_run(filled, opened.id)
        with pytest.raises(Taken):
            next(reingest.proceed(filled, opened))
    assert finish(filled, reingest.resume_run(filled, opened.id)).done == 3


def test_a_run_that_slept_past_its_lease_leaves_it_to_whoever_took_it_over(filled: Room, clock: Clock) -> None:
    opened = reingest.open_run(filled, Selection())
    sleeper = reingest.proceed(filled, opened)
    next(sleeper)
    clock.forward(minutes=1)
    heir = reingest.proceed(filled, reingest.resume_run(filled, opened.id))
    next(heir)
    with pytest.raises(LeaseLost):
        next(sleeper)
    *_, (finished, _) = heir
    assert (finished.state, finished.done, finished.total) == (RunState.FINISHED, 3, 3)


def test_a_run_whose_process_was_killed_is_not_said_to_be_carried_on(filled: Room, clock: Clock) -> None:
    opened = reingest.open_run(filled, Selection())
    steps = reingest.proceed(filled, opened)
    begun, _ = next(steps)
    with filled.sessions() as session:
        assert runs.carried_on(session, clock()) == {opened.id}
        assert runs.documents_left(session, clock()) == begun.total - begun.done
        clock.forward(minutes=1)  # nobody extends its lease any more
        assert runs.carried_on(session, clock()) == set()
        assert runs.documents_left(session, clock()) == 0


def test_only_the_selected_articles_are_redone(filled: Room) -> None:
    finished = run(filled, Selection(publisher="land"))
    assert (finished.total, finished.done, finished.changed) == (2, 2, 0)


def test_what_an_older_normalizer_made_is_found_and_then_no_longer(filled: Room) -> None:
    with filled.sessions.begin() as session:
        session.execute(update(Article).values(normalizer=0))
    assert run(filled, Selection(normalized_before=1)).done == 3
    assert run(filled, Selection(normalized_before=1)).total == 0


def test_an_article_whose_bytes_are_gone_is_counted_and_the_rest_goes_on(filled: Room) -> None:
    with filled.sessions.begin() as session:
        first = session.scalars(select(Document).order_by(Document.id)).first()  # type: ignore[arg-type]
        assert first is not None
        first.sha256 = "0" * 64
        session.add(first)
    finished = run(filled, Selection())
    assert (finished.state, finished.done) == (RunState.FINISHED, 3)
    assert finished.failed == len([a for a in articles(filled) if a.document_id == first.id])


def test_a_finished_run_cannot_be_resumed(filled: Room) -> None:
    finished = run(filled, Selection())
    with pytest.raises(reingest.UnknownRun, match="no unfinished re-ingestion"):
        reingest.resume_run(filled, finished.id)


def test_live_copy_that_comes_during_a_run_is_left_alone(filled: Room, publisher: Publisher, clock: Clock) -> None:
    opened = reingest.open_run(filled, Selection())
    publisher.feeds["stadt"].append(replace(publisher.feeds["stadt"][0], guid="neu", headline="Neue Meldung im Lauf"))
    poll_and_ingest(filled, clock)
    opened = finish(filled, opened)
    assert opened.total == 3
    assert opened.done <= 4
    assert len(articles(filled)) == 4


def test_a_run_gives_way_to_live_copy_that_waits_but_not_for_ever(
    filled: Room, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = reingest.open_run(filled, Selection())
    publisher.feeds["stadt"].append(replace(publisher.feeds["stadt"][0], guid="neu", headline="Neue Meldung im Lauf"))
    clock.forward(days=1)
    waiting = [number for number, _ in poll_due(filled).documents]
    clock.forward(seconds=10)
    asleep = []

    def meanwhile(seconds: float) -> None:
        asleep.append(seconds)
        if len(asleep) == 3:
            take_in(filled, waiting)

    monkeypatch.setattr(reingest, "sleep", meanwhile)
    with closing(reingest.proceed(filled, opened)) as steps:
        next(steps)
    assert len(asleep) == 3
    monkeypatch.setattr(reingest, "GIVES_WAY", 0.0)
    finish(filled, reingest.resume_run(filled, opened.id))
    assert len(asleep) == 3
