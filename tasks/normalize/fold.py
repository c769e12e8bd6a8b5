"""Folds lines into keys that compare what a reader reads: letters and digits, not case, quotes, dashes or spacing.

A key is UTF-8 without any space or punctuation, so equality, prefix and containment are byte operations. One pass over
the whole article does it: folding line by line costs several times as much.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_ASCII_NOISE = bytes(code for code in range(128) if not chr(code).isalnum() and code != 10)
# General punctuation, Latin-1 signs, CJK punctuation, combining variation selectors; UTF-8 byte ranges.
_WIDE_NOISE = re.compile(
    rb"\xe2[\x80\x81\x84-\x97\x9c-\xab].|\xc2[\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf]|\xc3[\x97\xb7]|\xe3\x80[\x80-\x83\x88-\x9f]|\xe3\x83\xbb"
    rb"|\xef\xb8.|\xef\xbb\xbf|\xf0\x9f.."
)
_LEADS = (
    b"\xe2",
    b"\xc2",
    b"\xc3\x97",
    b"\xc3\xb7",
    b"\xe3\x80",
    b"\xe3\x83\xbb",
    b"\xef",
    b"\xf0\x9f",
)  # of that noise
_COMMON = "„“”’‘–—…«»·•\u00a0"  # the noise of nearly all copy: taken out one by one it costs a tenth
_AS_ZERO = bytes(48 if 48 <= code <= 57 else code for code in range(256))
_NOT_DIGITS = bytes(code for code in range(256) if not 48 <= code <= 57)


def fold_lines(lines: Sequence[str]) -> list[bytes]:
    """Return one key per line, in order; a line of signs alone has the empty key."""
    if not lines:
        return []
    joined = "\n".join(lines)
    if joined.count("\n") != len(lines) - 1:
        joined = "\n".join(line.replace("\n", " ") for line in lines)
    if joined.isascii():
        return joined.lower().encode().translate(None, _ASCII_NOISE).split(b"\n")
    for sign in _COMMON:
        joined = joined.replace(sign, "")
    if not unicodedata.is_normalized("NFKC", joined):
        joined = unicodedata.normalize("NFKC", joined)  # never makes or takes a line feed
    folded = joined.casefold().encode("utf-8", "ignore").translate(None, _ASCII_NOISE)
    if any(lead in folded for lead in _LEADS):
        folded = _WIDE_NOISE.sub(b"", folded)
    return folded.split(b"\n")


def fold(line: str) -> bytes:
    """Return the key of one line."""
    return fold_lines((line,))[0]


def digits(key: bytes) -> bytes:
    """Return the digits of a key in order: two lines that differ in a number are never copies of each other."""
    return key.translate(None, _NOT_DIGITS)


def mask_digits(keys: Sequence[bytes]) -> list[bytes]:
    """Return the keys with every run of digits as one 0: what stays of a line whose number or date changes."""
    masked = b"\n".join(keys).translate(_AS_ZERO)
    while b"00" in masked:
        masked = masked.replace(b"00", b"0")
    return masked.split(b"\n") if keys else []
