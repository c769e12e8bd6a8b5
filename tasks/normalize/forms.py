"""Takes out the changed copies of headline and teaser: cut, wrapped, in other words, or both in one line."""

from __future__ import annotations

from dataclasses import replace

from storage.records import BlockKind
from tasks.normalize.bench import Bench
from tasks.normalize.shapes import JOINT, OPENING
from tasks.normalize.targets import READ_MORE, Finding, Place, Target, copy_of, is_cut

_NAME = 18  # bytes of key below which a headline may be the place or the kicker of any sentence
_LOOSE = frozenset({"near"})  # forms that differ in their words: one that nothing else repeats stays
_FIXED = frozenset({BlockKind.VERSE, BlockKind.TABLE_ROW, BlockKind.EMBED})


def take_forms(bench: Bench) -> bool:
    """Take out the changed copies; return whether any went."""
    targets = bench.targets()
    loose: dict[str, list[tuple[int, Target, Finding]]] = {}
    for n, i in _candidates(bench):
        if i in bench.spoken or (bench.kinds and bench.kinds[i] in _FIXED):
            continue
        key = bench.keys[i]
        place = bench.place(i)
        following = bench.following(n)
        for target in targets:
            if key == target.key:
                continue  # the line itself, which stays where copies are allowed to
            found = copy_of(target, bench.lines[i], key, following, place)
            if found:
                if _form(target, found) in _LOOSE:
                    loose.setdefault(target.name, []).append((i, target, found))
                else:
                    _take_form(bench, i, target, found)
                break
        else:
            if place is not Place.BODY:
                _joined(bench, i)
    for alike in loose.values():
        _take_loose(bench, alike)
    return bench.sweep()


def _take_loose(bench: Bench, alike: list[tuple[int, Target, Finding]]) -> None:
    """Take out the lines that say a text with other words, unless those words differ among themselves.

    Copies are edited once. Lines that each say it in another way are a series: the weather north, south, east and west.
    """
    series = len({bench.keys[i] for i, _, _ in alike}) > 1
    for i, target, found in alike:
        if series:
            bench.mark(i, replace(found, confidence=0.4))
        else:
            _take_form(bench, i, target, found)


def _candidates(bench: Bench) -> list[tuple[int, int]]:
    """The lines that may be a changed copy, each with its place among those that stand.

    A cut copy begins as the text does, everywhere; the other forms stand outside the body.
    """
    keys, dotted, second, last = bench.keys, bench.traits.dotted, bench.second, bench.last
    openings, sizes = bench.shapes
    shortest = min((least for least, _ in sizes), default=0)
    return [
        (n, i)
        for n, i in enumerate(bench.standing)
        if keys[i][:OPENING] in openings
        or (not second <= i <= last and (i in dotted or (len(keys[i]) >= shortest and bench.may_be_copy(i))))
    ]


def _take_form(bench: Bench, i: int, target: Target, found: Finding) -> None:
    """Take out a changed copy; the only one there is holds the field's place, and stays if its words differ."""
    form = _form(target, found)
    holders = [j for j, name in bench.slots.items() if name == target.name]
    if form != "cut" and (not holders or holders == [i]):
        bench.slots[i] = target.name
        if form in _LOOSE:
            found = replace(found, confidence=0.4)
    bench.mark(i, found)


def _form(target: Target, found: Finding) -> str:
    return found.rule.removeprefix(f"{target.name}_")


def _joined(bench: Bench, i: int) -> None:
    if not bench.headline or not bench.teaser:
        return
    key, headline, teaser = bench.keys[i], bench.headline.key, bench.teaser.key
    extra = len(key) - len(headline) - len(teaser)
    # A short headline stands in front of a sentence as a place does.
    if 0 <= extra <= (JOINT if len(headline) >= _NAME else 0) and headline in key and teaser in key:
        behind = key[max(key.rfind(headline) + len(headline), key.rfind(teaser) + len(teaser)) :]
        if behind and behind not in READ_MORE:
            return  # the sentence goes on: somebody says it
        found = bench.teaser.found("joined", "is the headline and", 0.97)
        bench.mark(i, replace(found, rule="joined"))


def spare_lead(bench: Bench) -> None:
    """A teaser that a paragraph begins with needs no line of its own: the paragraph says it whole.

    A single line that is the teaser may be a paragraph, too; one that comes twice is not.
    """
    if not bench.teaser:
        return
    wanted, keys = bench.teaser.key, bench.keys
    if not is_cut(bench.teaser.text) and keys.count(wanted) < 2:
        return
    if any(len(keys[i]) > len(wanted) and keys[i].startswith(wanted) for i in bench.standing):
        bench.slots = {i: name for i, name in bench.slots.items() if name != "teaser"}
