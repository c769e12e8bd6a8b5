"""Finds body lines that another line says: whole paragraphs, cut ones, pull quotes, the short lines of a block."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from storage.records import BlockKind
from tasks.normalize.targets import Finding, is_cut

LONG = 60  # bytes of key from which a line is too long to come back by chance
_OPENING = 24  # bytes of key by which a cut line finds the line it was cut from
_CUT = 30  # bytes of key that a cut line must have
_PULLED = 60  # bytes of key that a pulled quote must have; a subhead taken from the text is shorter, and stays
_LONGEST_PULLED = 600  # and may have at most
_MARKS = "„“”\"«»‚‘’‹›「『'"
_QUOTES = '„“”"«»'
_SAMPLE = 24  # characters by which a pulled quote finds its paragraph
_QUOTE_MARKS = '„“”"«»‚‘'  # before words that a paragraph quotes
_QUOTED = re.compile(rf"[{_QUOTE_MARKS}](?=(\S.{{23}}))")
_CUT_END = frozenset("….])")
_ORIGINS = 8  # longest lines with the same opening that a cut line is held against
_MOST_PULLED = 20  # pulled quotes that are traced to their paragraph: each look reads the article
_REFRAIN = 3  # times that a line comes back before it may be meant to
_CONTENTS = 3  # lines that make a table of contents
_SUBHEAD = (12, 140)  # bytes of key that a line in it may have
_FIXED = frozenset({BlockKind.VERSE, BlockKind.TABLE_ROW, BlockKind.EMBED})


def find_paragraph_copies(
    lines: Sequence[str], keys: Sequence[bytes], standing: Sequence[int], kinds: Sequence[BlockKind] | None
) -> dict[int, Finding]:
    """Return the lines among `standing` that repeat another, each with the line it repeats; the first copy stays."""
    if kinds:
        standing = [i for i in standing if kinds[i] not in _FIXED]
    origins = _origins(keys, standing)
    found = _contents(lines, keys, standing, origins) if len(origins) >= _CONTENTS else {}
    if found:
        origins = {n: at for n, at in origins.items() if standing[at] not in found}
    long = [(n, at) for n, at in origins.items() if len(keys[standing[n]]) >= LONG]
    returning = _returning(origins) if long else set()
    for n, at in long:
        if at not in returning:
            found[standing[n]] = Finding(
                rule="paragraph_copy",
                reason="says an earlier line again",
                confidence=0.97,
                repeats=lines[standing[at]],
            )
    if found:
        _add_blocks(lines, standing, origins, found)
    _add_cuts(lines, keys, standing, found)
    _add_pulled(lines, keys, standing, kinds, found)
    return found


def _origins(keys: Sequence[bytes], standing: Sequence[int]) -> dict[int, int]:
    """The places among `standing` whose line an earlier one says, each with the place of the first that says it."""
    if len({keys[i] for i in standing}) == len(standing):
        return {}
    first_at: dict[bytes, int] = {}
    origins: dict[int, int] = {}
    for n, i in enumerate(standing):
        at = first_at.setdefault(keys[i], n)
        if at != n:
            origins[n] = at
    return origins


def _returning(origins: dict[int, int]) -> set[int]:
    """Lines said three times and more with something new before each time: a refrain, or the note below each report."""
    last: dict[int, int] = {}
    times: dict[int, int] = {}
    flat: set[int] = set()
    new = 0  # lines that are no repeat, up to each line
    before: dict[int, int] = {}
    for n in range(max(origins, default=-1) + 1):
        before[n] = new
        if n not in origins:
            new += 1
            continue
        at = origins[n]
        if before[n] - before[last.get(at, at)] - (at not in last) < 1:
            flat.add(at)
        last[at] = n
        times[at] = times.get(at, 1) + 1
    return {at for at, count in times.items() if count >= _REFRAIN and at not in flat}


def _contents(
    lines: Sequence[str], keys: Sequence[bytes], standing: Sequence[int], origins: dict[int, int]
) -> dict[int, Finding]:
    """A table of contents: lines in a row that all come again as subheads, in the same order and apart."""
    again: dict[int, int] = {}
    for n in sorted(origins):
        again.setdefault(origins[n], n)
    found: dict[int, Finding] = {}
    row: list[int] = []
    for n in [*sorted(again), len(standing) + 1]:
        if row and (n != row[-1] + 1 or again[n] < again[row[-1]] + 2):
            if len(row) >= _CONTENTS and again[row[0]] > row[-1] + 1:
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


def _add_blocks(
    lines: Sequence[str], standing: Sequence[int], origins: dict[int, int], found: dict[int, Finding]
) -> None:
    """Short lines inside a repeated block go with it: they stand beside the same neighbour in both places."""
    for order, step in ((sorted(origins), -1), (sorted(origins, reverse=True), 1)):
        for n in order:
            beside = n + step
            if standing[n] in found or beside not in origins or standing[beside] not in found:
                continue
            if origins[beside] - origins[n] == step:
                found[standing[n]] = Finding(
                    rule="block_copy",
                    reason="goes with the repeated lines beside it",
                    confidence=0.9,
                    repeats=lines[standing[origins[n]]],
                )


def _add_cuts(lines: Sequence[str], keys: Sequence[bytes], standing: Sequence[int], found: dict[int, Finding]) -> None:
    cut = [i for i in standing if lines[i][-1] in _CUT_END and len(keys[i]) >= _CUT and i not in found]
    cut = [i for i in cut if is_cut(lines[i])]
    if not cut:
        return
    wanted = {keys[i][:_OPENING] for i in cut}
    openings: dict[bytes, list[int]] = {}
    for i in standing:
        opening = keys[i][:_OPENING]
        if opening in wanted and i not in found:
            openings.setdefault(opening, []).append(i)
    for group in openings.values():
        group.sort(key=lambda i: -len(keys[i]))
    for i in cut:
        for j in openings[keys[i][:_OPENING]][:_ORIGINS]:
            if len(keys[j]) > len(keys[i]) and keys[j].startswith(keys[i]):
                found[i] = Finding(
                    rule="paragraph_cut",
                    reason="is the beginning of another line, cut with an ellipsis",
                    confidence=0.95,
                    repeats=lines[j],
                )
                break


def _add_pulled(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    kinds: Sequence[BlockKind] | None,
    found: dict[int, Finding],
) -> None:
    """Words that a paragraph quotes and that stand again in large type between the paragraphs: the paragraph stays.

    Only a block that the source marks as a quotation counts: elsewhere a speaker may have said it twice.
    """
    if not kinds or BlockKind.QUOTE not in kinds:
        return
    quotes = [i for i in standing if kinds[i] is BlockKind.QUOTE and _PULLED <= len(keys[i]) <= _LONGEST_PULLED]
    text = "\n".join(lines) if quotes else ""
    if not any(mark in text for mark in _QUOTE_MARKS):
        return
    samples = Counter(_QUOTED.findall(text))
    looks = 0
    for i in quotes:
        if looks >= _MOST_PULLED:
            break
        if i in found:
            continue
        words = lines[i].strip(_MARKS + " .,")
        if samples[words[:_SAMPLE]] <= (lines[i][0] in _MARKS) or any(mark in words for mark in _QUOTES):
            continue
        looks += 1
        origin = next((j for j in standing if j != i and j not in found and _quotes(lines[j], words)), None)
        if origin is not None:
            found[i] = Finding(
                rule="pulled_quote",
                reason="stands word for word in quotation marks in another paragraph",
                confidence=0.85,
                repeats=lines[origin],
            )


def _quotes(paragraph: str, words: str) -> bool:
    """Whether the paragraph has exactly these words between two quotation marks."""
    at = paragraph.find(words)
    end = at + len(words)
    return at > 0 and any(mark in _MARKS for mark in paragraph[end : end + 2])
