"""Agency furniture: what the wire puts around the copy and the reader needs beside it, not in it.

Dateline, byline, credit line, correction note, embargo line and source notes become fields of the article.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.normalize.fold import fold
from tasks.normalize.releases import read_wire
from tasks.normalize.stamps import is_stamp

_AGENCIES = (
    r"(?:dpa(?:[-/ ]\w+){0,3}|AFP|AFX|AP|APA|Reuters|rtr|epd|KNA|SID|[Kk]eystone[-/](?:SDA|sda|ATS|ats)"
    r"|l(?:by|hx|he|ni|nw|sw|rs|no|mv|sn|th|ah|bg|er|bb)|sda|SDA|ATS|ats|ANSA|EFE|Xinhua|TASS|Interfax|UPI"
    r"|PA(?: Media)?|Bloomberg|Belga|ANP|Ritzau|NTB|TT|STT|PAP|CTK|ČTK|MTI|Tanjug|Anadolu|Kyodo|Yonhap|PTI|IANS|ANI|AAP"
    r"|CP|The Canadian Press|DJ|dts(?: Nachrichtenagentur)?|ots|OTS|ddp|dapd|AWP|awp|Lusa|Agerpres|HINA|STA|BNS|LETA"
    r"|ELTA|Ukrinform|DPA|[Rr]ed\.?|(?:\w{2,12}\.)?ORF\.at|Agentur(?:en|material|meldungen))"
)
# Counted, since "dpa/dpa" may be one agency or two, and a line of thirty would have more readings than can be tried.
_AGENCY_LIST = rf"{_AGENCIES}(?:\s*(?:/|,|-|–|und|and|&)\s*{_AGENCIES}){{0,5}}(?:\s*/\s*\w{{2,4}})?"
# Nothing that may follow is one of a place's signs, so none is given back: most first sentences have a comma.
_PLACE = r"[^\W\d_][\w.'’ \-]*+(?:\s*[/,]\s*[^\W\d_][\w.'’ \-]*+){0,3}"
_DAY = r"\d{1,2}\.?\s*[^\W\d_]{3,10}\.?|[^\W\d_]{3,10}\.?\s+\d{1,2}"
_CAPS = "A-ZÄÖÜÁÉÍÓÚÀÈÇÑØÅ"
_DASH = r"[-–—]"
# Swiss agencies and papers set no dash behind the bracket: "Bern (sda) Der Bundesrat …".
_SWISS = r"[Kk]eystone-(?:SDA|sda|ATS|ats)|sda|SDA|ats|ATS|awp|AWP"
_CAPITALISED = rf"(?!(?:Der|Die|Das|Laut|Wie)\b)[{_CAPS}][\w.'’-]*+"
# A broadcaster or paper in brackets behind a place in capitals: "MILLBROOK, N.Y. (WLTV) – …".
_STATION = r"[A-Z][A-Z0-9]{1,6}(?:[ /][A-Z0-9][A-Za-z0-9]{0,9}){0,2}"
# As in: Berlin (dpa) – / WASHINGTON, March 3 (Reuters) - / Wien/Graz (APA/dpa) - / PARIS —
_DATELINE = re.compile(
    rf"(?P<line>(?:(?P<place>{_PLACE})(?:,\s*(?:{_DAY}))?\s*)?\((?P<credit>{_AGENCY_LIST})\)\s*[-–—:.]{{1,2}}\s+"
    rf"|(?P<agency>{_AGENCY_LIST})\s+(?:{_DASH}\s+)?(?P<place3>[A-ZÄÖÜ][\w .'’-]{{2,30}})\.?\s+{_DASH}\s+"
    rf"|(?P<place2>[{_CAPS}][{_CAPS}.'’ \-]{{2,40}}(?:,\s*[A-Z][\w. ]{{1,20}})?)(?:,\s*(?:{_DAY}))?"
    rf"\s+{_DASH}{{1,2}}\s+"
    rf"|(?P<place5>[{_CAPS}][{_CAPS}.'’ \-]{{2,40}}(?:,\s*[A-Z][\w. ]{{1,20}})?)\s\((?P<station>{_STATION})\)"
    rf"\s{_DASH}{{1,2}}\s+"
    rf"|(?:(?P<place4>{_CAPITALISED}(?:\s[{_CAPS}][\w.'’-]*+)?)\s+)?\((?P<swiss>{_SWISS})\)\s+(?=[«„\"‚'\d{_CAPS}])"
    r")(?=\S)"
)
# One in a line of its own, above the text: "Altwik (ots)".
_LONE_DATELINE = re.compile(rf"{_PLACE}\((?P<credit>{_AGENCY_LIST})\)\s*[-–—:.]{{0,2}}")
_LONGEST_LONE = 60  # characters
_MOST_DATELINES = 8  # in one line, behind the first
_DATELINE_MARKS = "(-–—"  # one of them ends every dateline
_LONGEST_PLACE = 6  # words
# The last word of what stands in capitals before a dash and is no town: whom a letter addresses, what a piece is.
_NOT_TOWNS = """
sir sirs madam achtung alert analyse analysis antwort answer aufmacher ausblick blog breaking brief chronik comment
debatte editorial eil eilmeldung ende essay exclusive exklusiv fakt fakten faq feature fazit flash foto fotos frage
question gastbeitrag gastkommentar glosse hintergrund hinweis info inland ausland interview kolumne kommentar kritik
kultur leitartikel letter liveblog live liveticker lokales meinung meldung neu new news newsletter note opinion
person photos podcast politik porträt pressemitteilung quiz regional release reportage review roundup serie sport
standpunkt test tipp ticker umfrage update urteil video vorschau warnung warning watch wetter wichtig wirtschaft
world zusammenfassung
"""
_NO_PLACES = frozenset(_NOT_TOWNS.split())
_AGENCY_NAMES = r"(?i:(?:the )?(?:Associated Press|Agence France-Presse|Deutsche Presse-Agentur|Press Association))"
_WHO = rf"(?:{_AGENCY_LIST}|{_AGENCY_NAMES}|[Aa]gencies|[Ww]ire (?:services|reports))"
_GIVEN = (
    r"[Mm]it(?: (?:Material|Informationen|Inhalten) (?:von|der))?|[Vv]on"
    r"|[Ww]ith(?: (?:additional )?(?:reporting|inputs?|material) (?:by|from))?"
    r"|Additional (?:reporting|material) (?:by|from)"
)
_CREDIT = re.compile(
    rf"(?:(?:©\s*)?(?P<bare>{_AGENCY_LIST}|{_AGENCY_NAMES})"
    rf"|(?:Quellen?|Sources?|{_GIVEN}):?\s*(?:the )?(?P<from>{_WHO})"
    rf"|(?P<helped>{_WHO}) contributed (?:reporting )?to this (?:report|story|article))\.?"
)
_IN_BRACKETS = re.compile(rf"\((?i:{_CREDIT.pattern})\)\.?")
_LONGEST_CREDIT = 90  # characters
_MOST_JOINTS = 8  # signs between agencies; each may part two of them or the words of one
_COPYRIGHT = re.compile(r"(?:©|\(c\)\s*\d|copyright\b)", re.IGNORECASE)
_RESERVED = re.compile(
    r"rechte vorbehalten|nicht gestattet|rights reserved|may not be (?:published|reproduced)", re.IGNORECASE
)
_LONGEST_COPYRIGHT = 160  # characters, or so many where it says what is reserved
_LONGEST_RESERVED = 600
# As in: (Reporting by Jane Holt in London; Editing by Mary Roe) / (Schluss) mm/jh
PICTURES = "Bild Bilder Foto Fotos Grafik Image Images Photo Photos Photograph Picture Credit Video"
_STOCK = (
    r"Getty(?: Images)?|[Ii]mago(?: [Ii]mages)?|IMAGO|Alamy|Shutterstock|picture[ -]alliance|Adobe ?Stock|iStock|EPA"
)
_PICTURE = re.compile(
    rf"\(?(?:{PICTURES.replace(' ', '|')})\s*:\s*(?:[^.:/]{{1,40}}/\s*)?(?:{_AGENCIES}|{_STOCK})"
    rf"(?:\s*[/|]\s*[^.:/|]{{1,30}}){{0,3}}\)?"
)
_SIGNED = re.compile(
    r"\((?P<who>(?:(?:Additional )?[Rr]eporting|Writing|Compiled|Editing) by [^()]{2,400})\)"
    r"|(?P<bare>(?:(?:Additional )?[Rr]eporting|Writing|Compiled|Editing) by [A-Z][^().!?]{2,400}\.?)"
    r"|\(Schluss\)\s+(?P<initials>\w{2,4}(?:/\w{2,4})*)"
)
_SIGNED_STARTS = ("(", "Additional ", "Reporting by", "Writing by", "Compiled by", "Editing by")
# As in: Associated Press writers Tom Roe in Lowmouth and Ann Lee in Oslo contributed to this report.
_HELPED = re.compile(
    rf"{_WHO}\s(?:[\w-]+\s){{0,3}}?(?i:writer|(?:video)?journalist|reporter|correspondent|photographer)s?"
    r"\s[A-Z][^!?]{2,300}\scontributed(?:\sreporting)?"
    r"(?:\sto this (?:report|story|article)|\sfrom\s[A-Z][^.!?]{2,80})?\."
)
_HELPED_STARTS = ("AP ", "Associated Press", "The Associated Press", "AFP ", "Reuters ", "PA ")
# As in: Roe and Lee reported from Portland, Maine. / Roe reported from Oslo, and Lee from Bern.
_REPORTED = re.compile(
    r"[A-Z][\w'’-]+(?:(?:,| and|, and)? [A-Z][\w'’-]+){0,4},? and [A-Z][\w'’-]+(?: [A-Z][\w'’-]+)? reported"
    r" from [A-Z][^!?]{2,80}\."
    r"|[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)? reported from [A-Z][^.!?]{2,40}(?:,|;|, and| and) [A-Z][\w'’-]+"
    r"(?: [A-Z][\w'’-]+)?(?: reported)? from [A-Z][^!?]{2,40}\."
)
# What stands below an agency's copy for its own clerks: "dpa jh yyzz n1 po", "epd lnb jh", "jh/tr/mb".
_CLERKS = re.compile(
    r"(?P<desk>dpa|epd|kna|sid|afp)(?: [a-z][a-z0-9]{1,3}){1,7}|(?P<initials>[a-z]{2,3}(?:/[a-z]{2,3}){1,4})"
)
_LONGEST_CLERKS = 40
_CREDIT_TAIL = re.compile(rf"\s+\((?:(?:{_GIVEN})\s)?(?P<credit>{_AGENCY_LIST})\)\s*$")
_INITIALS_TAIL = re.compile(r"(?<=[.!?“”\"»])/(?P<credit>\w{2,4}(?:/\w{2,4}){1,3})$")  # "… auf 130,44 Punkte./mis/he"
_NAME = rf"[{_CAPS}][\w'’.-]*"
_PARTICLE = r"(?:von|van|de|der|den|zu|di|da|del|la|le|el|al|bin|ibn)"
_LONGEST_BYLINE = 120  # characters
_BY_WHOM = rf"(?>{_AGENCIES}(?!\w)|{_NAME}(?:\s+{_NAME}){{1,3}}|[a-zäöü]{{2,4}}(?!\w))"
# An Austrian paper's, with the day: "(APA, red, 12.3.2026)", "(Eva Lang, 12.3.2026)".
_DATED_CREDIT = rf"\((?P<credit>{_BY_WHOM}(?:\s*[,/]\s*{_BY_WHOM}){{0,4}}),\s*\d{{1,2}}\.\s?\d{{1,2}}\.\s?\d{{4}}\)"
_DATED_LINE = re.compile(_DATED_CREDIT)
_DATED_TAIL = re.compile(rf"(?<=[.!?“”\"»«])\s+{_DATED_CREDIT}$")
_RULES = "-–—* "  # as in "--- Von Eva Lang, dpa-AFX ---"
# fmt: off
_BYLINE_STARTS = (
    "Von", "By", "von", "by", "VON", "BY", "Par", "Por", "Di", "Door", "Av", "Af", "Text", "Aut",
    "Ein", "Kommentar von", "Gast", "Leitartikel von", "Analyse von", "Analysis by", "Opinion by", "Das In", "Das Ge",
    "Die Fragen st",
)
# fmt: on
# What a piece is, in front of its writer: "Ein Kommentar von Eva Lang", "Das Interview führte Jan Ode".
_GENRE = (
    r"(?:Eine? )?(?:(?:Gast)?[Kk]ommentar|Gastbeitrag|Leitartikel|Analyse|Glosse|Kolumne|Reportage|Rezension"
    r"|Kritik|Essay) von|(?:Analysis|Opinion) by|Das (?:Interview|Gespräch) führten?|Die Fragen stellten?"
)
_PARTICLES = rf"(?:\s+{_PARTICLE})*"
# With something between any two names, so that a word in capitals is not read as ten.
_PERSON = rf"{_NAME}{_PARTICLES}(?:\s+{_NAME}{_PARTICLES}){{0,3}}"
_BYLINE = re.compile(
    rf"(?:Von|By|von|by|VON|BY|Par|Por|Di|Door|Av|Af|Text|Autor(?:in)?|Author|{_GENRE})\s*:?\s+{_PERSON}"
    rf"(?:\s*(?:,|\bund\b|\band\b|\bet\b|\by\b|&|/)\s*{_PERSON}){{0,4}}"
    r"(?:\s*[,/]\s*(?:dpa(?:-AFX)?|AFP|AP|APA|Reuters|epd|KNA|SID|sda))?"
)
_ROLE = r"(?:correspondent|editor|writer|columnist|[\w-]*[Rr]edaktion|(?:Redakteur|Korrespondent|Reporter)(?:in)?)"
_WITH_ROLE = re.compile(rf"(?P<who>.{{5,80}}?),\s+(?:[\w'’-]+\s+){{0,4}}{_ROLE}", re.IGNORECASE)
_BEFORE_STAMP = re.compile(r"\s+[|•·–—-]\s+|,\s+|\s+(?=am\s+\d)")
_CORRECTION = re.compile(
    r"(?:(?:Berichtigung|Korrektur|Korrigiert|Richtigstellung|Anmerkung der Redaktion|Hinweis der Redaktion|Correction"
    r"|Anm(?:\.|erkung)\s?d(?:\.|er)\s?Red(?:\.|aktion)"
    r"|CORRECTION|Corrected|Clarification|CLARIFICATION|Editor['’]s note|Rectification|Rectificatif|Corrección"
    r"|Rettifica|Correctie|Rättelse|Rettelse)(?<=\w|\.)(?!\w)\s*(?:\([^)]{1,40}\))?\s*[:–—-]\s*\S"
    # An agency's, in brackets at the top of the version that is right.
    r"|[(\[](?:Berichtigung|Berichtigt|Korrektur|Korrigiert|Corrects|Corrected|Correction)\s*[:–—-]?\s[^()\[\]]{3,200}[)\]]\Z"
    # Notes that say what they are in a sentence.
    r"|(?:•\s*)?This (?:article|story|report|piece|headline) (?:was|has been) (?:amended|corrected)\b"
    r"|(?:An earlier|A previous) version of this (?:article|story|report)\b"
    r"|In einer (?:früheren|vorherigen|ersten|älteren) (?:Version|Fassung)"
    r" (?:dieses (?:Artikels|Textes|Beitrags)|dieser Meldung)\b"
    r"|Dieser (?:Artikel|Text|Beitrag) wurde (?:nachträglich )?(?:korrigiert|berichtigt)\b)"
)
_CORRECTIONS = re.compile(
    r"(?:(?:In eigener Sache:\s*)?(?:Korrekturen?|Berichtigung(?:en)?|Richtigstellung(?:en)?)"
    r"|Corrections?|Clarifications?|Errat(?:a|um))(?:\s(?:und|and|&)\s\w+)?[:,.]?(?:\s(?:vom|for|of)\s.{0,30})?",
    re.IGNORECASE,
)
# The first letters of the words above: a regular expression on every line would cost more than all the rest.
CORRECTION_KEYS = frozenset(
    [*b"beri korr rich anme anmd hinw corr clar edit rect rett this anea apre inei dies".split(), "rät".encode()]
)
_RULE = re.compile(r"[_=~–—\s-]+")
_EMBARGO = re.compile(
    r"(?:ACHTUNG\s*[-–—:]\s*)?(?:Sperrfrist|SPERRFRIST|Embargo|EMBARGO|EMBARGOED|Embargoed|Frei ab|Frei für"
    r"|Not for publication before|Not for release before|Hold for release)\b[^\n]{0,160}"
)
_NOTEPAD_PART = re.compile(r"(?:#+\s*|\*\s*)?(?:dpa-Kontakte|Redaktioneller Hinweis|Internet|Orte|Ansprechpartner)\b")
_HOST = r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,18}"
_SOURCE = re.compile(
    r"[(\[](?:(?:Quellen?|Sources?|via)(?:\s*:\s*|\s+))?"
    rf"(?P<names>(?:https?://)?{_HOST}(?:/[^\s()\[\]]*)?(?:\s*[,;/]\s*{_HOST})*)[)\]]",
    re.IGNORECASE,
)
# A line that names where all of a piece is from: "Quellen: hafenamt.example, altwik-bote.example".
_SOURCE_LINE = re.compile(
    rf"(?:Quellen?|Sources?)\s*:\s*(?P<names>(?:https?://)?{_HOST}(?:/[^\s,;]*)?"
    rf"(?:(?:\s*[,;]\s*|\s+(?:und|and)\s+)(?:https?://)?{_HOST}(?:/[^\s,;]*)?){{0,9}})\.?",
    re.IGNORECASE,
)
SOURCE_LABELS = ("Quelle", "Source")
_LISTED_NAMES = re.compile(r"\s*[,;]\s*|\s+(?:und|and)\s+")
_AGENCY_BEHIND = re.compile(rf"/(?={_AGENCIES}$)")  # "noe.ORF.at/APA" names two, "orf.at/stories" a page
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
    if found:
        place = found["place"] or found["place2"] or found["place3"]
        credit = found["credit"] or found["agency"] or found["swiss"] or found["station"]
    elif found := read_wire(opening):
        place, credit = found["place"], found["credit"]
    if not found or len(text) - found.end() < 12:
        return None
    if place and (len(place.split()) > _LONGEST_PLACE or (not credit and place.split()[-1].casefold() in _NO_PLACES)):
        return None
    line = found["line"].strip()
    return Dateline(line=line, shown=line.rstrip(" -–—:."), credit=credit, rest=text[found.end() :])


def read_lone_dateline(text: str) -> Dateline | None:
    """Return the dateline that a line is, and nothing else, with its agency; None for any other line."""
    found = _LONE_DATELINE.fullmatch(text) if len(text) <= _LONGEST_LONE and "(" in text else None
    if not found:
        return None
    return Dateline(line=text, shown=text.rstrip(" -–—:."), credit=found["credit"], rest="")


def read_credit(text: str) -> str | None:
    """Return the agencies of a line that is nothing but a credit, such as "(dpa)" or "APA/Reuters".

    A copyright is returned whole, and so are the names or initials of those who wrote and edited a piece.
    """
    if _COPYRIGHT.match(text) and (
        len(text) <= _LONGEST_COPYRIGHT or (len(text) <= _LONGEST_RESERVED and _RESERVED.search(text))
    ):
        return text
    if text.startswith(_SIGNED_STARTS) and (signed := _SIGNED.fullmatch(text)):
        return signed["who"] or signed["bare"] or signed["initials"]
    if text.startswith(_HELPED_STARTS) and _HELPED.fullmatch(text):
        return text
    if text.endswith(".") and " reported from " in text and _REPORTED.fullmatch(text):
        return text
    if len(text) > _LONGEST_CREDIT or text.count("/") + text.count("-") > _MOST_JOINTS:
        return None
    if text[:1] == "(":
        found = _DATED_LINE.fullmatch(text) or _IN_BRACKETS.fullmatch(text)
    else:
        found = _CREDIT.fullmatch(text) or (_CLERKS.fullmatch(text) if len(text) <= _LONGEST_CLERKS else None)
    return next((part for part in found.groups() if part), None) if found else None


def is_picture_credit(text: str) -> bool:
    """Whether the line says whose a picture is, by an agency or a stock of pictures: "Bild: Eva Lang/dpa"."""
    return len(text) <= _LONGEST_BYLINE and _PICTURE.fullmatch(text) is not None


def take_credit_tail(text: str) -> tuple[str, str | None]:
    """Return the text without an agency in brackets or the desk's initials at its end, and these."""
    end = text[-40:]
    if end.endswith(")"):
        found = _CREDIT_TAIL.search(end) or (
            _DATED_TAIL.search(text[-_LONGEST_CREDIT:]) if end[-2:-1].isdigit() else None
        )
    else:
        found = _INITIALS_TAIL.search(end) if "/" in end[-5:] else None
    if not found:
        return text, None
    return text[: len(text) - len(found.group())], found["credit"]


