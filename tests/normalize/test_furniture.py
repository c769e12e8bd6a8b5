"""Credits, bylines and source notes are known by their form, whatever a line may be made of."""

from __future__ import annotations

import pytest

from tasks.normalize import clean_copy
from tasks.normalize.fold import fold
from tasks.normalize.furniture import (
    is_correction,
    is_rule,
    read_byline,
    read_credit,
    read_dateline,
    read_lone_dateline,
    take_credit_tail,
    take_sources,
)
from tasks.normalize.releases import contacts_from


@pytest.mark.parametrize(
    ("line", "credit"),
    [
        ("(APA/Red.)", "APA/Red."),
        ("(apa/dpa)", "apa/dpa"),
        ("(Quelle: APA)", "APA"),
        ("Quellen: dpa, AFP", "dpa, AFP"),
        ("Mit Material der dpa", "dpa"),
        ("(With inputs from PTI)", "PTI"),
        ("mit dpa/AFP", "dpa/AFP"),
        ("(mit Agenturmaterial)", "Agenturmaterial"),
        ("Von dpa", "dpa"),
        ("With agencies", "agencies"),
        ("Additional reporting by PA", "PA"),
        ("The Associated Press", "The Associated Press"),
        ("The Associated Press contributed to this report.", "The Associated Press"),
        ("Roe and Lee reported from Portland, Maine.", "Roe and Lee reported from Portland, Maine."),
        ("Roe reported from Oslo, and Lee from Bern.", "Roe reported from Oslo, and Lee from Bern."),
        ("Reuters contributed reporting to this story.", "Reuters"),
        (
            "Reporting by Jane Holt in London; Editing by Tom Roe",
            "Reporting by Jane Holt in London; Editing by Tom Roe",
        ),
        ("(red, 12.3.2026)", "red"),
        ("(Eva Lang, APA, 12. 3. 2026)", "Eva Lang, APA"),
        ("keystone-sda", "keystone-sda"),
        ("epd lnb jh mr", "epd"),
        ("jh/tr/mb", "jh/tr/mb"),
        ("Additional reporting by Jane Holt.", "Additional reporting by Jane Holt."),
    ],
)
def test_a_credit_is_what_stands_in_it(line: str, credit: str) -> None:
    assert read_credit(line) == credit


@pytest.mark.parametrize(
    "line",
    [
        "Reporting by the newspaper showed that the mole was unsafe.",
        "Quelle: ein Sprecher der Reederei",
        "mit Booten",
        "With agencies closed, nobody answered.",
        "Sources: three sailors",
        "The Harbour Ledger contributed to this report.",
        "Activists reported from Aleppo.",
        "Police reported from the scene.",
        "AP Business School in Oslo contributed to this report.",
        "(Wiederholung am Sonntag, 12.3.2026)",
        "(12.3.2026)",
        "dpa: Der Rat tagt",
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
        ("von Eva Lang", "von Eva Lang"),
        ("BY JANE HOLT", "BY JANE HOLT"),
        ("Ein Kommentar von Eva Lang", "Ein Kommentar von Eva Lang"),
        ("Das Interview führten Eva Lang und Jan Ode.", "Das Interview führten Eva Lang und Jan Ode."),
    ],
)
def test_a_byline_may_have_several_names_and_rules_around_it(line: str, byline: str) -> None:
    assert read_byline(line) == byline


@pytest.mark.parametrize(
    "line",
    ["Ein Kommentar von der Mole", "Das Interview führte zu Streit.", "Die Fragen stellten sich nicht", "von hier"],
)
def test_a_line_without_a_name_is_no_byline(line: str) -> None:
    assert read_byline(line) is None


def test_initials_behind_the_last_sentence_are_a_credit() -> None:
    assert take_credit_tail("Der Index schloss auf 130,44 Punkten./mis/he") == (
        "Der Index schloss auf 130,44 Punkten.",
        "mis/he",
    )
    assert take_credit_tail("Die Mole bleibt gesperrt. (mit Material von dpa)") == ("Die Mole bleibt gesperrt.", "dpa")
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


