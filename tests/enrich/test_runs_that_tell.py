"""Of the runs of capitalised words only those are read that may say something: what is passed over says nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.enrich.names import _RUN
from tasks.enrich.runs import runs
from tasks.enrich.tokens import TOPIC, WITHOUT_TOPIC, tokens
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
    return sorted(word for word in every if chr(known[word] & ~TOPIC).isalpha())


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


@given(st.text("NRKInrki.1", max_size=30).map(str.encode))
@example(b"N.I.R.k.K.")
@example(b"NN.NI.IN.NR.RN.RI.RR.KI.IK.Ki.Ik")
@example(b"IINIR.IIK.IIk.II.Ni.Kik.NIIIn.IIIk.IINi")
@example(b"NnN.nNn.kNNn.kK.1N.1K.1NI")
def test_a_run_is_whole_and_has_one_that_tells_or_two_that_are_not_idle(classes: bytes) -> None:
    whole = re.finditer(rb"[NRKI]+[nrki]?|[nrki]", classes)
    telling = [run.span() for run in whole if re.search(rb"[Kk]|[NRnr]I*[NRnr]", run.group())]
    assert [match.span() for match in _RUN.finditer(classes)] == telling
