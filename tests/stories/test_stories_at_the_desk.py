"""An operator looks at a story, undoes a wrong join, and it stays undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col, select
from typer.testing import CliRunner, Result

from storage.models import OutboxEvent
from tasks.stories import fingerprint
from tasks.stories.passages import differences
from workers.cli.root import app
from workers.settings import settings as process_settings

PIECE: dict[str, str] = yaml.safe_load((Path(__file__).parent / "copy.yaml").read_text(encoding="utf-8"))
HEADLINE, OTHER = PIECE["headline"], PIECE["other"]
LEAD, SECOND, THIRD, FOURTH = (PIECE[part] for part in ("lead", "second", "third", "fourth"))
COPY = "\n\n".join((LEAD, SECOND, THIRD, FOURTH))
# Another ferry, another island, and only one word says so: a join that only a person sees to be wrong.
TWIN = COPY.replace("Nordseeinsel", "Ostseeinsel")

Command = Callable[..., Result]


@pytest.fixture
def stories(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """`wireroom stories` on the database of the test."""
    monkeypatch.setenv("WIREROOM_DATABASE_URL", database_url)
    process_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, ["stories", *map(str, arguments)])
    process_settings.cache_clear()


def test_a_wrong_join_is_undone_and_stays_undone(wire: Any, stories: Command) -> None:
    # Two ferries ran aground on one day; the reports are the same but for one word.
    first, _ = wire.article(HEADLINE, COPY)
    cut, _ = wire.article(HEADLINE, "\n\n".join((LEAD, SECOND)), feed=2)
    twin, settled = wire.article(HEADLINE, TWIN, feed=2)
    story = settled.story_id
    assert wire.groups([first, cut, twin]) == {frozenset({first, cut, twin})}

    # The operator sees what differs …
    shown = stories("show", story)
    assert shown.exit_code == 0
    assert "Ostseeinsel" in shown.output
    assert f"first  {first}" in shown.output
    # … takes the twin out …
    done = stories("split", story, twin, "--reason", "another ferry", "--json")
    assert done.exit_code == 0, done.output
    into = json.loads(done.output)["into"]
    assert wire.groups([first, cut, twin]) == {frozenset({first, cut}), frozenset({twin})}

    # … and copies that come later go where they belong, though each text is like both.
    of_first, _ = wire.article("Nebel", COPY.upper())
    of_twin, joined = wire.article("Ostsee", f"Kiel (dpa) - {TWIN}")
    assert str(joined.story_id) == into
    assert joined.duplicate_of == twin
    apart = {frozenset({first, cut, of_first}), frozenset({twin, of_twin})}
    assert wire.groups([first, cut, twin, of_first, of_twin]) == apart
    # Not even a new version of the twin that says what the first one says brings the two together.
    wire.revise(twin, HEADLINE, COPY.replace("Decken", "Wolldecken"))
    assert wire.groups([first, cut, twin, of_first, of_twin]) == apart

    # The operator was wrong after all: joined again, and that is remembered too.
    again = stories("join", story, twin, "--reason", "it was one ferry")
    assert again.exit_code == 0, again.output
    everyone = [first, cut, twin, of_first, of_twin]
    assert wire.groups(everyone) == {frozenset(everyone)}
    with wire.sessions() as session:
        events = session.scalars(select(OutboxEvent.type).order_by(col(OutboxEvent.position))).all()
    assert events == ["wireroom.story.split.v1", "wireroom.story.joined.v1", "wireroom.story.joined.v1"]


def test_a_split_that_leaves_nothing_is_refused(wire: Any, stories: Command) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    cut, settled = wire.article(HEADLINE, LEAD)
    assert stories("split", settled.story_id, first, cut).exit_code == 4
    assert len(wire.members(settled.story_id)) == 2


def test_when_the_first_is_split_off_another_member_leads(wire: Any, stories: Command) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    cut, settled = wire.article(HEADLINE, "\n\n".join((LEAD, SECOND)))
    same, _ = wire.article("Nebel", COPY)
    assert stories("split", settled.story_id, first).exit_code == 0
    members = {copy.article_id: copy for copy in wire.members(settled.story_id)}
    assert members[cut].relation == "first"
    assert members[same].relation == "extends"
    assert members[same].joined_by == cut
    assert members[same].duplicate_of is None


def test_articles_that_are_no_copies_can_be_joined_by_hand(wire: Any, stories: Command) -> None:
    wire.article(HEADLINE, COPY)
    _, settled = wire.article(HEADLINE, LEAD)
    analysis, _ = wire.article("Warum Fähren stranden", OTHER)
    assert stories("join", settled.story_id, analysis).exit_code == 0
    member = wire.members(settled.story_id)[2]
    assert (member.article_id, member.relation) == (analysis, "joined")


def test_a_story_is_found_by_the_beginning_of_its_id_and_by_its_articles(wire: Any, stories: Command) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    _, settled = wire.article(HEADLINE, LEAD)
    for reference in (str(settled.story_id)[:20], first):
        shown = stories("show", reference, "--json")
        assert json.loads(shown.output)["story"] == str(settled.story_id)
    listed = json.loads(stories("list", "--json").output)
    assert (listed["story"], listed["copies"], listed["usable"]) == (str(settled.story_id), 2, 2)
    assert stories("show", "ffffffff").exit_code == 3


words = st.lists(st.sampled_from(["Fähre,", "lief", "auf", "Grund.", "19,4", "Uhr", "„Nebel“"]), max_size=30).map(
    " ".join
)


@settings(max_examples=200, deadline=None)
@given(words, words)
def test_the_passages_give_both_texts_back(ours: str, theirs: str) -> None:
    one, other = fingerprint("", ours), fingerprint("", theirs)
    passages = differences(one, other)
    assert "".join(p.ours for p in passages) == (one.folded.source if one.words else "")
    assert "".join(p.theirs for p in passages) == (other.folded.source if other.words else "")
    assert all(bool(p.ours) == (p.kind != "added") and bool(p.theirs) == (p.kind != "dropped") for p in passages)


def test_one_rewritten_sentence_is_one_passage() -> None:
    ours, theirs = (
        fingerprint("", COPY),
        fingerprint("", COPY.replace("Verletzt wurde niemand", "Es gab keine Verletzten")),
    )
    changed = [passage for passage in differences(ours, theirs) if passage.kind != "same"]
    assert [(p.ours.strip(), p.theirs.strip()) for p in changed] == [
        ("Verletzt wurde niemand,", "Es gab keine Verletzten,"),
    ]
