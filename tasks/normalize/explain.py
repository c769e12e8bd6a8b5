"""Puts what was taken out of an article back between its blocks, where it stood."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from storage.records import Block, CleanArticle, Removal

_IN_A_LINE = frozenset({"dateline", "sign_off"})  # rules that take a piece out of a line that stays


def in_place(article: CleanArticle) -> Iterator[Block | Removal]:
    """Yield the blocks and the removals in the order of the copy as it came.

    Changes to headline and teaser come first. A line that was only marked, or lost a dateline, comes behind what is
    said of it.
    """
    gone: dict[int, list[Removal]] = defaultdict(list)
    said: dict[int, list[Removal]] = defaultdict(list)
    for removal in article.removals:
        whole = removal.removed and removal.rule not in _IN_A_LINE
        (gone if whole else said)[removal.position].append(removal)
    yield from gone.pop(-1, ())
    at = 0
    for block in article.blocks:
        while at in gone:
            yield from gone.pop(at)
            at += 1
        yield from said.pop(at, ())
        yield block
        at += 1
    for rest in (gone, said):
        for position in sorted(rest):
            yield from rest[position]
