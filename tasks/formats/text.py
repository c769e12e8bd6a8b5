"""Small repairs of text as feeds carry it: mojibake, controls, tags and entities in a headline, names in an author."""

from __future__ import annotations

import html
import re
from functools import lru_cache

_C1 = re.compile(r"[\u0080-\u009f]")
_CP1252 = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BREAK = re.compile(r"<(?:br|p|div|li|h[1-6])\b[^<>]{0,500}>|</(?:p|div|li|h[1-6])\s{0,9}>", re.IGNORECASE)
# Only what HTML knows as a tag: "profits < 5 and > 3" and "<sic>" stay as the desk wrote them.
_INLINE = re.compile(
    r"</?(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|img|ins|kbd|mark|nobr|q|s|small|span|strike|strong"
    r"|sub|sup|time|tt|u|var|wbr)(?:\s[^<>]{0,2000})?/?>|<!--[^<>]{0,500}-->",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP = re.compile(
    r"</[A-Za-z][A-Za-z0-9]{0,15}\s{0,9}>|<(?:br|p|div|img|hr|li|a|b|i|em|strong|span|h[1-6]|ul|ol|figure|blockquote|table)"
    r"(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_HEADLINE_MAX = 2_000  # characters; what is longer is a body in the wrong element
_MAIL = re.compile(r"[^\s()<>@,;]{1,128}@[^\s()<>@,;]{1,128}")


def mend(value: str) -> str:
    """Undo what was encoded twice, map stray Windows-1252 controls to what they mean, drop byte order marks.

    Works on whole bodies, so it looks for single bytes first, which costs next to nothing, then for characters.
    """
    if value.isascii():
        return value
    data = value.encode("utf-8", "replace")
    if b"\xc2" in data:  # begins whatever is between U+0080 and U+00BF: without it nothing was encoded twice
        try:
            value = value.encode("latin-1").decode("utf-8")
            data = value.encode("utf-8", "replace")
        except (UnicodeEncodeError, UnicodeDecodeError):
            pass  # the usual case: it was not encoded twice
        if b"\xc2" in data and _C1.search(value):
            value = value.translate(_CP1252)
    return value.replace("\ufeff", "") if "\ufeff" in value else value  # looking for it costs next to nothing


def storable(value: str) -> str:
    """Return `value` without the characters that no database and no XML keeps, and otherwise verbatim."""
    return _CONTROLS.sub("", value) if not value.isprintable() else value


def is_markup(value: str) -> bool:
    """Whether `value` has tags or references that only make sense as HTML."""
    if "<" in value and _MARKUP.search(value):
        return True
    return "&" in value and _REFERENCE.search(value) is not None


def has_tags(value: str) -> bool:
    """Whether `value` has tags of HTML; text that is declared plain and has some was declared wrongly."""
    return "<" in value and _MARKUP.search(value) is not None


def headline(value: str, *, literal: bool = False) -> str:
    """Return a headline as plain text on one line; `literal` text keeps what looks like a tag (Atom `type="text"`)."""
    text = mend(value[: _HEADLINE_MAX * 4])
    for _ in range(2):  # references are often written twice over: &amp;#8220;
        if "<" in text and not literal:
            text = _INLINE.sub("", _BREAK.sub(" ", text))
        if "&" not in text or not _REFERENCE.search(text):
            break
        text = html.unescape(text)
    else:
        if "<" in text and not literal:
            text = _INLINE.sub("", _BREAK.sub(" ", text))
    return " ".join(text.split())[:_HEADLINE_MAX]


@lru_cache(maxsize=2_048)
def label(value: str) -> str:
    """Return the name of a category as plain text; remembered, because a feed has few and repeats them."""
    return headline(value)


@lru_cache(maxsize=2_048)
def author(value: str) -> str:
    """Return the name out of `desk@paper.example (Ada Holm)` or `Ada Holm <desk@…>`, else the address."""
    text = headline(value, literal=True)
    address = _MAIL.search(text)
    if address is None:
        return text
    name = (text[: address.start()] + " " + text[address.end() :]).replace("()", "").replace("<>", "")
    name = " ".join(name.split()).strip(" ()<>\"',;:-")
    return name or address[0]
