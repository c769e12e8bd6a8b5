"""The frame around the enrichers: order, provenance, versions, and enrichers that fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.records import Block, BlockKind, Category, Tag
from tasks.enrich import Enricher, EnricherError, Enrichers, EnrichInput
from tasks.enrich.registry import AT_MOST


def article(headline: str = "Regierung stellt den Haushalt vor", *paragraphs: str, **more: object) -> EnrichInput:
    blocks = tuple(Block(kind=BlockKind.PARAGRAPH, text=text) for text in paragraphs)
    return EnrichInput(headline=headline, blocks=blocks, **more)  # type: ignore[arg-type]


def good(given: EnrichInput) -> Iterator[Tag]:
    yield Tag(kind="length", label=str(len(given.headline)))


def broken(given: EnrichInput) -> Iterator[Tag]:
    yield Tag(kind="length", label="half of the work")
    raise RuntimeError("no dictionary")


def test_own_enrichers_are_found_by_their_entry_points() -> None:
    enrichers = Enrichers.load()
    assert {"language", "categories", "names", "topics"} <= set(enrichers.versions)
    assert enrichers.broken == ()


def test_every_tag_says_who_gave_it_and_in_which_version() -> None:
    enrichers = Enrichers.load()
    text = "Bundeskanzler Friedrich Merz sprach in Berlin mit der Ministerin über die Steuern und den Haushalt."
    tags = enrichers.tag(article("Merz verteidigt den Haushalt", text, categories=(Category(term="Politik"),))).tags
    assert {tag.kind for tag in tags} >= {"language", "category", "person", "place", "topic"}
    for tag in tags:
        assert tag.enricher in enrichers.versions
        assert tag.version == enrichers.versions[tag.enricher]
        assert 0 < tag.confidence <= 1
        assert tag.label


def test_an_enricher_that_raises_loses_its_own_tags_only_and_is_reported() -> None:
    enrichers = Enrichers(
        enrichers=(
            Enricher(name="broken", version="7", function=broken),
            Enricher(name="good", version="3", function=good),
        )
    )
    tagging = enrichers.tag(article("Four"))
    assert [(tag.enricher, tag.version, tag.label) for tag in tagging.tags] == [("good", "3", "4")]
    assert tagging.errors == (EnricherError(enricher="broken", error="RuntimeError: no dictionary"),)


@pytest.mark.parametrize(
    ("gives", "said"),
    [(lambda _: ["Politik"], "gave str instead of a Tag"), (lambda _: None, "not iterable")],
)
def test_an_enricher_that_gives_no_tags_is_reported(gives: object, said: str) -> None:
    enrichers = Enrichers(enrichers=(Enricher(name="odd", version="1", function=gives),))  # type: ignore[arg-type]
    tagging = enrichers.tag(article())
    assert tagging.tags == ()
    assert said in tagging.errors[0].error


def test_a_confidence_beyond_one_is_an_error_of_the_enricher() -> None:
    def sure(_: EnrichInput) -> list[Tag]:
        return [Tag(kind="person", label="Ada Lovelace", confidence=1.5)]

    tagging = Enrichers(enrichers=(Enricher(name="sure", version="1", function=sure),)).tag(article())
    assert tagging.tags == ()
    assert "1.5" in tagging.errors[0].error


def test_one_enricher_cannot_flood_an_article() -> None:
    def many(_: EnrichInput) -> Iterator[Tag]:
        number = 0
        while True:
            yield Tag(kind="word", label=str(number))
            number += 1

    tagging = Enrichers(enrichers=(Enricher(name="many", version="1", function=many),)).tag(article())
    assert len(tagging.tags) == AT_MOST


def test_the_version_changes_with_any_enricher_s_version_and_not_otherwise() -> None:
    first = Enrichers(enrichers=(Enricher(name="good", version="3", function=good),))
    same = Enrichers(enrichers=(Enricher(name="good", version="3", function=broken),))
    newer = Enrichers(enrichers=(Enricher(name="good", version="4", function=good),))
    assert first.version == same.version != newer.version


def test_feed_categories_become_tags_once_each_with_the_feed_s_own_word_as_code() -> None:
    categories = (
        Category(term="pol", scheme="http://example.org/desks", label="Politik"),
        Category(term="POL", scheme="http://example.org/desks", label="Politik"),
        Category(term="Wien"),
        Category(term="  "),
    )
    tags = [tag for tag in Enrichers.load().tag(article(categories=categories)).tags if tag.kind == "category"]
    assert [(tag.scheme, tag.code, tag.label) for tag in tags] == [("feed", "pol", "Politik"), ("feed", "Wien", "Wien")]
    assert tags[0].evidence == ("http://example.org/desks",)


def test_an_empty_article_has_no_tags_and_no_errors() -> None:
    tagging = Enrichers.load().tag(EnrichInput(headline=""))
    assert (tagging.tags, tagging.language, tagging.errors) == ((), "und", ())


def test_a_newsroom_s_own_package_adds_enrichers_and_a_broken_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "newsroom-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: newsroom\nVersion: 2.5\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[wireroom.enrichers]\nshout = newsroom_tags:tag_shout\ngone = newsroom_tags:missing\n", encoding="utf-8"
    )
    (tmp_path / "newsroom_tags.py").write_text(
        "from storage.records import Tag\n"
        "def tag_shout(article):\n"
        "    if article.headline.isupper():\n"
        "        yield Tag(kind='form', label='shouting', evidence=(article.headline,))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    enrichers = Enrichers.load()
    assert list(enrichers.versions)[-1] == "shout"
    assert enrichers.versions["shout"] == "2.5"
    tagging = enrichers.tag(article("EILMELDUNG AUS DEM RATHAUS"))
    assert [(tag.label, tag.enricher, tag.version) for tag in tagging.tags if tag.kind == "form"] == [
        ("shouting", "shout", "2.5")
    ]
    assert [error.enricher for error in tagging.errors] == ["gone"]
    assert "missing" in tagging.errors[0].error


def test_an_article_whose_language_is_known_keeps_the_words_that_were_split() -> None:
    given = article("Haushalt", "Die Regierung stellt den Haushalt vor.")
    split, lead = given.body_tokens, given.lead_tokens
    known = given.in_language("de", 0.9)
    assert (known.language, known.language_confidence, given.language) == ("de", 0.9, "und")
    assert known.body_tokens is split
    assert known.lead_tokens is lead
