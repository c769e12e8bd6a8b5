"""What a press release has around its text: the wire it came by, and whom the press may ask."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.normalize.plain import PARAGRAPH

_WIRES = (
    r"PR ?Newswire(?:[-/][\w -]{1,24})?|(?:BUSINESS|Business) ?(?:WIRE|Wire)|GLOBE ?NEWSWIRE|GlobeNewswire"
    r"|CNW(?: \w+)?|EQS[ -]News(?:wire)?|ACCESS ?(?:WIRE|Newswire)|EZ Newswire|Newsfile Corp\.(?: - [\w ,]{5,20})?"
)
# As in: LOWMOUTH, March 12, 2026 /PRNewswire/ -- / LOWMOUTH, Ohio--(BUSINESS WIRE)--
_BY_WIRE = re.compile(
    rf"(?P<line>(?P<place>[^\W\d_][\w.,'’ -]{{1,80}}?)\s*(?:--?\s?)?[/(](?P<credit>{_WIRES})[/)]"
    r"\s*[-–—]{0,2}\s*)(?=\S)"
)
_WIRE_ENDS = ("wire", "WIRE", "CNW", "EQS", "Newsfile", "Wire")
# What heads the names and numbers below a release, or stands before the only one.
_CONTACTS = re.compile(
    r"(?:(?:Weitere\s+)?R(?:ü|ue)ckfragen?(?:\s*(?:&|und)\s*Kontakt|hinweis|(?:\s+von\s+Medien\w*)?\s+(?:bitte\s+)?an)?"
    r"|(?:Presse|Medien)(?:kontakte?|r(?:ü|ue)ckfragen|anfragen)|Kontakt f(?:ü|ue)r (?:Medien|die Presse|Journalist\w*)"
    r"|(?:Media|Press) (?:[Cc]ontacts?|[Ii]nquiries|[Ee]nquiries|[Rr]elations)(?: [Cc]ontacts?)?"
    r"|Contacts? for (?:the )?(?:media|press))\b"
    r"(?P<rest>\s*:?\s*|\s*:\s*\S.{0,160})",
)
_CONTACT_STARTS = ("Rück", "Rueck", "Weitere R", "Presse", "Medien", "Kontakt f", "Media ", "Press ", "Contact")
MOST_CONTACTS = 16  # lines
# What the wire itself sets below: whose text it is, and where to find it.
_OF_THE_WIRE = re.compile(
    r"Original-Content von:.{1,200}|OTS-ORIGINALTEXT\b.{0,200}|(?:SOURCE|QUELLE) \S.{1,120}"
    r"|(?:View (?:the )?(?:original content|source version)|Originalversion)\b.{1,300}|https?://\S+|-0-",
)


def read_wire(opening: str) -> re.Match[str] | None:
    """Return the dateline of a press release at the start of a paragraph, with its groups line, place and credit."""
    return _BY_WIRE.match(opening) if any(wire in opening for wire in _WIRE_ENDS) else None


def is_body(text: str) -> bool:
    """Whether a line is a paragraph and none of the wire's own."""
    return len(text) >= PARAGRAPH and not _OF_THE_WIRE.fullmatch(text)


def contacts_from(texts: Sequence[str]) -> int | None:
    """Return from which line on a release names those whom the press may ask; None where it does not end so.

    A paragraph below them says that the release goes on, and then all stays.
    """
    for n in range(len(texts) - 1, -1, -1):
        text = texts[n]
        if text.startswith(_CONTACT_STARTS) and _CONTACTS.fullmatch(text):
            return n
        if is_body(text):
            return None
    return None
