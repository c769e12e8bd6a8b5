"""One article on the bench: which of its lines still stand, which went and why, and where its body begins and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.records import BlockKind, KnownLine, KnownLines
from tasks.normalize.look import Look
from tasks.normalize.targets import Finding, Place, Target, copy_of

_LIST = 40  # lines, at most, of a list that the text announces
_RUNNING = frozenset({BlockKind.PARAGRAPH, BlockKind.SUBHEAD, BlockKind.LIST_ITEM})


class Bench:
    """The lines of an article as the passes take them out; each pass sees only those that still stand."""

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
        self.notes = frozenset() if "stub" in off else {i for i, stub in look.stubs.items() if not stub.head_only}
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

    def targets(self) -> list[Target]:
        """The texts that may come back; the teaser first, since a line may begin as both do."""
        return [target for target in (self.teaser, self.headline) if target]

    def mark(self, i: int, finding: Finding) -> None:
        """Take a line out, or only mark it when the evidence is thin."""
        if finding.rule in self.off:
            return
        if finding.confidence >= self.threshold:
            self.gone[i] = finding
        else:
            self.marked.setdefault(i, finding)

    def sweep(self) -> bool:
        """Leave the lines that went out of the passes that follow; return whether any went since the last sweep."""
        if len(self.gone) == self.swept:
            return False
        self.swept = len(self.gone)
        self.standing = [i for i in self.standing if i not in self.gone]
        self.first_at = {self.keys[i]: i for i in reversed(self.standing)}
        return True

    def following(self, n: int) -> list[bytes]:
        """The keys of the lines after the n-th that stands, in which a cut copy may go on."""
        return [self.keys[i] for i in self.standing[n + 1 : n + 5]]

    def find_places(self) -> None:
        """Find the first, the second and the last line that is a paragraph and no copy, nor a note that will leave."""
        places = [n for n, i in enumerate(self.standing) if i in self.is_paragraph and i not in self.notes]
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

    def places_hold(self) -> bool:
        """Whether the lines that mark the places are still there; short lines that left move none of them."""
        return not self.gone.keys() & {self.first, self.second, self.last}

    def _last_paragraph(self, places: Sequence[int], end: int) -> int:
        """The last paragraph that is no copy: a repeat at the foot does not make the foot body."""
        for n in reversed(places):
            i = self.standing[n]
            if self.first_at[self.keys[i]] == i and not self._is_copy(n, Place.TAIL):
                return i
        return end

    def may_be_copy(self, i: int) -> bool:
        """Whether a line outside the body has the form of a copy: most have not, and need no look at their text."""
        return self.shapes.fit(self.keys[i]) or i in self.traits.dotted

    def _is_copy(self, n: int, place: Place) -> bool:
        i = self.standing[n]
        if not self.may_be_copy(i):
            return False
        following = self.following(n)
        return any(copy_of(target, self.lines[i], self.keys[i], following, place) for target in self.targets())

    def place(self, i: int) -> Place:
        """Where a line stands, as `find_places` found it."""
        if i <= self.first:
            return Place.LEAD
        if i < self.second:
            return Place.HEAD
        return Place.TAIL if i > self.last else Place.BODY

    def is_said(self, i: int) -> bool:
        """Whether a line is a paragraph, or a short sentence: words of an article, until most articles have them."""
        return i in self.is_paragraph or self.lines[i].endswith(".")

    def is_running(self, i: int) -> bool:
        """Whether a line is text, a heading or an item of a list: no row of a table, verse, quote or caption."""
        return self.kinds is None or self.kinds[i] in _RUNNING

    def is_announced(self, i: int) -> bool:
        """Whether a line is in a list that the text announces by a colon: "Pflicht sind:"."""
        near = range(i - 1, max(-1, i - _LIST), -1)
        above = next((n for n in near if n in self.is_paragraph or self.lines[n].endswith(":")), -1)
        return above >= 0 and above not in self.stubs and self.lines[above].endswith(":")

    def at_edge(self, i: int) -> bool:
        """Whether a line stands outside the body of an article that has one: a list of results is all body."""
        return self.first < len(self.lines) and self.place(i) in (Place.LEAD, Place.TAIL)

    def known(self, i: int) -> KnownLine | None:
        """What the source knows of a line; its template counts at the edges, and where an operator has judged it."""
        line, form = self.words.get(i), self.forms.get(i)
        if form and (form.state is not KnownLines.LEARNED or (self.at_edge(i) and not self.is_said(i))):
            return form if line is None or form.seen >= line.seen else line
        return line

    def is_forbidden(self, i: int) -> bool:
        """Whether an operator has said that a line stays."""
        line = self.known(i)
        return line is not None and line.state is KnownLines.FORBIDDEN
