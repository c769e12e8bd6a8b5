"""What is kept of a revision says all of the cleaned article, and leaves out what was not given."""

from __future__ import annotations

from storage.records import Block, BlockKind, CleanArticle, Entry, Media, Removal, Source
from tasks.content import clean_of, content_of, media_of

CLEAN = CleanArticle(
    headline="Rat tagt",
    teaser=None,
    blocks=(Block(kind=BlockKind.PARAGRAPH, text="Der Rat hat getagt."), Block(kind=BlockKind.QUOTE, text="„Gut so.“")),
    sources=(Source(name="apa", block=0, offset=0),),
    removals=(
        Removal(line="Rat tagt", rule="repeat", reason="copy of the headline", position=0, repeats="Rat tagt"),
        Removal(line="Weiterlesen", rule="share", reason="seen", position=3, seen=0, confidence=0.5, removed=False),
    ),
)
MEDIA = (Media(url="https://a.example/1.jpg"), Media(url="https://a.example/2.jpg", size=0, credit="apa"))


def entry() -> Entry:
    return Entry(position=0, guid="1", url=None, headline="Rat tagt", media=MEDIA)


def test_an_article_comes_back_from_what_is_kept_as_it_was() -> None:
    content = content_of(entry(), CLEAN, language="de")
    assert clean_of(content) == CLEAN
    assert media_of(content) == MEDIA


def test_what_was_not_given_is_left_out_and_nothing_and_no_are_not_the_same() -> None:
    content = content_of(entry(), CLEAN, language="de")
    assert content["sources"] == [{"name": "apa", "block": 0, "offset": 0}]
    assert content["media"] == [
        {"url": "https://a.example/1.jpg"},
        {"url": "https://a.example/2.jpg", "size": 0, "credit": "apa"},
    ]
    assert content["removals"][1] == {
        "line": "Weiterlesen",
        "rule": "share",
        "reason": "seen",
        "position": 3,
        "confidence": 0.5,
        "seen": 0,
        "removed": False,
    }
    assert "teaser" not in content
