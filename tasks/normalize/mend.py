"""Mends the text of a line: entities, mojibake, invisible characters, accents, white space; nothing else changes."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

# Soft hyphen, zero-widths, word joiner, direction marks, byte order mark: nobody reads them, comparing trips over them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffc]")
_JOINER = re.compile("[\u0600-\u0dff\u1780-\u17ff\U0001f300-\U0001faff]")  # scripts and emoji that need their joiners
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
# UTF-8 read as Windows-1252: these pairs hardly occur in any language, so they are worth the cost of looking closer.
_PAIR = "[ÃÂâÅÐÑ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
_MOJIBAKE = re.compile(_PAIR)
_SUSPECT = "ÃÂâÅÐÑ"


def mend_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines mended, one for one; an article without any trouble costs one look."""
    if _is_fine(" ".join(lines)):
        return list(lines)
    return [line if _is_fine(line) else mend(line) for line in lines]


def _is_fine(text: str) -> bool:
    """Whether nothing needs mending. `isprintable` refuses controls, odd spaces and invisible characters at C speed."""
    if not text.isprintable() or "&" in text or "  " in text or text[:1] == " " or text[-1:] == " ":
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
    return _plain(_CONTROL.sub("", line))


def _plain(line: str) -> str:
    if _INVISIBLE.search(line):
        kept = "" if not _JOINER.search(line) else "\u200c\u200d"
        line = _INVISIBLE.sub(lambda found: found.group() if found.group() in kept else "", line)
    return " ".join(unicodedata.normalize("NFC", line).split())


def _unmojibake(line: str) -> str:
    import ftfy  # a third of a second to import, and few lines ever need it

    return ftfy.fix_encoding(line)
