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
SCHEME: Final = "medtop"
LANGUAGES: Final = ("de", "en")
AT_MOST: Final = 3

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
_SHORTEST, _LONGEST = 2, 24
_SHORTEST_HEAD: Final = 3  # letters a compound has before its last part


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

    def add(self, term: str, index: int) -> None:
        word, _, weight = term.partition("=")
        posting = (index, float(weight or 1), word.strip("*~"))
        if word.startswith("~"):
            self.tails.setdefault(word[1:], []).append(posting)
            self.stems.setdefault(word[1:], []).append(posting)
        elif word.endswith("*"):
            self.stems.setdefault(word[:-1], []).append(posting)
        else:
            self.exact.setdefault(word, []).append(posting)

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
        for end in range(min(len(word), _LONGEST), 2, -1):
            if postings := self.stems.get(word[:end]):
                found += postings
        if found or self.language != "de" or len(word) < 7:
            return found
        for ending in _ENDINGS:
            if not word.endswith(ending):
                continue
            stem = word[: len(word) - len(ending)] if ending else word
            for start in range(_SHORTEST_HEAD, len(stem) - 3):
                if postings := self.tails.get(stem[start:]):
                    return postings
        return found


class _Known(dict[str, tuple[_Posting, ...]]):
    """What each token said, kept while tokens recur; emptied when it grows too big, so memory is bounded."""

    LIMIT: Final = 40_000
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


def topics() -> tuple[Topic, ...]:
    """The 17 top terms, in the order of their codes."""
    return _load()[0]


@dataclass(slots=True)
class _Tally:
    score: float = 0.0
    evidence: dict[str, float] = field(default_factory=dict)

    def add(self, word: str, amount: float) -> None:
        before = self.evidence.get(word, 0.0)
        # Forms of one word are one witness: more of them add less and less.
        self.evidence[word] = sqrt(before * before + amount * amount)
        self.score += self.evidence[word] - before


def tag_topics(article: EnrichInput) -> Iterator[Tag]:
    """Yield at most three topics, best first, labelled in the article's language."""
    all_topics, known_by_language = _load()
    known = known_by_language.get(article.language)
    if known is None:
        return
    tallies = _tally(article, known)
    if not tallies:
        return
    length = (len(article.body_tokens) + 60) / 100
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].score, item[0]))[:AT_MOST]
    for index, tally in ranked:
        confidence = 1 - exp(-tally.score / sqrt(length) / CALIBRATION / 2)
        if len(tally.evidence) < 2 and tally.score < 6:  # one word alone is an accident
            continue
        if confidence < THRESHOLD or tally.score < ranked[0][1].score * BESIDE_BEST:
            continue
        topic = all_topics[index]
        words = sorted(tally.evidence, key=lambda word: (-tally.evidence[word], word))[:6]
        yield Tag(
            kind="topic",
            label=topic.names[article.language],
            scheme=SCHEME,
            code=f"{SCHEME}:{topic.code}",
            confidence=round(min(confidence, 0.99), 2),
            evidence=tuple(words),
        )


def _tally(article: EnrichInput, known: _Known) -> dict[int, _Tally]:
    tallies: dict[int, _Tally] = {}
    counts = article.body_counts
    for token in filter(known.__getitem__, counts):
        amount = sqrt(counts[token])
        for index, weight, word in known.get(token, ()):
            tallies.setdefault(index, _Tally()).add(word, weight * amount)
    headline, teaser = article.lead_tokens
    terms = " ".join([f"{category.term} {category.label or ''}" for category in article.categories]).split()
    for tokens, times in ((headline, HEADLINE_WEIGHT), (teaser, TEASER_WEIGHT), (terms, CATEGORY_WEIGHT)):
        for token in filter(known.__getitem__, tokens):
            for index, weight, word in known.get(token, ()):
                tallies.setdefault(index, _Tally()).add(word, weight * times)
    return tallies
