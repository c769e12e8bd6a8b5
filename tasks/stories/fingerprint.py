"""What is kept of a text so that its copies find it: a few band keys in the database, the hashes in memory.

The keys are the smallest hashes of the text (bottom-k, a MinHash with one function), so a piece cut out of it shares
the keys that fall into the piece, plus the smallest of its opening, so that a copy cut to its first lines shares
those. Two texts are candidates when they share one key, whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import cached_property

import numpy as np

from storage.frozen import record
from tasks.stories.fold import Folded, Hashes, fold_texts

VERSION = 1
"""Raise it with every change of the fold or the keys: stored keys of another version find nothing."""

KEYS_OF_ALL = 12
"""Of a copy cut to 40 %, each of these is in it with 0.4: none of twelve is once in 450 cases, before the opening's."""
KEYS_OF_OPENING = 4
OPENING = 40
"""Runs of words that count as the opening: a lead sentence or two, and little moved by a dateline before it."""

FEW_WORDS = 20
"""Below this a body alone says too little: headline and teaser are read with it; if even these are no longer, only the
same text is a copy."""
NO_WORDS = 5
"""Below this, headline included, nothing is compared ("Video", "Mehr in Kürze")."""

_NO_HASHES: Hashes = np.empty(0, np.uint64)
_LARGEST = np.uint64((1 << 64) - 1)
_WIDE = 1 << 10  # hashes of a text that has as many as stand side by side with those of others


@record(frozen=True, kw_only=True)
class Fingerprint:
    """A text as its copies see it. `keys` (signed, 64 bits) and `text_key` are stored; the rest lives in memory.

    `text_key` is the same for texts that differ in case, quotes, punctuation and spacing alone; None where there is
    too little text to say so. `every_key` are both, each once: what its copies are looked up by. `bare` is a
    text that has next to no body and was read with its headline and teaser.
    """

    version: int
    headline: str
    folded: Folded = field(repr=False)
    text_key: int | None
    keys: tuple[int, ...]
    every_key: tuple[int, ...]
    bare: bool = False

    @property
    def words(self) -> int:
        """How many words were read."""
        return self.folded.words

    @cached_property
    def order(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """The places of the shingles, smallest hash first."""
        return self.folded.shingles.argsort()

    @cached_property
    def ordered(self) -> Hashes:
        """The hashes, smallest first."""
        return self.folded.shingles.take(self.order)

    @cached_property
    def once(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which runs of words the text has only once, and which so mark a place in it."""
        again = np.zeros(self.ordered.size + 1, np.bool_)
        again[1:-1] = self.ordered[1:] == self.ordered[:-1]
        once = np.empty(self.ordered.size, np.bool_)
        once[self.order] = ~(again[1:] | again[:-1])
        return once


def fingerprint(headline: str, text: str, teaser: str | None = None) -> Fingerprint:
    """Fingerprint an article by its cleaned body (NFC), or by all of it where the body is a line or less."""
    return fingerprints([(headline, teaser, text)])[0]


def fingerprints(articles: Sequence[tuple[str, str | None, str]]) -> list[Fingerprint]:
    """Fingerprint articles, each a headline, a teaser and a body, together: for half of what each alone would cost.

    Many feeds give teasers only. Two such articles under one headline ("Das ist am Wochenende los") are no copies by
    that, so their teasers are read, too.
    """
    folded = fold_texts(text for _, _, text in articles)
    keyed = {number: one for number, one in enumerate(folded) if one.words < FEW_WORDS}
    if keyed:
        for whole, number in zip(fold_texts(_whole(articles[number]) for number in keyed), [*keyed], strict=True):
            keyed[number] = folded[number] = whole
        teased = [number for number in keyed if articles[number][1]]
        for told, number in zip(
            fold_texts("\n".join(_told(articles[number])) for number in teased), teased, strict=True
        ):
            if told.words >= FEW_WORDS:
                folded[number] = told  # without the headline, whose other words would be taken for edits
    long = [one.shingles if one.words >= FEW_WORDS else _NO_HASHES for one in folded]
    made = zip(articles, folded, _keys(long), strict=True)
    return [
        _fingerprint(headline, one, keys, keyed.get(number))
        for number, ((headline, _, _), one, keys) in enumerate(made)
    ]


def _whole(article: tuple[str, str | None, str]) -> str:
    return "\n".join([article[0], *_told(article)])


def _told(article: tuple[str, str | None, str]) -> list[str]:
    return [text for text in article[1:] if text]


def _fingerprint(headline: str, folded: Folded, keys: tuple[int, ...], keyed: Folded | None) -> Fingerprint:
    whole = folded if keyed is None else keyed
    text_key = _signed(whole.whole) if whole.words >= NO_WORDS else None
    every_key = keys if text_key is None or text_key in keys else (*keys, text_key)
    return Fingerprint(
        version=VERSION,
        headline=headline,
        folded=folded,
        text_key=text_key,
        keys=keys,
        every_key=every_key,
        bare=keyed is not None,
    )


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _keys(texts: Sequence[Hashes]) -> Iterator[tuple[int, ...]]:
    """The keys of each text, in their order."""
    everywhere = _smallest(texts, KEYS_OF_ALL)
    opening = _smallest([shingles[:OPENING] for shingles in texts], KEYS_OF_OPENING)
    for own, first in zip(everywhere, opening, strict=True):
        yield tuple(sorted({*own, *first}))


def _smallest(texts: Sequence[Hashes], count: int) -> list[list[int]]:
    """The `count` smallest hashes of each text, or all where it has no more."""
    # One table for all, a row each, since here, too, calls cost more than numbers do; a long text is cut down first.
    rows = [one if one.size <= _WIDE else np.partition(one, count)[:count] for one in texts]
    table = np.full((len(rows), max((row.size for row in rows), default=0) + count), _LARGEST)
    for place, row in zip(table, rows, strict=True):
        place[: row.size] = row
    table.partition(count - 1, axis=1)
    kept = np.sort(table[:, :count]).view(np.int64).tolist()
    return [own[: row.size] for own, row in zip(kept, rows, strict=True)]
