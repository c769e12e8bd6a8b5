"""Topics: the 17 top terms of the IPTC Media Topics, known by a weighted lexicon of German and English words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from math import exp, sqrt
from typing import Final

from storage.records import Tag
from tasks.enrich.lexicon import Telling, telling, topics
from tasks.enrich.reading import EnrichInput
from tasks.enrich.tokens import ONLY_TOPIC

VERSION: Final = "1"
NAME: Final = "topics"
SCHEME: Final = "medtop"
AT_MOST: Final = 3
WORDS: Final = 350  # of body that are read: news says early what it is about

HEADLINE_WEIGHT: Final = 2.5  # a desk puts the topic into the headline
TEASER_WEIGHT: Final = 1.5
CATEGORY_WEIGHT: Final = 3.0  # the publisher's own word for it
THRESHOLD: Final = 0.42
BESIDE_BEST: Final = 0.4  # a second topic has at least this share of the first one's score
CALIBRATION: Final = 3.2  # score per length at which confidence is 63 %

_Tally = dict[str, float]  # evidence word: sum of squares of its weights


def _score(tally: _Tally) -> float:
    """Forms of one word are one witness: more of them add less and less."""
    return sum(map(sqrt, tally.values()))


def tag_topics(article: EnrichInput) -> Iterator[Tag]:
    """Yield at most three topics, best first, labelled in the article's language."""
    said = telling(article.language)
    if said is None:
        return
    tallies = _tally(article, said)
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
        topic = topics()[index]
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


def _tally(article: EnrichInput, said: Telling) -> dict[int, _Tally]:
    tallies: dict[int, _Tally] = {}
    terms = " ".join([f"{category.term} {category.label or ''}" for category in article.categories]).split()
    of_headline, of_teaser = article.lead_classes
    headline, teaser = article.lead_tokens
    # Python sees only the words that say something; which these are, `compress` learns in C from the classes.
    for words, times in (
        (compress(article.body_tokens, article.body_classes[:WORDS].translate(ONLY_TOPIC)), 1.0),
        (compress(headline, of_headline.translate(ONLY_TOPIC)), HEADLINE_WEIGHT),
        (compress(teaser, of_teaser.translate(ONLY_TOPIC)), TEASER_WEIGHT),
        (terms, CATEGORY_WEIGHT),
    ):
        for token in words:
            for index, weight, word in said[token]:
                tally = tallies.get(index)
                if tally is None:
                    tally = tallies[index] = {}
                amount = weight * times
                tally[word] = tally.get(word, 0.0) + amount * amount
    return tallies
