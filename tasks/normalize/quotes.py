"""Finds quotations in large type and captions that say again what a paragraph says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from storage.records import BlockKind
from tasks.normalize.targets import Finding

_PULLED = 60  # bytes of key that a pulled quote must have; a subhead taken from the text is shorter, and stays
_LONGEST_PULLED = 600  # and may have at most
_MARKS = "„“”\"«»‚‘’‹›「『'"
_QUOTES = '„“”"«»'
_SAMPLE = 24  # characters by which a pulled quote finds its paragraph
_QUOTE_MARKS = '„“”"«»‚‘'  # before words that a paragraph quotes
_QUOTED = re.compile(rf"[{_QUOTE_MARKS}](?=(\S.{{23}}))")
_MOST_PULLED = 20  # pulled quotes that are traced to their paragraph: each look reads the article
_CAPTION = 100  # bytes of key that a caption must have to be more than a few words
_SAID = 0.6  # share of it that a paragraph must say word for word, at its beginning or its end
_MOST_CAPTIONS = 20  # captions that are looked for in the paragraphs: each look reads the article


def add_quotes(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    kinds: Sequence[BlockKind] | None,
    photo_credits: frozenset[int],
    found: dict[int, Finding],
) -> None:
    """Add the pulled quotes and the captions that a paragraph says to `found`."""
    add_pulled(lines, keys, standing, kinds, found)
    if photo_credits:
        _add_captions(lines, keys, standing, photo_credits, found)


def add_pulled(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    kinds: Sequence[BlockKind] | None,
    found: dict[int, Finding],
) -> None:
    """Words that a paragraph quotes and that stand again in large type between the paragraphs: the paragraph stays.

    Only a block that the source marks as a quotation counts: elsewhere a speaker may have said it twice.
    """
    if not kinds or BlockKind.QUOTE not in kinds:
        return
    quotes = [i for i in standing if kinds[i] is BlockKind.QUOTE and _PULLED <= len(keys[i]) <= _LONGEST_PULLED]
    text = "\n".join(lines) if quotes else ""
    if not any(mark in text for mark in _QUOTE_MARKS):
        return
    samples = Counter(_QUOTED.findall(text))
    looks = 0
    for i in quotes:
        if looks >= _MOST_PULLED:
            break
        if i in found:
            continue
        words = lines[i].strip(_MARKS + " .,")
        if samples[words[:_SAMPLE]] <= (lines[i][0] in _MARKS) or any(mark in words for mark in _QUOTES):
            continue
        looks += 1
        origin = next((j for j in standing if j != i and j not in found and _quotes(lines[j], words)), None)
        if origin is not None:
            found[i] = Finding(
                rule="pulled_quote",
                reason="stands word for word in quotation marks in another paragraph",
                confidence=0.85,
                repeats=lines[origin],
            )


def _quotes(paragraph: str, words: str) -> bool:
    """Whether the paragraph has exactly these words between two quotation marks."""
    at = paragraph.find(words)
    end = at + len(words)
    return at > 0 and any(mark in _MARKS for mark in paragraph[end : end + 2])


def _add_captions(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    photo_credits: frozenset[int],
    found: dict[int, Finding],
) -> None:
    """Captions, known by the photographer's line below them, most of whose words a paragraph says."""
    looks = 0
    for n in [n for n, i in enumerate(standing[:-1]) if len(keys[i]) >= _CAPTION]:
        i, below = standing[n], standing[n + 1]
        if i in found or below not in photo_credits:
            continue
        looks += 1
        if looks > _MOST_CAPTIONS:
            break
        size = max(_CAPTION * 3 // 4, int(_SAID * len(keys[i])))
        front, back = keys[i][:size], keys[i][-size:]
        others = (j for j in standing if j != i and j not in found)
        origin = next((j for j in others if front in keys[j] or back in keys[j]), None)
        if origin is not None:
            found[i] = Finding(
                rule="caption",
                reason="is a caption, most of which a paragraph says word for word",
                confidence=0.75,
                repeats=lines[origin],
            )
