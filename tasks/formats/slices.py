"""Where in a document each item begins and ends, found in its bytes (UTF-8) without parsing them.

An item that stands inside CDATA or a comment is none, and where anything does not add up (an item in an item, an end
without a start) the answer is "do not cut this document", never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from tasks.formats.limits import MAX_ITEMS


# An item's start and end, and the two places where markup is only text. Each branch begins with `<` and is bounded by
# a plain search for its end, so the scan stays linear whatever the bytes are.
def _marks(names: bytes) -> re.Pattern[bytes]:
    name = rb"((?:%b)|%b:(?:%b))" % (names, _PREFIX, names)
    return re.compile(rb"<(?:(!\[CDATA\[)|(!--)|%b(?=[\s>/])|/%b\s{0,20}>)" % (name, name))


_PREFIX = rb"[A-Za-z_][\w.\-\x80-\xff]{0,30}+"
ITEMS, PAGES = _marks(b"item|entry"), _marks(b"url")  # of a feed, of a sitemap
_END_TAGS = re.compile(rb"(?:</[A-Za-z_][\w.:\-\x80-\xff]{0,60}\s{0,20}>\s{0,20})+$")
_ITEM_END = re.compile(rb"</(?:%b:)?(?:item|entry|url)\s{0,20}>" % _PREFIX)


@dataclass(frozen=True, slots=True)
class Slices:
    """What stands before the first item, the items, what stands between them, and what stands after the last.

    `tail` starts where the last item ended. `truncated` is the beginning of an item whose end is missing; `overflow`
    says that there are more items than were asked for.
    """

    head: bytes
    items: tuple[bytes, ...]
    between: tuple[bytes, ...]
    tail: bytes
    truncated: bytes | None = None
    overflow: bool = False

    def around(self, kept: list[bytes]) -> bytes:
        """Return the document with only the items in `kept`, everything outside of items as it was."""
        return b"".join([self.head, *kept, *self.between, self.tail])


def cut(text: bytes, marks: re.Pattern[bytes] = ITEMS, most: int = MAX_ITEMS) -> Slices | None:
    """Cut a document into its first `most` items; None when it has none or does not add up."""
    spans: list[tuple[int, int]] = []
    opened: re.Match[bytes] | None = None
    at = 0
    while len(spans) < most and (found := marks.search(text, at)):
        at = found.end()
        if found[1] or found[2]:
            end = text.find(b"]]>" if found[1] else b"-->", at)
            if end < 0:
                return None if opened is None else _truncated(text, spans, opened.start())
            at = end + 3
        elif found[3]:
            if opened is not None:
                return None
            close = text.find(b">", at)
            if close < 0:
                return _truncated(text, spans, found.start())
            if text[close - 1 : close] == b"/":
                spans.append((found.start(), close + 1))
                at = close + 1
            else:
                opened = found
        else:
            if opened is None or opened[3] != found[4]:
                return None
            spans.append((opened.start(), at))
            opened = None
    if opened is not None:
        return _truncated(text, spans, opened.start())
    if len(spans) == most and marks.search(text, at):
        return replace(_slices(text, spans, at, None), tail=_closing(text), overflow=True)
    return _slices(text, spans, len(text), None) if spans else None


def _closing(text: bytes) -> bytes:
    """Return the end tags that close a document after its last item."""
    run = _END_TAGS.search(text, max(0, len(text) - 500))
    return _ITEM_END.split(run[0])[-1] if run else b""


def _truncated(text: bytes, spans: list[tuple[int, int]], start: int) -> Slices:
    return _slices(text, spans, start, text[start:])


def _slices(text: bytes, spans: list[tuple[int, int]], end: int, truncated: bytes | None) -> Slices:
    head = text[: spans[0][0]] if spans else text[:end]
    between = tuple(text[one[1] : two[0]] for one, two in pairwise(spans))
    tail = text[spans[-1][1] : end] if spans else b""
    return Slices(head, tuple(text[start:stop] for start, stop in spans), between, tail, truncated)
