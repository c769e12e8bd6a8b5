"""Is this line a copy of that text? The forms a headline or teaser comes back in, each with what speaks for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from rapidfuzz.distance import Indel

from tasks.normalize.fold import digits, fold

ELLIPSIS = re.compile(r"(?:…|\.{3,}|\. \. \.)\s*[\])]?\W*$")
_BEFORE = re.compile(r"[:|–—\-.)\]»•/>]\s+|\|\s*|:\s*")
_BEHIND = re.compile(r"\s*[|•»/]\s*|\s+[–—\-]\s+|\s*[(\[:：]\s*|(?<=[.…!?“”\"»])\s+")
_SENTENCE_END = (".", "!", "?", "…", "“", "”", '"', "»", "«", "’", ")", "。", "！", "？", "」", ":", "।")
_MORE_WORDS = 4


class Place(IntEnum):
    """Where a line stands: before the body proper, inside it, or after its last paragraph."""

    HEAD = 0
    BODY = 1
    TAIL = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Why a line goes: the rule that found it, the words for it, how sure it is, and the text it repeats."""

    rule: str
    reason: str
    confidence: float
    repeats: str | None = None
    seen: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A text that may come back: the headline or a teaser."""

    name: str
    text: str
    key: bytes

    @classmethod
    def of(cls, name: str, text: str) -> Target:
        """Fold `text`, without the ellipsis of a cut, into a target called `name`."""
        return cls(name=name, text=text, key=fold(text))


def is_cut(text: str) -> bool:
    """Whether the line ends in an ellipsis, bracketed or not."""
    return text[-1:] in "….])" and ELLIPSIS.search(text[-12:]) is not None


def ends_sentence(text: str) -> bool:
    """Whether the line ends as a sentence does (a headline or a menu item seldom does)."""
    return text.rstrip().endswith(_SENTENCE_END)


def copy_of(target: Target, text: str, key: bytes, following: bytes, place: Place) -> Finding | None:
    """Return why the line is a copy of `target`, or None; `following` is the key of the next line.

    An exact copy is the caller's business: it needs no look at the line's text.
    """
    wanted = target.key
    if len(wanted) < 12:
        return None
    if len(key) < len(wanted):
        if wanted.startswith(key):
            return _cut(target, text, key, following, place)
        if place is Place.HEAD and len(key) >= 24 and 2 * len(key) >= len(wanted) and wanted.endswith(key):
            return _found(target, "cut", "is the end of", 0.9)
    elif wanted in key:
        return _wrapped(target, text, key, place)
    if place is not Place.BODY:
        return _near(target, key)
    return None


def _found(target: Target, form: str, words: str, confidence: float) -> Finding:
    return Finding(
        rule=f"{target.name}_{form}", reason=f"{words} the {target.name}", confidence=confidence, repeats=target.text
    )


def _cut(target: Target, text: str, key: bytes, following: bytes, place: Place) -> Finding | None:
    if is_cut(text):
        if len(key) >= (16 if place is Place.HEAD else 30):
            return _found(target, "cut", "is the beginning, cut with an ellipsis, of", 0.97)
        return None
    rest = target.key[len(key) :]
    if following and (rest.startswith(following) or (following.startswith(rest[:40]) and len(rest) >= 8)):
        return None  # the next line goes on where this one stops: body that the teaser was made from
    if place is Place.HEAD and len(key) >= 24 and 5 * len(key) >= len(target.key):
        return _found(target, "cut", "is the beginning of", 0.9)
    if place is Place.TAIL and len(key) >= 40 and 2 * len(key) >= len(target.key):
        return _found(target, "cut", "is the beginning of", 0.8)
    return None


def _wrapped(target: Target, text: str, key: bytes, place: Place) -> Finding | None:
    extra = len(key) - len(target.key)
    if place is Place.BODY or len(target.key) < 20 or extra > min(90, max(24, len(target.key))):
        return None
    at = key.find(target.key)
    before, behind = at, extra - at
    if before and not _label(text, key[before:]):
        return None
    if behind and not _suffix(text, key[: len(key) - behind]):
        return None
    return _found(target, "wrapped", "has a few words around", 0.93)


def _label(text: str, rest: bytes) -> bool:
    """Whether what stands before the copy is set off from it as a label, a dateline or a section is."""
    head = text[:120]
    if any(rest.startswith(fold(text[cut.end() :])) for cut in _BEFORE.finditer(head) if fold(text[cut.end() :])):
        return True
    first = text.split(None, 1)
    return len(first) == 2 and fold(first[1]) == rest


def _suffix(text: str, front: bytes) -> bool:
    """Whether what stands behind the copy is set off from it as a publisher's name or a read-more is."""
    for cut in _BEHIND.finditer(text):
        if front == fold(text[: cut.start()]):
            rest = text[cut.end() :]
            sentence = cut.group().isspace()
            return not sentence or is_cut(rest) or len(rest.split()) <= _MORE_WORDS
    return False


def _near(target: Target, key: bytes) -> Finding | None:
    size, wanted = len(key), len(target.key)
    if size < 30 or wanted < 30 or not 0.6 <= size / wanted <= 1.65:
        return None
    alike = Indel.normalized_similarity(key, target.key, score_cutoff=0.84)
    if not alike or digits(key) != digits(target.key):
        return None
    return _found(target, "near", f"says with {alike:.0%} of the same letters", 0.6 + 0.35 * alike)
