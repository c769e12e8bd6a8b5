"""Topics: the 17 top terms of the IPTC Media Topics, known by a weighted lexicon of German and English words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, sqrt
from typing import Final

from storage.records import Tag
from tasks.enrich.data import read_lines
from tasks.enrich.reading import EnrichInput

VERSION: Final = "1"
NAME: Final = "topics"
SCHEME: Final = "medtop"
LANGUAGES: Final = ("de", "en")
AT_MOST: Final = 3
WORDS: Final = 350  # of body that are read: news says early what it is about

HEADLINE_WEIGHT: Final = 2.5  # a desk puts the topic into the headline
TEASER_WEIGHT: Final = 1.5
CATEGORY_WEIGHT: Final = 3.0  # the publisher's own word for it
THRESHOLD: Final = 0.42
BESIDE_BEST: Final = 0.4  # a second topic has at least this share of the first one's score
CALIBRATION: Final = 3.2  # score per length at which confidence is 63 %

# One piece of evidence: index of the topic, weight, the lexicon's word.
_Posting = tuple[int, float, str]

_EDGES: Final = ".,;:!?()[]{}\"'“”„«»‘’‚…–—-*/|"
_ENDINGS: Final = ("", "s", "e", "n", "en", "es", "er", "se", "sen", "ern", "innen", "in")
_SHORTEST, _LONGEST = 2, 25
_SHORTEST_HEAD: Final = 3  # letters a compound has before its last part
_SHORTEST_COMPOUND: Final = 7


@dataclass(frozen=True, slots=True)
class Topic:
    """A top term with its code and its name per language."""

    code: str
    names: dict[str, str]


@dataclass(slots=True)
class _Lexicon:
    language: str
    exact: dict[str, list[_Posting]] = field(default_factory=dict)
    stems: dict[str, list[_Posting]] = field(default_factory=dict)
    tails: dict[str, list[_Posting]] = field(default_factory=dict)
    starts: set[str] = field(default_factory=set)
    tail_ends: set[str] = field(default_factory=set)

    def add(self, term: str, index: int) -> None:
        word, _, weight = term.partition("=")
        posting = (index, float(weight or 1), word.strip("*~"))
        if word.startswith("~"):
            self._add_stem(word[1:], posting)
            for ending in _ENDINGS:
                self.tails.setdefault(word[1:] + ending, []).append(posting)
                self.tail_ends.add((word[1:] + ending)[-2:])
        elif word.endswith("*"):
            self._add_stem(word[:-1], posting)
        else:
            self.exact.setdefault(word, []).append(posting)

    def _add_stem(self, stem: str, posting: _Posting) -> None:
        self.stems.setdefault(stem, []).append(posting)
        self.starts.add(stem[:_SHORTEST])

    def find(self, token: str) -> tuple[_Posting, ...]:
        """What a token as it stands in the text says; each topic counts once, with its heaviest word."""
        word = token.strip(_EDGES).lower()
        if not _SHORTEST <= len(word) <= 60 or not (word[0].isalpha()):
            return ()
        parts = [word, *word.split("-")] if "-" in word else [word]
        best: dict[int, _Posting] = {}
        for part in parts:
            for posting in self._find_part(part.removesuffix("'s").removesuffix("’s")):
                if posting[0] not in best or posting[1] > best[posting[0]][1]:
                    best[posting[0]] = posting
        return tuple(posting for posting in best.values() if posting[1] > 0)

    def _find_part(self, word: str) -> list[_Posting]:
        found = list(self.exact.get(word, ()))
        if word[:_SHORTEST] in self.starts:
            for end in range(min(len(word), _LONGEST), _SHORTEST, -1):
                if postings := self.stems.get(word[:end]):
                    found += postings
        if found or len(word) < _SHORTEST_COMPOUND or word[-2:] not in self.tail_ends:
            return found
        for start in range(_SHORTEST_HEAD, len(word) - 2):
            if postings := self.tails.get(word[start:]):
                return postings
        return found


class _Known(dict[str, tuple[_Posting, ...]]):
    """What each token said, kept while tokens recur; emptied when it grows too big, so memory is bounded."""

    LIMIT: Final = 25_000
    LONGEST: Final = 60

    def __init__(self, lexicon: _Lexicon) -> None:
        super().__init__()
        self.lexicon = lexicon

    def __missing__(self, token: str) -> tuple[_Posting, ...]:
        if len(token) > self.LONGEST:
            return ()
        if len(self) >= self.LIMIT:
            self.clear()
        postings = self[token] = self.lexicon.find(token)
        return postings


@lru_cache(maxsize=1)
def _load() -> tuple[tuple[Topic, ...], dict[str, _Known]]:
    topics: dict[str, Topic] = {}
    lexicons = {language: _Lexicon(language) for language in LANGUAGES}
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
    return tuple(topics.values()), {language: _Known(lexicon) for language, lexicon in lexicons.items()}


def speaks_of_topics(token: str, language: str) -> bool:
    """Whether the token is in the lexicon of `language` (`de` or `en`), which is a sign of the language, too."""
    return bool(_load()[1][language][token])


def topics() -> tuple[Topic, ...]:
    """The 17 top terms, in the order of their codes."""
    return _load()[0]


_Tally = dict[str, float]  # evidence word: sum of squares of its weights


def _score(tally: _Tally) -> float:
    """Forms of one word are one witness: more of them add less and less."""
    return sum(map(sqrt, tally.values()))


def tag_topics(article: EnrichInput) -> Iterator[Tag]:
    """Yield at most three topics, best first, labelled in the article's language."""
    all_topics, known_by_language = _load()
    known = known_by_language.get(article.language)
    if known is None:
        return
    tallies = _tally(article, known)
    if not tallies:
        return
    length = (min(len(article.body_tokens), WORDS) + 60) / 100
    ranked = sorted([(_score(tally), -index) for index, tally in tallies.items()], reverse=True)[:AT_MOST]
    for score, minus_index in ranked:
        index, tally = -minus_index, tallies[-minus_index]
        confidence = 1 - exp(-score / sqrt(length) / CALIBRATION / 2)
        if len(tally) < 2 and score < 6:  # one word alone is an accident
            continue
        if confidence < THRESHOLD or score < ranked[0][0] * BESIDE_BEST:
            continue
        topic = all_topics[index]
        words = sorted(tally, key=lambda word: (-tally[word], word))[:6]
        yield Tag(
            kind="topic",
            label=topic.names[article.language],
            scheme=SCHEME,
            code=f"{SCHEME}:{topic.code}",
            confidence=round(min(confidence, 0.99), 2),
            enricher=NAME,
            version=VERSION,
            evidence=tuple(words),
        )


def _tally(article: EnrichInput, known: _Known) -> dict[int, _Tally]:
    tallies: dict[int, _Tally] = {}
    headline, teaser = article.lead_tokens
    terms = " ".join([f"{category.term} {category.label or ''}" for category in article.categories]).split()
    for tokens, times in (
        (article.body_tokens[:WORDS], 1.0),
        (headline, HEADLINE_WEIGHT),
        (teaser, TEASER_WEIGHT),
        (terms, CATEGORY_WEIGHT),
    ):
        # The filter runs in C over every token; Python sees only those that say something.
        for token in filter(known.__getitem__, tokens):
            for index, weight, word in known[token]:
                tally = tallies.get(index)
                if tally is None:
                    tally = tallies[index] = {}
                amount = weight * times
                tally[word] = tally.get(word, 0.0) + amount * amount
    return tallies
