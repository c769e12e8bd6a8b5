"""Is this article a copy of that one, and how do the two relate?

Similarity alone calls every weather report a copy of yesterday's and misses what was cut. So three questions in turn:
how much of the one stands in the other (either way round, small edits bridged), do the facts agree where both run
along each other, and, where one is only a part of the other, is it the part that the other is about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from storage.records import StoryRelation
from tasks.stories.evidence import Evidence, evidence
from tasks.stories.fingerprint import FEW_WORDS, Fingerprint
from tasks.stories.overlap import Overlap, overlap

PART = 0.8
"""Share of the one that must stand in the other. Edited copies reach 0.88 and more; follow-ups and reports that take
over passages stay below 0.5 of a whole text."""
WHOLE = 0.97
"""From this share on nothing of note is missing: what remains is a dateline, a credit, a line of furniture."""
CUT = 0.95
"""Below this share a passage is gone, not a word here and there."""
MOST = 0.6
"""Below this share of the longer text its headline must be about the shared part: a digest's ("Overview") is not."""
LONE_PART = 0.45
"""Below this share the shared part may be one item of many (a ticker, background), and must also be the opening."""
OPENING = 30
"""Words before the shared part that still make it the opening: a dateline, a byline, a label."""
HEADLINE = 0.4
"""Share of a headline's long words found again; a digest ("Overview") or another story's headline has a tenth."""
FURNITURE = 40
"""Words that a same text may have more: dateline, credit and copyright note, an added headline."""

_DAYS = frozenset({
    "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonnabend", "Sonntag",
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
})  # fmt: skip
"""Where one of these stands for another and a number differs, too, it is the next day's report of the same pattern."""
_WORD = re.compile(r"\w")
_LONG_WORD = re.compile(r"[^\W\d]{5,}")
_CORRECTED = re.compile(
    r"\b(?:korrektur|berichtig\w*|korrigiert\w*|richtigstellung|correct(?:s|ed|ion)|corr|refile\w*|clarif\w+)\b",
    re.IGNORECASE,
)
_CREDIT = re.compile(
    r"©|\(c\)|\bcopyright\b|\ball rights reserved\b|\b(?:dpa|apa|afp|ap|rtr|reuters|sda|kna|epd)\b", re.I
)


