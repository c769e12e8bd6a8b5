"""Finds tables of contents: lines in a row whose words all come again further down, as subheads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.normalize.fold import fold
from tasks.normalize.targets import Finding
from tasks.normalize.traits import CLOCK

CONTENTS = 3  # lines that make a table of contents
_SUBHEAD = (12, 140)  # bytes of key that a line in it may have


def find_contents(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    origins: Mapping[int, int],
    timed: frozenset[int],
) -> dict[int, Finding]:
    """Return the lines of a table of contents.

    `origins` are the places whose line an earlier one says, `timed` the short lines that end in a time.
    """
    found = _contents(lines, keys, standing, origins) if len(origins) >= CONTENTS else {}
    return found | _events(lines, keys, standing, timed) if len(timed) >= CONTENTS else found


def _contents(
    lines: Sequence[str], keys: Sequence[bytes], standing: Sequence[int], origins: Mapping[int, int]
) -> dict[int, Finding]:
    """A table of contents: lines in a row that all come again as subheads, in the same order and apart."""
    again: dict[int, int] = {}
    for n in sorted(origins):
        again.setdefault(origins[n], n)
    found: dict[int, Finding] = {}
    row: list[int] = []
    for n in [*sorted(again), len(standing) + 1]:
        if row and (n != row[-1] + 1 or again[n] < again[row[-1]] + 2):
            if len(row) >= CONTENTS and again[row[0]] > row[-1] + 1:
                for at in row:
                    found[standing[at]] = Finding(
                        rule="contents",
                        reason="is a table of contents, whose lines come again as subheads",
                        confidence=0.8,
                        repeats=lines[standing[again[at]]],
                    )
            row = []
        if n in again and _SUBHEAD[0] <= len(keys[standing[n]]) <= _SUBHEAD[1]:
            row.append(n)
        else:
            row = []
    return found


def _events(
    lines: Sequence[str], keys: Sequence[bytes], standing: Sequence[int], timed: frozenset[int]
) -> dict[int, Finding]:
    """The key events at the top of a live report: lines in a row that end in a time and come again without it."""
    last_at = {keys[i]: n for n, i in enumerate(standing)}
    found: dict[int, Finding] = {}
    row: list[int] = []
    for n in [*(n for n, i in enumerate(standing) if i in timed), len(standing) + 1]:
        if row and n != row[-1] + 1:
            if len(row) >= CONTENTS:
                found |= _told_below(lines, standing, row, last_at)
            row = []
        row.append(n)
    return found


def _told_below(
    lines: Sequence[str], standing: Sequence[int], row: Sequence[int], last_at: Mapping[bytes, int]
) -> dict[int, Finding]:
    """The lines of a row that come again below it without their time, if that many do that it is no chance."""
    told: dict[int, Finding] = {}
    for n in row:
        i = standing[n]
        again = last_at.get(fold(CLOCK.sub("", lines[i])), -1)
        if again > row[-1]:
            told[i] = Finding(
                rule="contents",
                reason="is a key event with its time, which comes again below",
                confidence=0.8,
                repeats=lines[standing[again]],
            )
    return told if len(told) >= CONTENTS else {}
