"""Lets a line-cleaning yardstick drive the normalizer's own engine: lines in, the kept lines out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tasks.normalize.boilerplate import KnownLine, template
from tasks.normalize.fold import fold_lines
from tasks.normalize.judge import judge
from tasks.normalize.mend import mend, mend_lines


def clean(
    headline: str | None,
    teaser: str | None,
    lines: Sequence[str],
    lang: str | None = None,
    publisher: str | None = None,
    history: Sequence[Sequence[str]] | None = None,
) -> list[str]:
    """Return the lines that stay."""
    del lang, publisher
    verdict = judge(
        mend_lines(lines), headline=mend(headline or ""), teaser=mend(teaser or ""), known=_known(history or ())
    )
    return [line for line, finding in zip(lines, verdict.findings, strict=True) if finding is None]


def _known(history: Sequence[Sequence[str]]) -> dict[str, KnownLine]:
    """What a source's other articles have taught, as the database would hold it."""
    seen: Counter[str] = Counter()
    for page in history:
        seen.update({template(key) for key in fold_lines(page) if key})
    return {key: KnownLine(key=key, seen=count, articles=len(history)) for key, count in seen.items()}
