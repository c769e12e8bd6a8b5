"""A word of an article is looked up once: what it is to names and whether it speaks of a topic is one byte."""

from __future__ import annotations

from collections import Counter

import pytest

from storage.records import Block, BlockKind
from tasks.enrich import Enrichers, EnrichInput
from tasks.enrich.kinds import Kind
from tasks.enrich.lexicon import Telling, telling
from tasks.enrich.tokens import CUE, PLAIN, TOPIC, Tokens, tokens
from tasks.enrich.word_lists import FIRM_NOUNS, NOUN_ENDINGS, PLACE_NOUNS, words

ENRICHERS = Enrichers.load()
GERMAN = "Die Polizei hat nach dem Fall in Yokosuka ermittelt."


def article(text: str) -> EnrichInput:
    return EnrichInput(headline="", blocks=(Block(kind=BlockKind.PARAGRAPH, text=text),))


def test_a_byte_says_what_a_word_is_to_names_and_to_topics() -> None:
    german = tokens("de")
    assert german["in"] == CUE
    assert german["Hartdegen"] == PLAIN
    assert german["Hartdegen,"] == PLAIN + 32, "punctuation ends the name"
    assert german["polizeilich"] == german["und"] | TOPIC
    assert german["Großpolizei"] & TOPIC, "a compound speaks by its last part"


def test_an_article_taken_for_another_language_is_read_by_that_languages_words() -> None:
    german = article(GERMAN).in_language("de", 0.9)
    assert german.classes.count(CUE) == 2
    english = german.in_language("en", 0.9)
    assert english.classes.count(CUE) == 1, "only German copy has 'nach'"
    assert english.tokens is german.tokens


@pytest.mark.parametrize("language", ["fr", "da"])
def test_copy_without_a_lexicon_of_topics_has_no_topics(language: str) -> None:
    assert telling(language) is None
    known = article("Police police Polizei Parlament parliament.").in_language(language, 0.9)
    kinds = {tag.kind for one in ENRICHERS.enrichers for tag in one.function(known)}
    assert "topic" not in kinds


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Landgericht", Kind.HEAD),
        ("LANDGERICHT", Kind.NAME),
        ("Bundestagspräsident", Kind.ROLE),
        ("CDU-Chef", Kind.ROLE),
        ("Hafenstadt", Kind.PLACE_NOUN),
        ("Kartoffelbauer", Kind.ROLE),
        ("Softwarehersteller", Kind.FIRM),
        ("Behauptung", Kind.NOUN),
        ("2026er", Kind.SKIP),
        ("Montag", Kind.TIME),
    ],
)
def test_a_german_word_is_known_by_its_list_or_its_ending(word: str, kind: Kind) -> None:
    assert tokens("de").read(word).kind is kind


def test_no_ending_that_tells_a_kind_is_shorter_than_what_it_is_looked_up_by() -> None:
    lists = words("de")
    for endings in (lists.role_tails, lists.tails, PLACE_NOUNS, NOUN_ENDINGS, FIRM_NOUNS):
        assert min(map(len, endings)) >= 3


def test_a_word_that_keeps_coming_by_is_read_once_though_the_table_is_emptied_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, read = Tokens("de"), Counter[str]()
    class_of = known._class_of
    monkeypatch.setattr(known, "_class_of", lambda word: read.update([word]) or class_of(word))
    known.limit = 100
    for number in range(400):
        for word in (f"wort{number}", "und"):
            assert known[word]
        assert len(known) <= 100
    assert read["und"] == 1
    assert known["wort0"]
    assert read["wort0"] == 2, "what did not come by for long is forgotten"


def test_what_words_say_of_topics_is_kept_only_where_they_say_something_and_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = telling("de")
    assert known is not None
    monkeypatch.setattr(Telling, "LIMIT", 50)
    known.clear()
    for number in range(300):
        assert known[f"polizeix{number}"]
        assert not known[f"niemandx{number}"]
        assert len(known) <= 50
