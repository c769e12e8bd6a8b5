"""Which words speak of which topic: the weighted lexicon of German and English words behind `topics.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Final

from tasks.enrich.data import read_lines

LANGUAGES: Final = ("de", "en")

# One piece of evidence: index of the topic, square of its weight, the lexicon's word.
Posting = tuple[int, float, str]

_EDGES: Final = ".,;:!?()[]{}\"'“”„«»‘’‚…–—-*/|"
_ENDINGS: Final = ("", "s", "e", "n", "en", "es", "er", "se", "sen", "ern", "innen", "in")
_SHORTEST, _LONGEST = 2, 60  # letters of a word that is looked up
_GATE: Final = 3  # letters, the least a stem or a tail has, by which it is seen whether one can fit at all
_LONGEST_STEM: Final = 25
_SHORTEST_HEAD: Final = 3  # letters a compound has before its last part
_SHORTEST_COMPOUND: Final = 7


@dataclass(frozen=True, slots=True)
class Topic:
    """A top term with its code and its name per language."""

    code: str
    names: dict[str, str]


@dataclass(slots=True)
class Lexicon:
    """The words of one language, whole, by their beginning and by their end."""

    exact: dict[str, list[Posting]] = field(default_factory=dict)
    stems: dict[str, list[Posting]] = field(default_factory=dict)
    tails: dict[str, list[Posting]] = field(default_factory=dict)
    # Lengths, longest first, of the stems that begin and of the tails that end with these letters.
    stem_lengths: dict[str, list[int]] = field(default_factory=dict)
    tail_lengths: dict[str, list[int]] = field(default_factory=dict)

    def add(self, term: str, index: int) -> None:
        """Take in a term as `topics.txt` has it, such as `~börse=3`."""
        word, _, weight = term.partition("=")
        posting = (index, float(weight or 1) ** 2, word.strip("*~"))
        if word.startswith("~"):
            self._add_stem(word[1:], posting)
            for ending in _ENDINGS:
                tail = word[1:] + ending
                self.tails.setdefault(tail, []).append(posting)
                _note(self.tail_lengths, tail[-_GATE:], len(tail))
        elif word.endswith("*"):
            self._add_stem(word[:-1], posting)
        else:
            self.exact.setdefault(word, []).append(posting)

    def _add_stem(self, stem: str, posting: Posting) -> None:
        self.stems.setdefault(stem, []).append(posting)
        if len(stem) <= _LONGEST_STEM:
            _note(self.stem_lengths, stem[:_GATE], len(stem))

    def find(self, token: str) -> tuple[Posting, ...]:
        """What a token as it stands in the text says; each topic counts once, with its heaviest word."""
        word = token.strip(_EDGES).lower()
        if not _SHORTEST <= len(word) <= _LONGEST or not word[0].isalpha():
            return ()
        found = self._find_part(word)
        if "-" in word:
            found = [*found, *chain.from_iterable(map(self._find_part, word.split("-")))]
        if not found or (token[0] == "(" and ")" in token):  # "(SPD)" says who somebody is, not what it is about
            return ()
        best: dict[int, Posting] = {}
        for posting in found:
            if posting[0] not in best or posting[1] > best[posting[0]][1]:
                best[posting[0]] = posting
        return tuple(posting for posting in best.values() if posting[1] > 0)

    def _find_part(self, word: str) -> Sequence[Posting]:
        if word[-1:] == "s":
            word = word.removesuffix("'s").removesuffix("’s")
        found: Sequence[Posting] = self.exact.get(word, ())
        for length in self.stem_lengths.get(word[:_GATE], ()):
            if length <= len(word) and (postings := self.stems.get(word[:length])):
                found = [*found, *postings]
        if found or len(word) < _SHORTEST_COMPOUND:
            return found
        for length in self.tail_lengths.get(word[-_GATE:], ()):
            if length + _SHORTEST_HEAD <= len(word) and (postings := self.tails.get(word[-length:])):
                return postings
        return found


def _note(lengths: dict[str, list[int]], letters: str, length: int) -> None:
    known = lengths.setdefault(letters, [])
    if length >= _GATE and length not in known:
        known.append(length)
        known.sort(reverse=True)


class Telling(dict[str, tuple[Posting, ...]]):
    """What tokens say, kept for those that say something; emptied when it grows too big, so memory is bounded."""

    LIMIT: Final = 10_000

    def __init__(self, lexicon: Lexicon) -> None:
        super().__init__()
        self._find: Final = lexicon.find

    def __missing__(self, token: str) -> tuple[Posting, ...]:
        postings = self._find(token)
        if postings:
            if len(self) >= self.LIMIT:
                self.clear()
            self[token] = postings
        return postings


@lru_cache(maxsize=1)
def _load() -> tuple[tuple[Topic, ...], dict[str, Telling]]:
    topics: dict[str, Topic] = {}
    lexicons = {language: Lexicon() for language in LANGUAGES}
    for line in read_lines("topics.txt"):
        head, _, rest = line.partition(": ")
        code, *kind = head.split()
        topic = topics.setdefault(code, Topic(code, {}))
        if kind[0] == "name":
            topic.names[kind[1]] = rest
            continue
        index = list(topics).index(code)
        for term in rest.split():
            lexicons[kind[0]].add(term, index)
    return tuple(topics.values()), {language: Telling(lexicon) for language, lexicon in lexicons.items()}


def topics() -> tuple[Topic, ...]:
    """The 17 top terms, in the order of their codes."""
    return _load()[0]


def telling(language: str) -> Telling | None:
    """What words of `language` say, None where there is no lexicon for it."""
    return _load()[1].get(language)
