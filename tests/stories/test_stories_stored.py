"""Copies that arrive become stories, whatever their order, their number and their workers."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from storage import story_fresh, story_index
from storage.db import is_sqlite, make_engine, make_sessions
from storage.records import StoryRelation
from storage.story_models import StoryBand, StoryFresh, StoryPrint
from tasks.stories import fingerprint
from tasks.stories.near import FULL

PIECE: dict[str, str] = yaml.safe_load((Path(__file__).parent / "copy.yaml").read_text(encoding="utf-8"))
HEADLINE, OTHER = PIECE["headline"], PIECE["other"]
LEAD, SECOND, THIRD, FOURTH = (PIECE[part] for part in ("lead", "second", "third", "fourth"))
COPY = "\n\n".join((LEAD, SECOND, THIRD, FOURTH))
CUT = "\n\n".join((LEAD, SECOND))


def test_an_article_without_copies_is_in_no_story(wire: Any) -> None:
    article, settled = wire.article(HEADLINE, COPY)
    assert settled is None
    assert wire.story_of(article) is None


def test_the_second_copy_opens_the_story_with_the_first_one_as_first(wire: Any) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    cut, settled = wire.article("Nebel vor der Insel", CUT, feed=2)
    assert settled.opened_with.article_id == first
    assert settled.how.relation is StoryRelation.CUT_OF
    assert [joined.article_id for joined in settled.joined] == [first, cut]
    copies = wire.members(settled.story_id)
    assert [(copy.article_id, copy.relation) for copy in copies] == [
        (first, StoryRelation.FIRST),
        (cut, StoryRelation.CUT_OF),
    ]
    assert copies[1].joined_by == first
    assert copies[1].publisher == "P2"


def test_the_same_text_is_a_duplicate_of_the_first_that_had_it(wire: Any) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    _, second = wire.article("Anders überschrieben", f"Emden (dpa) - {COPY.upper()}", feed=2)
    third, settled = wire.article(HEADLINE, COPY.replace("\n\n", " "))
    assert second.duplicate_of == first
    assert settled.duplicate_of == first
    assert settled.opened_with is None
    assert wire.members(settled.story_id)[2].duplicate_of == first
    assert third in {copy.article_id for copy in wire.members(settled.story_id)}


def test_copies_in_one_document_find_each_other(wire: Any) -> None:
    (one, two, other, three), settled = wire.document((HEADLINE, COPY), (HEADLINE, CUT), ("Bad", OTHER), ("Neu", COPY))
    assert wire.groups([one, two, three, other]) == {frozenset({one, two, three}), frozenset({other})}
    assert settled[three].duplicate_of == one
    assert settled[two].opened_with.article_id == one


def test_an_article_that_connects_two_stories_makes_them_one(wire: Any) -> None:
    one, two = "\n\n".join((LEAD, SECOND)), "\n\n".join((SECOND, THIRD, FOURTH))
    above = [wire.article("Oben", text)[0] for text in (one, f"Emden (dpa) - {one}")]
    below = [wire.article("Unten", text)[0] for text in (two, two.upper())]
    older, younger = wire.story_of(above[0]), wire.story_of(below[0])
    whole, settled = wire.article(HEADLINE, COPY)
    assert settled.story_id == older
    assert settled.merged == (younger,)
    assert {joined.article_id for joined in settled.joined} == {whole, *below}
    assert [copy.relation for copy in wire.members(older)].count(StoryRelation.FIRST) == 1
    assert wire.groups([*above, *below, whole]) == {frozenset({*above, *below, whole})}


def test_a_report_that_takes_half_a_copy_into_another_story_joins_neither(wire: Any) -> None:
    copies = [wire.article(HEADLINE, text)[0] for text in (CUT, COPY, COPY.replace("213", "231"), f"{COPY}\n\nEnde.")]
    mixture, _ = wire.article(HEADLINE, f"{CUT}\n\n{OTHER}")
    assert wire.groups([*copies, mixture]) == {frozenset(copies), frozenset({mixture})}


def test_a_copy_after_the_window_opens_nothing(wire: Any) -> None:
    wire.article(HEADLINE, COPY)
    wire.now += timedelta(days=8)
    assert wire.article(HEADLINE, COPY)[1] is None


def test_every_copy_of_the_same_text_lengthens_its_window(wire: Any) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    for _ in range(3):
        wire.now += timedelta(days=6)
        assert wire.article(HEADLINE, COPY)[1].duplicate_of == first


def test_a_revised_article_is_found_by_its_new_text_and_stays_in_its_story(wire: Any) -> None:
    first, _ = wire.article(HEADLINE, COPY)
    cut, settled = wire.article(HEADLINE, CUT)
    again = wire.revise(cut, HEADLINE, COPY.replace("213", "231"))
    assert again.story_id == settled.story_id
    assert wire.members(settled.story_id)[1].relation is StoryRelation.CORRECTS
    wire.revise(first, "Bad wird saniert", OTHER)
    _, found = wire.article("Stadtrat", OTHER)
    assert found.by == first
    assert found.story_id == settled.story_id


def test_a_withdrawn_copy_is_still_found_but_is_nobodys_original(wire: Any) -> None:
    killed, _ = wire.article(HEADLINE, COPY)
    wire.set_status(killed, "canceled")
    cut, settled = wire.article(HEADLINE, CUT)
    assert settled.by == killed
    with wire.sessions() as session:
        from tasks.stories.desk import show

        shown = show(session, settled.story_id)
    assert shown.first.article_id == cut
    assert shown.fullest.article_id == cut


def variants() -> list[tuple[str, str]]:
    """Copies of two pieces in every dress, and two look-alikes that are neither."""
    other = OTHER + "\n\n" + "Der Verein der Schwimmer dankte allen, die sich für das Bad eingesetzt haben."
    return [
        (HEADLINE, COPY),
        ("Nebel vor der Insel", f"Emden (dpa/lni) - {COPY}\n\n© dpa-infocom"),
        (HEADLINE, CUT),
        ("Fähre sitzt fest", "\n\n".join((LEAD, THIRD, FOURTH))),
        (HEADLINE, COPY.replace("213", "231").replace("Decken", "Wolldecken")),
        ("Rat beschließt Sanierung", OTHER),
        ("Hallenbad wird saniert", other),
        ("Bad", OTHER.upper()),
        (
            "Schlepper im Einsatz",
            f"Die Küstenwache hat neue Schlepper.\n\n{SECOND}\n\n{'Mehr dazu gibt es morgen. ' * 20}",
        ),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_members_do_not_depend_on_the_order_of_arrival(wire: Any, seed: int) -> None:
    order = list(enumerate(variants()))
    chance = random.Random(seed)
    chance.shuffle(order)
    known: dict[int, Any] = {}
    while order:
        some, order = order[: (size := chance.randint(1, 3))], order[size:]
        ids, _ = wire.document(*(piece for _, piece in some))
        known |= {number: article for (number, _), article in zip(some, ids, strict=True)}
    names = {article: number for number, article in known.items()}
    groups = {frozenset(names[article] for article in group) for group in wire.groups(known.values())}
    assert groups == {frozenset({0, 1, 2, 3, 4}), frozenset({5, 6, 7}), frozenset({8})}


def test_eight_writers_with_eight_copies_make_one_story(wire: Any, database_url: str) -> None:
    texts = [COPY, CUT, COPY.upper(), "\n\n".join((LEAD, THIRD, FOURTH)), COPY.replace("213", "231")]
    engines = [make_engine(database_url) for _ in range(8)]
    start = Barrier(8, timeout=20)

    def write(number: int) -> list[Any]:
        mine = type(wire)
        writer = object.__new__(mine)
        writer.sessions, writer.now, writer.window = make_sessions(engines[number]), wire.now, wire.window
        writer.versions = {}
        ids = []
        for turn in range(4):
            start.wait()
            ids.append(writer.article(f"Fassung {number}", texts[(number + turn) % len(texts)])[0])
        return ids

    with ThreadPoolExecutor(8) as pool:
        ids = list(itertools.chain.from_iterable(pool.map(write, range(8))))
    for engine in engines:
        engine.dispose()
    assert wire.groups(ids) == {frozenset(ids)}
    story = wire.story_of(ids[0])
    assert [copy.relation for copy in wire.members(story)].count(StoryRelation.FIRST) == 1


def test_what_left_the_window_is_pruned_with_its_keys(wire: Any) -> None:
    wire.article(HEADLINE, COPY)
    wire.now += timedelta(days=8)
    wire.article("Bad", OTHER)
    with wire.sessions.begin() as session:
        assert story_index.prune(session, before=wire.now - wire.window) == 1
        assert story_index.prune(session, before=wire.now - wire.window) == 0
        assert session.scalar(select(func.count()).select_from(StoryPrint)) == 1
        story_fresh.put_in_order(session)
        left = session.scalar(select(func.count(func.distinct(StoryBand.print_id))))
    assert left == 1


def test_a_key_that_everybody_has_fills_up_and_copies_are_found_by_the_rest(wire: Any) -> None:
    boilerplate = " ".join(
        f"Abonnieren Sie unseren Brief Nummer {n} mit allem, was heute wichtig ist." for n in range(30)
    )
    pieces = [(f"Meldung {n}", f"{' '.join(f'wort{n}x{w}' for w in range(60))}\n\n{boilerplate}") for n in range(60)]
    wire.document(*pieces[:40])
    wire.document(*pieces[40:])
    with wire.sessions.begin() as session:
        story_fresh.put_in_order(session)
        fullest = session.scalar(
            select(func.count()).select_from(StoryBand).group_by(StoryBand.key).order_by(func.count().desc()).limit(1)
        )
    assert fullest == FULL
    headline, text = pieces[59]
    _, settled = wire.article(headline, text.replace("wort59x7", "ein anderes Wort"))
    assert settled is not None


def test_the_same_text_is_found_where_its_other_keys_are_full(wire: Any) -> None:
    # Copy by a pattern, as that of the weather: every sentence is one that many others have, in another company.
    chance = random.Random(7)
    sentences = [" ".join(f"satz{number}wort{word}" for word in range(11)) for number in range(150)]
    patterned = [". ".join(chance.sample(sentences, 5)) for _ in range(1200)]
    wire.document(*((f"Lage {n}", text) for n, text in enumerate(patterned)))
    fresh = ". ".join(chance.sample(sentences, 5))
    first, _ = wire.article("Lage heute", fresh)
    second, settled = wire.article("Lage heute", fresh, feed=2)
    assert settled is not None
    assert settled.duplicate_of == first
    another = ". ".join(chance.sample(sentences, 5))
    (one, two), beside = wire.document(("Lage morgen", another), ("Lage morgen", another))
    assert beside[two].duplicate_of == one
    assert wire.story_of(first) == wire.story_of(second) != wire.story_of(one)


def test_the_same_text_is_known_from_one_that_was_changed_in_a_word(wire: Any) -> None:
    changed = COPY.replace("Decken", "Wolldecken")
    shared = set(fingerprint(HEADLINE, COPY).keys) & set(fingerprint(HEADLINE, changed).keys)
    assert len(shared) == len(fingerprint(HEADLINE, COPY).keys)
    edited, _ = wire.article(HEADLINE, changed)
    first, _ = wire.article(HEADLINE, COPY, feed=2)
    again, settled = wire.article("Anders überschrieben", COPY.upper(), feed=2)
    assert settled.duplicate_of == first
    assert wire.groups([edited, first, again]) == {frozenset({edited, first, again})}


def test_a_text_needs_its_own_key_only_where_its_others_are_few(wire: Any) -> None:
    wire.article(HEADLINE, COPY)
    short, _ = wire.article("Wetter", "Heute bleibt es im Norden trocken.")
    with wire.sessions() as session:
        prints = dict(session.execute(select(StoryPrint.text_key, StoryPrint.keys)).all())
    assert {text_key: text_key in story_index.unpack(keys) for text_key, keys in prints.items()} == {
        fingerprint(HEADLINE, COPY).text_key: False,
        fingerprint("Wetter", "Heute bleibt es im Norden trocken.").text_key: True,
    }
    _, settled = wire.article("Wetter", "Heute bleibt es im Norden trocken.", feed=2)
    assert settled.duplicate_of == short


def test_keys_that_wait_for_the_index_are_found_before_and_after_they_are_put_there(
    wire: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story_fresh, "WAITING", 3)
    texts = [" ".join(f"wort{n}x{word}" for word in range(60)) for n in range(6)]
    waiting = []
    for n, text in enumerate(texts):
        first, _ = wire.article(f"Meldung {n}", text)
        _, settled = wire.article(f"Meldung {n}", text, feed=2)
        assert settled.duplicate_of == first
        with wire.sessions() as session:
            waiting.append(session.scalar(select(func.count()).select_from(StoryFresh)))
    with wire.sessions() as session:
        keys = session.execute(select(StoryBand.key, StoryBand.print_id)).all()
        prints = session.execute(select(StoryPrint.id, StoryPrint.keys).order_by(StoryPrint.id)).all()
        on_sqlite = is_sqlite(session)
    # A row for each text on its own, until the fourth takes them all into the index; Postgres has them there at once.
    assert waiting == ([1, 2, 3, 0, 1, 2] if on_sqlite else [0] * 6)
    held = prints[:4] if on_sqlite else prints
    assert {tuple(row) for row in keys} == {(key, n) for n, packed in held for key in story_index.unpack(packed)}
    cut, settled = wire.article("Gekürzt", " ".join(texts[5].split()[:40]))
    assert settled.how.relation is StoryRelation.CUT_OF
    assert wire.story_of(cut) is not None


def test_a_text_that_left_the_window_while_its_keys_waited_does_not_come_into_the_index(wire: Any) -> None:
    gone, _ = wire.article(HEADLINE, COPY)
    kept, _ = wire.article("Bad", OTHER)
    with wire.sessions.begin() as session:
        story_index.drop(session, [gone])
        story_fresh.put_in_order(session)
        [left] = session.scalars(select(StoryPrint.id).where(StoryPrint.article_id == kept))
        assert set(session.scalars(select(StoryBand.print_id))) == {left}
        assert session.scalar(select(func.count()).select_from(StoryFresh)) == 0
    assert wire.article(HEADLINE, COPY, feed=2)[1] is None
