"""Lines that belong to a source's pages and not to one article: learned by how often they come, or known by their form.

A line's key is its template: folded, with numbers, months and weekdays masked, hashed short. A source's counts live in
the database; here is only which keys an article counts for, and what a count is worth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xxhash

from storage.records import BlockKind, CleanArticle, KnownLines
from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.targets import Finding

LEARNABLE = 400  # bytes of key; longer lines are never learned, they are copy
MOST_LINES = 60  # of an article that are counted: the first and the last half of them
FEWEST = 3  # articles of a source that must hold a line before it is taken for boilerplate
_MET = 2  # articles of a source that make a seed inside the body more than a guess
_SHARE = 0.08  # of the source's articles that must hold it, so that a large source needs more than three
_DATES = re.compile(
    rb"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|samstag"
    rb"|sonnabend|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|jueves|viernes|domingo"
    rb"|january|february|march|april|june|july|august|september|october|november|december"
    rb"|januar|februar|m\xc3\xa4rz|juni|juli|oktober|dezember|janvier|f\xc3\xa9vrier|mars|avril|juin|juillet"
    rb"|ao\xc3\xbbt|septembre|octobre|novembre|d\xc3\xa9cembre|enero|febrero|marzo|abril|junio|julio|agosto"
    rb"|septiembre|octubre|noviembre|diciembre)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownLine:
    """What a source has taught about one line: how many of the `articles` counted held it, and who decided."""

    key: str
    seen: int
    articles: int
    state: KnownLines = KnownLines.LEARNED


def templates(keys: Sequence[bytes]) -> list[str]:
    """Return the short hash of each folded line with its numbers and dates masked."""
    return [_template(masked) for masked in mask_digits(keys)]


def _template(masked: bytes) -> str:
    return xxhash.xxh3_64_hexdigest(_DATES.sub(b"@", masked) if b"0" in masked else masked)


def line_keys(article: CleanArticle) -> dict[str, str]:
    """Return the keys an article counts for in its source, each with the line as a sample.

    Call it once for a new article and never for a revision. Copies of headline, teaser and paragraphs do not count;
    boilerplate that was removed does, so that what is learned stays learned.
    """
    lines = [block.text for block in article.blocks if block.kind not in (BlockKind.VERSE, BlockKind.TABLE_ROW)]
    lines += [gone.line for gone in article.removals if gone.rule in {"learned", "pinned", "stub"}]
    if len(lines) > MOST_LINES:
        lines = lines[: MOST_LINES // 2] + lines[-MOST_LINES // 2 :]
    masked = mask_digits(fold_lines(lines))
    return {_template(key): line for key, line in zip(masked, lines, strict=True) if 0 < len(key) <= LEARNABLE}


def judge_known(line: KnownLine) -> Finding | None:
    """Return why a known line goes, or None; sure from three articles on, surer the larger the share."""
    if line.state is KnownLines.PINNED:
        return Finding(rule="pinned", reason="an operator pinned it", confidence=1.0, seen=line.seen)
    if line.state is KnownLines.FORBIDDEN or line.seen < FEWEST or line.seen < _SHARE * line.articles:
        return None
    share = line.seen / max(line.articles, line.seen)
    return Finding(
        rule="learned",
        reason=f"stands in {line.seen} of {line.articles} other articles of the source",
        confidence=min(0.99, 0.6 + 0.03 * line.seen + 0.2 * share),
        seen=line.seen,
    )


def find_known(
    masked: Sequence[bytes], known: Mapping[str, KnownLine]
) -> tuple[dict[int, Finding], frozenset[int], frozenset[int]]:
    """Return the lines that known lines condemn, those an operator forbade to remove, and those met before at all.

    `masked` are the lines' keys with their digits masked.
    """
    found: dict[int, Finding] = {}
    spared: set[int] = set()
    met: set[int] = set()
    if not known:
        return found, frozenset(), frozenset()
    for i, key in enumerate(masked):
        if not 0 < len(key) <= LEARNABLE:
            continue
        line = known.get(_template(key))
        if line is None:
            continue
        if line.state is KnownLines.FORBIDDEN:
            spared.add(i)
            continue
        if line.seen >= _MET:
            met.add(i)
        finding = judge_known(line)
        if finding:
            found[i] = finding
    return found, frozenset(spared), frozenset(met)
