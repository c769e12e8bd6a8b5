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
