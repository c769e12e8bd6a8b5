"""Finds the menus of a page whose text was taken whole: what a site offers around its articles.

An entry of a menu may be any short line, so no line is one by itself. What shows a menu are several of the words that
sites have in theirs and stories have not ("Contact", "Impressum"), with no paragraph between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import accumulate, islice

from tasks.normalize.bench import Bench
from tasks.normalize.fold import fold_lines
from tasks.normalize.targets import Finding, ends_sentence

# What shows a menu: its different words, those that only sites have counted twice. Nothing of a story stands above its
# headline; further down its sub-headlines may be "Sport" and "Kultur", and what a site must have may be its subject.
_ABOVE = 4
_ELSEWHERE = 8
_AT_THE_TOP = 7  # of a page whose headline nobody knows
_REST = 0.2  # of the text's length above the foot's menu, which the lines of the site's owner below it may have
_COPIES = 8  # of the headline above which a menu is looked for
_HEAD = Finding(rule="menu", reason="belongs to a menu of the site, above the headline", confidence=0.8)
_FOOT = Finding(rule="menu", reason="belongs to a menu of the site, below the text", confidence=0.8)
_INSIDE = Finding(rule="menu", reason="belongs to a menu of the site", confidence=0.7)


def _read_words() -> tuple[frozenset[bytes], frozenset[bytes]]:
    words: dict[str, list[str]] = {}
    group: list[str] = []
    for row in (files("tasks.normalize") / "menus.txt").read_text(encoding="utf-8").splitlines():
        if row.startswith("["):
            group = words.setdefault(row.strip("[]"), [])
        elif row and not row.startswith("#"):
            group.append(row)
    return frozenset(fold_lines(words["site"])), frozenset(fold_lines(words["section"]))


_SITE, _SECTIONS = _read_words()
_WORDS = _SITE | _SECTIONS


def is_section(key: bytes) -> bool:
    """Whether a line, by its key, is the name of a section and no more."""
    return key in _SECTIONS


def may_have_menus(keys: Sequence[bytes]) -> bool:
    """Whether enough lines are words of menus that a menu may stand among them."""
    return not _SITE.isdisjoint(keys) and _weight(keys) >= _ABOVE


def take_menus(bench: Bench) -> None:
    """Take out the menus of the site.

    Above the headline goes what stands between paragraphs, where it shows a menu; further down a menu from its first
    word to its last, and all below one that has hardly any text below it. Sentences stay, but for those.
    """
    if not may_have_menus(bench.keys):
        return
    top = _headline_below_menu(bench)
    for run in _runs(bench, [i for i in bench.standing if i < top]):
        if _is_menu(bench, run, _ABOVE):
            _take(bench, run, _HEAD)
    below = [i for i in bench.standing if i > top]
    text = dict(zip(below, accumulate(len(bench.keys[i]) * (i in bench.is_paragraph) for i in below), strict=True))
    for run in _runs(bench, below):
        words = [n for n, i in enumerate(run) if bench.keys[i] in _WORDS]
        if _is_menu(bench, run, _ELSEWHERE) and not bench.is_announced(run[words[0]]):
            above, rest = text[run[0]], text[below[-1]] - text[run[-1]]
            foot = above > 0 and rest <= _REST * above
            end = None if foot else words[-1] + 1
            _take(bench, run[words[0] : end], _FOOT if foot else _INSIDE)
            if foot:
                _take(bench, [i for i in below if i > run[-1]], _FOOT, sentences=True)
                break
    bench.sweep()


def below_menu(keys: Sequence[bytes]) -> list[int]:
    """The lines below the menu that a page begins with, if `keys`, of those above its first paragraph, are of one.

    The menu ends with its last word of the site; words of menus further down are left out.
    """
    if _weight(keys) < (_ABOVE if keys and keys[0] in _SITE else _AT_THE_TOP):
        return []
    end = max(n for n, key in enumerate(keys) if key in _SITE) + 1
    return [n for n in range(end, len(keys)) if keys[n] not in _WORDS]


def _headline_below_menu(bench: Bench) -> int:
    """The first line that is the headline and has a menu above it: a page's title may stand above all of it."""
    if bench.headline:
        copies = (i for i, key in enumerate(bench.keys) if key == bench.headline.key)
        for copy in islice(copies, _COPIES):
            if any(_is_menu(bench, run, _ABOVE) for run in _runs(bench, [i for i in bench.standing if i < copy])):
                return copy
    return -1


def _runs(bench: Bench, lines: Sequence[int]) -> Iterator[list[int]]:
    """Parts of `lines` that have no paragraph between them."""
    run: list[int] = []
    for i in lines:
        if i in bench.is_paragraph:
            yield run
            run = []
        else:
            run.append(i)
    yield run


def _weight(keys: Iterable[bytes]) -> int:
    words = _WORDS.intersection(keys)
    return len(words) + len(words & _SITE)


def _is_menu(bench: Bench, run: Sequence[int], weight: int) -> bool:
    return _weight([bench.keys[i] for i in run]) >= weight


def _take(bench: Bench, run: Sequence[int], finding: Finding, *, sentences: bool = False) -> None:
    for i in run:
        entry = sentences or bench.keys[i] in _WORDS or not ends_sentence(bench.lines[i])
        if entry and bench.is_running(i) and not bench.is_forbidden(i):
            bench.mark(i, finding)
