"""How much of anything a document may have: far above what newsrooms send, far below what an attack needs.

libxml2 takes time linear in a document's size and memory linear in its markup, so the limits for whole documents bound
memory. feedparser takes quadratic time in the attributes of a tag, the depth of nesting and the length of some texts,
so what it is given is bounded much closer; what is above goes to libxml2's recovery instead.
"""

from __future__ import annotations

import re

MAX_ITEMS = 5_000  # per document; feeds carry 30, archives some hundred
MAX_MARKS = 1_000_000  # tags or JSON objects per document; a tag costs 120 bytes in a tree
HEAVY_BYTES = (
    4_000_000  # above it, or with a fifth of the marks, a document is parsed in the child, never in the worker
)
LOOSE_ITEMS = 200  # malformed items per document for feedparser, a millisecond each; the others are recovered
LOOSE_CHARACTERS = 256_000  # of an item or a document for feedparser
LOOSE_MARKS = 6_000
_LONG_TAG = re.compile(r"<[^<>]{8000}")


def overloaded(text: str) -> bool:
    """Whether a document has more markup than a feed can have."""
    if len(text) <= MAX_MARKS:
        return False
    return max(text.count("<"), text.count("{"), text.count("["), text.count("=") // 2) > MAX_MARKS


def heavy(body: bytes) -> bool:
    """Whether a document is big enough to be read outside of the worker."""
    if len(body) <= MAX_MARKS // 5:
        return False
    if len(body) > HEAVY_BYTES:
        return True
    return max(body.count(b"<"), body.count(b"&"), body.count(b"{"), body.count(b"=") // 2) > MAX_MARKS // 5


def fit_for_feedparser(text: str) -> bool:
    """Whether feedparser will be done with `text` in well under a second."""
    return len(text) <= LOOSE_CHARACTERS and text.count("<") <= LOOSE_MARKS and not _LONG_TAG.search(text)
