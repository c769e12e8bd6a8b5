"""Lets a line-cleaning yardstick drive the normalizer's own engine: lines in, the kept lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from storage.records import KnownLine
from tasks.normalize.boilerplate import keys_of
from tasks.normalize.fold import fold_lines
from tasks.normalize.judge import Verdict, judge
from tasks.normalize.mend import mend, mend_lines


def clean(
    headline: str | None,
    teaser: str | None,
    lines: Sequence[str],
    lang: str | None = None,
    publisher: str | None = None,
    history: Sequence[Sequence[str]] | None = None,
) -> list[str]:
    """Return the lines that stay; headline and teaser have no field here, so the first copy of each stays a line."""
    del lang, publisher
    found = verdict(headline, teaser, lines, history)
    gone = {i for i, finding in enumerate(found.findings) if finding and found.goes(i)} - found.slots.keys()
    return [line for i, line in enumerate(lines) if i not in gone] if gone else list(lines)


def verdict(
    headline: str | None, teaser: str | None, lines: Sequence[str], history: Sequence[Sequence[str]] | None
) -> Verdict:
    """Judge the lines as `normalize` does."""
    known = known_lines([_keys(tuple(page)) for page in history or ()], _keys(tuple(lines))) if history else {}
    return judge(mend_lines(lines), headline=mend(headline or ""), teaser=mend(teaser or ""), known=known)


_MANY = 6  # other pages from which it shows what all of them have
_PARAGRAPH = 120  # characters
Page = tuple[frozenset[str], frozenset[bytes]]


def known_lines(pages: Sequence[Page], own: Page) -> dict[str, KnownLine]:
    """What a source's other articles have taught of this page's lines, as one query would bring it.

    A page that shares most of its paragraphs is the same story again, and teaches nothing; paragraphs that most pages
    of a source have are no story's.
    """
    held = Counter(paragraph for page in pages for paragraph in page[1]) if len(pages) >= _MANY else {}
    everywhere = {paragraph for paragraph, count in held.items() if 2 * count > len(pages)}
    mine = own[1] - everywhere
    others = [page for page in pages if 2 * len(page[1] & mine) <= min(len(page[1] - everywhere), len(mine))]
    seen: Counter[str] = Counter()
    for lines, _ in others:
        seen.update(lines & own[0])
    return {key: KnownLine(key=key, seen=count, articles=len(others)) for key, count in seen.items() if count > 1}


@lru_cache(maxsize=4096)
def _keys(page: tuple[str, ...]) -> Page:
    """The keys of a page's lines, and those of its paragraphs."""
    lines = mend_lines(page)
    folded = fold_lines(lines)
    paragraphs = [key for key, line in zip(folded, lines, strict=True) if len(line) >= _PARAGRAPH]
    return frozenset(keys_of(folded)), frozenset(paragraphs)
