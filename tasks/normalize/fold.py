"""Folds lines into keys that compare what a reader reads: letters and digits, not case, quotes, dashes or spacing.

A key is UTF-8 without any space or punctuation, so equality, prefix and containment are byte operations. One pass over
the whole article does it: folding line by line costs several times as much.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tasks.normalize.latin import fold_latin

_ASCII_NOISE = bytes(code for code in range(128) if not chr(code).isalnum() and code != 10)
# General punctuation, Latin-1 signs, CJK punctuation, combining variation selectors, emoji; UTF-8 byte ranges. One
# expression for each first byte: what begins with a fixed byte is looked for many times faster than an alternative.
_MIDDOT, _TIMES, _OVER = "・".encode(), "×".encode(), "÷".encode()
_WIDE_NOISE = [
    (lead, re.compile(rest))
    for lead, rest in (
        (b"\xe2", rb"\xe2[\x80\x81\x84-\x97\x9c-\xab]."),
        (b"\xc2", rb"\xc2[\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf]"),
        (_TIMES, _TIMES),
        (_OVER, _OVER),
        (b"\xe3\x80", rb"\xe3\x80[\x80-\x83\x88-\x9f]"),
        (_MIDDOT, _MIDDOT),
        (b"\xef\xb8", rb"\xef\xb8."),
        (b"\xef\xbb\xbf", rb"\xef\xbb\xbf"),
        (b"\xf0\x9f", rb"\xf0\x9f.."),
    )
]
# The part of it that western copy holds and NFKC makes no letter, digit or accent of.
_PLAIN_NOISE = [
    (b"\xe2\x80", re.compile(rb"\xe2\x80[^\x97\xbe]")),
    (b"\xc2", re.compile(rb"\xc2[\x80-\xa9\xab-\xae\xb0\xb1\xb4\xb6\xb7\xbb\xbf]")),
    (_TIMES, re.compile(_TIMES)),
    (_OVER, re.compile(_OVER)),
]
_EURO = "€".encode()
_LOWER = bytes(ord(chr(code).lower()) if code < 128 else code for code in range(256))
_LATIN_1 = bytes(range(128)) + b"\xc3" + bytes(range(0x80, 0xC0))  # all bytes of its letters, in UTF-8
_LOWER_LATIN_1 = bytes(code + 0x20 if 0x80 <= code <= 0x9E else code for code in range(256))
_COMPATIBLE = "…´¨\u00a0"  # noise that NFKC would change: without it, next to no copy needs NFKC
_MASKED = 220  # bytes of key; what is longer says something, whatever its numbers
_NUMBER = re.compile(rb"[0-9]+")
_NOT_DIGITS = bytes(code for code in range(256) if not 48 <= code <= 57)


def fold_lines(lines: Sequence[str]) -> list[bytes]:
    """Return one key per line, in order; a line of signs alone has the empty key."""
    if not lines:
        return []
    joined = "\n".join(lines)
    if joined.count("\n") != len(lines) - 1:
        joined = "\n".join(line.replace("\n", " ") for line in lines)
    if joined.isascii():
        return joined.encode().translate(_LOWER, _ASCII_NOISE).split(b"\n")
    if (keys := fold_latin(joined)) is not None:
        return keys
    folded = joined.encode("utf-8", "ignore").translate(_LOWER, _ASCII_NOISE)
    folded = _without(_PLAIN_NOISE, folded).replace(_EURO, b"$")  # free: no sign of ASCII is left
    if not folded.translate(None, _LATIN_1):
        return _western(folded).split(b"\n")
    keys = folded.split(b"\n")
    odd = {i for i, key in enumerate(keys) if key.translate(None, _LATIN_1)}
    others = iter(_any_script("\n".join([line for i, line in enumerate(joined.split("\n")) if i in odd])))
    return [next(others) if i in odd else _western(key) for i, key in enumerate(keys)]


def _western(folded: bytes) -> bytes:
    """Finish keys whose letters are all of Latin-1: they come out as from any script, in half the time."""
    return folded.replace(b"\xc3\x9f", b"ss").translate(_LOWER_LATIN_1).replace(b"$", _EURO)


def _any_script(text: str) -> list[bytes]:
    for sign in _COMPATIBLE:
        text = text.replace(sign, "")
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)  # never makes or takes a line feed
    folded = text.casefold().encode("utf-8", "ignore").translate(None, _ASCII_NOISE)
    return _without(_WIDE_NOISE, folded).split(b"\n")


def _without(noise: Sequence[tuple[bytes, re.Pattern[bytes]]], folded: bytes) -> bytes:
    for lead, pattern in noise:
        if lead in folded:
            folded = pattern.sub(b"", folded)
    return folded


def fold(line: str) -> bytes:
    """Return the key of one line."""
    return fold_lines((line,))[0]


def digits(key: bytes) -> bytes:
    """Return the digits of a key in order: two lines that differ in a number are never copies of each other."""
    return key.translate(None, _NOT_DIGITS)


def mask_digits(key: bytes) -> bytes:
    """Return the key with every run of digits as one 0: what stays of a line whose number or date changes.

    A line longer than any template has the empty mask.
    """
    if len(key) > _MASKED:
        return b""
    return _NUMBER.sub(b"0", key) if digits(key) else key
