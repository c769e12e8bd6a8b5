"""Mends the text of a line: entities, mojibake, invisible characters, accents, white space; nothing else changes."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

# Soft hyphen, zero-widths, word joiner, direction marks, byte order mark, controls: nobody reads them, and comparing
# trips over them. A few scripts and emoji need their joiners.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffc\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]"
)
_JOINED = re.compile("[\u0600-\u0dff\u1780-\u17ff\U0001f300-\U0001faff]")
_FEEDS = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")
_SPACE = re.compile(r"[^\S\n ]")
_COMMON = (
    ("\u00a0", " "),
    ("\t", " "),
    ("\u202f", " "),
    ("\u2009", " "),
    ("\u200b", ""),
    ("\u00ad", ""),
    ("\ufeff", ""),
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# UTF-8 read as Windows-1252: these pairs hardly occur in any language, so they are worth the cost of looking closer.
_PAIR = "[ÃÂâÅÐÑ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
_MOJIBAKE = re.compile(_PAIR)
_SUSPECT = "ÃÂâÅÐÑ"  # mojibake may start here
_ODD = re.compile(f"[&{_SUSPECT}]")


def mend_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines mended, one for one; an article without any trouble costs one look."""
    whole = " ".join(lines)
    if _is_fine(whole):
        return list(lines)
    if any("\n" in line for line in lines):
        return [mend(line) for line in lines]
    if has_entity(whole) or any(mark in whole for mark in _SUSPECT):
        lines = [mend(line) if _ODD.search(line) else line for line in lines]
        whole = " ".join(lines)
        if _is_fine(whole):
            return list(lines)
    return _plain("\n".join(lines)).split("\n")


def _is_fine(text: str) -> bool:
    """Whether nothing needs mending. `isprintable` refuses controls, odd spaces and invisible characters at C speed."""
    if not text.isprintable() or has_entity(text) or "  " in text or text[:1] == " " or text[-1:] == " ":
        return False
    return text.isascii() or (not any(mark in text for mark in _SUSPECT) and unicodedata.is_normalized("NFC", text))


def mend(line: str) -> str:
    """Return one line as a reader should have seen it."""
    if "&" in line:
        # twice, since a feed may escape what its editor had escaped already
        for _ in range(2):
            if not _ENTITY.search(line):
                break
            line = html.unescape(line)
    if _MOJIBAKE.search(line):
        line = _unmojibake(line)
    return _plain(_FEEDS.sub(" ", line))


def _plain(text: str) -> str:
    """Mend all but entities and mojibake, in one line or in many parted by line feeds."""
    for odd, plain in _COMMON:
        text = text.replace(odd, plain)
    if not text.replace("\n", " ").isprintable():
        text = _SPACE.sub(" ", text)
        keep = "\u200c\u200d" if _JOINED.search(text) else ""
        text = _INVISIBLE.sub(lambda found: found.group() if found.group() in keep else "", text)
    text = unicodedata.normalize("NFC", text)
    return tidy_spaces(text)


def tidy_spaces(text: str) -> str:
    """Return lines parted by line feeds with single spaces, and none around them."""
    while "  " in text:
        text = text.replace("  ", " ")
    return text.replace(" \n", "\n").replace("\n ", "\n").strip(" ")


def has_entity(text: str) -> bool:
    """Whether there is an entity in it that stayed."""
    return "&" in text and _ENTITY.search(text) is not None


def _unmojibake(line: str) -> str:
    import ftfy  # a third of a second to import, and few lines ever need it

    return ftfy.fix_encoding(line)
