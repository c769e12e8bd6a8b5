"""Where in a document's text each item begins and ends, found without parsing it.

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
def _marks(names: str) -> re.Pattern[str]:
    return re.compile(
        r"<(?:(!\[CDATA\[)|(!--)"
        rf"|(?:([A-Za-z_][\w.\-]{{0,30}}):)?({names})(?=[\s>/])"
        rf"|/(?:([A-Za-z_][\w.\-]{{0,30}}):)?({names})\s{{0,20}}>)"
    )


ITEMS, PAGES = _marks("item|entry"), _marks("url")  # of a feed, of a sitemap
_END_TAGS = re.compile(r"(?:</[A-Za-z_][\w.:\-]{0,60}\s{0,20}>\s{0,20})+$")
_ITEM_END = re.compile(r"</(?:[A-Za-z_][\w.\-]{0,30}:)?(?:item|entry|url)\s{0,20}>")


@dataclass(frozen=True, slots=True)
class Slices:
    """The text before the first item, the items, what stands between them, and the text after the last.

    `tail` starts where the last item ended. `truncated` is the beginning of an item whose end is missing; `overflow`
    says that there are more items than were asked for.
    """

    head: str
    items: tuple[str, ...]
    between: tuple[str, ...]
    tail: str
    truncated: str | None = None
    overflow: bool = False

    def around(self, kept: list[str]) -> str:
        """Return the document with only the items in `kept`, everything outside of items as it was."""
        return self.head + "".join(kept) + "".join(self.between) + self.tail


def cut(text: str, marks: re.Pattern[str] = ITEMS, most: int = MAX_ITEMS) -> Slices | None:
    """Cut `text` into its first `most` items; None when it has none or does not add up."""
    spans: list[tuple[int, int]] = []
    opened: re.Match[str] | None = None
    at = 0
    while len(spans) < most and (found := marks.search(text, at)):
        at = found.end()
        if found[1] or found[2]:
            end = text.find("]]>" if found[1] else "-->", at)
            if end < 0:
                return None if opened is None else _truncated(text, spans, opened.start())
            at = end + 3
        elif found[4]:
            if opened is not None:
                return None
            close = text.find(">", at)
            if close < 0:
                return _truncated(text, spans, found.start())
            if text[close - 1] == "/":
                spans.append((found.start(), close + 1))
                at = close + 1
            else:
                opened = found
        else:
            if opened is None or (opened[3], opened[4]) != (found[5], found[6]):
                return None
            spans.append((opened.start(), at))
            opened = None
    if opened is not None:
        return _truncated(text, spans, opened.start())
    if len(spans) == most and marks.search(text, at):
        return replace(_slices(text, spans, at, None), tail=_closing(text), overflow=True)
    return _slices(text, spans, len(text), None) if spans else None


def _closing(text: str) -> str:
    """Return the end tags that close a document after its last item."""
    run = _END_TAGS.search(text, max(0, len(text) - 500))
    return _ITEM_END.split(run[0])[-1] if run else ""


def _truncated(text: str, spans: list[tuple[int, int]], start: int) -> Slices:
    return _slices(text, spans, start, text[start:])


def _slices(text: str, spans: list[tuple[int, int]], end: int, truncated: str | None) -> Slices:
    head = text[: spans[0][0]] if spans else text[:end]
    between = tuple(text[one[1] : two[0]] for one, two in pairwise(spans))
    tail = text[spans[-1][1] : end] if spans else ""
    return Slices(head, tuple(text[start:stop] for start, stop in spans), between, tail, truncated)
