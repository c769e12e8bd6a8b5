"""Takes out the lines of a source and of its system: learned from its other articles, or known by their form."""

from __future__ import annotations

import itertools
from dataclasses import replace

from storage.records import BlockKind, KnownLines
from tasks.normalize.bench import Bench
from tasks.normalize.boilerplate import MET, judge_known
from tasks.normalize.fold import digits
from tasks.normalize.targets import Finding
from tasks.normalize.traits import PARAGRAPH

_ENTRIES = 16  # lines that may stand between two learned lines of a page's list
_PAGE = 12  # learned lines that show a whole page with its menus
_DAYS = 3  # bare dates that make a chronology
_OF_THE_SOURCE = frozenset({"learned", "pinned"})
_BETWEEN = Finding(rule="learned", reason="stands between lines of the source, outside the body", confidence=0.6)


def take_furniture(bench: Bench) -> bool:
    """Take out the lines of the source and of its system; return whether any went."""
    if not bench.suspects:
        return False
    often = sum(stub.set_often for stub in bench.stubs.values()) > 1
    start = bench.first if bench.teaser else bench.second - 1  # without a teaser the first paragraph may be one
    chapters = _chapters(bench)
    for n, i in [(n, i) for n, i in enumerate(bench.standing) if i in bench.suspects and i not in chapters]:
        line, stub = bench.known(i), bench.stubs.get(i)
        if line and line.state is KnownLines.FORBIDDEN:
            continue
        finding = judge_known(line, inside=not bench.at_edge(i), sentence=bench.is_said(i)) if line else None
        if finding is None and stub and (not stub.head_only or i < bench.first or _dates_the_lead(bench, n)):
            inside = bench.is_announced(i) or (start < i < bench.last and not _among_stubs(bench, n))
            many = (often and stub.set_often) or (stub.listed and _is_beside_another(bench, n))
            inside = inside or (not stub.set_often and _heads(bench, n))
            alone = inside and not stub.unmistakable and not many and (line is None or line.seen < MET)
            finding = replace(stub.finding, confidence=0.45) if alone else stub.finding
        if finding:
            bench.mark(i, finding)
    _between(bench)
    return bench.sweep()


def _heads(bench: Bench, n: int) -> bool:
    """Whether a line is a word set as a heading below a paragraph: "Folgen" is what comes of it, or a button."""
    i = bench.standing[n]
    if not bench.kinds or bench.kinds[i] is not BlockKind.SUBHEAD or " " in bench.lines[i] or i > bench.last:
        return False
    beside = bench.standing[n - 1 : n] + bench.standing[n + 1 : n + 2]
    return len(beside) == 2 and beside[0] in bench.is_paragraph and beside[1] not in bench.stubs


def _between(bench: Bench) -> None:
    """Short lines that stand between learned lines outside the body: entries of a page's lists, new each time.

    Only on whole pages, which show by many learned lines: between two of them a feed may have results or names. A
    line with a number is never an entry.
    """
    learned = [n for n, i in enumerate(bench.standing) if i in bench.gone and bench.gone[i].rule in _OF_THE_SOURCE]
    if len(learned) < _PAGE:
        return
    for one, other in itertools.pairwise(learned):
        if not 1 < other - one <= _ENTRIES:
            continue
        run = bench.standing[one + 1 : other]
        if not bench.at_edge(run[0]) or bench.place(run[0]) is not bench.place(run[-1]):
            continue
        for i in run:
            if not bench.is_said(i) and len(bench.keys[i]) < PARAGRAPH and not digits(bench.keys[i]):
                bench.mark(i, _BETWEEN)


def _chapters(bench: Bench) -> set[int]:
    """The days of a chronology: three or more bare dates that each stand above a paragraph."""
    dates = [n for n, i in enumerate(bench.standing) if (stub := bench.stubs.get(i)) and stub.head_only]
    heads = {bench.standing[n] for n in dates if _at(bench, n + 1) in bench.is_paragraph}
    return heads if len(heads) >= _DAYS else set()


def _dates_the_lead(bench: Bench, n: int) -> bool:
    """Whether a bare date stands below the first paragraph in a row with stamps or buttons, and heads no chapter."""
    return bench.standing[n] < bench.second and any(
        not stub.head_only for at in (n - 1, n + 1) if (stub := bench.stubs.get(_at(bench, at)))
    )


def _is_beside_another(bench: Bench, n: int) -> bool:
    """Whether a line of a list of other stories has another beside it."""
    return any(stub.listed for at in (n - 1, n + 1) if (stub := bench.stubs.get(_at(bench, at))))


def _at(bench: Bench, n: int) -> int:
    """The n-th line that stands, or none (-1)."""
    return bench.standing[n] if 0 <= n < len(bench.standing) else -1


def _among_stubs(bench: Bench, n: int) -> bool:
    """Whether a line beside is a seed, too: a row of buttons, and no text. A pointer needs one on both sides."""
    beside = [_at(bench, n - 1) in bench.stubs, _at(bench, n + 1) in bench.stubs]
    return all(beside) if bench.stubs[bench.standing[n]].listed else any(beside)
