"""The lines newsroom systems leave behind, known without having seen the source: a seed, German and English first.

A seed matches a whole line, or the start of one that goes on as such lines do. What a seed does not know, the count of
the source's own articles learns (`tasks.normalize.boilerplate`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product

from tasks.normalize.fold import fold, fold_lines, mask_digits
from tasks.normalize.furniture import PICTURES, is_picture_credit
from tasks.normalize.stamps import DATE_STARTS, LABELS, is_labelled, is_moment
from tasks.normalize.targets import Finding

# What blog systems add to every item of their feeds: "The post … appeared first on …."
_APPEARED = re.compile(
    r"(?:(?:the post|der beitrag|der artikel|l['’]article|el artículo|la entrada|l['’]articolo|het bericht|o post"
    r"|indlægget|innlegget|inlägget|artykuł|wpis|запись|сообщение)\b.{3,250}?(?:appeared first on|erschien zuerst auf"
    r"|est apparu en premier sur|apareció primero en|se publicó primero en|aparece primero en|proviene da"
    r"|è apparso per primo su|verscheen eerst op|apareceu primeiro em|blev først udgivet på|dukket først opp på"
    r"|dök först upp på|pochodzi z serwisu|впервые появилась|появились сначала на).{1,120})"
    # In a sentence of its own: "This story first appeared in the Gazette.", "Dieser Text erschien zuerst im Boten."
    r"|(?:(?:a version of )?(?:this|the) (?:article|story|piece|review|column|essay|interview) (?:was )?"
    r"(?:(?:first|originally) )?(?:appears?|appeared|published) (?:in|on|by|at|online) (?:[^.!?]|\.(?=\w)){3,140}"
    r"|appeared in the [^.!?]{3,60}, print edition as .{3,140}"
    r"|(?:dieser (?:artikel|text|beitrag|kommentar)|dieses interview|diese (?:kolumne|reportage|meldung)) "
    r"(?:(?:erschien|erscheint)(?: (?:zuerst|zunächst|erstmals|ursprünglich))? (?:am|auf|bei|im|in) [^!?]{3,120}"
    r"|(?:ist|wurde)(?: (?:zuerst|zunächst|erstmals|ursprünglich))? (?:am|auf|bei|im|in) [^!?]{3,100}"
    r" (?:erschienen|veröffentlicht)))\.?[”“\"'’]?",
    re.IGNORECASE,
)
_APPEARED_WORDS = """
the post|der beitrag|der artikel|l'article|el artículo|la entrada|l'articolo|het bericht|o post|indlægget|innlegget
inlägget|artykuł|wpis|запись|сообщение|a version of|this article|the story|appeared in|dieser text|diese kolumne
"""
# What agencies count their messages by: "APA0312 5 CI 0128  Di, 17.Mär 2026", "AXC0231 2026-03-16/17:58".
_MESSAGE = re.compile(
    r"AXC\d{4}\s+\d{4}-\d\d-\d\d/\d\d:\d\d|APA\d{4}\s+\d\s+[A-Z]{2}\s+\d{4}\b.{0,40}|dpa:\d{6}-\d{2,3}-\d{5,6}/\d"
)
_UNMISTAKABLE = frozenset({"advertisement break", "message number", "consent box", "note of the wire"})
_OFTEN = "advertisement mark"  # set between any paragraphs, and no author says it twice
_LISTED = "pointer to another story"
_LIST = "related list"
_SHARE_ROW = "share row"
# "Home > News > Local", "Sie sind hier: Startseite » Lokales".
_WAY = re.compile(
    r"(?:Sie sind hier:?\s*|You are here:?\s*)?(?:Home|Start(?:seite)?)(?:\s*[>›»/|]\s*[^>›»|]{2,60}){1,6}"
)
_WAY_STARTS = frozenset(fold(word)[:4] for word in ("Home", "Startseite", "Sie sind", "You are"))
_PICTURE = "image credit"
_SHARES = range(2, 9)  # words of a row of ways to share
_BETWEEN = re.compile(r"[|/·•,]")
_GLUED = re.compile(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ])")  # buttons with no space between them: "TeilenDrucken"
_LONGEST_DATE = 80  # bytes of key, numbers masked, of a line that is dates and no more
_LONGEST_PRINTED = 90  # and of one whose numbers are not masked yet
_SHORTEST = 4  # bytes of key by which a beginning is looked up


def _read_seeds() -> tuple[dict[bytes, str], dict[bytes, list[tuple[str, str]]]]:
    """Read the seeds: whole lines by key, and beginnings in lower case by the first bytes of theirs."""
    whole: dict[bytes, str] = {}
    beginnings: dict[bytes, list[tuple[str, str]]] = {}
    kind = ""
    for row in (files("tasks.normalize") / "seeds.txt").read_text(encoding="utf-8").splitlines():
        if row.startswith("["):
            kind = row.strip("[]")
        elif row.endswith("…"):
            phrase = row.removesuffix("…").rstrip()
            beginnings.setdefault(fold(phrase)[:_SHORTEST], []).append((phrase, kind))
        elif row and not row.startswith("#"):
            whole[fold(row)] = kind
    return whole, beginnings


_WHOLE, _BEGINNINGS = _read_seeds()


def is_stub(key: bytes) -> bool:
    """Whether a whole line, by its key, is one that systems leave behind."""
    return key in _WHOLE


_STAMPS = frozenset(key[:_SHORTEST] for key in fold_lines(LABELS.split()))
_STARTS = frozenset(key[:_SHORTEST] for key in _WHOLE)
_MESSAGE_STARTS = frozenset(f"{agency}{digit}".encode() for agency in ("axc", "apa", "dpa") for digit in range(10))
_APPEARED_STARTS = frozenset(
    key[:_SHORTEST] for key in fold_lines(_APPEARED_WORDS.strip().replace("\n", "|").split("|"))
)
_PICTURE_STARTS = frozenset(key[:_SHORTEST] for key in fold_lines(PICTURES.split()))
# A look at four bytes spares nearly every line.
_ANY = _STARTS | _BEGINNINGS.keys() | _STAMPS | _APPEARED_STARTS | _PICTURE_STARTS | _MESSAGE_STARTS | _WAY_STARTS
_DIGITS = b"0123456789"
_DATED = DATE_STARTS | {bytes(pair) for pair in product(_DIGITS, range(256))} | {bytes((digit,)) for digit in _DIGITS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stub:
    """A line that a seed knows; a bare date counts only before the first paragraph (`head_only`).

    One that is `unmistakable` leaves also where it stands alone in the body, one that is `set_often` where the article
    has two of its kind, one that is `listed` where another stands beside it. One that `opens` stands above a list of
    other stories.
    """

    finding: Finding
    head_only: bool = False
    unmistakable: bool = False
    set_often: bool = False
    listed: bool = False
    opens: bool = False


def find_stubs(lines: Sequence[str], keys: Sequence[bytes]) -> dict[int, Stub]:
    """Return the lines that are newsroom furniture by their form."""
    found: dict[int, Stub] = {}
    for i in [i for i, key in enumerate(keys) if key[:_SHORTEST] in _ANY or key[:2] in _DATED]:
        key = keys[i]
        if len(key) > _LONGEST_PRINTED and key[:2] in DATE_STARTS and key[:_SHORTEST] not in _ANY:
            continue
        key = mask_digits(key)  # a date, and whatever begins with a number, is seen by its mask
        if not (key[:_SHORTEST] in _ANY or (b"0" in key and (key[:1] == b"0" or key[:2] in DATE_STARTS))):
            continue
        dated = b"0" in key and len(key) < _LONGEST_DATE
        kind = _kind(lines[i], key, dated=dated)
        if kind:
            found[i] = Stub(
                finding=_finding(kind),
                unmistakable=_is_unmistakable(kind, lines[i]),
                set_often=kind == _OFTEN,
                listed=kind == _LISTED,
                opens=kind == _LIST,
            )
        elif dated and is_moment(lines[i]):
            found[i] = Stub(finding=_finding("date of publication"), head_only=True)
    return found


def _kind(line: str, key: bytes, *, dated: bool) -> str | None:
    """What a line is, if a seed knows it."""
    start = key[:_SHORTEST]
    kind = _WHOLE.get(key)
    if kind is None and start in _BEGINNINGS:
        kind = _by_start(line, _BEGINNINGS[start])
    if kind is None and b"0" not in key and _is_share_row(line):
        kind = _SHARE_ROW
    if kind is None and start in _MESSAGE_STARTS and _MESSAGE.fullmatch(line):
        kind = "message number"
    if kind is None and start in _PICTURE_STARTS and is_picture_credit(line):
        kind = _PICTURE
    if kind is None and start in _WAY_STARTS and len(key) < _LONGEST_PRINTED and _WAY.fullmatch(line):
        kind = "way to the page"
    if kind is None and start in _APPEARED_STARTS and _APPEARED.fullmatch(line):
        kind = "note of where it appeared first"
    if kind is None and _may_be_labelled(key, dated=dated) and is_labelled(line):
        kind = "publication stamp"
    return kind


def _is_unmistakable(kind: str, line: str) -> bool:
    """Whether no author says so in the midst of a story."""
    return kind in _UNMISTAKABLE or (kind == _PICTURE and is_picture_credit(line))


def _may_be_labelled(key: bytes, *, dated: bool) -> bool:
    """Whether a line begins as a stamp does: with its label, or with a date that a label stands behind."""
    if key[:_SHORTEST] in _STAMPS:
        return dated or (len(key) < _LONGEST_DATE and (key.endswith(b"ago") or b"vor" in key))  # "Updated an hour ago"
    return dated and (key[:1] == b"0" or key[:2] in DATE_STARTS)


def _is_share_row(line: str) -> bool:
    """Whether a line names ways to share, one after the other and nothing else: "Teilen Twittern E-Mail"."""
    words = _BETWEEN.sub(" ", line).split()
    if len(words) == 1:
        words = _GLUED.sub(" ", words[0]).split()
    return len(words) in _SHARES and all(_WHOLE.get(fold(word)) == _SHARE_ROW for word in words)


@cache
def _finding(kind: str) -> Finding:
    return Finding(rule="stub", reason=f"is {_article(kind)} {kind}", confidence=0.9)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _by_start(line: str, beginnings: Sequence[tuple[str, str]]) -> str | None:
    low = line[:80].lower()
    bare = low.lstrip("-–•>» ")
    return next((kind for phrase, kind in beginnings if _begins(low, phrase) or _begins(bare, phrase)), None)


def _begins(line: str, phrase: str) -> bool:
    """Whether a line begins with a phrase that ends with a word of it: "KI" does not in "Kirche"."""
    return line.startswith(phrase) and not (phrase[-1].isalnum() and line[len(phrase) : len(phrase) + 1].isalnum())
