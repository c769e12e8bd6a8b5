"""Seeds: the lines that newsroom systems leave behind are known by themselves."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tasks.normalize.fold import fold_lines
from tasks.normalize.stubs import find_stubs

ROWS = (files("tasks.normalize") / "seeds.txt").read_text(encoding="utf-8").splitlines()
SEEDS = [row for row in ROWS if row and not row.startswith(("#", "["))]


def known(*lines: str) -> set[str]:
    return {lines[i] for i in find_stubs(lines, fold_lines(lines))}


def test_every_seed_is_known_with_any_number_in_it() -> None:
    lines = [seed.replace("0", "17").replace("…", " und noch mehr") for seed in SEEDS]
    assert len(lines) > 300
    assert known(*lines) == set(lines)


@pytest.mark.parametrize(
    "line",
    [
        "5. Mai 2026",
        "05.05.2026, 18:00 Uhr",
        "Mittwoch, 25. November 2026",
        "Mär 3, 2026",
        "Dienstag, 3. März 2026 um 9:15 Uhr",
        "3 hours ago",
        "2d ago",
        "Vor 20 Minuten",
        "Gestern, 18:20 Uhr",
        "Today at 9:15 am",
    ],
)
def test_a_date_alone_is_known(line: str) -> None:
    assert known(line) == {line}


def test_a_sentence_that_begins_as_a_seed_or_a_date_does_is_none() -> None:
    sentences = (
        "Der Rat von Altwik hat am 5. Mai 2026 beschlossen, die Mole zu erneuern, und die Fähre legt am Nordkai an.",
        "17 Kommentare später war der Streit vergessen, und der Rat ging zum nächsten Punkt der Tagesordnung über.",
        "Mai 2026 wird der Monat, in dem die Arbeiten an der Mole von Altwik endlich beginnen sollen, sagt der Rat.",
    )
    assert known(*sentences) == set()


@pytest.mark.parametrize(
    "line",
    [
        "Published 3 hours ago",
        "12.05.2026 / 08:00 CET/CEST",
        "Updated an hour ago",
        "Aktualisiert vor 20 Minuten",
        "March 12, 2026 9:41 PM GMT Updated an hour ago",
        "12. März 2026, 06:14 Uhr, aktualisiert um 07:10 Uhr",
        "Veröffentlicht: 12.03.2026, 06:14 Uhr Zuletzt aktualisiert: 12.03.2026, 07:00 Uhr",
        "Published: 06:14 GMT, 12 March 2026 | Updated: 07:20 GMT, 12 March 2026",
        "Updated on: March 12, 2026 / 9:41 AM EDT / Harbour News",
    ],
)
def test_a_stamp_may_be_told_from_now_or_say_two_times(line: str) -> None:
    assert known(line) == {line}


@pytest.mark.parametrize(
    "line",
    [
        "Bild: Eva Lang/dpa",
        "Image: Getty Images",
        "(Foto: dpa)",
        "Bild: picture alliance/dpa | Eva Lang",
        "Credit: AP",
        "AXC0231 2026-03-16/17:58",
        "APA0312 5 CI 0128 Di, 17.Mär 2026",
        "dpa:260312-930-123456/1",
    ],
)
def test_an_agencys_picture_and_its_message_are_known_by_their_form(line: str) -> None:
    assert known(line) == {line}


def test_what_only_looks_like_these_is_not() -> None:
    lines = (
        "Bild: Der Minister geht",
        "Image: a man in a boat",
        "APA meldet 5 Tote",
        "Vor 20 Minuten kam die Fähre an",
        "Posted to Oslo an hour ago, he waits",
        "Stand up and speak",
        "Today at the harbour",
    )
    assert known(*lines) == set()


@pytest.mark.parametrize(
    "line",
    [
        "published " + "12:10 um " * 12 + "x!",
        "vor " + "1" * 300 + " x",
        "stand: , | " * 12 + "x!",
        "heute " * 40 + "!",
    ],
)
def test_a_line_with_a_thousand_readings_is_read_once(line: str) -> None:
    # The first took minutes: each time may have the word behind it as its zone, or not.
    assert known(line) == set()


@pytest.mark.parametrize(
    "line",
    [
        "This story appears in the June 2026 print edition under the headline “Counting.”",
        "A version of this article appears in print on May 13, 2026, Section A, Page 1.",
        "Appeared in the May 13, 2026, print edition as 'Harbour Signals Patience'.",
        "This article was originally published on harbour.example.",
        "Dieser Text erschien zuerst in der Hafenzeitung.",
        "Dieser Beitrag ist zuerst auf hafen.example erschienen.",
        "Diese Meldung wurde am 11.05.2026 veröffentlicht.",
    ],
)
def test_where_a_piece_appeared_first_is_known(line: str) -> None:
    assert known(line) == {line}


@pytest.mark.parametrize(
    "line",
    [
        "This article appeared to be the last straw, and the council sued.",
        "Dieser Text ist in der Stadt umstritten.",
        "Dieser Artikel wurde am Sonntag in der Kirche verlesen und nicht veröffentlicht, sagt der Pfarrer.",
    ],
)
def test_a_sentence_about_a_piece_is_none(line: str) -> None:
    assert known(line) == set()
