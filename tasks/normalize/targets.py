"""Is this line a copy of that text? The forms a headline or teaser comes back in, each with what speaks for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from rapidfuzz.distance import Indel

from tasks.normalize.fold import digits, fold, fold_lines

# Not inside quotation marks: there an ellipsis is the speaker's, not the cutter's.
_ELLIPSIS = tuple(dots + close for dots in ("…", "...", "… ", "... ") for close in "])")
_SENTENCE_END = (".", "!", "?", "…", ":", "。", "！", "？", "।", "؟")
_FULL_STOPS = (".", "!", "?")
_COMMA = re.compile(r"[“”\"»«’'›‹]*,")
_OPENING_MARKS = ("„", "“", "»", "«", '"', "‚", "‘", "'", "›", "‹")
CLOSING = "“”\"»«’'›)]」』 "
# What may stand between a label and the copy, and between the copy and what a page hangs on behind it.
_BEFORE = re.compile(r"(?:[:|–—\-.)\]»•/>】]|\+{2,})\s+|[|】：]\s*|:\s*")
_BEHIND = re.compile(r"\s*[|•»/*]\s*|\s+[–—\-]+\s+|\s*[(\[:：]\s*|(?<=[.…!?“”\"»])\s+|\s+(?=…|\.\.\.|»|→)")
# An ellipsis with at most a read-more behind it.
_CUT_END = re.compile(r"\s*[\[(]?(?:…|\.{3})[\])]?\s*(?P<more>(?:\S+\s*){0,4})$")
# A place, a kicker or a medium's name in front of the text proper: "Riad. ", "Landtagswahl: ", "++ Eil ++ ", "【…】 ".
_FRONT = re.compile(
    r"\s*(?:【[^】]{1,24}】|\[[^\]]{1,24}\]|\+{2,}[^+]{1,24}\+{2,}|"
    r"[^\W\d_][\w'’/-]*+(?:\s[\w'’()/-]++){0,5}(?::|\s[–—|-]{1,2})|[^\W\d_][\w'’/-]++\.)\s+"
)
_TITLE_END = re.compile(r"\s\|\s[^|]{1,40}$")  # a publisher's name behind a page's title
_READ_MORE = """
mehr|mehr lesen|weiterlesen|weiter lesen|mehr dazu|lesen sie mehr|mehr erfahren|zum artikel|jetzt lesen|read more|more
read on|continue reading|keep reading|full story|read the full story|lire la suite|en savoir plus|leer más
seguir leyendo|leggi tutto|continua a leggere|lees meer|lees verder|læs mere|les mer|läs mer|czytaj więcej|leia mais
читать далее|더보기|続きを読む|xem thêm
"""
READ_MORE = frozenset(fold_lines(_READ_MORE.strip().replace("\n", "|").split("|")))
READ_MORE_ENDS = tuple(sorted(READ_MORE))  # as `bytes.endswith` takes them
_AND_SO_ON = ("…", "...", "»", "→", ">")
_BEFORE_MORE = "»→>|[( "  # signs that set a read-more off
_MORE_WORDS = 4  # of a sentence behind a copy that may be a read-more
_CONTINUES = 16  # bytes of key from which a line can go on where a cut copy stops
_NEXT_LINES = 4  # that are looked at for the continuation of a cut
MORE_SIZE = 60  # last characters of a line in which a cut copy ends
_SHORTEST = 12  # bytes of key that a text must have to come back in another form
_BARE = 24  # bytes of key from which a text without its kicker comes back elsewhere than above the body
_LABEL_SIZE = 120  # first characters in which a label ends
_PIECE = 30  # bytes of key that a cut copy with words around it must share with the text
_LONG = 60  # bytes of key from which a text is too long to come back by chance
_NEAR = 0.86
_REACH = _NEAR / (2 - _NEAR)  # of the longer's size: what is shorter cannot be so similar
AROUND = 90  # bytes of key that may stand around a wrapped copy
_NEAR_SIZE = 3000  # bytes of key; nobody edits a longer headline or teaser by a word


class Place(IntEnum):
    """Where a line stands: before the first paragraph, before the second, further on, or after the last."""

    LEAD = 0
    HEAD = 1
    BODY = 2
    TAIL = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Why a line goes: the rule that found it, the words for it, how sure it is, and the text it repeats."""

    rule: str
    reason: str
    confidence: float
    repeats: str | None = None
    seen: int | None = None


