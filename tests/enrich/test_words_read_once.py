"""A word of an article is looked up once: what it is to names and whether it speaks of a topic is one byte."""

from __future__ import annotations

import pytest

from storage.records import Block, BlockKind
from tasks.enrich import Enrichers, EnrichInput
from tasks.enrich.kinds import Kind
from tasks.enrich.lexicon import Telling, telling
from tasks.enrich.tokens import CUE, PLAIN, TOPIC, tokens

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
    assert [byte == CUE for byte in german.body_classes].count(True) == 2
    english = german.in_language("en", 0.9)
    assert [byte == CUE for byte in english.body_classes].count(True) == 1, "only German copy has 'nach'"
    assert english.body_tokens is german.body_tokens


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
