"""Finds the lines of an article that say again what the headline, the teaser or an earlier line has said.

Equality alone never removes a short line: form and place must speak together. The head of an article (before its
second paragraph) and its tail (after its last) need less evidence than the body, because there copies stand and
refrains do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.records import BlockKind
from tasks.normalize.boilerplate import KnownLine, find_known
from tasks.normalize.fold import fold_lines
from tasks.normalize.stubs import find_stubs
from tasks.normalize.targets import Finding, Place, Target, copy_of, ends_sentence, is_cut

LONG = 60  # bytes of key from which a line is too long to come back by chance
PARAGRAPH = 100  # bytes of key from which a line is a paragraph whatever it ends with
SENTENCE = 50  # bytes of key from which a line that ends as a sentence is a paragraph


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What became of each line: `findings[i]` says why line i goes; a line in `fields` is the field's own copy."""

    findings: list[Finding | None]
    headline: str | None
    teaser: str | None
    fields: dict[int, str] = field(default_factory=dict)


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
        self.fields: dict[int, str] = {}
        self.headline = Target(name="headline", text=headline, key=keys[-2]) if keys[-2] else None
        self.teaser = Target(name="teaser", text=teaser, key=keys[-1]) if keys[-1] else None

    def run(self) -> Verdict:
        if self.headline:
            self._exact(self.headline)
        if self.teaser:
            self._exact(self.teaser)
        self._places()
        self._furniture()
        if not self.teaser:
            self._seek_teaser()
        self._forms()
        self._paragraphs()
        return Verdict(
            findings=self.findings,
            headline=self.headline.text if self.headline else None,
            teaser=self.teaser.text if self.teaser else None,
            fields=self.fields,
        )

    def _furniture(self) -> None:
        """Lines of the source and of its system, known or learned."""
        condemned, spared = find_known(self.keys, self.known)
        stubs = find_stubs(self.lines, self.keys, self.first)
        for i, finding in {**stubs, **condemned}.items():
            if i not in spared and i not in self.fields and self.findings[i] is None:
                self.findings[i] = finding

    # the lines that still stand, as (index, key)
    def _standing(self) -> list[int]:
        return [i for i, key in enumerate(self.keys) if key and self.findings[i] is None and i not in self.fields]

    def _exact(self, target: Target) -> None:
        copies = [i for i, key in enumerate(self.keys) if key == target.key]
        for n, i in enumerate(copies):
            if n == 0:
                self.fields[i] = target.name
                continue
            self.findings[i] = Finding(
                rule=f"{target.name}_copy", reason=f"says the {target.name} again", confidence=1.0, repeats=target.text
            )

    def _is_paragraph(self, i: int) -> bool:
        size = len(self.keys[i])
        return size >= PARAGRAPH or (size >= SENTENCE and ends_sentence(self.lines[i]))

    def _places(self) -> None:
        """Head: before the second paragraph that is no copy; tail: after the last."""
        targets = [t for t in (self.headline, self.teaser) if t]
        standing = self._standing()
        paragraphs: list[int] = []
        seen: set[bytes] = set()
        for n, i in enumerate(standing):
            key = self.keys[i]
            if not self._is_paragraph(i) or key in seen:
                continue
            if len(paragraphs) < 2:
                following = self.keys[standing[n + 1]] if n + 1 < len(standing) else b""
                if any(copy_of(t, self.lines[i], key, following, Place.HEAD) for t in targets):
                    continue
            seen.add(key)
            paragraphs.append(i)
        end = len(self.lines)
        self.first = paragraphs[0] if paragraphs else end
        self.second = paragraphs[1] if len(paragraphs) > 1 else end
        self.last = paragraphs[-1] if paragraphs else end

    def _place(self, i: int) -> Place:
        if i < self.second:
            return Place.HEAD
        return Place.TAIL if i > self.last else Place.BODY

    def _seek_teaser(self) -> None:
        """A teaser nobody named: an early line that comes back, whole or changed, before the body is under way."""
        standing = self._standing()
        early = [i for i in standing if i <= self.second + 1 and len(self.keys[i]) >= 24][:6]
        for n, i in enumerate(early):
            target = Target(name="teaser", text=self.lines[i], key=self.keys[i])
            if is_cut(self.lines[i]):
                continue
            for j in early[n + 1 :]:
                same = self.keys[j] == target.key
                following = self.keys[j + 1] if j + 1 < len(self.keys) else b""
                if same or copy_of(target, self.lines[j], self.keys[j], following, Place.HEAD):
                    self.teaser = target
                    self._exact(target)
                    return

    def _forms(self) -> None:
        targets = [t for t in (self.teaser, self.headline) if t]
        standing = self._standing()
        for n, i in enumerate(standing):
            key = self.keys[i]
            if len(key) < 12:
                continue
            following = self.keys[standing[n + 1]] if n + 1 < len(standing) else b""
            place = self._place(i)
            if place is Place.HEAD and i == self.first:
                place = Place.BODY if len(targets) < 2 else place
            for target in targets:
                found = copy_of(target, self.lines[i], key, following, place)
                if found:
                    self.findings[i] = found
                    break
            else:
                if self.headline and self.teaser and place is not Place.BODY:
                    self.findings[i] = self._joined(self.headline, self.teaser, key)

    def _joined(self, headline: Target, teaser: Target, key: bytes) -> Finding | None:
        extra = len(key) - len(headline.key) - len(teaser.key)
        if not 0 <= extra <= 24 or headline.key not in key or teaser.key not in key:
            return None
        return Finding(rule="joined", reason="is headline and teaser in one line", confidence=0.97, repeats=teaser.text)

    def _paragraphs(self) -> None:
        first_at: dict[bytes, int] = {}
        repeated: dict[int, int] = {}
        openings: dict[bytes, list[int]] = {}
        standing = self._standing()
        for i in standing:
            key = self.keys[i]
            if key in first_at:
                repeated[i] = first_at[key]
            else:
                first_at[key] = i
            if len(key) >= 40:
                openings.setdefault(key[:24], []).append(i)
        for i, origin in repeated.items():
            if len(self.keys[i]) >= LONG:
                self.findings[i] = Finding(
                    rule="paragraph_copy",
                    reason="says an earlier line again",
                    confidence=0.97,
                    repeats=self.lines[origin],
                )
        self._blocks(standing, repeated)
        for i in standing:
            key = self.keys[i]
            if self.findings[i] is None and len(key) >= 40 and is_cut(self.lines[i]):
                for j in openings.get(key[:24], ()):
                    if j != i and len(self.keys[j]) > len(key) and self.keys[j].startswith(key):
                        self.findings[i] = Finding(
                            rule="paragraph_cut",
                            reason="is the beginning of another line, cut with an ellipsis",
                            confidence=0.95,
                            repeats=self.lines[j],
                        )
                        break

    def _blocks(self, standing: list[int], repeated: dict[int, int]) -> None:
        """Short lines inside a repeated block go with it: neighbours that come back in the same order."""
        order = {i: n for n, i in enumerate(standing)}
        for n, i in enumerate(standing):
            if i not in repeated or self.findings[i] is not None:
                continue
            if any(self._goes_with(i, n + step, step, standing, order, repeated) for step in (-1, 1)):
                self.findings[i] = Finding(
                    rule="block_copy",
                    reason="goes with the repeated lines around it",
                    confidence=0.9,
                    repeats=self.lines[repeated[i]],
                )

    def _goes_with(
        self, i: int, n: int, step: int, standing: list[int], order: dict[int, int], repeated: dict[int, int]
    ) -> bool:
        """Whether the neighbour of line i is a repeat too, and stood beside the origin of i as well."""
        if not 0 <= n < len(standing):
            return False
        j = standing[n]
        found = self.findings[j]
        if not found or found.rule not in {"paragraph_copy", "block_copy"} or j not in repeated:
            return False
        return order[repeated[j]] - order[repeated[i]] == step