class Target(NamedTuple):
    """A text that may come back: the headline or a teaser.

    `bare` is its key without a kicker or place in front; `stands` says that a line is the text, so copies are likely.
    """

    name: str
    text: str
    key: bytes
    bare: bytes
    stands: bool = False

    @classmethod
    def of(cls, name: str, text: str, key: bytes) -> Target:
        """Make a target called `name` of a text and its key."""
        front = _FRONT.match(text)
        bare = fold(text[front.end() :]) if front else b""
        return cls(name, text, key, bare if len(bare) >= _SHORTEST and 2 * len(bare) >= len(key) else b"")

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """The bytes of key, from and to, that wrapped and near copies may have."""
        size, bare = len(self.key), len(self.bare)
        sizes = [(size, size + AROUND), (int(_REACH * size), int(size / _REACH) + 1)]
        if bare:
            sizes.append((int(_REACH * bare), int(bare / _REACH) + 1))
        return sizes

    def found(self, form: str, words: str, confidence: float) -> Finding:
        """Say that a line is a copy of this target in one of its forms."""
        return Finding(
            rule=f"{self.name}_{form}", reason=f"{words} the {self.name}", confidence=confidence, repeats=self.text
        )


def is_cut(text: str) -> bool:
    """Whether the line ends in an ellipsis, bracketed or not."""
    last = text[-1:]
    if last == ".":
        return text.endswith(("..", ". . ."))
    return last == "…" or (last in ("]", ")") and text.endswith(_ELLIPSIS))


def ends_sentence(text: str) -> bool:
    """Whether the line ends as a sentence does (a headline or a menu item seldom does)."""
    return text.rstrip(CLOSING).endswith(_SENTENCE_END)


def copy_of(target: Target, text: str, key: bytes, following: Sequence[bytes], place: Place) -> Finding | None:
    """Return why the line is a copy of `target`, or None; `following` are the keys of the lines after it.

    An exact copy is the caller's business: it needs no look at the line's text.
    """
    wanted, bare = target.key, target.bare
    if len(wanted) < _SHORTEST or len(key) < _SHORTEST:
        return None
    if len(key) < len(wanted):
        if wanted.startswith(key):
            return _cut(target, text, wanted, key, following, place)
        if bare and bare.startswith(key):
            if len(bare) < _BARE and not (key == bare and place is Place.LEAD):
                return None  # "Ergebnisse im Überblick" may head a part, too
            if key == bare:
                return (
                    target.found("cut", "is, without what stands in front,", 0.92)
                    if _is_line(target, text, place)
                    else None
                )
            return _cut(target, text, bare, key, following, place)
    elif wanted in key:
        return _wrapped(target, text, key, place)
    if place is Place.BODY:
        return None
    if "…" in text or "..." in text:
        found = _cut_and_wrapped(target, text, following)
        if found:
            return found
    return near_copy(target, text, key, place)


def _is_line(target: Target, text: str, place: Place) -> bool:
    """Whether a line may be a title and no sentence of the body."""
    return place is not Place.BODY or not ends_sentence(text) or ends_sentence(target.text)


def _continued(rest: bytes, following: Sequence[bytes]) -> bool:
    """Whether one of the next lines goes on where a cut copy stops: then both are body the text was made from."""
    for key in following[:_NEXT_LINES]:
        if len(key) >= _CONTINUES and (rest.startswith(key) or (len(rest) >= 6 and key.startswith(rest[:40]))):
            return True
    return False


def _cut(
    target: Target, text: str, wanted: bytes, key: bytes, following: Sequence[bytes], place: Place
) -> Finding | None:
    if _continued(wanted[len(key) :], following):
        return None
    if is_cut(text):
        if len(key) >= (14 if place < Place.BODY else 30):
            return target.found("cut", "is the beginning, cut with an ellipsis, of", 0.97)
        return None
    if is_cut(target.text) and (ends_sentence(text) or not target.stands):
        return None  # the text was cut from the body, and this is a piece of it
    if stops(text) and _goes_on_behind(target.text, key):
        return None  # somebody says it and stops, where the text goes on: "I cannot recall", he said
    if place < Place.BODY and len(key) >= 18 and 5 * len(key) >= len(wanted):
        return target.found("cut", "is the beginning of", 0.9)
    if place is Place.TAIL and len(key) >= 40 and 2 * len(key) >= len(wanted):
        return target.found("cut", "is the beginning of", 0.8)
    return None


def stops(text: str) -> bool:
    """Whether the line ends with the end of a sentence, and with no ellipsis."""
    return text.rstrip(CLOSING).endswith(_FULL_STOPS) and not is_cut(text.rstrip(CLOSING))


def _goes_on_behind(text: str, key: bytes) -> bool:
    """Whether there is a comma in the text right behind the words of a key."""
    return any(fold(text[: comma.start()]).endswith(key) for comma in _COMMA.finditer(text))


def is_quotation(text: str) -> bool:
    """Whether a text begins with words that somebody said, as a headline of an interview does."""
    return text.startswith(_OPENING_MARKS)


def _is_taken_from(text: str, target: Target) -> bool:
    """Whether a headline or teaser may be what a speaker says in a line that ends with it.

    A headline has no full stop, or is a quotation; a teaser is one, and pages that repeat it have its marks.
    """
    if target.name == "headline":
        return is_quotation(target.text) or not stops(target.text)
    return is_quotation(target.text) and not any(mark in text for mark in _OPENING_MARKS)


