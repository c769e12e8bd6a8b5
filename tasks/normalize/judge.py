"""The one engine: lines in, one decision a line out, whoever asks (a feed entry, a file, the yardstick's adapter).

Equality alone never removes a short line: form and place must speak together. The head of an article (before its
second paragraph) and its tail (after its last) need less evidence than the body, because there copies stand and
refrains do not. The passes go round until nothing more leaves, so cleaning what is clean changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from storage.records import BlockKind, KnownLine
from tasks.normalize.bench import Bench
from tasks.normalize.boilerplate import known_of
from tasks.normalize.exact import take_exact, take_kicker, take_pieces, take_unspoken
from tasks.normalize.forms import spare_lead, take_forms
from tasks.normalize.look import Look, Sight
from tasks.normalize.menus import take_menus
from tasks.normalize.paragraphs import find_paragraph_copies
from tasks.normalize.related import take_related
from tasks.normalize.screen import nothing_applies
from tasks.normalize.sourced import take_furniture
from tasks.normalize.targets import Finding
from tasks.normalize.unnamed import seek_teaser

THRESHOLD = 0.5  # below this confidence a line is only marked
_ROUNDS = 8  # at most; the second finds next to nothing, the third nothing


class Verdict(NamedTuple):
    """What became of each line.

    `findings[i]` says why line i goes, or, below the threshold, why it is suspect. `slots` are the lines among them
    that hold a field's own text: whoever has no such field keeps them, so that headline and teaser stay once.
    """

    findings: list[Finding | None]
    headline: str | None
    teaser: str | None
    slots: dict[int, str]
    threshold: float

    def goes(self, i: int) -> bool:
        """Whether line i leaves the body."""
        finding = self.findings[i]
        return finding is not None and finding.confidence >= self.threshold


def judge(
    lines: Sequence[str],
    *,
    headline: str | None,
    teaser: str | None,
    kinds: Sequence[BlockKind] | None = None,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
    threshold: float = THRESHOLD,
) -> Verdict:
    """Return what becomes of each line; the lines are mended already, `kinds` are None for bare lines."""
    look = Look.at(Sight.of(lines, headline or "", teaser or ""))
    return judge_look(look, kinds=kinds, known=known, off=off, threshold=threshold)


def judge_look(
    look: Look,
    *,
    kinds: Sequence[BlockKind] | None,
    known: Mapping[str, KnownLine],
    off: frozenset[str],
    threshold: float,
) -> Verdict:
    """As `judge`, for lines that were looked at before: the same look serves when a source has taught more."""
    words, forms = known_of(look.seen.keys, known)
    if not words and not forms and nothing_applies(look, kinds):
        seen = look.seen
        return Verdict(
            [None] * len(seen.lines), seen.headline if seen.headline_key else None, seen.teaser, {}, threshold
        )
    return sit(Bench(look, kinds, words, forms, off, threshold))


def sit(bench: Bench) -> Verdict:
    """Judge every line against headline, teaser, the source's known lines and the lines before it."""
    for target in bench.targets():
        take_exact(bench, target)
    take_menus(bench)
    if bench.teaser and bench.slots:
        take_pieces(bench, bench.teaser)
    for _ in range(_ROUNDS):
        bench.find_places()
        if not bench.teaser and seek_teaser(bench):
            bench.find_places()
        take_unspoken(bench)
        # Furniture that leaves uncovers no more than a teaser that nobody named, or that a seed stands in a row.
        uncovers = take_furniture(bench) and (not bench.teaser or bool(bench.marked))
        take_related(bench)
        copies = take_forms(bench)
        copies = take_kicker(bench) or copies
        copies = _take_paragraphs(bench) or copies
        if not uncovers and not copies and bench.places_hold():
            break
    spare_lead(bench)
    found = {**bench.marked, **bench.gone}
    count = len(bench.lines)
    return Verdict(
        findings=[found.get(i) for i in range(count)] if found else [None] * count,
        headline=bench.headline.text if bench.headline else None,
        teaser=bench.teaser.text if bench.teaser else None,
        slots=bench.slots,
        threshold=bench.threshold,
    )


def _take_paragraphs(bench: Bench) -> bool:
    """Take out the body lines that another line says; return whether any went."""
    for i, found in find_paragraph_copies(bench.lines, bench.keys, bench.standing, bench.kinds, bench.traits).items():
        bench.mark(i, found)
    return bench.sweep()
