"""The one engine: lines in, one decision a line out, whoever asks (a feed entry, a file, the yardstick's adapter)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.records import BlockKind
from tasks.normalize.boilerplate import KnownLine
from tasks.normalize.repeats import Judge, Verdict

__all__ = ["Verdict", "judge"]


def judge(
    lines: Sequence[str],
    *,
    headline: str | None,
    teaser: str | None,
    kinds: Sequence[BlockKind] | None = None,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
) -> Verdict:
    """Return what becomes of each line; the lines are mended already, `kinds` are None for bare lines."""
    return Judge(lines, headline or "", teaser or "", kinds=kinds, known=known, off=off).run()