@pytest.mark.parametrize(
    ("opening", "dateline", "credit"),
    [
        ("Nordheim (lby) - ", "Nordheim (lby)", "lby"),
        ("LOWMOUTH, N.Y. (WLTV) – ", "LOWMOUTH, N.Y. (WLTV)", "WLTV"),
        ("Linz (OTS) - ", "Linz (OTS)", "OTS"),
        ("St. Gallen (Keystone-SDA) ", "St. Gallen (Keystone-SDA)", "Keystone-SDA"),
        ("(sda) ", "(sda)", "sda"),
        ("LOWMOUTH, March 12, 2026 /PRNewswire/ -- ", "LOWMOUTH, March 12, 2026 /PRNewswire/", "PRNewswire"),
        ("LOWMOUTH, Ohio--(BUSINESS WIRE)--", "LOWMOUTH, Ohio--(BUSINESS WIRE)", "BUSINESS WIRE"),
        (
            "LOWMOUTH, March 12, 2026 (GLOBE NEWSWIRE) -- ",
            "LOWMOUTH, March 12, 2026 (GLOBE NEWSWIRE)",
            "GLOBE NEWSWIRE",
        ),
    ],
)
def test_a_release_and_a_swiss_piece_have_datelines_of_their_own(opening: str, dateline: str, credit: str) -> None:
    found = read_dateline(f"{opening}Harbourline Systems baut eine Mole aus Stahl.")
    assert found is not None
    assert (found.shown, found.credit, found.rest) == (
        dateline,
        credit,
        "Harbourline Systems baut eine Mole aus Stahl.",
    )


@pytest.mark.parametrize(
    "text",
    [
        "Die Depeschenagentur (SDA) Bern meldet einen Felssturz am Pass.",
        "Der Dienst (awp) Zürich rechnet mit steigenden Zinsen im Herbst.",
        "Bern (sda) und Zürich (awp) sind zwei Redaktionen einer Agentur.",
        "A newswire (once a telegraph) is what the harbour reads in the morning.",
    ],
)
def test_an_agency_in_a_sentence_is_no_dateline(text: str) -> None:
    assert read_dateline(text) is None


def test_a_dateline_may_stand_alone_in_its_line() -> None:
    found = read_lone_dateline("Altwik (ots) -")
    assert found is not None
    assert (found.shown, found.credit) == ("Altwik (ots)", "ots")
    assert [read_lone_dateline(text) for text in ("Altwik (Kreis Wied)", "(ots)", "Altwik")] == [None] * 3


def test_datelines_above_each_of_several_briefs_stay() -> None:
    brief = "Die Mole von Altwik brennt seit Mitternacht, und verletzt wurde nach Angaben der Wehr niemand."
    lines = ["Altwik (dpa)", brief, "Nordkai (dpa)", brief.replace("Altwik", "Nordkai")]
    article = clean_copy("\n\n".join(lines), headline="Meldungen von der Küste")
    assert [block.text for block in article.blocks] == lines


@pytest.mark.parametrize(
    "line",
    [
        "This article was amended on 12 March 2026. The pier is 212 metres long.",
        "An earlier version of this story misspelled the harbour master's name.",
        "Anmerkung d. Red.: Der Name wurde geändert.",
        "Anm. der Redaktion – Der Hafenmeister heißt Ode.",
    ],
)
def test_a_note_of_the_desk_is_a_correction_however_it_says_so(line: str) -> None:
    assert is_correction(line, fold(line))


@pytest.mark.parametrize(
    "line",
    [
        "This article of the law was amended in March.",
        "In einer früheren Fassung des Gesetzes fehlte der Satz.",
        "Dieser Artikel wurde oft zitiert.",
        "Anmerkung der Redaktion",
    ],
)
def test_a_sentence_of_the_article_is_no_correction(line: str) -> None:
    assert not is_correction(line, fold(line))


BODY = (
    "Der Obmann verlangt vom Handel einen Grundpreis von 55 Cent je Liter Milch und mehr Zeit für die Ställe im Land."
)


@pytest.mark.parametrize(
    "head",
    [
        "Rückfragen bitte an:",
        "Rückfragehinweis:",
        "Pressekontakt: Eva Lang, 0732 6902",
        "Rückfragen & Kontakt:",
        "Media contacts",
        "Kontakt für Medien:",
    ],
)
def test_a_release_ends_with_whom_the_press_may_ask(head: str) -> None:
    assert contacts_from([BODY, head, "Eva Lang", "0732 6902"]) == 1
    assert contacts_from([BODY, head, "Eva Lang", BODY]) is None


def test_a_sentence_of_contacts_heads_none() -> None:
    assert contacts_from([BODY, "Rückfragen an den Rat blieben ohne Antwort.", "Eva Lang"]) is None
    assert contacts_from([BODY, "Pressekontakte hatte er nie.", "Eva Lang"]) is None


def test_stars_are_what_a_critic_gives_and_no_rule() -> None:
    assert [is_rule(line) for line in ("___", "——", "- - -", "★★★★☆", "***", "…")] == [True] * 3 + [False] * 3


def test_a_line_may_name_the_sites_of_a_piece() -> None:
    assert take_sources("Quellen: hafen.example, www.rat.example") == ("", [("hafen.example", 0), ("rat.example", 0)])
    for kept in ("Quelle: ein Fischer", "Quellen: hafen.example und ein Fischer", "Quellen an der Küste"):
        assert take_sources(kept) == (kept, [])
