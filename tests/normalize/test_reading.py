"""Western copy is mended and folded by a short way of its own, and comes out as by the way of any script."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from storage.records import BlockKind
from tasks.normalize.fold import fold_lines
from tasks.normalize.latin import fold_latin
from tasks.normalize.reading import reading_of

_SIGNS = (
    "aBß ÄöÉ09.,-  \t\n\u00a0\u00ad„“”–—…’‘‚•‹›‑€¤ÃÂâÅÐÑ²½µª¯¸º´¨ÿ×÷&;\u2009\u200b\u2028\u2017\u203e\u2032\u0301Ж漢"
)
_LINES = st.lists(st.text(st.sampled_from(_SIGNS), max_size=24) | st.text(max_size=8), min_size=1, max_size=5)
_ANY_SCRIPT = "漢字"  # beside it nothing goes the short way


@given(_LINES)
@example(["Straße „Ä“ – €5"])
@example(["5 m²", "¤"])
def test_a_key_is_the_same_whatever_the_other_lines_are_written_in(lines: list[str]) -> None:
    lines = [line.replace("\n", " ") for line in lines]
    assert fold_lines(lines) == fold_lines([*lines, _ANY_SCRIPT])[:-1]


@given(_LINES)
@example(["a  b", "c\u00a0\u00a0d", " e\nf "])
@example(["cittÃ\u00a0", "&amp;lt; &nbsp;x"])
def test_lines_are_mended_alike_whatever_the_others_are_written_in(texts: list[str]) -> None:
    body = [(BlockKind.PARAGRAPH, text) for text in texts]
    short = reading_of(texts[0], body, body)
    long = reading_of(texts[0], [*body, (BlockKind.PARAGRAPH, _ANY_SCRIPT)], [*body, (BlockKind.QUOTE, _ANY_SCRIPT)])
    assert (short.headline, short.headline_key) == (long.headline, long.headline_key)
    assert [*short.teaser, _ANY_SCRIPT] == long.teaser
    assert [*short.lines, _ANY_SCRIPT] == long.lines
    assert [*short.keys, long.keys[-1]] == long.keys
    assert [*short.kinds, BlockKind.QUOTE] == long.kinds


def test_german_and_english_copy_goes_the_short_way_and_text_with_more_to_mend_does_not() -> None:
    for text in ("Der „Senator“ sagte: 5 € – mehr nicht …", "It’s a “plain” line.", "Çà et là, señor"):
        assert fold_latin(text) is not None, text
    for text in ("Ã¼ber", "km²", "Ставка", "a\u200bb", "a\u00a0b", "¤"):
        assert fold_latin(text) is None, text
