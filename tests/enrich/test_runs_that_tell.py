"""Of the runs of capitalised words only those are read that may say something: what is passed over says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.enrich.names import _RUN
from tasks.enrich.runs import runs
from tasks.enrich.tokens import NOTHING, TOPIC, WITHOUT_TOPIC, tokens
from tasks.enrich.word_lists import words

UNKNOWN = ("Hartdegen", "Wögerbauer", "Montagsfrage", "US-Präsident", "SPD-nah", "EU-27", "J.", "Dr.", "X", "NATO")
BENT = ("Japans", "Kreuzes", "TOKYO", "Behauptung", "REGIERUNG", "Autobauer", "Hafenstadt", "Landgericht", "Nations")


def capitalised(language: str) -> list[str]:
    """Words of every list we have for the language, the parts of names of several words among them."""
    known, lists = tokens(language), words(language)
    named = [*lists.organisations, *known.gazetteer.by_name, *lists.demonyms]
    listed = {*lists.roles, *lists.heads, *lists.forms, *lists.time, *lists.things, *lists.geo, *lists.common}
    parts = {part for name in named for part in name.split(" ")}
    every = {*parts, *listed, *sorted(lists.first_names)[::20], *UNKNOWN, *BENT}
    return sorted(word for word in every if known[word] & ~TOPIC != NOTHING)


CAPITALISED = {language: capitalised(language) for language in ("de", "en")}


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("first", ["", "Anna", "Hartdegen"])
def test_a_word_that_is_passed_over_says_nothing_alone_or_after_a_name(language: str, first: str) -> None:
    for word in CAPITALISED[language]:
        says_nothing_where_it_is_passed_over([*filter(None, [first]), word], language)


@given(st.data(), st.sampled_from(["de", "en"]))
def test_words_that_are_passed_over_together_say_nothing(data: st.DataObject, language: str) -> None:
    run = data.draw(st.lists(st.sampled_from(CAPITALISED[language]), max_size=5))
    says_nothing_where_it_is_passed_over(run, language)


def says_nothing_where_it_is_passed_over(run: list[str], language: str) -> None:
    memo = runs(language)
    classes = bytes(map(memo.tokens.__getitem__, run)).translate(WITHOUT_TOPIC)
    ends_early = len(classes) > 1 and not classes[:-1].isupper()  # so these are two runs
    if not ends_early and _RUN.search(classes) is None:
        assert memo._read([memo.tokens.read(word) for word in run]) == [], (run, classes)


@pytest.mark.parametrize(
    ("copy", "found"),
    [
        (b"N.I.R.k.K.", [(6, 7), (8, 9)]),
        (b"NN.NI.IN.NR.RN.RI.RR.", [(0, 2), (9, 11), (12, 14), (18, 20)]),
        (b"IINIR.IIK.IIk.Ni", [(0, 5), (6, 9), (10, 13)]),
        (b"NnN.nNn.kNNn", [(0, 2), (5, 7), (8, 9), (9, 12)]),
        (b"1N.1K.1NI", [(4, 5)]),
    ],
)
def test_a_run_goes_from_its_first_capital_to_its_last(copy: bytes, found: list[tuple[int, int]]) -> None:
    assert [match.span() for match in _RUN.finditer(copy)] == found
