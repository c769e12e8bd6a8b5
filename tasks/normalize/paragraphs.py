"""Finds body lines that another line says: whole paragraphs, cut ones, pull quotes, the short lines of a block."""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.records import BlockKind
from tasks.normalize.contents import find_contents
from tasks.normalize.quotes import add_quotes
from tasks.normalize.targets import Finding, ends_sentence, is_cut
from tasks.normalize.traits import Traits

LONG = 60  # bytes of key from which a line is too long to come back by chance
_OPENING = 24  # bytes of key by which a cut line finds the line it was cut from
_CUT = 30  # bytes of key that a cut line must have
_ORIGINS = 8  # longest lines with the same opening that a cut line is held against
_ASKING = ("?", "？", "؟")
_CLOSING = "“”\"»«’'›)]」』 "
_SENTENCES = re.compile(r"[.!?…]\s")  # a question alone has none: a teaser that ends in one is no question
_ANSWER = 40  # bytes of key from which the line behind a question may be its answer
# The heading of a ticker's entry: "+++ 14.20 Uhr +++", "20:42".
_TIME = re.compile(
    r"\W*(?:[01]?\d|2[0-3])(?:\s?[:.h]\s?[0-5]\d(?:\s?(?:Uhr|h|[ap]\.?m\.?|[A-Z]{2,4}))?|\s?(?:Uhr|h|[ap]\.?m\.?))\W*",
    re.IGNORECASE,
)
_REFRAIN = 3  # times that a line comes back before it may be meant to
_FIXED = frozenset({BlockKind.VERSE, BlockKind.TABLE_ROW, BlockKind.EMBED})


def find_paragraph_copies(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    kinds: Sequence[BlockKind] | None,
    traits: Traits,
) -> dict[int, Finding]:
    """Return the lines among `standing` that repeat another, each with the line it repeats; the first copy stays."""
    if kinds:
        standing = [i for i in standing if kinds[i] not in _FIXED]
    origins = _origins(keys, standing)
    found = find_contents(lines, keys, standing, origins, traits.timed)
    if found:
        origins = {n: at for n, at in origins.items() if standing[at] not in found}
    long = [(n, at) for n, at in origins.items() if len(keys[standing[n]]) >= LONG]
    if kinds and len(long) < len(origins):
        _add_captions(lines, standing, kinds, origins, found)
    returning = _returning(origins) if long else set()
    for n, at in long:
        if at not in returning and not _is_meant(lines, keys, standing, n, at):
            found[standing[n]] = Finding(
                rule="paragraph_copy",
                reason="says an earlier line again",
                confidence=0.97,
                repeats=lines[standing[at]],
            )
    if found:
        _add_blocks(lines, standing, origins, found)
    if traits.dotted:
        _add_cuts(lines, keys, standing, found, traits.dotted)
    add_quotes(lines, keys, standing, kinds, traits.photo_credits, found)
    return found


def _add_captions(
    lines: Sequence[str],
    standing: Sequence[int],
    kinds: Sequence[BlockKind],
    origins: dict[int, int],
    found: dict[int, Finding],
) -> None:
    """Captions that a system prints twice running: below the picture, and as what the picture shows."""
    for n, at in origins.items():
        if n == at + 1 and kinds[standing[n]] is kinds[standing[at]] is BlockKind.CAPTION:
            found[standing[n]] = Finding(
                rule="caption", reason="says the caption above again", confidence=0.9, repeats=lines[standing[at]]
            )


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


def _is_meant(lines: Sequence[str], keys: Sequence[bytes], standing: Sequence[int], n: int, at: int) -> bool:
    """Whether a line is said again on purpose: a question that gets another answer, or news of a ticker's entry."""
    line = lines[standing[n]]
    if n + 1 < len(standing) and line.rstrip(_CLOSING).endswith(_ASKING) and not _SENTENCES.search(line):
        answers = [standing[n + 1], standing[at + 1]]
        if keys[answers[0]] != keys[answers[1]] and all(len(keys[i]) >= _ANSWER for i in answers):
            return all(ends_sentence(lines[i]) for i in answers)
    return at > 0 and all(_TIME.fullmatch(lines[standing[place - 1]]) for place in (n, at))


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


def _add_cuts(
    lines: Sequence[str],
    keys: Sequence[bytes],
    standing: Sequence[int],
    found: dict[int, Finding],
    dotted: frozenset[int],
) -> None:
    cut = [i for i in standing if i in dotted and len(keys[i]) >= _CUT and i not in found and is_cut(lines[i])]
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
