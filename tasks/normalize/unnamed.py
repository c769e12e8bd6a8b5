"""Seeks the teaser of an article that names none: its copies give it away."""

from __future__ import annotations

import bisect

from storage.records import BlockKind
from tasks.normalize.bench import Bench
from tasks.normalize.exact import take_exact
from tasks.normalize.fold import digits, fold
from tasks.normalize.shapes import Shapes
from tasks.normalize.targets import (
    CLOSING,
    READ_MORE_ENDS,
    Place,
    Target,
    copy_of,
    ends_sentence,
    is_cut,
    is_quotation,
    take_read_more,
)

_EARLY = 6  # lines that may be a teaser nobody named
_SURE = 0.9  # confidence from which a changed copy shows that a line is the teaser
_TEASER = range(16, 900)  # bytes of key of such a teaser
_DOUBLED, _REPEATED = 24, 40  # bytes of key of a teaser said twice running, and with other lines between
_NUMBER = 12  # bytes of key behind a heading that a number makes another heading of, or its time
_RUNNING = frozenset({BlockKind.PARAGRAPH, BlockKind.SUBHEAD})


def seek_teaser(bench: Bench) -> bool:
    """Find a teaser nobody named: an early line that comes back, whole or changed, before the body is under way."""
    reach = bisect.bisect(bench.standing, bench.second) + 3
    early = [n for n, i in enumerate(bench.standing[:reach]) if _may_be_teaser(bench, i)][: _EARLY + 4]
    for at, n in enumerate(early[:_EARLY]):
        i = bench.standing[n]
        if i > bench.first:
            break  # the body says it twice
        target = _target(bench, i)
        bare = next((other for other in early[at + 1 :] if bench.keys[bench.standing[other]] == target.bare), None)
        if bare is not None and len(target.bare) >= _REPEATED:
            target = _target(bench, bench.standing[bare])  # "Teaser: …" above the teaser
        elif not any(_says_again(bench, target, n, other) for other in early[at + 1 :]):
            continue
        bench.teaser = target
        bench.shapes = Shapes.of(bench.targets())
        take_exact(bench, target)
        return True
    return False


def _target(bench: Bench, i: int) -> Target:
    """A line as a teaser, without the read-more behind it."""
    text, key = bench.lines[i], bench.keys[i]
    if key.endswith(READ_MORE_ENDS) and "stub" not in bench.off:
        text, more = take_read_more(text)
        key = fold(text) if more else key
    return Target.of("teaser", text, key)


def _may_be_teaser(bench: Bench, i: int) -> bool:
    if i in bench.stubs or len(bench.keys[i]) not in _TEASER:
        return False
    return not bench.kinds or bench.kinds[i] in _RUNNING


def _says_again(bench: Bench, target: Target, n: int, other: int) -> bool:
    """Whether line `other` repeats line `n` as pages do, and not as a refrain or a speaker does."""
    i = bench.standing[other]
    key = bench.keys[i]
    between = [j for j in bench.standing[n + 1 : other] if j not in bench.stubs]
    if key == target.key:
        return len(key) >= (_REPEATED if between else _DOUBLED) and not any(
            ends_sentence(bench.lines[j]) for j in between
        )
    if bench.headline and key == bench.headline.key + target.key:
        return True
    if not between and key.startswith(target.key) and _is_standfirst(bench, target, n):
        return True
    whole = target._replace(bare=b"")  # a line without its beginning may be another line's end by chance
    found = copy_of(whole, bench.lines[i], key, bench.following(other), Place.LEAD)
    if found is None or found.confidence < _SURE:
        return False
    if found.rule == "teaser_near":
        return not between and _lacks_words(target.text, bench.lines[i])
    if found.rule != "teaser_cut":
        return True
    if is_quotation(bench.lines[i]):
        return False  # a witness says again how his first answer began
    rest = target.key[len(key) :]
    return not is_cut(target.text) and not (len(rest) <= _NUMBER and digits(rest))


def _is_standfirst(bench: Bench, target: Target, n: int) -> bool:
    """Whether a line is a sentence that stands by itself before the paragraph that begins with it."""
    whole = ends_sentence(target.text) and not is_cut(target.text.rstrip(CLOSING))
    return whole and len(target.key) >= _REPEATED and bench.standing[n] <= bench.first


def _lacks_words(one: str, other: str) -> bool:
    """Whether one of two texts is the other without some words.

    Where words stand for others, the lines may be those of a report that follows a pattern: the weather by regions.
    """
    shorter, longer = sorted((one.casefold().split(), other.casefold().split()), key=len)
    rest = iter(longer)
    return all(word in rest for word in shorter)
