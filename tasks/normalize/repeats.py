"""Finds the lines of an article that say again what the headline, the teaser or an earlier line has said.

Equality alone never removes a short line: form and place must speak together. The head of an article (before its
second paragraph) and its tail (after its last) need less evidence than the body, because there copies stand and
refrains do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from storage.records import BlockKind
from tasks.normalize.boilerplate import KnownLine, find_known
from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.paragraphs import find_paragraph_copies
from tasks.normalize.stubs import find_stubs
from tasks.normalize.targets import Finding, Place, Target, copy_of, ends_sentence, is_cut

PARAGRAPH = 100  # bytes of key from which a line is a paragraph whatever it ends with
SENTENCE = 50  # bytes of key from which a line that ends as a sentence is a paragraph
_OPENING = 12  # bytes of key by which a line inside the body shows that it may be a cut copy
_EARLY = 6  # lines that may be a teaser nobody named
_TEASER = range(16, 700)  # bytes of key of such a teaser
_LOOSE = frozenset({"near"})  # forms that differ in their words: one that nothing else repeats stays
_FIXED = frozenset({BlockKind.VERSE, BlockKind.TABLE_ROW, BlockKind.EMBED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of each line.

    `findings[i]` says why line i goes. `slots` are the lines among them that hold a field's own text: whoever has no
    such field keeps them, so that headline and teaser stay once.
    """

    findings: list[Finding | None]
    headline: str | None
    teaser: str | None
    slots: dict[int, str]


