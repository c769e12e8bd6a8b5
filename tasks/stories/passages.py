"""Two texts side by side: what both say, and what each says in its own way. Pure, and for looking at, not for deciding.

The passages are whole words of the texts as written. Alignment is by folded words, so that quotes and case that
changed are no difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rapidfuzz.distance import Indel

from tasks.stories.fingerprint import Fingerprint

KEPT = 3
"""Equal words between two differences that are too few to part them: one rewritten sentence is one difference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A passage: `same` in both, `changed`, or only in the one (`added` to b, `dropped` from b).

    `ours` is a's wording and `theirs` b's; where both are the same they differ at most in case and marks.
    """

    kind: Literal["same", "changed", "added", "dropped"]
    ours: str
    theirs: str


def differences(a: Fingerprint, b: Fingerprint) -> list[Difference]:
    """The whole of both texts as passages, in order; joined together they give each text back."""
    ours, theirs = _words(a), _words(b)
    edits = Indel.opcodes(_folded(ours), _folded(theirs))
    spans: list[tuple[bool, int, int, int, int]] = []
    for edit in edits:
        same = edit.tag == "equal"
        if same and spans and edit.src_end - edit.src_start < KEPT and edit.src_end < len(ours):
            same = False
        if spans and spans[-1][0] == same:
            spans[-1] = (same, spans[-1][1], edit.src_end, spans[-1][3], edit.dest_end)
        else:
            spans.append((same, edit.src_start, edit.src_end, edit.dest_start, edit.dest_end))
    return [_difference(same, "".join(ours[i:j]), "".join(theirs[k:m])) for same, i, j, k, m in spans]


def _words(text: Fingerprint) -> list[str]:
    offsets = text.folded.offsets.tolist()
    words = [text.folded.source[start:end] for start, end in pairwise(offsets)]
    if words:
        words[0] = text.folded.source[: offsets[0]] + words[0]
    return words


_MARKS = re.compile(r"\W+")


def _folded(words: list[str]) -> list[str]:
    return [_MARKS.sub("", word).casefold() for word in words]


def _difference(same: bool, ours: str, theirs: str) -> Difference:  # noqa: FBT001 - a row of the alignment
    if same:
        return Difference(kind="same", ours=ours, theirs=theirs)
    if not ours:
        return Difference(kind="added", ours="", theirs=theirs)
    return Difference(kind="changed" if theirs else "dropped", ours=ours, theirs=theirs)
