"""Which language a text is written in, by function words, letter marks and script; the feed's word is a prior."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import exp
from typing import Final, NamedTuple

from tasks.enrich.data import read_lines
from tasks.enrich.lexicon import LANGUAGES, telling

VERSION: Final = "1"
UNKNOWN: Final = "und"  # BCP 47 for "undetermined"

SAMPLE_WORDS: Final = 110  # a paragraph or two decide; more words change nothing but the cost
FIRST_WORDS: Final = 45  # which are enough where they agree
DECISIVE: Final = 8.0
SAMPLE_LETTERS: Final = 40  # words whose letters are looked at for the script, and when the words say little
SAMPLE_CHARACTERS: Final = 300
HINT_WEIGHT: Final = 1.2  # worth about one function word: it decides headlines, never paragraphs
MARK_WEIGHT: Final = 0.25
COMMON: Final = frozenset({"de", "en", "fr", "es", "it", "nl", "pt", "ru", "pl"})  # what wires mostly bring
RARER: Final = 0.8  # of the evidence for any other language, where there is little evidence at all
TOPIC_WORD_WEIGHT: Final = 0.25
SURE: Final = 8.0  # evidence from which letters are not looked at any more

_SCRIPTS: Final[tuple[tuple[str, str], ...]] = (
    ("ko", "\uac00-\ud7af"),
    ("ja", "\u3040-\u30ff"),
    ("zh", "\u4e00-\u9fff"),
    ("ar", "\u0600-\u06ff"),
    ("he", "\u0590-\u05ff"),
    ("el", "\u0370-\u03ff"),
    ("th", "\u0e00-\u0e7f"),
    ("hi", "\u0900-\u097f"),
    ("ka", "\u10a0-\u10ff"),
    ("hy", "\u0530-\u058f"),
)
_NOT_ALPHABETIC: Final = re.compile("[" + "".join(span for _, span in _SCRIPTS) + "]")
_BY_SCRIPT: Final = tuple((code, re.compile(f"[{span}]")) for code, span in _SCRIPTS)
_CYRILLIC: Final = re.compile("[\u0400-\u04ff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
# What feeds write for Norwegian and for the old codes, folded to what we tell apart.
_FOLD: Final = {"no": "nb", "nn": "nb", "iw": "he", "in": "id", "bs": "hr", "sh": "hr"}


_Votes = tuple[tuple[str, float], ...]


class _Profiles(NamedTuple):
    words: dict[str, int]
    votes: tuple[_Votes, ...]
    marks: tuple[tuple[str, re.Pattern[str]], ...]


class _Memo(dict[str, int]):
    """What each token, as it stands in the text, says by `read`; bounded: emptied when it grows too big."""

    LIMIT: Final = 20_000

    def __init__(self, read: Callable[[str], int], *, longest: int) -> None:
        super().__init__()
        self.read: Final = read
        self.longest: Final = longest

    def __missing__(self, token: str) -> int:
        if len(token) > self.longest:
            return 0
        if len(self) >= self.LIMIT:
            self.clear()
        said = self[token] = self.read(token)
        return said


def _voting(token: str) -> int:
    """Which languages the token speaks for, as an index of `_Profiles.votes`."""
    return _profiles().words.get(token.strip('.,;:!?()[]"“”„«»‘…–-').lower().replace("’", "'"), 0)


def _topical(token: str) -> int:
    """In which lexicons of topics the token stands, a bit for each of `LANGUAGES`."""
    said = [telling(language) for language in LANGUAGES]
    # One that has met no word yet is empty, and still there.
    return sum(bool(known is not None and known[token]) << bit for bit, known in enumerate(said))


@lru_cache(maxsize=1)
def _profiles() -> _Profiles:
    words: dict[str, list[str]] = {}
    marks: list[tuple[str, re.Pattern[str]]] = []
    for line in read_lines("languages.txt"):
        name, _, values = line.partition(": ")
        code, _, of_marks = name.partition("-")
        if of_marks:
            marks.append((code, re.compile("|".join(map(re.escape, sorted(values.split(), key=len, reverse=True))))))
            continue
        for word in dict.fromkeys(values.split()):
            words.setdefault(word, []).append(code)
    votes: dict[tuple[str, ...], int] = {(): 0}
    indexed = {word: votes.setdefault(tuple(codes), len(votes)) for word, codes in words.items()}
    # A word that many languages have says less for each of them.
    shares = tuple([tuple([(code, 1.0 / len(codes) ** 0.7) for code in codes]) for codes in votes])
    return _Profiles(indexed, shares, tuple(marks))


_KNOWN: Final = _Memo(_voting, longest=16)
_TOPICAL: Final = _Memo(_topical, longest=60)


def fold_code(hint: str | None) -> str | None:
    """Return the primary language of a BCP 47 tag such as `de-AT`, or None when there is none."""
    if not hint:
        return None
    code = hint.strip().lower().replace("_", "-").partition("-")[0]
    return _FOLD.get(code, code) if 2 <= len(code) <= 3 and code.isalpha() else None


def detect_language(text: str, hint: str | None = None) -> tuple[str, float]:
    """Return the BCP 47 primary language of `text` and a confidence from 0 to 1; `und` with 0.0 when nothing tells.

    `hint` is what the feed says of itself, such as `de-AT`. It weighs about as much as one function word.
    """
    return detect_in_words(text[: SAMPLE_WORDS * 12].split()[:SAMPLE_WORDS], hint)


def detect_in_words(words: Sequence[str], hint: str | None = None) -> tuple[str, float]:
    """As `detect_language`, for the first words of a text that is already split at white space."""
    prior = fold_code(hint)
    sample = " ".join(words[:SAMPLE_LETTERS])[:SAMPLE_CHARACTERS]
    if not sample.isascii() and _NOT_ALPHABETIC.search(sample) and (scripted := _by_script(sample, prior)):
        return scripted
    scores = _count(words[:FIRST_WORDS])
    if not _decisive(scores):
        scores = _count(words)
    if sum(scores.values()) < SURE:
        _add_marks(sample.lower(), scores)
        _add_topic_words(words[:SAMPLE_LETTERS], scores)
        for code in scores:
            if code not in COMMON:
                scores[code] *= RARER
    if not scores and prior is None:
        return UNKNOWN, 0.0
    if prior is not None and (prior in scores or not scores or max(scores.values()) < HINT_WEIGHT):
        scores[prior] = scores.get(prior, 0.0) + HINT_WEIGHT
    return _decide(scores)


def _count(words: Sequence[str]) -> dict[str, float]:
    scores: dict[str, float] = {}
    votes = _profiles().votes
    for index, times in Counter(map(_KNOWN.__getitem__, words)).items():
        # A word said ten times is not ten witnesses.
        amount = times if times < 5 else 3 + times**0.5
        for code, share in votes[index]:
            if code in scores:
                scores[code] += share * amount
            else:
                scores[code] = share * amount
    return scores


def _decisive(scores: dict[str, float]) -> bool:
    if not scores:
        return False
    second, first = sorted((0.0, *scores.values()))[-2:]
    return first > DECISIVE and first > second * 2


def _by_script(sample: str, prior: str | None) -> tuple[str, float] | None:
    letters = len(_LETTER.findall(sample)) or 1
    counts = [(len(pattern.findall(sample)), code) for code, pattern in _BY_SCRIPT]
    by_code = {code: count for count, code in counts}
    if by_code["ja"] and by_code["ja"] + by_code["zh"] > letters * 0.5:
        return "ja", 0.97  # kana make it Japanese, however many Chinese characters stand around them
    count, code = max(counts)
    if count <= letters * 0.5:
        return None
    if code == "zh" and prior == "ja":
        return "ja", 0.6
    if code == "ar" and prior in {"fa", "ur"}:
        return prior, 0.8
    return code, 0.95


def _add_marks(sample: str, scores: dict[str, float]) -> None:
    cyrillic = _CYRILLIC.findall(sample)
    is_cyrillic = bool(cyrillic) and len(cyrillic) * 2 > len(_LETTER.findall(sample))
    for code, pattern in _profiles().marks:
        if (code in {"ru", "uk", "bg", "sr"}) == is_cyrillic and (found := pattern.findall(sample)):
            # Letters beyond ASCII say more than a sequence that many languages share.
            weight = sum(1.0 if not mark.isascii() else 0.5 for mark in found)
            scores[code] = scores.get(code, 0.0) + MARK_WEIGHT * weight


def _add_topic_words(words: Sequence[str], scores: dict[str, float]) -> None:
    """Headlines often have no function word, but a word of the topics' lexicons."""
    of_words = list(map(_TOPICAL.__getitem__, words))
    for bit, code in enumerate(LANGUAGES):
        if found := sum([bits >> bit & 1 for bits in of_words]):
            scores[code] = scores.get(code, 0.0) + TOPIC_WORD_WEIGHT * found


def _decide(scores: dict[str, float]) -> tuple[str, float]:
    first, best = max(zip(scores.values(), scores, strict=True))
    del scores[best]
    second = max(scores.values(), default=0.0)
    lead = (first - second) / (first + second)
    amount = 1 - exp(-first / 3)
    return best, round(min(0.99, 0.35 + 0.65 * min(1.0, lead * 1.8)) * (0.4 + 0.6 * amount), 2)
