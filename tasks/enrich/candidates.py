"""Whoever may become a tag of one article: how sure we are, how often, in which words it is there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from storage.records import Tag
from tasks.enrich.places import Place

THRESHOLD: Final = 0.6
AT_MOST: Final = 8  # tags of one kind; whoever comes ninth is not what the article is about
MOST_EVIDENCE: Final = 6
IN_HEADLINE: Final = 0.05
AGAIN: Final = 0.02  # for each further mention, of which five count
SUREST: Final = 0.99


# Not by keyword only: an article has ten or more, and one keyword makes making one dearer by a third.
class Candidate:
    """A name of one kind in one article. `evidence` is in the order in which it was seen."""

    __slots__ = ("count", "evidence", "label", "place", "sure")

    def __init__(self, label: str, sure: float, count: int, word: str, beside: str = "", place: Place | None = None):
        self.label = label
        self.sure = sure
        self.count = count
        self.place = place
        self.evidence: dict[str, None] = {word: None, beside: None} if beside else {word: None}

    def see(self, sure: float, count: int, word: str = "", beside: str = "") -> None:
        """Count mentions as `word`; `beside` is the word that told."""
        if sure > self.sure:
            self.sure = sure
        self.count += count
        if word:
            self.evidence[word] = None
        if beside:
            self.evidence[beside] = None


def tags_of(kind: str, candidates: Iterable[Candidate], headline: str, *, enricher: str, version: str) -> list[Tag]:
    """Tags for the surest candidates, by confidence and number of mentions."""
    chosen: list[tuple[float, int, int, Candidate]] = []
    for number, candidate in enumerate(candidates):
        confidence, count, label = candidate.sure, candidate.count, candidate.label
        if confidence < _HOPELESS:
            continue
        confidence += AGAIN * (count - 1 if count < 6 else 5)
        if label[label.rfind(" ") + 1 :] in headline:
            confidence += IN_HEADLINE
        if confidence >= THRESHOLD:
            # Where these are the same, what the article names first goes first.
            chosen.append((-confidence if confidence < SUREST else -SUREST, -count, number, candidate))
    chosen.sort()
    tags = []
    for minus_confidence, _, _, candidate in chosen[:AT_MOST]:
        label, place = candidate.label, candidate.place
        scheme, code = (place.scheme, place.code) if place is not None else (None, None)
        evidence = tuple(candidate.evidence)[:MOST_EVIDENCE]
        tags.append(Tag(kind, label, scheme, code, _rounded(-minus_confidence), enricher, version, evidence))
    return tags


_HOPELESS: Final = THRESHOLD - 0.15  # what no further mention and no headline makes sure enough


@lru_cache(maxsize=1000)
def _rounded(confidence: float) -> float:
    """To two digits. Confidences are sums of a few numbers, so there are few; rounding one takes as long as a tag."""
    return round(confidence, 2)
