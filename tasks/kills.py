"""Does an entry say that its piece is withdrawn? In the wire's terms, and only where form and place say so together.

A kill is an instruction of the desk: it stands first, has the desk's form, and is short. A story about something that
was withdrawn has neither the form nor the length. Where in doubt it is a story: a piece that is wrongly kept can be
killed by an operator, one that is wrongly killed is gone from every screen. Pure.
"""

from __future__ import annotations

import html
import re
from datetime import datetime

from storage.records import Entry

# IPTC pubstatus, as NewsML-G2 (`stat:canceled`), ninjs and feeds after them have it.
CANCELED = frozenset({"canceled", "cancelled", "stat:canceled", "killed", "deleted"})
USABLE = frozenset({"usable", "stat:usable"})
# Words of a notice that stands alone, and how far into a text an instruction still stands at its beginning.
_SHORT, _BEGINNING = 60, 400
# Characters of markup that are looked at: a notice is shorter, an instruction stands before them.
_LOOKED_AT = 4_000
_TAG = re.compile(r"<[^<>]{0,500}>")
# A desk that speaks to desks; the noun is its own product, never "law", "bid" or "offer".
_OWN_DE = (
    r"(?:(?:dpa|apa|afp|rtr|reuters|kna|epd|sda|ots)[- ])?(?:Eil)?(?:Meldung|Nachricht|Text|Beitrag|Artikel)(?:en)?"
)
_UNDONE_DE = r"(?:gestrichen|zurückgezogen|storniert|annulliert)"
_STRONG = (
    # ACHTUNG: Meldung gestrichen · EILT: dpa-Meldung über Waldbrand wird zurückgezogen · ACHTUNG REDAKTIONEN: …
    re.compile(
        rf"^(?:ACHTUNG|EILT|EIL|WICHTIG)(?:,? REDAKTIONEN)?\s*[:!–-]+\s*(?:Die |Unsere |Der |Unser )?{_OWN_DE}"
        rf"(?:\s+(?:über|zu|vom|von|aus|mit|«|„|\").{{0,120}}?)?\s+(?:wird |wurde |ist |bitte )?"
        rf"(?:hiermit |ersatzlos )?{_UNDONE_DE}\W*$"
    ),
    # MANDATORY KILL · BC-Fire-KILL · KILL ADVISORY: Bridge
    re.compile(r"^(?:BULLETIN |URGENT |BC-[\w-]{0,40}[-,] ?)?(?:MANDATORY KILL|KILL ADVISORY|STORY KILL(?:ED)?)\b"),
    # ADVISORY-Story on bridge collapse withdrawn · EDITORS' NOTE: Story on … is withdrawn
    re.compile(
        r"^(?:ADVISORY|EDITORS?['’]?S? NOTE|NOTE TO EDITORS)\s*[-:–]\s*(?:the |this )?(?:story|item|article|alert)\b"
        r".{0,120}\b(?:is |has been |was )?withdrawn\W*$",
        re.IGNORECASE,
    ),
)
# A word in capitals before a colon or dash: a mark of the desk, or a loud headline. It needs the instruction below it.
_WEAK = re.compile(
    r"^(?:KILL(?:ED)?|ELIM(?:INATION)?|WITHDRAWN|RETRACTED|STREICHUNG|GESTRICHEN|ZURÜCKGEZOGEN|STORNO|STORNIERUNG|"
    r"(?:ACHTUNG|EILT)[^:]{0,20})\s*(?:[:–-]|$)"
)
_INSTRUCTIONS = (
    re.compile(
        r"\bbitte\b[^.]{0,60}\b(?:nicht (?:mehr |weiter )?verwenden|nicht veröffentlichen|aus dem Angebot nehmen|"
        r"löschen|entfernen)\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:Die|Diese|Unsere) {_OWN_DE}\b[^.]{{0,120}}\b(?:wird|wurde|ist)\b[^.]{{0,40}}\b{_UNDONE_DE}\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:please |must |editors?[,:] )(?:do not use|not use|kill|remove|withdraw|disregard|delete)\b[^.]{0,60}"
        r"\b(?:story|item|article|headline|alert|report)\b|\ba kill is mandatory\b|"
        r"\bdo not use (?:the|this) (?:story|item|article)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:the|this) (?:above |earlier |following )?(?:story|item)\b[^.]{0,120}\b(?:has been|is|was) "
        r"(?:withdrawn|killed|retracted)\b",
        re.IGNORECASE,
    ),
)
# A text that says of itself that it is no more, and nothing else.
_NOTICES = (
    re.compile(
        r"^(?:This|The above) (?:story|article|report|post)\b[^.]{0,80}\b(?:has been|is|was) "
        r"(?:withdrawn|retracted|killed|taken down|removed)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"^(?:Diese|Die vorstehende) (?:Meldung|Nachricht)\b[^.]{0,80}\b(?:wird|wurde|ist)\b[^.]{0,40}"
        rf"\b(?:{_UNDONE_DE}|gelöscht|entfernt)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"^Dieser (?:Artikel|Beitrag|Bericht|Text)\b[^.]{0,80}\b(?:wird|wurde|ist)\b[^.]{0,40}"
        r"\b(?:zurückgezogen|depubliziert|gelöscht|entfernt)\b",
        re.IGNORECASE,
    ),
)


def reason(entry: Entry) -> str | None:
    """Why the piece is withdrawn, in the publisher's words; None for an entry that is to be used."""
    status = _status(entry)
    if status in USABLE:
        return None
    text = _text(entry)
    if status in CANCELED:
        return entry.extra.get("reason") or _words(entry.headline if _marked(entry.headline) else text) or status
    if any(form.search(entry.headline) for form in _STRONG):
        return _words(text) or entry.headline
    beginning = text[:_BEGINNING]
    if _WEAK.search(entry.headline) and any(form.search(beginning) for form in _INSTRUCTIONS):
        return _words(text)
    if len(text.split()) <= _SHORT and any(form.search(text) for form in _NOTICES):
        return _words(text)
    return None


def by_status(entry: Entry) -> bool:
    """Whether the entry's own status says so, and not only its words."""
    return _status(entry) in CANCELED


def comes_back(entry: Entry, *, withdrawn_at: datetime | None) -> bool:
    """Whether an entry explicitly makes a withdrawn piece usable again: by its status, or as written after the kill.

    Where a publisher's cache serves the old document once more, the piece stays withdrawn (RFC 6721 §3: the later of
    the two counts).
    """
    if _status(entry) in USABLE:
        return True
    return withdrawn_at is not None and entry.updated_at is not None and entry.updated_at > withdrawn_at


def _status(entry: Entry) -> str:
    return entry.extra.get("status", "").strip().lower()


def _marked(headline: str) -> bool:
    return bool(_WEAK.search(headline)) or any(form.search(headline) for form in _STRONG)


def _text(entry: Entry) -> str:
    """The beginning of what the entry says below its headline, as plain text."""
    for markup in (entry.teaser, entry.content):
        if markup is not None:
            raw = markup.value[:_LOOKED_AT]
            text = " ".join(html.unescape(_TAG.sub(" ", raw) if markup.kind == "html" else raw).split())
            if text:
                return text
    return ""


def _words(text: str) -> str:
    """A reason of ordinary length."""
    return text if len(text) <= _BEGINNING else text[:_BEGINNING].rsplit(" ", 1)[0] + " …"