_INVERSE = {
    StoryRelation.CUT_OF: StoryRelation.EXTENDS,
    StoryRelation.EXTENDS: StoryRelation.CUT_OF,
    StoryRelation.CORRECTS: StoryRelation.EDITED_FROM,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """How article a relates to article b, with the measure and the reason in words.

    `a_in_b` and `b_in_a` are shares of words from 0 to 1, `similarity` the shared runs among all runs of both.
    `numbers` and `names` are the facts that differ, as a has them and as b does.
    """

    relation: StoryRelation
    similarity: float
    a_in_b: float
    b_in_a: float
    reason: str
    numbers: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    @property
    def facts(self) -> dict[str, list[list[str]]]:
        """The facts that differ, as they are kept and shown."""
        named = (("numbers", self.numbers), ("names", self.names))
        return {name: [list(pair) for pair in pairs] for name, pairs in named if pairs}

    def inverse(self) -> Comparison:
        """How b relates to a."""
        relation = _INVERSE.get(self.relation, self.relation)
        numbers, names = (tuple((b, a) for a, b in pairs) for pairs in (self.numbers, self.names))
        return Comparison(
            relation=relation,
            similarity=self.similarity,
            a_in_b=self.b_in_a,
            b_in_a=self.a_in_b,
            reason=_reason(relation, self.b_in_a, self.a_in_b, numbers) or self.reason,
            numbers=numbers,
            names=names,
        )


SAME_WORDS = Comparison(
    relation=StoryRelation.IDENTICAL, similarity=1.0, a_in_b=1.0, b_in_a=1.0, reason="the same words"
)
"""How two texts with one text key relate."""


def compare(a: Fingerprint, b: Fingerprint) -> Comparison | None:
    """Relate a to b ("a is cut of b"), or None where they are no copies of one text."""
    if a.text_key is not None and a.text_key == b.text_key:
        return SAME_WORDS
    if min(a.words, b.words) < FEW_WORDS:
        return None
    shared = overlap(a, b)
    if shared is None or max(shared.a_in_b, shared.b_in_a) < PART or not _about_the_same(a, b, shared):
        return None
    if (a.bare and not _headed_alike(a, b)) or (b.bare and not _headed_alike(b, a)):
        return None
    facts = evidence(a, b, shared)
    if look_alike(facts, shared) or _named_otherwise(a, b, facts):
        return None
    return _related(a, b, shared, facts)


def look_alike(facts: Evidence, shared: Overlap) -> bool:
    """Whether the texts share their sentences but not their facts: two reports of one pattern, not two copies."""
    # Two spelled numbers ("five dead and nine hurt" for "three dead and six hurt") are an update as often as not.
    enough = facts.differ - facts.spelled >= 2 or facts.differ >= 3
    dense = facts.differ * 50 >= shared.shared
    mostly_other = facts.differ > facts.numbers_agree
    other_day = bool(facts.numbers) and any(one in _DAYS and other in _DAYS for one, other in facts.names)
    return (
        (enough and dense and mostly_other)
        or (other_day and dense)
        or len(facts.numbers) >= max(4, facts.numbers_agree + 1)
    )


def _named_otherwise(a: Fingerprint, b: Fingerprint, facts: Evidence) -> bool:
    """Whether the one name that differs is what the headlines are about: a burglary in Hof, and one in Trier."""
    if facts.differ != 1 or not facts.names or says_corrected(a) or says_corrected(b):
        return False
    ((ours, theirs),) = facts.names
    return ours in a.headline and theirs in b.headline and ours not in b.headline and theirs not in a.headline


def _about_the_same(a: Fingerprint, b: Fingerprint, shared: Overlap) -> bool:
    """Whether the shared part is more than one item of a longer text."""
    share = min(shared.a_in_b, shared.b_in_a)
    if share >= MOST:
        return True
    longer, shorter, before = (b, a, shared.b_opens) if shared.a_in_b > shared.b_in_a else (a, b, shared.a_opens)
    if share < LONE_PART and before > OPENING:
        return False
    return _found(longer.headline, shorter.folded.source) or _found(longer.headline, shorter.headline)


def _headed_alike(bare: Fingerprint, other: Fingerprint) -> bool:
    """Whether what a mere teaser stands under is what the other is about.

    The parts of a series have one teaser, and of their headlines the same words ("Der Podcast: …"): those say nothing.
    """
    if not other.bare:
        return _found(bare.headline, other.folded.source) or _found(bare.headline, other.headline)
    own = _long_words(bare.headline) - _long_words(other.headline)
    return not own or _stand_in(own, other.folded.source)


def _found(headline: str, text: str) -> bool:
    """Whether a good part of a headline's long words stand in a text, endings aside ("Fähre" is in "Autofähren")."""
    wanted = _long_words(headline)
    return bool(wanted) and _stand_in(wanted, text)


def _long_words(headline: str) -> set[str]:
    return {word[:5].casefold() for word in _LONG_WORD.findall(headline)}


def _stand_in(words: set[str], text: str) -> bool:
    there = text.casefold()
    return sum(word in there for word in words) >= HEADLINE * len(words)


def _related(a: Fingerprint, b: Fingerprint, shared: Overlap, facts: Evidence) -> Comparison:
    relation = _relation(a, b, shared, facts)
    a_in_b, b_in_a = round(shared.a_in_b, 3), round(shared.b_in_a, 3)
    return Comparison(
        relation=relation,
        similarity=round(shared.runs_in_common, 3),
        a_in_b=a_in_b,
        b_in_a=b_in_a,
        reason=_reason(relation, a_in_b, b_in_a, facts.numbers) or "the same words but for dateline, credit, headline",
        numbers=facts.numbers,
        names=facts.names,
    )


def _relation(a: Fingerprint, b: Fingerprint, shared: Overlap, facts: Evidence) -> StoryRelation:
    if _same_but_for_furniture(a, b, shared):
        return StoryRelation.IDENTICAL
    fully_in, fully_has = shared.a_in_b >= WHOLE, shared.b_in_a >= WHOLE
    if fully_in and shared.b_in_a < CUT:
        return StoryRelation.CUT_OF
    if fully_has and shared.a_in_b < CUT:
        return StoryRelation.EXTENDS
    if says_corrected(a) or (fully_in and fully_has and facts.numbers):
        return StoryRelation.CORRECTS
    return StoryRelation.EDITED_FROM


def _reason(relation: StoryRelation, a_in_b: float, b_in_a: float, numbers: tuple[tuple[str, str], ...]) -> str:
    if relation is StoryRelation.CUT_OF:
        return f"all of it is there, which has {1 - b_in_a:.0%} more"
    if relation is StoryRelation.EXTENDS:
        return f"has all of it and {1 - a_in_b:.0%} of its own"
    changed = ", ".join(f"{ours} for {theirs}" for ours, theirs in numbers[:3])
    if relation is StoryRelation.CORRECTS:
        return f"the same passages with {changed}" if changed else "says that it corrects"
    if relation is StoryRelation.EDITED_FROM:
        return f"{a_in_b:.0%} of it is there, {b_in_a:.0%} of that is here" + (f"; {changed}" if changed else "")
    return ""


def says_corrected(a: Fingerprint) -> bool:
    """Whether an article says of itself that it corrects an earlier one (headline or first words)."""
    return bool(_CORRECTED.search(a.headline) or _CORRECTED.search(a.folded.source[:120]))


def _same_but_for_furniture(a: Fingerprint, b: Fingerprint, shared: Overlap) -> bool:
    """Whether one is, word for word, the other with a dateline or headline before it and a credit after it."""
    longer, shorter, first = (b, a, shared.b_opens) if b.words >= a.words else (a, b, shared.a_opens)
    runs = longer.folded.shingles[first : first + shorter.folded.shingles.size]
    if longer.words - shorter.words > FURNITURE or not np.array_equal(runs, shorter.folded.shingles):
        return False
    before = longer.folded.source[: longer.folded.offsets[first]]
    after = longer.folded.source[longer.folded.offsets[first + shorter.words] :]
    credit = not _WORD.search(after) or bool(_CREDIT.search(after))
    return credit and _is_opening_furniture(before, longer, shorter)


def _is_opening_furniture(before: str, longer: Fingerprint, shorter: Fingerprint) -> bool:
    """A dateline (a few words, then a dash or an agency) or the headline of either."""
    before = before.strip()
    if not before:
        return True
    words = len(before.split())
    return (
        (words <= 8 and before[-1:] in "-–—:)")
        or _is_headline(before, longer.headline)
        or _is_headline(before, shorter.headline)
    )


def _is_headline(line: str, headline: str) -> bool:
    return bool(headline) and line.casefold().strip(" .:–—-") == headline.casefold().strip(" .:–—-")
