"""Whose a dateline or a sign-off is: the article's, or one brief's of a round-up, in whose text it stays."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator

from storage.records import BlockKind
from tasks.normalize.fold import fold
from tasks.normalize.furniture import Dateline, read_dateline, take_credit_tail
from tasks.normalize.galley import Galley
from tasks.normalize.plain import PARAGRAPH

_BEHIND = 24  # bytes of key that may stand behind a copy of the teaser: a read-more
_OPENING = 24  # bytes of key by which a paragraph and its copy begin alike
_BRIEF = 3  # paragraphs that a brief may have; what has more is an article
_MARKED, _BARE = 2, 3  # different datelines that make a round-up, with an agency and without


def take_datelines(galley: Galley, teaser: str, teaser_key: bytes) -> bool:
    """Take the dateline off the first paragraph, and off copies of the teaser before it, so that they compare.

    One that stands again right below goes, too; in a round-up of briefs each has its own, and all stay. Return whether
    there was one.
    """
    galley.briefs = []
    copies: dict[int, Dateline] = {}
    own: dict[int, Dateline] = {}
    for i in galley.standing:
        text = galley.texts[i]
        if text == teaser:
            continue
        found = None if i in galley.datelines else _read(galley, i)
        if len(text) < PARAGRAPH and not (found and found.credit):
            continue  # a short line has one only if it names an agency
        if found is None:
            break
        (copies if _is_copy(found, teaser_key) else own)[i] = found
    if own:
        first = next(iter(own.values()))
        galley.briefs = _briefs(galley, first, teaser_key)
        if not galley.briefs and not _are_speakers(own.values()):
            copies |= {i: one for i, one in own.items() if _is_same(one, first)}
    if copies:
        galley.take_datelines(copies)
    return bool(copies)


def _read(galley: Galley, i: int) -> Dateline | None:
    return read_dateline(galley.texts[i]) if galley.kinds[i] is BlockKind.PARAGRAPH else None


def _is_copy(found: Dateline, teaser_key: bytes) -> bool:
    """Whether what follows a dateline is the teaser, cut or with a read-more behind."""
    if not teaser_key:
        return False
    key = fold(found.rest)
    return teaser_key.startswith(key) or (key.startswith(teaser_key) and len(key) - len(teaser_key) <= _BEHIND)


def _is_same(one: Dateline, other: Dateline) -> bool:
    return fold(one.shown) == fold(other.shown)


def _are_speakers(found: Collection[Dateline]) -> bool:
    """Whether words in capitals without an agency stand before several paragraphs, each with other words behind them.

    A place stands before one; who speaks or writes stands before each, and stays there: "SIR – Your report …".
    """
    if len(found) < 2 or any(one.credit for one in found):
        return False
    return len({fold(one.rest)[:_OPENING] for one in found}) > 1


def _briefs(galley: Galley, first: Dateline, teaser_key: bytes) -> list[Dateline]:
    """The datelines of a round-up, in order; none where the article is one piece."""
    found = dict(_alike(galley, first, teaser_key))
    different = {fold(one.shown) for one in found.values()}
    return (
        [*found.values()]
        if len(different) >= (_MARKED if first.credit else _BARE) and _are_briefs(galley, found)
        else []
    )


def _alike(galley: Galley, first: Dateline, teaser_key: bytes) -> Iterator[tuple[int, Dateline]]:
    """The datelines of one form, with an agency or without; a short line has one only if it names an agency."""
    for i in galley.standing:
        if i in galley.datelines or not (first.credit or len(galley.texts[i]) >= PARAGRAPH):
            continue
        found = _read(galley, i)
        if found and bool(found.credit) == bool(first.credit) and not _is_copy(found, teaser_key):
            yield i, found


def credits_of_briefs(galley: Galley) -> list[str]:
    """The agencies behind the briefs of a round-up, in order; none where the article is one piece."""
    tails = [(i, take_credit_tail(galley.texts[i])[1]) for i in galley.standing]
    signed = {i: credit for i, credit in tails if credit and galley.kinds[i] is BlockKind.PARAGRAPH}
    return [*signed.values()] if len({*signed.values()}) >= _MARKED and _are_briefs(galley, signed) else []


def _are_briefs(galley: Galley, signed: Container[int]) -> bool:
    """Whether only a brief's paragraphs lie between signed lines: others stand in boxes below or amid an article."""
    unsigned = 0
    for i in galley.standing:
        if i in signed:
            unsigned = 0
        elif len(galley.texts[i]) >= PARAGRAPH:
            unsigned += 1
            if unsigned >= _BRIEF:
                return False
    return True
