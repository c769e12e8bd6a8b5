"""Agency furniture: what the wire puts around the copy and the reader needs beside it, not in it.

Dateline, byline, credit line, correction note, embargo line and source notes become fields of the article.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.normalize.fold import fold, fold_lines
from tasks.normalize.stubs import is_stamp

_AGENCIES = (
    r"(?:dpa(?:[-/ ]\w+)*|AFP|AFX|AP|APA|Reuters|rtr|epd|KNA|SID|sda|Keystone-SDA|ANSA|EFE|Xinhua|TASS|Interfax|UPI"
    r"|PA(?: Media)?|Bloomberg|Belga|ANP|Ritzau|NTB|TT|STT|PAP|CTK|ČTK|MTI|Tanjug|Anadolu|Kyodo|Yonhap|PTI|IANS|ANI|AAP"
    r"|CP|The Canadian Press|DJ|dts(?: Nachrichtenagentur)?|ots|ddp|dapd|AWP|Lusa|Agerpres|HINA|STA|BNS|LETA|ELTA"
    r"|Ukrinform|DPA|red|ORF\.at|Agenturen)"
)
_AGENCY_LIST = rf"{_AGENCIES}(?:\s*(?:/|,|-|–|und|and|&)\s*{_AGENCIES})*(?:\s*/\s*\w{{2,4}})?"
# Nothing that may follow is one of a place's signs, so none is given back: most first sentences have a comma.
_PLACE = r"[^\W\d_][\w.'’ \-]*+(?:\s*[/,]\s*[^\W\d_][\w.'’ \-]*+){0,3}"
_DAY = r"\d{1,2}\.?\s*[^\W\d_]{3,10}\.?|[^\W\d_]{3,10}\.?\s+\d{1,2}"
_CAPS = "A-ZÄÖÜÁÉÍÓÚÀÈÇÑØÅ"
_DASH = r"[-–—]"
# As in: Berlin (dpa) – / WASHINGTON, March 3 (Reuters) - / Wien/Graz (APA/dpa) - / PARIS —
_DATELINE = re.compile(
    rf"(?P<line>(?:(?P<place>{_PLACE})(?:,\s*(?:{_DAY}))?\s*)?\((?P<credit>{_AGENCY_LIST})\)\s*[-–—:.]{{1,2}}\s+"
    rf"|(?P<agency>{_AGENCY_LIST})\s+(?:{_DASH}\s+)?(?P<place3>[A-ZÄÖÜ][\w .'’-]{{2,30}})\.?\s+{_DASH}\s+"
    rf"|(?P<place2>[{_CAPS}][{_CAPS}.'’ \-]{{2,40}}(?:,\s*[A-Z][\w. ]{{1,20}})?)(?:,\s*(?:{_DAY}))?"
    rf"\s+{_DASH}{{1,2}}\s+)(?=\S)"
)
_MOST_DATELINES = 8  # in one line, behind the first
_DATELINE_MARKS = "(-–—"  # one of them ends every dateline
_CREDIT = re.compile(
    rf"(?:\((?P<a>{_AGENCY_LIST})\)|(?P<b>{_AGENCY_LIST})|©\s*(?P<c>{_AGENCY_LIST})"
    rf"|(?:Quelle|Source|Mit Material von|Mit Informationen von):?\s*(?P<d>{_AGENCY_LIST}))\.?"
)
_COPYRIGHT = re.compile(r"(?:©|\(c\)\s*\d|copyright\b)", re.IGNORECASE)
# As in: (Reporting by Jane Holt in London; Editing by Mary Roe) / (Schluss) mm/jh
_SIGNED = re.compile(
    r"\((?P<who>(?:(?:Additional )?Reporting|Writing|Compiled|Editing) by [^()]{2,400})\)"
    r"|\(Schluss\)\s+(?P<initials>\w{2,4}(?:/\w{2,4})*)"
)
_CREDIT_TAIL = re.compile(rf"\s+\((?P<credit>{_AGENCY_LIST})\)\s*$")
_NAME = rf"[{_CAPS}][\w'’.-]*"
_PARTICLE = r"(?:von|van|de|der|den|zu|di|da|del|la|le|el|al|bin|ibn)"
_LONGEST_BYLINE = 120  # characters
_BYLINE_STARTS = ("Von", "By", "Par", "Por", "Di", "Door", "Av", "Af", "Text", "Autor", "Author")
_BYLINE = re.compile(
    rf"(?:Von|By|Par|Por|Di|Door|Av|Af|Text|Autor(?:in)?|Author)\s*:?\s+(?:{_NAME}(?:\s+{_PARTICLE})*\s*){{1,4}}"
    rf"(?:(?:,|und|and|et|y|&|/)\s*(?:{_NAME}\s*){{1,4}}){{0,4}}(?:,\s*(?:dpa|AFP|AP|APA|Reuters|epd|KNA|SID|sda))?"
)
_ROLE = r"(?:correspondent|editor|writer|columnist|[\w-]*[Rr]edaktion|(?:Redakteur|Korrespondent|Reporter)(?:in)?)"
_WITH_ROLE = re.compile(rf"(?P<who>.{{5,80}}?),\s+(?:[\w'’-]+\s+){{0,4}}{_ROLE}", re.IGNORECASE)
_BEFORE_STAMP = re.compile(r"\s+[|•·–—-]\s+|,\s+|\s+(?=am\s+\d)")
_CORRECTION = re.compile(
    r"(?:Berichtigung|Korrektur|Korrigiert|Richtigstellung|Anmerkung der Redaktion|Hinweis der Redaktion|Correction"
    r"|CORRECTION|Corrected|Clarification|CLARIFICATION|Editor['’]s note|Rectification|Rectificatif|Corrección"
    r"|Rettifica|Correctie|Rättelse|Rettelse)\b\s*(?:\([^)]{1,40}\))?\s*[:–—-]\s*\S"
)
# The first letters of the words above: a regular expression on every line would cost more than all the rest.
_CORRECTION_STARTS = frozenset(["beri", "korr", "rich", "anme", "hinw", "corr", "clar", "edit", "rect", "rett", "rätt"])
CORRECTION_KEYS = frozenset(key[:4] for key in fold_lines(sorted(_CORRECTION_STARTS)))
_EMBARGO = re.compile(
    r"(?:ACHTUNG\s*[-–—:]\s*)?(?:Sperrfrist|SPERRFRIST|Embargo|EMBARGO|EMBARGOED|Embargoed|Frei ab|Frei für"
    r"|Not for publication before|Not for release before|Hold for release)\b[^\n]{0,160}"
)
_NOTEPAD_PART = re.compile(r"(?:#+\s*|\*\s*)?(?:dpa-Kontakte|Redaktioneller Hinweis|Internet|Orte|Ansprechpartner)\b")
_HOST = r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,18}"
_SOURCE = re.compile(
    rf"[(\[](?P<names>(?:https?://)?{_HOST}(?:/[^\s()\[\]]*)?(?:\s*[,;/]\s*{_HOST})*)[)\]]", re.IGNORECASE
)
_NOT_SOURCES = frozenset(["z.b", "d.h", "u.a", "i.e", "e.g", "a.m", "p.m", "u.s", "u.k", "s.o", "o.ä", "v.a", "a.d"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Dateline:
    """The dateline of a piece as printed and as a field shows it, the agency in it, and the text that follows."""

    line: str
    shown: str
    credit: str | None
    rest: str


def read_dateline(text: str) -> Dateline | None:
    """Return the dateline at the start of a paragraph, or None; one that stands there twice is one."""
    found = _read_dateline(text)
    if found is None:
        return None
    for _ in range(_MOST_DATELINES):
        more = _read_dateline(found.rest)
        if more is None:
            break
        again = fold(more.shown) in fold(found.shown)
        if not again and not more.credit:
            break  # capitals and a dash behind a dateline are a kicker rather than a place
        found = Dateline(
            line=text[: len(text) - len(more.rest)].strip(),
            shown=found.shown if again else f"{found.shown} – {more.shown}",
            credit=found.credit if again else "; ".join(filter(None, (found.credit, more.credit))),
            rest=more.rest,
        )
    return found


def _read_dateline(text: str) -> Dateline | None:
    opening = text[:140]
    if not any(mark in opening for mark in _DATELINE_MARKS):
        return None
    found = _DATELINE.match(opening)
    if not found or len(text) - found.end() < 12:
        return None
    place = found["place"] or found["place2"] or found["place3"]
    credit = found["credit"] or found["agency"]
    if place and len(place.split()) > 6:
        return None
    line = found["line"].strip()
    return Dateline(line=line, shown=line.rstrip(" -–—:."), credit=credit, rest=text[found.end() :])


def read_credit(text: str) -> str | None:
    """Return the agencies of a line that is nothing but a credit, such as "(dpa)" or "APA/Reuters".

    A copyright is returned whole, and so are the names or initials of those who wrote and edited a piece.
    """
    if len(text) <= 160 and _COPYRIGHT.match(text):
        return text
    if text[:1] == "(" and (signed := _SIGNED.fullmatch(text)):
        return signed["who"] or signed["initials"]
    if len(text) > 60:
        return None
    found = _CREDIT.fullmatch(text)
    return next((part for part in found.groups() if part), None) if found else None


def take_credit_tail(text: str) -> tuple[str, str | None]:
    """Return the text without an agency in brackets at its end, and that agency."""
    found = _CREDIT_TAIL.search(text[-40:]) if text.endswith(")") else None
    if not found:
        return text, None
    return text[: len(text) - len(found.group())], found["credit"]


def read_byline(text: str) -> str | None:
    """Return the byline of a line that is nothing else, such as "Von Eva Lang und Jan Ode, dpa".

    What its writer is stays with it ("By Jane Holt, health correspondent"), when it was published does not.
    """
    if len(text) > _LONGEST_BYLINE or not text.startswith(_BYLINE_STARTS):
        return None
    if _is_byline(text):
        return text
    for mark in _BEFORE_STAMP.finditer(text):
        who = text[: mark.start()]
        if is_stamp(text[mark.end() :].removeprefix("am ")) and _is_byline(who):
            return who
    return None


def _is_byline(text: str) -> bool:
    bare = text.rstrip(".,; ")
    if _BYLINE.fullmatch(bare):
        return True
    role = _WITH_ROLE.fullmatch(bare)
    return role is not None and _BYLINE.fullmatch(role["who"]) is not None


def is_correction(text: str) -> bool:
    """Whether the line is a correction note of the desk."""
    return text[:4].lower() in _CORRECTION_STARTS and _CORRECTION.match(text) is not None


def is_notepad(text: str, next_text: str) -> bool:
    """Whether "Notizblock" heads what dpa has below its copy: addresses and notes for the desk, not for publication."""
    return text.startswith("#") or _NOTEPAD_PART.match(next_text) is not None


def is_embargo(text: str) -> bool:
    """Whether the line is an embargo ("Sperrfrist: …")."""
    return len(text) <= 200 and _EMBARGO.fullmatch(text) is not None


def take_sources(text: str) -> tuple[str, list[tuple[str, int]]]:
    """Return the text without source notes, and each note's name with the offset where it stood in what is returned."""
    if "(" not in text and "[" not in text:
        return text, []
    sources: list[tuple[str, int]] = []
    parts: list[str] = []
    end = size = 0
    for found in _SOURCE.finditer(text):
        names = re.split(r"\s*[,;]\s*", found["names"])
        if any(name.lower() in _NOT_SOURCES for name in names):
            continue
        parts.append(text[end : found.start()].rstrip())
        size += len(parts[-1])
        end = found.end()
        sources.extend(
            (name.lower().removeprefix("https://").removeprefix("http://").removeprefix("www."), size) for name in names
        )
    if not sources:
        return text, []
    parts.append(text[end:])
    return "".join(parts), sources
