"""Text as folded words and their hashes: what copies of one text share whatever case, quotes and spacing they came in.

A text becomes an array of code points, a table folds them (case and width gone, punctuation a separator, invisible
characters dropped), and one running polynomial hash then gives the hash of any run of words as a difference. No
Python loop runs over words, and many texts fold as one array.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from storage.frozen import record

Hashes = NDArray[np.uint64]

MAX_CHARACTERS = 1 << 16
"""Characters of a text that are looked at; the longest live tickers are longer, their first third tells them apart."""

RUN = 4
"""Words in a shingle. Three are often a set phrase ("nach Angaben der"), five lose too much to a typing error."""

_SEPARATOR, _DROPPED, _JOIN, _COMBINING = 0, 1, 2, 3
_TOGETHER = 1 << 15  # characters whose arrays stay in the processor's cache
_BASE = 0x9E3779B97F4A7C15
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_FIRST_ALONE = 0x0E00
_WORD_START = np.uint64(1 << 16)


@record(frozen=True, kw_only=True, slots=True)
class Folded:
    """The words of a text: the hashes of each run of `RUN` words in order, and where each word stands.

    `source` is the text composed (NFC), with ß as ss and without invisible characters; `begins` are where the words
    begin in it, counted from `first`. `whole` is the hash of all words. Arrays are a part of those of the texts that
    were folded together: `apart` is for what outlives them.
    """

    source: str
    first: int
    begins: NDArray[np.intp]
    shingles: Hashes
    numeric: NDArray[np.bool_]
    whole: int

    @property
    def words(self) -> int:
        """How many words the text has."""
        return self.begins.size

    @property
    def offsets(self) -> NDArray[np.intp]:
        """Where in `source` each word begins, and last its length."""
        offsets = np.empty(self.begins.size + 1, np.intp)
        np.subtract(self.begins, self.first, out=offsets[:-1])
        offsets[-1] = len(self.source)
        return offsets

    def passage(self, first: int, last: int) -> str:
        """The words from `first` on as written, with the marks that follow them; `last` is not among them."""
        begin, end = (len(self.source) if n == self.words else int(self.begins[n]) - self.first for n in (first, last))
        return self.source[begin:end]

    def apart(self) -> Folded:
        """The same with arrays of its own, so that the texts beside it can go."""
        return Folded(
            source=self.source,
            first=self.first,
            begins=self.begins.copy(),
            shingles=self.shingles.copy(),
            numeric=self.numeric.copy(),
            whole=self.whole,
        )


@cache
def _table() -> NDArray[np.uint16]:
    """For each code point of the basic plane: its folded letter or digit, or what else it is to a word."""
    table = np.zeros(1 << 16, np.uint16)
    for point in range(1 << 16):
        letter = chr(point)
        category = unicodedata.category(letter)
        if category[0] in "LNM":
            folded = unicodedata.normalize("NFKC", letter).casefold()
            table[point] = ord(folded) if len(folded) == 1 and ord(folded) < 1 << 16 else point
        elif category == "Cf":
            table[point] = _DROPPED
    table[[ord(mark) for mark in ".,:"]] = _JOIN
    table[0x0300:0x0370] = _COMBINING
    return table


@cache
def _stands_alone() -> NDArray[np.bool_]:
    """Which letters are a word each: the scripts that put no space between words (Thai, Lao, Khmer, Kana, Han)."""
    alone = np.zeros(1 << 16, np.bool_)
    for first, last in ((_FIRST_ALONE, 0x0EFF), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF)):
        alone[first : last + 1] = True
    return alone


@cache
def _powers() -> tuple[Hashes, Hashes]:
    """The powers of the base and of its inverse modulo 2**64, one for each place of a text."""
    powers = np.full(MAX_CHARACTERS + 2, _BASE, np.uint64)
    inverses = np.full(MAX_CHARACTERS + 2, _BASE_INVERSE, np.uint64)
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


def mixed(hashes: Hashes) -> Hashes:
    """Spread every bit over every other, in place (the finaliser of splitmix64): the smallest are a fair sample."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(31)
    return hashes


def fold(text: str) -> Folded:
    """Fold a plain text into the hashes of its runs of words."""
    return fold_texts((text,))[0]


def fold_texts(texts: Iterable[str]) -> list[Folded]:
    """Fold each text, as many in one array as fit the processor's cache: most of the cost is by call, not by letter."""
    folded: list[Folded] = []
    group: list[str] = []
    size = 0
    for source in map(_cut, texts):
        if group and size + len(source) > _TOGETHER:
            folded += _folded(group)
            group, size = [], 0
        group.append(source)
        size += len(source) + 1
    return folded + _folded(group) if group else folded


