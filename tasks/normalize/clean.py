"""Turns an entry, or any text, into the clean article: blocks, repeats, boilerplate and furniture in one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.records import Block, BlockKind, CleanArticle, Entry, Markup, Removal, Source
from tasks.normalize import furniture
from tasks.normalize.blocks import looks_like_html, read_blocks
from tasks.normalize.boilerplate import KnownLine
from tasks.normalize.judge import judge
from tasks.normalize.mend import mend, mend_lines
from tasks.normalize.targets import Finding

VERSION = 1  # raise it whenever the same entry would come out otherwise; `reingest --normalized-before` reads it
THRESHOLD = 0.5  # below this confidence a line is only marked
_FULL_TEXT = 600  # characters from which a teaser of several paragraphs is the article itself
_TITLE_MARKS = ("|", "–", "—", "-", "·", "»", ":", "/")


def normalize(
    entry: Entry,
    *,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
    threshold: float = THRESHOLD,
    publisher: str | None = None,
) -> CleanArticle:
    """Return the clean article of an entry.

    `known` are the source's lines by key, `off` the rules this feed does without, `publisher` the name that its
    headlines may end in.
    """
    teaser, content = entry.teaser, entry.content
    teaser_blocks = read_blocks(teaser) if teaser else []
    blocks = read_blocks(content) if content else []
    if not blocks and len(teaser_blocks) > 1 and sum(len(block.text) for block in teaser_blocks) > _FULL_TEXT:
        blocks, teaser_blocks = teaser_blocks, []
    return _clean(
        blocks,
        headline=mend(entry.headline),
        teaser=" ".join(mend_lines([block.text for block in teaser_blocks if block.kind is not BlockKind.EMBED])),
        known=known,
        off=off,
        threshold=threshold,
        publisher=publisher,
    )


def clean_copy(
    text: str,
    *,
    headline: str | None = None,
    teaser: str | None = None,
    language: str | None = None,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
    threshold: float = THRESHOLD,
) -> CleanArticle:
    """Return the clean article of any text or HTML; without a headline the first line is it."""
    del language  # every rule but the seeds is independent of it
    blocks = read_blocks(Markup(value=text, kind="html" if looks_like_html(text) else "text"))
    if headline is None and blocks:
        headline = next((block.text for block in blocks if block.kind is not BlockKind.EMBED), "")
    return _clean(
        blocks,
        headline=mend(headline or ""),
        teaser=mend(teaser or ""),
        known=known,
        off=off,
        threshold=threshold,
        publisher=None,
    )


@dataclass(kw_only=True)
class _Desk:
    """The fields that fill while the blocks go by, and the lines that leave."""

    removals: list[Removal] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    byline: str | None = None
    dateline: str | None = None
    credit: str | None = None
    correction: str | None = None
    embargo: str | None = None

    def take(self, name: str, value: str) -> None:
        """Fill a field once; a second value of another wording joins it."""
        held = getattr(self, name)
        if held is None:
            setattr(self, name, value)
        elif name in {"correction", "credit"} and value not in held:
            setattr(self, name, f"{held}; {value}" if name == "credit" else f"{held}\n{value}")


def _clean(
    blocks: Sequence[Block],
    *,
    headline: str,
    teaser: str,
    known: Mapping[str, KnownLine],
    off: frozenset[str],
    threshold: float,
    publisher: str | None,
) -> CleanArticle:
    desk = _Desk()
    headline = _without_publisher(headline, publisher, desk) if "publisher_suffix" not in off else headline
    texts = _mended(blocks)
    verdict = judge(
        texts, headline=headline, teaser=teaser, kinds=[block.kind for block in blocks], known=known, off=off
    )
    kept: list[tuple[int, Block]] = []
    for i, (block, text) in enumerate(zip(blocks, texts, strict=True)):
        if not text:
            continue
        finding = verdict.findings[i]
        if finding:
            gone = finding.confidence >= threshold
            desk.removals.append(_removal(text, i, finding, removed=gone))
            if gone:
                continue
        kept.append((i, Block(kind=block.kind, text=text)))
    body = _furnish(kept, desk, off)
    return CleanArticle(
        headline=headline,
        teaser=verdict.teaser or None,
        blocks=tuple(body),
        sources=tuple(desk.sources),
        removals=tuple(sorted(desk.removals, key=lambda gone: gone.position)),
        byline=desk.byline,
        dateline=desk.dateline,
        credit=desk.credit,
        correction=desk.correction,
        embargo=desk.embargo,
    )


def _mended(blocks: Sequence[Block]) -> list[str]:
    """Mend every block's text; verse keeps its line breaks."""
    texts = mend_lines([block.text for block in blocks])
    for i, block in enumerate(blocks):
        if block.kind is BlockKind.VERSE:
            texts[i] = "\n".join(mend_lines(block.text.split("\n")))
    return texts


