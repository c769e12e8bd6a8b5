"""The one engine: lines in, one decision a line out, whoever asks (a feed entry, a file, the yardstick's adapter).

Equality alone never removes a short line: form and place must speak together. The head of an article (before its
second paragraph) and its tail (after its last) need less evidence than the body, because there copies stand and
refrains do not. The passes go round until nothing more leaves, so cleaning what is clean changes nothing.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from storage.records import BlockKind, KnownLine, KnownLines
from tasks.normalize.boilerplate import MET, judge_known, known_of
from tasks.normalize.fold import digits
from tasks.normalize.look import Look, Sight
from tasks.normalize.paragraphs import find_paragraph_copies
from tasks.normalize.screen import nothing_applies
from tasks.normalize.shapes import JOINT, OPENING, Shapes
from tasks.normalize.targets import Finding, Place, Target, copy_of, ends_sentence, is_cut
from tasks.normalize.traits import PARAGRAPH

THRESHOLD = 0.5  # below this confidence a line is only marked
_EARLY = 6  # lines that may be a teaser nobody named
_SURE = 0.9  # confidence from which a changed copy shows that a line is the teaser
_TEASER = range(16, 900)  # bytes of key of such a teaser
_DOUBLED, _REPEATED = 24, 40  # bytes of key of a teaser said twice running, and with other lines between
_NUMBER = 12  # bytes of key behind a heading that a number makes another heading of, or its time
_PIECE = 12  # bytes of key that a line must have to be the first piece of a teaser
_ROUNDS = 8  # at most; the second finds next to nothing, the third nothing
_ENTRIES = 16  # lines that may stand between two learned lines of a page's list
_PAGE = 12  # learned lines that show a whole page with its menus
_OF_THE_SOURCE = frozenset({"learned", "pinned"})
_BETWEEN = Finding(rule="learned", reason="stands between lines of the source, outside the body", confidence=0.6)
_LOOSE = frozenset({"near"})  # forms that differ in their words: one that nothing else repeats stays
_RUNNING = frozenset({BlockKind.PARAGRAPH, BlockKind.SUBHEAD})
_FIXED = frozenset({BlockKind.VERSE, BlockKind.TABLE_ROW, BlockKind.EMBED})


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
    return Bench(look, kinds, words, forms, off, threshold).run()


class Bench:
    """One article on the bench; each pass sees only the lines that still stand."""

    def __init__(
        self,
        look: Look,
        kinds: Sequence[BlockKind] | None,
        words: Mapping[int, KnownLine],
        forms: Mapping[int, KnownLine],
        off: frozenset[str],
        threshold: float,
    ) -> None:
        seen = look.seen
        self.lines = lines = seen.lines
        self.kinds = kinds
        self.off = off
        self.threshold = threshold
        self.keys = seen.keys
        self.words, self.forms = words, forms
        self.stubs = look.stubs
        self.suspects = {*self.stubs, *self.words, *self.forms}
        self.first_at = dict(zip(reversed(self.keys), range(len(lines) - 1, -1, -1), strict=True))
        self.standing = [i for i, key in enumerate(self.keys) if key]
        self.traits = look.traits
        self.is_paragraph = frozenset(look.traits.paragraphs)
        self.gone: dict[int, Finding] = {}
        self.swept = 0  # of them are out of `standing`
        self.marked: dict[int, Finding] = {}
        self.slots: dict[int, str] = {}
        self.spoken: set[int] = set()  # copies of the headline that are sentences of the article, said more than once
        self.headline = look.targets[-1] if seen.headline_key else None
        self.teaser = look.targets[0] if seen.teaser_key else None
        self.shapes = look.shapes
        self.first = self.second = self.last = len(lines)

    def run(self) -> Verdict:
        """Judge every line against headline, teaser, the source's known lines and the lines before it."""
        for target in self._targets():
            self._exact(target)
        if self.teaser and self.slots:
            self._pieces(self.teaser)
        for _ in range(_ROUNDS):
            self._places()
            if not self.teaser and self._seek_teaser():
                self._places()
            self._unspoken()
            before = len(self.gone)
            self._furniture()
            if self.teaser and not self.marked:
                before = len(self.gone)  # what leaves here uncovers a teaser that nobody named, or a row of seeds
            self._forms()
            self._paragraphs()
            if len(self.gone) == before and self._places_hold():
                break
        self._spare_lead()
        found = {**self.marked, **self.gone}
        count = len(self.lines)
        return Verdict(
            findings=[found.get(i) for i in range(count)] if found else [None] * count,
            headline=self.headline.text if self.headline else None,
            teaser=self.teaser.text if self.teaser else None,
            slots=self.slots,
            threshold=self.threshold,
        )

    def _targets(self) -> list[Target]:
        return [target for target in (self.teaser, self.headline) if target]

    def _mark(self, i: int, finding: Finding) -> None:
        """Take a line out, or only mark it when the evidence is thin."""
        if finding.rule in self.off:
            return
        if finding.confidence >= self.threshold:
            self.gone[i] = finding
        else:
            self.marked.setdefault(i, finding)

    def _sweep(self) -> None:
        """Leave the lines that went out of the passes that follow."""
        if len(self.gone) != self.swept:
            self.swept = len(self.gone)
            self.standing = [i for i in self.standing if i not in self.gone]
            self.first_at = {self.keys[i]: i for i in reversed(self.standing)}

    def _following(self, n: int) -> list[bytes]:
        return [self.keys[i] for i in self.standing[n + 1 : n + 5]]

    def _exact(self, target: Target) -> None:
        if target.key not in self.first_at:
            return
        keys, wanted = self.keys, target.key
        copies = [i for i in self.standing if keys[i] == wanted]
        if len(copies) > 1 and target.name == "headline" and not ends_sentence(target.text):
            self._places()
            self.spoken = self._said(copies)
            copies = [i for i in copies if i not in self.spoken]
        self._take_copies(target, copies)
        setattr(self, target.name, target._replace(stands=True))
        self._sweep()

    def _take_copies(self, target: Target, copies: Sequence[int]) -> None:
        for i in copies:
            known = target.name in self.slots.values()
            if not known:
                self.slots[i] = target.name
            self._mark(i, target.found("copy", "repeats" if known else "is", 1.0))

    def _said(self, copies: Iterable[int]) -> set[int]:
        """Which copies of the headline the article says: sentences behind its first paragraph, and more than one.

        What stands before that paragraph belongs to the page, and nobody says it.
        """
        said = {i for i in copies if i > self.first and ends_sentence(self.lines[i])}
        return said if len(said) > 1 else set()

    def _unspoken(self) -> None:
        """Take out the headline where it is not said after all: what seemed the first paragraph has left."""
        if not self.spoken or not self.headline:
            return
        said = self._said(self.spoken)
        self._take_copies(self.headline, sorted(self.spoken - said))
        self.spoken = said
        self._sweep()

    def _pieces(self, target: Target) -> None:
        """The teaser line by line, right before a copy of headline or teaser: there the body has not begun."""
        keys, standing, last = self.keys, self.standing, max(self.gone, default=-1)
        for n, i in enumerate(standing):
            if i > last:
                break
            size = len(keys[i])
            if not (_PIECE <= size < len(target.key) and target.key.startswith(keys[i])):
                continue
            end = n + 1
            while end < len(standing) and target.key.startswith(keys[standing[end]], size):
                size += len(keys[standing[end]])
                end += 1
            behind = standing[end - 1] + 1
            if size == len(target.key) and behind in self.gone and self.gone[behind].confidence == 1.0:
                for piece in standing[n:end]:
                    self._mark(piece, target.found("cut", "is, with the lines beside it,", 0.9))
                break
        self._sweep()

    def _places(self) -> None:
        """Find the first, the second and the last line that is a paragraph and no copy."""
        places = [n for n, i in enumerate(self.standing) if i in self.is_paragraph]
        paragraphs: list[int] = []
        for n in places:
            i = self.standing[n]
            if (paragraphs and self.keys[i] == self.keys[paragraphs[0]]) or self._is_copy(n, Place.LEAD):
                continue
            paragraphs.append(i)
            if len(paragraphs) == 2:
                break
        end = len(self.lines)
        self.first = paragraphs[0] if paragraphs else end
        self.second = paragraphs[1] if len(paragraphs) > 1 else end
        self.last = self._last_paragraph(places, end)

    def _places_hold(self) -> bool:
        """Whether the lines that mark the places are still there; short lines that left move none of them."""
        return not self.gone.keys() & {self.first, self.second, self.last}

    def _last_paragraph(self, places: Sequence[int], end: int) -> int:
        """The last paragraph that is no copy: a repeat at the foot does not make the foot body."""
        for n in reversed(places):
            i = self.standing[n]
            if self.first_at[self.keys[i]] == i and not self._is_copy(n, Place.TAIL):
                return i
        return end

    def _may_be_copy(self, i: int) -> bool:
        """Whether a line outside the body has the form of a copy: most have not, and need no look at their text."""
        return self.shapes.fit(self.keys[i]) or i in self.traits.dotted

    def _is_copy(self, n: int, place: Place) -> bool:
        i = self.standing[n]
        if not self._may_be_copy(i):
            return False
        following = self._following(n)
        return any(copy_of(target, self.lines[i], self.keys[i], following, place) for target in self._targets())

    def _place(self, i: int) -> Place:
        if i <= self.first:
            return Place.LEAD
        if i < self.second:
            return Place.HEAD
        return Place.TAIL if i > self.last else Place.BODY

    def _furniture(self) -> None:
        """Lines of the source and of its system, learned or known by their form."""
        if not self.suspects:
            return
        start = self.first if self.teaser else self.second - 1  # without a teaser the first paragraph may be one
        for n, i in [(n, i) for n, i in enumerate(self.standing) if i in self.suspects]:
            line, stub = self._known(i), self.stubs.get(i)
            if line and line.state is KnownLines.FORBIDDEN:
                continue
            finding = judge_known(line, inside=not self._at_edge(i), sentence=self._is_said(i)) if line else None
            if finding is None and stub and (not stub.head_only or i < self.first):
                inside = start < i < self.last and not self._among_stubs(n)
                alone = inside and (line is None or line.seen < MET)
                finding = replace(stub.finding, confidence=0.45) if alone else stub.finding
            if finding:
                self._mark(i, finding)
        self._between()
        self._sweep()

    def _between(self) -> None:
        """Short lines that stand between learned lines outside the body: entries of a page's lists, new each time.

        Only on whole pages, which show by many learned lines: between two of them a feed may have results or names. A
        line with a number is never an entry.
        """
        learned = [n for n, i in enumerate(self.standing) if i in self.gone and self.gone[i].rule in _OF_THE_SOURCE]
        if len(learned) < _PAGE:
            return
        for one, other in itertools.pairwise(learned):
            if not 1 < other - one <= _ENTRIES:
                continue
            run = self.standing[one + 1 : other]
            if not self._at_edge(run[0]) or self._place(run[0]) is not self._place(run[-1]):
                continue
            for i in run:
                if not self._is_said(i) and len(self.keys[i]) < PARAGRAPH and not digits(self.keys[i]):
                    self._mark(i, _BETWEEN)

    def _known(self, i: int) -> KnownLine | None:
        """What the source knows of a line; its template counts at the edges, and where an operator has judged it."""
        line, form = self.words.get(i), self.forms.get(i)
        if form and (form.state is not KnownLines.LEARNED or (self._at_edge(i) and not self._is_said(i))):
            return form if line is None or form.seen >= line.seen else line
        return line

    def _is_said(self, i: int) -> bool:
        """Whether a line is a paragraph, or a short sentence: words of an article, until most articles have them."""
        return i in self.is_paragraph or self.lines[i].endswith(".")

    def _at_edge(self, i: int) -> bool:
        """Whether a line stands outside the body of an article that has one: a list of results is all body."""
        return self.first < len(self.lines) and self._place(i) in (Place.LEAD, Place.TAIL)

    def _among_stubs(self, n: int) -> bool:
        """Whether the lines on both sides are seeds too: a row of buttons, not a word of the body."""
        if not 0 < n < len(self.standing) - 1:
            return False
        return self.standing[n - 1] in self.stubs and self.standing[n + 1] in self.stubs

    def _seek_teaser(self) -> bool:
        """Find a teaser nobody named: an early line that comes back, whole or changed, before the body is under way."""
        reach = bisect.bisect(self.standing, self.second) + 3
        early = [n for n, i in enumerate(self.standing[:reach]) if self._may_be_teaser(i)][: _EARLY + 4]
        for at, n in enumerate(early[:_EARLY]):
            i = self.standing[n]
            target = Target.of("teaser", self.lines[i], self.keys[i])
            if any(self._says_again(target, n, other) for other in early[at + 1 :]):
                self.teaser = target
                self.shapes = Shapes.of(self._targets())
                self._exact(target)
                return True
        return False

    def _may_be_teaser(self, i: int) -> bool:
        if i in self.stubs or len(self.keys[i]) not in _TEASER:
            return False
        return not self.kinds or self.kinds[i] in _RUNNING

    def _says_again(self, target: Target, n: int, other: int) -> bool:
        """Whether line `other` repeats line `n` as pages do, and not as a refrain or a speaker does."""
        i = self.standing[other]
        key = self.keys[i]
        if key == target.key:
            between = [j for j in self.standing[n + 1 : other] if j not in self.stubs]
            return len(key) >= (_REPEATED if between else _DOUBLED) and not any(
                ends_sentence(self.lines[j]) for j in between
            )
        if self.headline and key == self.headline.key + target.key:
            return True
        whole = target._replace(bare=b"")  # a line without its beginning may be another line's end by chance
        found = copy_of(whole, self.lines[i], key, self._following(other), Place.LEAD)
        if found is None or found.confidence < _SURE:
            return False
        if found.rule == "teaser_near" and any(j not in self.stubs for j in self.standing[n + 1 : other]):
            return False  # paragraphs of a report that follows a pattern are alike, too
        if found.rule != "teaser_cut":
            return True
        rest = target.key[len(key) :]
        return not is_cut(target.text) and not (len(rest) <= _NUMBER and digits(rest))

    def _forms(self) -> None:
        targets = self._targets()
        for n, i in self._candidates():
            if i in self.spoken or (self.kinds and self.kinds[i] in _FIXED):
                continue
            key = self.keys[i]
            place = self._place(i)
            following = self._following(n)
            for target in targets:
                found = copy_of(target, self.lines[i], key, following, place)
                if found:
                    self._take_form(i, target, found)
                    break
            else:
                if place is not Place.BODY:
                    self._joined(i)
        self._sweep()

    def _candidates(self) -> list[tuple[int, int]]:
        """The lines that may be a changed copy, each with its place among those that stand.

        A cut copy begins as the text does, everywhere; the other forms stand outside the body.
        """
        keys, dotted, second, last = self.keys, self.traits.dotted, self.second, self.last
        openings, sizes = self.shapes
        shortest = min((least for least, _ in sizes), default=0)
        return [
            (n, i)
            for n, i in enumerate(self.standing)
            if keys[i][:OPENING] in openings
            or (not second <= i <= last and (i in dotted or (len(keys[i]) >= shortest and self._may_be_copy(i))))
        ]

    def _take_form(self, i: int, target: Target, found: Finding) -> None:
        """Take out a changed copy; the only one there is holds the field's place, and stays if its words differ."""
        form = found.rule.removeprefix(f"{target.name}_")
        holders = [j for j, name in self.slots.items() if name == target.name]
        if form != "cut" and (not holders or holders == [i]):
            self.slots[i] = target.name
            if form in _LOOSE:
                found = replace(found, confidence=0.4)
        self._mark(i, found)

    def _joined(self, i: int) -> None:
        if not self.headline or not self.teaser:
            return
        key = self.keys[i]
        extra = len(key) - len(self.headline.key) - len(self.teaser.key)
        if 0 <= extra <= JOINT and self.headline.key in key and self.teaser.key in key:
            found = self.teaser.found("joined", "is the headline and", 0.97)
            self._mark(i, replace(found, rule="joined"))

    def _paragraphs(self) -> None:
        for i, found in find_paragraph_copies(self.lines, self.keys, self.standing, self.kinds, self.traits).items():
            self._mark(i, found)
        self._sweep()

    def _spare_lead(self) -> None:
        """A teaser that a paragraph begins with needs no line of its own: the paragraph says it whole.

        A single line that is the teaser may be a paragraph, too; one that comes twice is not.
        """
        if not self.teaser:
            return
        wanted, keys = self.teaser.key, self.keys
        if not is_cut(self.teaser.text) and keys.count(wanted) < 2:
            return
        if any(len(keys[i]) > len(wanted) and keys[i].startswith(wanted) for i in self.standing):
            self.slots = {i: name for i, name in self.slots.items() if name != "teaser"}
