"""A rules file that cannot be read is the operator's to mend: no entry and no document has to pay for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from publisher import Publisher
from sqlmodel import select
from wire import Clock, articles, events, poll_and_ingest, subscribe

from storage.models import Document, DocumentState, Quarantined
from tasks.intake import take_in
from tasks.room import Room


def test_nothing_is_quarantined_for_broken_rules_and_all_comes_in_once_they_are_mended(
    room: Room, publisher: Publisher, clock: Clock, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [")
    room = replace(room, rules=rules)
    subscribe(room, publisher)
    report, ingested = poll_and_ingest(room, clock)
    ids = [document_id for document_id, _ in report.documents]
    assert ids
    assert ingested == []
    for _ in range(room.poison_after + 2):
        clock.forward(minutes=5)
        assert take_in(room, ids) == []
    with room.sessions() as session:
        assert session.scalars(select(Quarantined)).all() == []
        [document] = session.scalars(select(Document)).all()
        assert (document.state, document.attempts) == (DocumentState.STORED, 0)
    rules.write_text("rules: []")
    clock.forward(minutes=5)
    [done] = take_in(room, ids)
    assert done.outcomes == {"created": 1}
    assert len(articles(room)) == 1
    assert events(room) == ["article.created"]