def _cut_and_wrapped(target: Target, text: str, following: Sequence[bytes]) -> Finding | None:
    """A beginning of the text, cut with an ellipsis, that has a label in front of it or a read-more behind."""
    if len(text) > 2 * len(target.text) + _LABEL_SIZE:
        return None
    end = _CUT_END.search(text, max(0, len(text) - MORE_SIZE))
    if not end or (end["more"] and fold(end["more"]) not in READ_MORE and ends_sentence(end["more"])):
        return None
    cut = text[: end.start()]
    for start in [0, *(mark.end() for mark in _BEFORE.finditer(cut[:_LABEL_SIZE]))]:
        piece = fold(cut[start:])
        if len(piece) < _PIECE:
            break
        if target.key.startswith(piece) and not _continued(target.key[len(piece) :], following):
            return target.found("cut", "has a few words around the beginning, cut with an ellipsis, of", 0.92)
    return None


def _wrapped(target: Target, text: str, key: bytes, place: Place) -> Finding | None:
    extra = len(key) - len(target.key)
    if place is Place.BODY:
        if len(target.key) >= _LONG and key.startswith(target.key) and key[len(target.key) :] in READ_MORE:
            return target.found("wrapped", "has a read-more behind", 0.9)
        return None
    if len(target.key) < 18 or extra > min(AROUND, max(24, len(target.key))):
        return None
    before = key.find(target.key)
    behind = extra - before
    if behind and is_cut(target.text) and key[-behind:] not in READ_MORE and not _TITLE_END.search(text):
        return None  # the line goes on where the text was cut from it
    if place is Place.TAIL and ((before and behind) or digits(key) != digits(target.key)):
        return None  # a line of a list that names the piece says more than the piece's name; a result has its score
    if target.name == "headline" and len(target.key) >= 24 and not ends_sentence(text):
        return target.found("wrapped", "has a few words around", 0.93)
    if before and not behind and stops(text) and _is_taken_from(text, target):
        return None  # "Rieck: We had no choice." is an answer, and the headline is taken from it
    if before and not _label(text, key[before:]):
        return None
    if behind and key[-behind:] not in READ_MORE and not _suffix(text, key[: len(key) - behind]):
        return None
    return target.found("wrapped", "has a few words around", 0.93)


def take_read_more(text: str) -> tuple[str, str]:
    """Return a text without the read-more that is set off behind it, and that, as it stood; empty where there is none.

    One word ("mehr") may end a sentence of the text: an ellipsis or a sign must stand before or behind it.
    """
    words = text.split(" ")
    for count in range(min(_MORE_WORDS, len(words) - 1), 0, -1):
        if fold(" ".join(words[-count:])) not in READ_MORE:
            continue
        whole = " ".join(words[:-count])
        front = whole.rstrip(_BEFORE_MORE)
        if words[-count][0] in "[(" and text[-1] in "])":
            return front, text[len(front) :].strip()
        several = count > 1 or text.endswith(_AND_SO_ON)
        if is_cut(front) or front != whole or (several and front.rstrip(CLOSING).endswith((".", "!", "?"))):
            return front, text[len(front) :].strip()
    return text, ""


def _label(text: str, rest: bytes) -> bool:
    """Whether what stands before the copy is set off from it as a label, a dateline or a section is."""
    for cut in _BEFORE.finditer(text[:_LABEL_SIZE]):
        tail = fold(text[cut.end() :])
        if tail and rest.startswith(tail):
            return True
    first = text.split(None, 1)
    return len(first) == 2 and fold(first[1]) == rest


def _suffix(text: str, front: bytes) -> bool:
    """Whether what stands behind the copy is set off from it as a publisher's name or a read-more is."""
    for cut in _BEHIND.finditer(text):
        if front == fold(text[: cut.start()]):
            rest = text[cut.end() :]
            short = len(rest.split()) <= _MORE_WORDS and not rest.endswith(".")
            return not cut.group().isspace() or is_cut(rest) or short
    return False


def near_copy(target: Target, text: str, key: bytes, place: Place) -> Finding | None:
    """Return why a line outside the body says the text with other words, or None."""
    for wanted in (target.key, target.bare):
        size = len(wanted)
        if not 24 <= size <= _NEAR_SIZE or len(key) < 24 or not _REACH * size <= len(key) <= size / _REACH:
            continue
        if key in wanted or wanted in key:
            continue  # a piece, or more than the text: not the text with other words
        if digits(key) != digits(wanted):
            continue
        alike = Indel.normalized_similarity(key, wanted, score_cutoff=_NEAR)
        if not alike or _goes_on(target, key):
            continue
        if ends_sentence(text) and not ends_sentence(target.text) and place is not Place.LEAD:
            continue
        return target.found("near", f"says with {alike:.0%} of the same letters", 0.5 + 0.45 * alike)
    return None


def _goes_on(target: Target, key: bytes) -> bool:
    """Whether the line goes on behind the end of the text: then the text was cut from it."""
    at = key.rfind(target.key[-24:])
    return at >= 0 and len(key) - at - 24 > (3 if is_cut(target.text) else 12)