def _removal(line: str, position: int, finding: Finding, *, removed: bool) -> Removal:
    return Removal(
        line=line,
        rule=finding.rule,
        reason=finding.reason,
        position=position,
        confidence=round(finding.confidence, 3),
        repeats=finding.repeats,
        seen=finding.seen,
        removed=removed,
    )


def _without_publisher(headline: str, publisher: str | None, desk: _Desk) -> str:
    """Take " | Publisher" off a headline's end."""
    if not publisher or not headline.casefold().endswith(publisher.casefold()):
        return headline
    front = headline[: -len(publisher)].rstrip()
    if not front.endswith(_TITLE_MARKS) or len(front) < 12:
        return headline
    shorter = front.rstrip("".join(_TITLE_MARKS) + " ")
    desk.removals.append(
        Removal(
            line=headline[len(shorter) :].strip(),
            rule="publisher_suffix",
            reason="is the publisher's name behind the headline",
            position=-1,
        )
    )
    return shorter


def _furnish(kept: Sequence[tuple[int, Block]], desk: _Desk, off: frozenset[str]) -> list[Block]:
    """Move furniture from the blocks that stay into the fields."""
    body: list[Block] = []
    seen_paragraph = False
    for n, (position, block) in enumerate(kept):
        text = block.text
        if block.kind in (BlockKind.PARAGRAPH, BlockKind.SUBHEAD) and "furniture" not in off:
            name = _furniture_line(text, at_edge=not seen_paragraph or n >= len(kept) - 4)
            if name:
                value = furniture.read_credit(text) or text if name == "credit" else text
                desk.take(name, value)
                desk.removals.append(
                    Removal(line=text, rule="furniture", reason=f"is kept as the {name}", position=position)
                )
                continue
            if block.kind is BlockKind.PARAGRAPH:
                if not seen_paragraph:
                    text = _take_dateline(text, position, desk)
                text = _take_credit_tail(text, position, desk) if n == len(kept) - 1 else text
        if "sources" not in off and block.kind is not BlockKind.EMBED:
            text, notes = furniture.take_sources(text)
            desk.sources.extend(Source(name=name, block=len(body), offset=offset) for name, offset in notes)
        seen_paragraph = seen_paragraph or len(text) >= 80
        if text.strip():
            body.append(block if text == block.text else Block(kind=block.kind, text=text.strip()))
    return body


def _furniture_line(text: str, *, at_edge: bool) -> str | None:
    if furniture.is_correction(text):
        return "correction"
    if not at_edge:
        return None
    if furniture.is_embargo(text):
        return "embargo"
    if furniture.read_credit(text):
        return "credit"
    return "byline" if furniture.read_byline(text) else None


def _take_dateline(text: str, position: int, desk: _Desk) -> str:
    found = furniture.read_dateline(text)
    if not found:
        return text
    desk.take("dateline", found.line.rstrip(" -–—:."))
    if found.credit:
        desk.take("credit", found.credit)
    desk.removals.append(
        Removal(line=found.line, rule="furniture", reason="is kept as the dateline", position=position)
    )
    return found.rest


def _take_credit_tail(text: str, position: int, desk: _Desk) -> str:
    rest, credit = furniture.take_credit_tail(text)
    if credit:
        desk.take("credit", credit)
        desk.removals.append(
            Removal(line=f"({credit})", rule="furniture", reason="is kept as the credit", position=position)
        )
    return rest