def read_byline(text: str) -> str | None:
    """Return the byline of a line that is nothing else, such as "Von Eva Lang und Jan Ode, dpa".

    What its writer is stays with it ("By Jane Holt, health correspondent"), when it was published does not.
    """
    text = text.strip(_RULES)
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


def is_correction(text: str, key: bytes) -> bool:
    """Whether the line, folded to `key`, is a correction note of the desk."""
    return key[:4] in CORRECTION_KEYS and _CORRECTION.match(text) is not None


def heads_corrections(headline: str) -> bool:
    """Whether a headline is that of corrections themselves: "Corrections and clarifications", "Richtigstellung"."""
    return _CORRECTIONS.fullmatch(headline) is not None


def is_rule(text: str) -> bool:
    """Whether the line is a rule drawn of signs: "___", "----"; stars may be what a critic gives."""
    return _RULE.fullmatch(text) is not None


def is_notepad(text: str, next_text: str) -> bool:
    """Whether "Notizblock" heads what dpa has below its copy: addresses and notes for the desk, not for publication."""
    return text.startswith("#") or _NOTEPAD_PART.match(next_text) is not None


def is_embargo(text: str) -> bool:
    """Whether the line is an embargo ("Sperrfrist: …")."""
    return len(text) <= 200 and _EMBARGO.fullmatch(text) is not None


def _site(name: str) -> str:
    return name.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.")


def take_sources(text: str) -> tuple[str, list[tuple[str, int]]]:
    """Return the text without source notes, and each note's name with the offset where it stood in what is returned."""
    if text.startswith(SOURCE_LABELS) and (line := _SOURCE_LINE.fullmatch(text)):
        return "", [(_site(name), 0) for name in _LISTED_NAMES.split(line["names"])]
    if "(" not in text and "[" not in text:
        return text, []
    sources: list[tuple[str, int]] = []
    parts: list[str] = []
    end = size = 0
    for found in _SOURCE.finditer(text):
        names = [one for name in re.split(r"\s*[,;]\s*", found["names"]) for one in _AGENCY_BEHIND.split(name)]
        if any(name.lower() in _NOT_SOURCES for name in names):
            continue
        part = text[end : found.start()].rstrip()
        parts.append(part if size else part.lstrip())  # what stood before may have been a note, too
        size += len(parts[-1])
        end = found.end()
        sources.extend((_site(name) if "." in name else name, size) for name in names)
    if not sources:
        return text, []
    parts.append(text[end:] if size else text[end:].lstrip())
    return "".join(parts), sources
