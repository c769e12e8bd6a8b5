"""Topics: the 17 top terms of the IPTC Media Topics, known by a weighted lexicon of German and English words."""

from __future__ import annotations

from collections import Counter
from itertools import compress, repeat
from math import exp, sqrt
from typing import Final

from storage.records import Tag
from tasks.enrich.lexicon import Telling, telling, topics
from tasks.enrich.reading import EnrichInput
from tasks.enrich.tokens import ONLY_TOPIC, TOPIC, tokens

VERSION: Final = "3"
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
CALIBRATION: Final = 3.2  # score per root of length at which confidence is 63 %

_Tally = dict[str, float]  # evidence word: sum of squares of its weights


def tag_topics(article: EnrichInput) -> list[Tag]:
    """At most three topics, best first, labelled in the article's language."""
    said = telling(article.language)
    if said is None:
        return []
    tallies = _tally(article, said)
    # Forms of one word are one witness: more of them add less and less.
    scores = [(sum(map(sqrt, tally.values())), -index) for index, tally in enumerate(tallies) if tally]
    if not scores:
        return []
    ranked = sorted(scores, reverse=True)
    least = ranked[0][0] * BESIDE_BEST
    length = sqrt((min(len(article.tokens.all) - article.tokens.body, WORDS) + 60) / 100)
    named = topics()
    tags = []
    for score, minus_index in ranked[:AT_MOST]:
        tally = tallies[-minus_index]
        # One word alone is an accident, and beside a topic that more words speak of it is a name: "Nottingham Forest".
        if score < least or (len(tally) < 2 and (score < 6 or minus_index != ranked[0][1])):
            continue
        confidence = 1 - exp(-score / length / CALIBRATION / 2)
        if confidence < THRESHOLD:
            continue
        topic = named[-minus_index]
        heaviest = sorted([(-weight, word) for word, weight in tally.items()])[:MOST_EVIDENCE]
        evidence = tuple([word for _, word in heaviest])
        label, code = topic.names[article.language], f"{SCHEME}:{topic.code}"
        tags.append(Tag("topic", label, SCHEME, code, round(min(confidence, 0.99), 2), NAME, VERSION, evidence))
    return tags


def _tally(article: EnrichInput, said: Telling) -> list[_Tally]:
    """What was heard of each topic, by its index."""
    words, teaser, body = article.tokens
    telling_words = article.classes[: body + WORDS].translate(ONLY_TOPIC)
    # Python sees only the words that say something; `compress` learns in C from the classes which they are.
    heard = list(compress(words, telling_words))
    of_headline = telling_words.count(TOPIC, 0, teaser)
    of_lead = of_headline + telling_words.count(TOPIC, teaser, body)
    of_body = Counter(heard[of_lead:])
    terms = " ".join([f"{category.term} {category.label or ''}" for category in article.categories]).split()
    known = tokens(article.language)  # what most categories say is nothing, and this keeps it
    terms = [term for term in terms if known[term] & TOPIC or len(term) > known.LONGEST]
    tallies: list[_Tally] = [{} for _ in topics()]
    for witnesses, amounts in (
        (of_body, of_body.values()),
        (heard[:of_headline], repeat(HEADLINE_WEIGHT**2)),
        (heard[of_headline:of_lead], repeat(TEASER_WEIGHT**2)),
        (terms, repeat(CATEGORY_WEIGHT**2)),
    ):
        for postings, amount in zip(map(said.__getitem__, witnesses), amounts, strict=False):
            for index, square, word in postings:
                tally = tallies[index]
                if word in tally:
                    tally[word] += square * amount
                else:
                    tally[word] = square * amount
    return tallies
