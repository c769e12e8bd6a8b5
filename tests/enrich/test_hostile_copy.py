"""Copy that nobody would write: no white space, endless words, markup debris, every script at once."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.records import Block, BlockKind, Category
from tasks.enrich import Enrichers, EnrichInput
from tasks.enrich.reading import LONGEST
from tasks.enrich.runs import runs

ENRICHERS = Enrichers.load()


def article(headline: str, body: str) -> EnrichInput:
    return EnrichInput(headline=headline, blocks=(Block(kind=BlockKind.PARAGRAPH, text=body),))


def steps_of(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs: a measure of cost that no busy machine can change."""
    steps = 0

    def count(frame: object, event: str, argument: object) -> Callable[..., object]:
        nonlocal steps
        steps += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return steps


@pytest.mark.parametrize(
    "body",
    [
        "A" * 1_000_000,
        "Aa" * 500_000,
        "A " * 500_000,
        "Anna " * 200_000,
        "University of " * 70_000,
        "in Aberg " * 100_000,
        "-" * 1_000_000,
        "." * 1_000_000,
        "Ünïcödé’s—" * 100_000,
        "\u0000\ufeff\u202e" * 300_000,
    ],
)
def test_a_megabyte_of_nonsense_is_tagged_without_errors(body: str) -> None:
    tagging = ENRICHERS.tag(article("Breaking", body))
    assert tagging.errors == ()
    assert len(tagging.tags) < 60


@pytest.mark.parametrize("unit", ["Anna Bergholm sagte in Wien, ", "in Neustadt ", "Universität für Alles "])
def test_the_cost_grows_no_faster_than_the_text(unit: str) -> None:
    def run(times: int) -> int:
        body = "Der Rat und die Stadt sagen, dass es so nicht geht. " + unit * times
        ENRICHERS.tag(article("Anna", body))  # the memos know the words now
        return steps_of(lambda: ENRICHERS.tag(article("Anna", body)))

    assert run(400) < run(100) * 5 + 500


def test_only_the_beginning_of_an_endless_text_is_read() -> None:
    body = "Der Rat hat in Wien getagt. " * (LONGEST // 28 + 10) + "Danach fuhr er nach Oslo."
    places = {tag.label for tag in ENRICHERS.tag(article("Rat", body)).tags if tag.kind == "place"}
    assert places == {"Wien"}


def test_memory_is_bounded_however_many_new_words_come() -> None:
    memo = runs("de")
    before = memo.tokens.limit
    memo.tokens.limit = 500
    try:
        for number in range(40):
            words = " ".join(f"Wort{number}x{index} Name{number}y{index}." for index in range(40))
            ENRICHERS.tag(article("Der Rat der Stadt und die Wörter", f"Das ist der Text und das sind die {words}"))
            assert len(memo.tokens) <= 500
    finally:
        memo.tokens.limit = before


@settings(max_examples=80, deadline=None)
@given(
    headline=st.text(max_size=80),
    teaser=st.one_of(st.none(), st.text(max_size=120)),
    bodies=st.lists(st.text(max_size=300), max_size=5),
    categories=st.lists(st.text(max_size=20), max_size=3),
)
def test_no_text_makes_an_enricher_fail(
    headline: str, teaser: str | None, bodies: list[str], categories: list[str]
) -> None:
    given_article = EnrichInput(
        headline=headline,
        teaser=teaser,
        blocks=tuple(Block(kind=BlockKind.PARAGRAPH, text=body) for body in bodies),
        categories=tuple(Category(term=term) for term in categories),
    )
    tagging = ENRICHERS.tag(given_article)
    assert tagging.errors == ()
    assert tagging == ENRICHERS.tag(given_article), "the same article is tagged the same"
    for tag in tagging.tags:
        assert tag.label
        assert 0 < tag.confidence <= 1
