"""Topics: the 17 top terms of the IPTC Media Topics, known by a weighted lexicon of German and English words."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import compress, repeat
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
MOST_EVIDENCE: Final = 6
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


def tag_topics(article: EnrichInput) -> list[Tag]:
    """At most three topics, best first, labelled in the article's language."""
    said = telling(article.language)
    if said is None:
        return []
    tallies = _tally(article, said)
    if not tallies:
        return []
    length = (min(len(article.tokens.all) - article.tokens.body, WORDS) + 60) / 100
    ranked = sorted([(_score(tally), -index) for index, tally in tallies.items()], reverse=True)[:AT_MOST]
    least = ranked[0][0] * BESIDE_BEST
    tags = []
    for score, minus_index in ranked:
        tally = tallies[-minus_index]
        if score < least or (len(tally) < 2 and score < 6):  # one word alone is an accident
            continue
        confidence = 1 - exp(-score / sqrt(length) / CALIBRATION / 2)
        if confidence < THRESHOLD:
            continue
        topic = topics()[-minus_index]
        heaviest = sorted([(-weight, word) for word, weight in tally.items()])[:MOST_EVIDENCE]
        evidence = tuple([word for _, word in heaviest])
        label, code = topic.names[article.language], f"{SCHEME}:{topic.code}"
        tags.append(Tag("topic", label, SCHEME, code, round(min(confidence, 0.99), 2), NAME, VERSION, evidence))
    return tags


def _tally(article: EnrichInput, said: Telling) -> dict[int, _Tally]:
    tallies: defaultdict[int, _Tally] = defaultdict(dict)
    words, teaser, body = article.tokens
    telling_words = article.classes.translate(ONLY_TOPIC)
    # Python sees only the words that say something, each once; `compress` learns in C from the classes which they are.
    of_body = Counter(compress(words[body : body + WORDS], telling_words[body:]))
    of_headline = compress(words, telling_words[:teaser])
    of_teaser = compress(words[teaser:body], telling_words[teaser:body])
    terms = " ".join([f"{category.term} {category.label or ''}" for category in article.categories]).split()
    for said_words, factor in (
        (of_body.items(), 1.0),
        (zip(of_headline, repeat(1)), HEADLINE_WEIGHT),
        (zip(of_teaser, repeat(1)), TEASER_WEIGHT),
        (zip(terms, repeat(1)), CATEGORY_WEIGHT),
    ):
        amount_of_one = factor * factor
        for token, times in said_words:
            amount = amount_of_one * times
            for index, square, word in said[token]:
                tally = tallies[index]
                tally[word] = tally.get(word, 0.0) + square * amount
    return tallies
