"""Lines that belong to a source's pages and not to one article: learned by how often they come, or known by their form.

A line has a key for its very words, and, when it is short and holds a number, one for its template: numbers, months and
weekdays masked. Templates count at the edges of an article only: inside the body what differs by its numbers is news
(weather, results, prices). A source's counts live in the database; here is only which keys an article counts for, and
what a count is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import xxhash

from storage.records import BlockKind, CleanArticle, KnownLine, KnownLines
from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.look import Sight
from tasks.normalize.mend import mend
from tasks.normalize.targets import Finding

LEARNABLE = 400  # bytes of key; longer lines are never learned, they are copy
_NEVER = frozenset({BlockKind.VERSE, BlockKind.TABLE_ROW})  # kinds whose lines never count
_COUNTING = frozenset({"learned", "pinned", "stub"})  # rules whose lines still count
_EDGE = (3, 4)  # first and last lines of an article that count whatever their length
_COUNTED = 220  # bytes of key up to which other lines count; longer ones are copy, and would fill the database
_FAR_TOO_LONG = 2 * LEARNABLE  # characters; half of them at least would have to be signs
_MOST = 60  # lines of an article that count
MET = 2  # articles of a source that make a seed inside the body more than a guess
_FEWEST, _SHARE = 2, 1 / 12  # other articles, and share of the source, that condemn a line outside the body
_FEWEST_INSIDE, _SHARE_INSIDE, _SHARE_SENTENCE = 3, 0.5, 0.7  # and inside it, or a sentence anywhere
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
_DATE_ENDS = frozenset(name[-3:] for name in _DATES)
_DATE_STARTS = frozenset(name[:3] for name in _DATES)


def keys_of(keys: Sequence[bytes]) -> list[str]:
    """Return all keys of folded lines, templates too; for whoever counts pages line by line."""
    words = [_hash(key) for key in keys if 0 < len(key) <= LEARNABLE]
    return words + [form for form in map(_template, keys) if form]


def key_of(line: str) -> str:
    """Return the key of one line as an operator types it: its template where it has one."""
    key = fold_lines([mend(line)])[0]
    return _template(key) or _hash(key)


def _hash(key: bytes) -> str:
    return xxhash.xxh3_64_hexdigest(key)


def _template(key: bytes) -> str | None:
    """The hash of a short line with its numbers and dates masked; None where it has none, or is too long."""
    masked = mask_digits(key)
    if len(masked) > _DATED or b"0" not in masked:
        return None
    return _hash(b"\0" + b"0".join([_undated(part) for part in masked.split(b"0")]))


def _undated(part: bytes) -> bytes:
    """Mask a month or a weekday beside a number."""
    if part[-3:] in _DATE_ENDS and part.endswith(_DATES):
        return next(part[: -len(name)] for name in _DATES if part.endswith(name)) + b"@"
    if part[:3] in _DATE_STARTS and part.startswith(_DATES):
        return b"@" + next(part[len(name) :] for name in _DATES if part.startswith(name))
    return part


def line_keys(article: CleanArticle, folded: Sight | None = None) -> dict[str, str]:
    """Return the keys an article counts for in its source, each with the line as a sample.

    Call it once for a new article and never for a revision. Copies of headline, teaser and paragraphs do not count;
    boilerplate that was removed does, so that what is learned stays learned. `folded` are lines that were folded
    already, most of them the article's (`Reading.look`).
    """
    lines = [block.text for block in article.blocks if block.kind not in _NEVER]
    first, last = _EDGE[0], len(lines) - _EDGE[1]
    lines += [removal.line for removal in article.removals if removal.removed and removal.rule in _COUNTING]
    counted: dict[str, str] = {}
    for i, key in enumerate(_folded(lines, folded)):
        at_edge = not first <= i < last
        if 0 < len(key) <= (LEARNABLE if at_edge else _COUNTED) and len(line := lines[i]) <= _FAR_TOO_LONG:
            counted[_hash(key)] = line
            if at_edge and (form := _template(key)):
                counted[form] = line
    return counted if len(counted) <= _MOST else dict([*counted.items()][-_MOST:])


def _folded(lines: Sequence[str], seen: Sight | None) -> Sequence[bytes]:
    """The keys of lines, of which some may be known; what is far too long to count has none."""
    known: Mapping[str, bytes] = {}
    if seen is not None:
        if seen.lines == lines:
            return seen.keys
        known = dict(zip(seen.lines, seen.keys, strict=True))
    # What is far too long to count is not folded: that is most of an article.
    unknown = [line for line in lines if line not in known and len(line) <= _FAR_TOO_LONG]
    known = {**known, **dict(zip(unknown, fold_lines(unknown), strict=True))}
    return [known.get(line, b"") for line in lines]


def judge_known(line: KnownLine, *, inside: bool, sentence: bool = False) -> Finding | None:
    """Return why a known line goes, or None; `inside` the body, `sentence` if it is as long as a paragraph.

    Before the first and after the last paragraph two other articles and a twelfth of the source are enough. Inside
    the body it takes three and more of the source, most of all for a sentence: desks say some things often, and a
    story that goes on says them in every report.
    """
    if line.state is KnownLines.PINNED:
        return Finding(rule="pinned", reason="an operator pinned it", confidence=1.0, seen=line.seen)
    if line.state is KnownLines.FORBIDDEN:
        return None
    inside = inside or sentence
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


def known_of(
    keys: Sequence[bytes], known: Mapping[str, KnownLine]
) -> tuple[dict[int, KnownLine], dict[int, KnownLine]]:
    """Return what the source knows of each line's words, and of its template."""
    words: dict[int, KnownLine] = {}
    forms: dict[int, KnownLine] = {}
    if not known:
        return words, forms
    for i, key in enumerate(keys):
        if not 0 < len(key) <= LEARNABLE:
            continue
        if line := known.get(_hash(key)):
            words[i] = line
        if (form := _template(key)) and (line := known.get(form)):
            forms[i] = line
    return words, forms
