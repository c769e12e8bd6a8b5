"""Lines that belong to a source's pages and not to one article: learned by how often they come, or known by their form.

A line's key is its template: folded, with numbers, months and weekdays masked, hashed short. A source's counts live in
the database; here is only which keys an article counts for, and what a count is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xxhash

from storage.records import BlockKind, CleanArticle, KnownLines
from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.targets import Finding, Place

LEARNABLE = 400  # bytes of key; longer lines are never learned, they are copy
MOST_LINES = 60  # of an article that are counted: the first and the last half of them
MET = 2  # articles of a source that make a seed inside the body more than a guess
_FEWEST, _SHARE = 2, 1 / 12  # other articles, and share of the source, that condemn a line outside the body
_FEWEST_INSIDE, _SHARE_INSIDE, _SHARE_SENTENCE = 3, 0.3, 0.6  # and inside it
_DATED = 120  # bytes of key up to which a line may be a template with a date in it
_NAMES = """
monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonnabend
sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes jueves viernes domingo maandag dinsdag woensdag
donderdag vrijdag zaterdag zondag january february march april june july august september october november december
januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre
novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio
febbraio aprile maggio giugno luglio settembre ottobre dicembre januari februari maart mei augustus stycznia lutego
marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia января февраля марта апреля мая июня
июля августа сентября октября ноября декабря січня лютого березня квітня травня червня липня серпня вересня жовтня
листопада грудня jan feb mar apr may jun jul aug sep sept okt oct nov dez dec mon tue wed thu fri sat sun
"""
_DATES = tuple(sorted(fold_lines(_NAMES.split()), key=len, reverse=True))  # the longest first: sept before sep


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
    if b"0" in masked and len(masked) <= _DATED:
        masked = b"0".join([_undated(part) for part in masked.split(b"0")])
    return xxhash.xxh3_64_hexdigest(masked)


def _undated(part: bytes) -> bytes:
    """Mask a month or a weekday beside a number."""
    if part.endswith(_DATES):
        return next(part[: -len(name)] for name in _DATES if part.endswith(name)) + b"@"
    if part.startswith(_DATES):
        return b"@" + next(part[len(name) :] for name in _DATES if part.startswith(name))
    return part


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


def judge_known(line: KnownLine, place: Place, *, sentence: bool = False) -> Finding | None:
    """Return why a known line goes, or None.

    Before the first and after the last paragraph two other articles and a twelfth of the source are enough. Inside
    the body it takes three and more of the source, most of all for a sentence: desks say some things often.
    """
    if line.state is KnownLines.PINNED:
        return Finding(rule="pinned", reason="an operator pinned it", confidence=1.0, seen=line.seen)
    if line.state is KnownLines.FORBIDDEN:
        return None
    inside = place in (Place.HEAD, Place.BODY)
    fewest, least = (_FEWEST_INSIDE, _SHARE_SENTENCE if sentence else _SHARE_INSIDE) if inside else (_FEWEST, _SHARE)
    share = line.seen / max(line.articles, line.seen)
    if line.seen < fewest or share < least:
        return None
    return Finding(
        rule="learned",
        reason=f"stands in {line.seen} of {line.articles} other articles of the source",
        confidence=min(0.99, 0.6 + 0.03 * line.seen + 0.2 * share),
        seen=line.seen,
    )


def known_of(masked: Sequence[bytes], known: Mapping[str, KnownLine]) -> dict[int, KnownLine]:
    """Return what the source knows of each line; `masked` are the lines' keys with their digits masked."""
    if not known:
        return {}
    met: dict[int, KnownLine] = {}
    for i, key in enumerate(masked):
        if 0 < len(key) <= LEARNABLE:
            line = known.get(_template(key))
            if line:
                met[i] = line
    return met
