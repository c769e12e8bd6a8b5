"""Credits, bylines and source notes are known by their form, whatever a line may be made of."""

from __future__ import annotations

import pytest

from tasks.normalize import clean_copy
from tasks.normalize.furniture import read_byline, read_credit, read_dateline, take_credit_tail, take_sources


@pytest.mark.parametrize(
    ("line", "credit"),
    [
        ("(APA/Red.)", "APA/Red."),
        ("(apa/dpa)", "apa/dpa"),
        ("(Quelle: APA)", "APA"),
        ("Quellen: dpa, AFP", "dpa, AFP"),
        ("Mit Material der dpa", "dpa"),
        ("(With inputs from PTI)", "PTI"),
        ("The Associated Press contributed to this report.", "The Associated Press"),
        ("Reuters contributed reporting to this story.", "Reuters"),
        (
            "Reporting by Jane Holt in London; Editing by Tom Roe",
            "Reporting by Jane Holt in London; Editing by Tom Roe",
        ),
    ],
)
def test_a_credit_is_what_stands_in_it(line: str, credit: str) -> None:
    assert read_credit(line) == credit


@pytest.mark.parametrize(
    "line",
    [
        "Reporting by the newspaper showed that the mole was unsafe.",
        "Quelle: ein Sprecher der Reederei",
        "Sources: three sailors",
        "The Harbour Ledger contributed to this report.",
        "Copyright law changes in June, and " + "every reader of a newspaper should know how. " * 5,
    ],
)
def test_a_sentence_is_no_credit(line: str) -> None:
    assert read_credit(line) is None


@pytest.mark.parametrize(
    ("line", "byline"),
    [
        ("Von Eva Lang und Jan Ode, dpa", "Von Eva Lang und Jan Ode, dpa"),
        ("Von Eva Lang/dpa", "Von Eva Lang/dpa"),
        ("Von Ursula von der Heide", "Von Ursula von der Heide"),
        ("By Jane Holt & Tom Roe, AP", "By Jane Holt & Tom Roe, AP"),
        ("Von A. B. Meier und C. D. Huber", "Von A. B. Meier und C. D. Huber"),
        ("--- Von Eva Lang, dpa-AFX ---", "Von Eva Lang, dpa-AFX"),
    ],
)
def test_a_byline_may_have_several_names_and_rules_around_it(line: str, byline: str) -> None:
    assert read_byline(line) == byline


def test_initials_behind_the_last_sentence_are_a_credit() -> None:
    assert take_credit_tail("Der Index schloss auf 130,44 Punkten./mis/he") == (
        "Der Index schloss auf 130,44 Punkten.",
        "mis/he",
    )
    for kept in ("Er fährt für Soll/Haben/Rest.", "Die Wahl ist ja/nein/egal", "Mehr auf hafen.example/ab/cd"):
        assert take_credit_tail(kept) == (kept, None)


def test_a_source_note_may_have_a_label_and_name_an_agency_beside_a_site() -> None:
    assert take_sources("Die Mole brennt. (Quelle: hafen.example/APA)") == (
        "Die Mole brennt.",
        [("hafen.example", 16), ("APA", 16)],
    )
    assert take_sources("Mehr dazu (via hafen.example)") == ("Mehr dazu", [("hafen.example", 9)])


def test_a_note_in_front_of_a_line_leaves_no_gap() -> None:
    assert take_sources("(hafen.example) (dpa)") == ("(dpa)", [("hafen.example", 0)])
    assert take_sources("(hafen.example) (rat.example) Der Rat tagt.") == (
        "Der Rat tagt.",
        [("hafen.example", 0), ("rat.example", 0)],
    )


def test_a_note_above_the_first_line_is_kept_with_it() -> None:
    copy = "(hafen.example)\n\nDie Mole von Altwik brennt seit Mitternacht. Verletzt wurde niemand. (rat.example)"
    article = clean_copy(copy, headline="Mole brennt")
    assert [(note.name, note.block) for note in article.sources] == [("hafen.example", 0), ("rat.example", 0)]
    assert [block.text for block in article.blocks] == [
        "Die Mole von Altwik brennt seit Mitternacht. Verletzt wurde niemand."
    ]


@pytest.mark.parametrize(
    "line", ["(" + "dpa/" * 34 + "!", "Von " + ",".join(["A" * 18] * 6) + "!", "By " + "A." * 58 + "!"]
)
def test_a_line_with_a_thousand_readings_is_read_once(line: str) -> None:
    # Each took hours: "dpa/dpa" is one agency or two, "AAA" was up to three names.
    assert read_dateline(f"{line} und ein Text dahinter, der weitergeht") is None
    assert read_credit(line) is None
    assert read_byline(line) is None