def _cut(text: str) -> str:
    # Swiss copy of German texts writes ss, and the fold must not depend on it; every other letter folds to one.
    return text[:MAX_CHARACTERS].replace("ß", "ss")[:MAX_CHARACTERS]


def _folded(sources: list[str]) -> list[Folded]:
    """Fold texts side by side, a separator between two."""
    sizes = np.array([len(source) for source in sources], np.intp)
    firsts = np.cumsum(sizes + 1) - sizes - 1
    letters = _letters("\n".join(sources))
    special = np.flatnonzero((letters - np.uint16(_DROPPED)) <= _COMBINING - _DROPPED)
    kinds = letters.take(special)
    owners = firsts.searchsorted(special, side="right") - 1
    if (kinds != _JOIN).any():
        odd = set(owners[kinds != _JOIN].tolist())
        mended = [_cut(_mended(source)) if n in odd else source for n, source in enumerate(sources)]
        if mended != sources:
            return _folded(mended)
    letters[special] = _SEPARATOR
    joins, owners = special[kinds == _JOIN], owners[kinds == _JOIN]
    letters[_between_digits(letters, joins, firsts.take(owners), sizes.take(owners))] = ord(".")
    places = np.flatnonzero(letters != _SEPARATOR)
    letters = letters.take(places)
    begins = np.empty(letters.size, np.bool_)
    begins[:1] = True
    np.not_equal(places[1:] - places[:-1], 1, out=begins[1:])
    if letters.size and letters.max() >= _FIRST_ALONE:
        begins |= _stands_alone().take(letters)
    starts = np.flatnonzero(begins)
    bounds = np.empty(starts.size + 1, np.intp)
    bounds[:-1], bounds[-1] = starts, letters.size
    places = places.take(starts)
    numeric = _is_digit(letters, starts)
    words = np.append(places.searchsorted(firsts), places.size)
    hashes, wholes = _hashes(letters, bounds, bounds.take(words))
    spans = zip(sources, firsts.tolist(), pairwise(words.tolist()), wholes, strict=True)
    return [
        Folded(
            source=source,
            first=first,
            begins=places[start:end],
            shingles=hashes[start : max(start, end - RUN + 1)],
            numeric=numeric[start:end],
            whole=whole,
        )
        for source, first, (start, end), whole in spans
    ]


def _letters(text: str) -> NDArray[np.uint16]:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return _table().take(points, mode="clip")  # beyond the basic plane: emoji, a separator like its last point


def _between_digits(
    letters: NDArray[np.uint16], joins: NDArray[np.intp], firsts: NDArray[np.intp], sizes: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Those of `joins` that stand between two digits; `firsts` and `sizes` are of the text that each stands in.

    6,6 and 6.6 and 6:6 are the same one word; every other mark parts words. What is before or after a text is its
    other end.
    """
    before = firsts + (joins - firsts - 1) % sizes
    after = firsts + (joins - firsts + 1) % sizes
    return joins[_is_digit(letters, before) & _is_digit(letters, after)]


def _mended(source: str) -> str:
    """The text without invisible characters, and with each letter and the mark over it as one where that exists."""
    letters = _letters(source)
    points = np.frombuffer(source.encode("utf-32-le", "surrogatepass"), np.uint32)
    kept = points[letters != _DROPPED].tobytes().decode("utf-32-le", "surrogatepass")
    return unicodedata.normalize("NFC", kept) if (letters == _COMBINING).any() else kept


def _is_digit(letters: NDArray[np.uint16], places: NDArray[np.intp]) -> NDArray[np.bool_]:
    # Unsigned: whatever is below "0" wraps to a large number.
    return (letters.take(places) - np.uint16(ord("0"))) < 10


def _hashes(letters: NDArray[np.uint16], bounds: NDArray[np.intp], ends: NDArray[np.intp]) -> tuple[Hashes, list[int]]:
    """The hash of each run of words, and of each text: differences of one running sum, moved to a common place.

    `bounds` are where words begin, `ends` where texts do, both with the end of the last.
    """
    powers, inverses = _powers()
    sums = np.empty(letters.size + 1, np.uint64)
    sums[0] = 0
    values = sums[1:]
    values[:] = letters
    values[bounds[:-1]] += _WORD_START
    values *= powers[: letters.size]
    np.cumsum(values, out=values)
    first = np.concatenate((bounds[: max(bounds.size - RUN, 0)], ends[:-1]))
    hashes = sums.take(np.concatenate((bounds[RUN:], ends[1:])))
    hashes -= sums.take(first)
    hashes *= inverses.take(first)
    mixed(hashes)
    texts = ends.size - 1
    return hashes[:-texts], hashes[-texts:].tolist()
