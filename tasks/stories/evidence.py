"""What two texts say differently where they run along each other: numbers, names, days.

Weather, prices and results share every sentence and none of the facts; a copy shares the facts, one or two of them
corrected. So the facts decide, not the similarity.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Indel

from tasks.stories.fingerprint import Fingerprint
from tasks.stories.fold import RUN
from tasks.stories.overlap import Overlap, Positions, gaps

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
# Words that are numbers and nothing else, as agencies write those up to twelve, and weather reports all of them. Not
# "ein" and "one".
_SPELLED = frozenset({
    "null", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf", "dreizehn",
    "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn", "zwanzig", "dreißig", "dreissig",
    "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig",
    "zero", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty",
    "sixty", "seventy", "eighty", "ninety",
})  # fmt: skip
_NAME = re.compile(r"[^\W\d_][\w'’-]*")

SAME_NAME = 0.7
"""From this similarity on two names are one, mistyped or inflected ("Hersteller", "Herstelelr")."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The facts in aligned places: which numbers and names do not agree (as a has it, as b), and how many numbers do.

    `spelled` of the numbers that do not agree are words. Where all agree nothing is counted.
    """

    numbers_agree: int
    spelled: int
    numbers: tuple[tuple[str, str], ...]
    names: tuple[tuple[str, str], ...]

    @property
    def differ(self) -> int:
        """How many facts differ."""
        return len(self.numbers) + len(self.names)


def evidence(a: Fingerprint, b: Fingerprint, shared: Overlap) -> Evidence:
    """Weigh the facts of two texts in the places where they run along each other."""
    numbers: list[tuple[str, str]] = []
    spelled: list[tuple[str, str]] = []
    names: list[tuple[str, str]] = []
    for gap in gaps(a, b, shared):
        here, there = _words(a, gap.a), _words(b, gap.b)
        if here and there:
            ours, theirs = _NAME.findall(here), _NAME.findall(there)
            numbers += _differing(_NUMBER.findall(here), _NUMBER.findall(there))
            spelled += _differing_words(ours, theirs)
            names += _other_names(ours, theirs)
    agree = min(_numbers_in_runs(a, shared.at), _numbers_in_runs(b, shared.there)) if numbers or names or spelled else 0
    if spelled:  # as many as do not stand where the texts differ
        places = [*gaps(a, b, shared)]
        ours_there = sum(_spelled_in(_words(a, gap.a)) for gap in places)
        theirs_there = sum(_spelled_in(_words(b, gap.b)) for gap in places)
        agree += max(0, min(_spelled_in(a.folded.source) - ours_there, _spelled_in(b.folded.source) - theirs_there))
    return Evidence(numbers_agree=agree, spelled=len(spelled), numbers=tuple(numbers + spelled), names=tuple(names))


def _words(text: Fingerprint, place: tuple[int, int]) -> str:
    first, last = place
    return text.folded.passage(first, last).strip() if first < last else ""


def _numbers_in_runs(text: Fingerprint, runs: Positions) -> int:
    """How many numbers of a text stand inside these runs."""
    inside = np.zeros(text.words + 1, np.int64)
    np.add.at(inside, runs, 1)
    np.add.at(inside, runs + RUN, -1)
    return int(np.count_nonzero(text.folded.numeric & (inside.cumsum()[:-1] > 0)))


def _differing(here: list[str], there: list[str]) -> list[tuple[str, str]]:
    """Numbers that only one side has, paired in order; a number added or dropped alone is no contradiction."""
    if not here or not there:
        return []
    here, there = [_plain(number) for number in here], [_plain(number) for number in there]
    only_here, only_there = Counter(here) - Counter(there), Counter(there) - Counter(here)
    return list(zip(only_here.elements(), only_there.elements(), strict=False))


def _differing_words(ours: list[str], theirs: list[str]) -> list[tuple[str, str]]:
    """Spelled numbers that differ: place by place where there are as many, else those that only one side has."""
    here = [word for word in map(str.casefold, ours) if word in _SPELLED]
    there = [word for word in map(str.casefold, theirs) if word in _SPELLED]
    if len(here) != len(there):
        only_here, only_there = Counter(here) - Counter(there), Counter(there) - Counter(here)
        here, there = [*only_here.elements()], [*only_there.elements()]
    return [(one, other) for one, other in zip(here, there, strict=False) if one != other]


def _spelled_in(text: str) -> int:
    return sum(word in _SPELLED for word in _NAME.findall(text.casefold()))


def _plain(number: str) -> str:
    return number.replace(",", ".").replace(":", ".")


def _other_names(here: list[str], there: list[str]) -> list[tuple[str, str]]:
    """Capitalised words that stand in the same place and are not the same word mistyped or inflected."""
    ours = [word for word in here if word[0].isupper() and word.casefold() not in _SPELLED]
    theirs = [word for word in there if word[0].isupper() and word.casefold() not in _SPELLED]
    ours_only = [word for word in ours if not any(_alike(word, other) for other in theirs)]
    theirs_only = [word for word in theirs if not any(_alike(word, other) for other in ours)]
    return list(zip(ours_only, theirs_only, strict=False))


def _alike(name: str, other: str) -> bool:
    return Indel.normalized_similarity(name.casefold(), other.casefold()) >= SAME_NAME