class Judge:
    """One article on the bench; each pass sees only what the passes before it left."""

    def __init__(
        self,
        lines: Sequence[str],
        headline: str,
        teaser: str,
        *,
        kinds: Sequence[BlockKind] | None = None,
        known: Mapping[str, KnownLine] = {},
        off: frozenset[str] = frozenset(),
    ) -> None:
        self.lines = lines
        self.kinds = kinds
        self.known = known
        self.off = off
        keys = fold_lines([*lines, headline, teaser])
        self.keys = keys[:-2]
        self.findings: list[Finding | None] = [None] * len(lines)
        self.slots: dict[int, str] = {}
        self.headline = Target.of("headline", headline, keys[-2]) if keys[-2] else None
        self.teaser = Target.of("teaser", teaser, keys[-1]) if keys[-1] else None
        self.spoken: set[int] = set()  # copies of the headline that are sentences of the article, said more than once
        self.first = self.second = self.last = len(lines)

    def run(self) -> Verdict:
        """Judge every line against headline, teaser, the source's known lines and the lines before it."""
        for target in self._targets():
            self._exact(target)
        self._places()
        self._furniture()
        if not self.teaser:
            self._seek_teaser()
        self._forms()
        standing = self._standing()
        for i, found in find_paragraph_copies(self.lines, self.keys, standing, self.kinds).items():
            self._mark(i, found)
        self._spare_lead()
        return Verdict(
            findings=self.findings,
            headline=self.headline.text if self.headline else None,
            teaser=self.teaser.text if self.teaser else None,
            slots=self.slots,
        )

    def _targets(self) -> list[Target]:
        return [target for target in (self.headline, self.teaser) if target]

    def _standing(self) -> list[int]:
        return [i for i, key in enumerate(self.keys) if key and self.findings[i] is None]

    def _mark(self, i: int, finding: Finding) -> None:
        if finding.rule not in self.off:
            self.findings[i] = finding

    def _exact(self, target: Target) -> None:
        if target.key not in self.keys:
            return
        copies = [i for i, key in enumerate(self.keys) if key == target.key and self.findings[i] is None]
        if len(copies) > 1 and target.name == "headline" and not ends_sentence(target.text):
            self.spoken = {i for i in copies if ends_sentence(self.lines[i])}
            if len(self.spoken) > 1:
                copies = [i for i in copies if i not in self.spoken]
        for n, i in enumerate(copies):
            if n == 0:
                self.slots[i] = target.name
            self._mark(i, target.found("copy", "says" if n else "is", 1.0))

    def _is_paragraph(self, i: int) -> bool:
        size = len(self.keys[i])
        return size >= PARAGRAPH or (size >= SENTENCE and ends_sentence(self.lines[i]))

    def _places(self) -> None:
        """Find the first, the second and the last line that is a paragraph and no copy."""
        targets = self._targets()
        standing = self._standing()
        paragraphs: list[int] = []
        for n, i in enumerate(standing):
            if not self._is_paragraph(i) or (paragraphs and self.keys[i] == self.keys[paragraphs[0]]):
                continue
            following = self._following(standing, n)
            if any(copy_of(target, self.lines[i], self.keys[i], following, Place.LEAD) for target in targets):
                continue
            paragraphs.append(i)
            if len(paragraphs) == 2:
                break
        end = len(self.lines)
        self.first = paragraphs[0] if paragraphs else end
        self.second = paragraphs[1] if len(paragraphs) > 1 else end
        self.last = next((i for i in reversed(standing) if self._is_last_paragraph(i)), end)

    def _is_last_paragraph(self, i: int) -> bool:
        return self._is_paragraph(i) and (i == self.first or self.keys.index(self.keys[i]) == i)

    def _following(self, standing: Sequence[int], n: int) -> list[bytes]:
        return [self.keys[j] for j in standing[n + 1 : n + 5]]

    def _place(self, i: int) -> Place:
        if i <= self.first:
            return Place.LEAD
        if i < self.second:
            return Place.HEAD
        return Place.TAIL if i > self.last else Place.BODY

    def _furniture(self) -> None:
        """Lines of the source and of its system, known or learned."""
        masked = mask_digits(self.keys)
        condemned, spared, met = find_known(masked, self.known)
        stubs = find_stubs(self.lines, masked, self.first)
        for i, finding in stubs.items():
            inside = self.first < i < self.last
            if inside and i not in met and not (i - 1 in stubs and i + 1 in stubs):
                finding = replace(finding, confidence=0.45)
            if i not in spared and self.findings[i] is None:
                self._mark(i, finding)
        for i, finding in condemned.items():
            if self.findings[i] is None or i in stubs:
                self._mark(i, finding)

    def _seek_teaser(self) -> None:
        """A teaser nobody named: an early line that comes back, whole or changed, before the body is under way."""
        standing = [i for i in self._standing() if i <= self.second + 3]
        early = [i for i in standing if len(self.keys[i]) in _TEASER][: _EARLY + 4]
        for n, i in enumerate(early[:_EARLY]):
            if is_cut(self.lines[i]):
                continue
            target = Target.of("teaser", self.lines[i], self.keys[i])
            if any(self._says_again(target, j) for j in early[n + 1 :]):
                self.teaser = target
                self._exact(target)
                self._places()
                return

    def _says_again(self, target: Target, j: int) -> bool:
        key = self.keys[j]
        if key == target.key:
            return len(key) >= 24
        if self.headline and key == self.headline.key + target.key:
            return True
        found = copy_of(target, self.lines[j], key, self.keys[j + 1 : j + 5], Place.LEAD)
        return found is not None and found.confidence >= 0.9

    def _forms(self) -> None:
        standing = self._standing()
        targets = self._targets()[::-1]
        openings = {key[:_OPENING] for target in targets for key in (target.key, target.bare) if key}
        shortest = min((len(target.key) // 2 for target in targets), default=0)
        for n, i in enumerate(standing):
            key = self.keys[i]
            place = self._place(i)
            if key[:_OPENING] not in openings and (place is Place.BODY or len(key) < shortest):
                continue
            if i in self.spoken or (self.kinds and self.kinds[i] in _FIXED):
                continue
            following = self._following(standing, n)
            for target in targets:
                found = copy_of(target, self.lines[i], key, following, place)
                if found:
                    self._take_form(i, target, found)
                    break
            else:
                if place is not Place.BODY:
                    self._joined(i)

    def _take_form(self, i: int, target: Target, found: Finding) -> None:
        """Mark a changed copy; the only one there is holds the field's place, and stays if its words differ."""
        form = found.rule.removeprefix(f"{target.name}_")
        if form != "cut" and target.name not in self.slots.values():
            self.slots[i] = target.name
            if form in _LOOSE:
                found = replace(found, confidence=0.4)
        self._mark(i, found)

    def _joined(self, i: int) -> None:
        if not self.headline or not self.teaser:
            return
        key = self.keys[i]
        extra = len(key) - len(self.headline.key) - len(self.teaser.key)
        if 0 <= extra <= 24 and self.headline.key in key and self.teaser.key in key:
            self._mark(
                i,
                Finding(
                    rule="joined",
                    reason="is headline and teaser in one line",
                    confidence=0.97,
                    repeats=self.teaser.text,
                ),
            )

    def _spare_lead(self) -> None:
        """A teaser cut from a paragraph needs no line of its own: the paragraph says it whole."""
        if not self.teaser or not is_cut(self.teaser.text):
            return
        if any(len(key) > len(self.teaser.key) and key.startswith(self.teaser.key) for key in self.keys):
            self.slots = {i: name for i, name in self.slots.items() if name != "teaser"}
