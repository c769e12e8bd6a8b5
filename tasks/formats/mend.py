"""Faults of markup that have one right reading, put right in the text: what is left is malformed indeed."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5

_DOCTYPE = re.compile(r"<!DOCTYPE\b", re.IGNORECASE)
_ELEMENT = re.compile(r"<[A-Za-z]")
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_AMPERSAND = re.compile(r"&(?:#(\d{1,7});|#[xX]([0-9a-fA-F]{1,6});|([A-Za-z][A-Za-z0-9]{1,31});)?")
_START = re.compile(
    r"<(?:\?xml\s|rss[\s>]|feed[\s>]|rdf:RDF[\s>]|channel[\s>]|urlset[\s>]|[A-Za-z]{1,12}:feed[\s>])", re.IGNORECASE
)
_XML = {"amp", "lt", "gt", "quot", "apos"}
_VERBATIM = re.compile(r"<!\[CDATA\[|<!--|<\?")
_CLOSING = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}


def without_doctype(text: str) -> str:
    """Return `text` without document type declarations: entities of a feed's own are a bomb or a leak, never needed."""
    # A declaration stands before the root element; the same word further in is an article about HTML.
    root = _ELEMENT.search(text)
    found = _DOCTYPE.search(text, 0, root.start() if root else len(text))
    if found is None:
        return text
    end = _doctype_end(text, found.end())
    return text[: found.start()] + (text[end:] if end else "")


def _doctype_end(text: str, at: int) -> int:
    """Return where the declaration that is open at `at` ends, its internal subset included; 0 when it never does."""
    depth, quote = 0, ""
    for found in re.compile(r"[\[\]<>\"']").finditer(text, at):
        sign = found[0]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "[<":
            depth += 1
        elif sign == "]":
            depth -= 1
        elif depth <= 0:
            return found.end()
        else:
            depth -= 1
    return 0


def start_of(text: str) -> str:
    """Return `text` from where the feed begins; warnings of the server's own software often stand before it."""
    stripped = text.lstrip("\ufeff \t\r\n\x00")
    if stripped.startswith("<") and not stripped[:2_000].lower().startswith(("<br", "<b>", "<div", "<p>", "<!--")):
        return stripped
    found = _START.search(stripped[:20_000])
    return stripped[found.start() :] if found else stripped


def mended(text: str) -> str:
    """Return `text` with illegal characters dropped, bare ampersands escaped and HTML's named entities spelled out."""
    text = _ILLEGAL.sub("", text)
    return outside(text, lambda passage: _AMPERSAND.sub(_reference, passage)) if "&" in text else text


def outside(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the markup in `text`, leaving CDATA, comments and instructions as they are."""
    pieces, at = [], 0
    while found := _VERBATIM.search(text, at):
        closing = _CLOSING[found[0]]
        end = text.find(closing, found.end())
        end = len(text) if end < 0 else end + len(closing)
        pieces += [change(text[at : found.start()]), text[found.start() : end]]
        at = end
    return "".join([*pieces, change(text[at:])])


def _reference(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if decimal or hexadecimal:
        code = int(decimal) if decimal else int(hexadecimal, 16)
        return found[0] if _legal(code) else ""
    if name in _XML:
        return found[0]
    if name and f"{name};" in html5:
        return "".join(f"&#{ord(sign)};" for sign in html5[f"{name};"])
    return f"&amp;{found[0][1:]}"


def _legal(code: int) -> bool:
    """Whether XML 1.0 §2.2 allows the character."""
    return code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
