"""Turns an entry, or any text, into the clean article: blocks, repeats, boilerplate and furniture in one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from storage.records import Block, BlockKind, CleanArticle, Entry, KnownLine, Markup, Removal, Source
from tasks.normalize import furniture
from tasks.normalize.blocks import looks_like_html, read_blocks
from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.judge import THRESHOLD, judge_look
from tasks.normalize.look import Look
from tasks.normalize.mend import mend, mend_lines
from tasks.normalize.stubs import find_stubs
from tasks.normalize.targets import Finding

VERSION = 2  # raise it whenever the same entry would come out otherwise; `reingest --normalized-before` reads it
_FULL_TEXT = 600  # characters from which a teaser of several paragraphs is the article itself
_PARAGRAPH = 80  # characters from which a line is body, and what stands outside its first and last is edge
_SHORTEST_HEADLINE = 12  # characters that must stay when a publisher's name is taken off
_ROUNDS = 4  # furniture and paragraphs that leave may uncover a repeat, so the bench sits again
_OF_THE_BODY = frozenset({"paragraph_copy", "paragraph_cut", "block_copy", "contents"})  # a refrain may move
_RUNNING = frozenset({BlockKind.PARAGRAPH, BlockKind.SUBHEAD})
_TITLE_MARKS = ("|", "–", "—", "-", "·", "»", ":", "/")


def normalize(
    entry: Entry,
    *,
    known: Mapping[str, KnownLine] = {},
    off: frozenset[str] = frozenset(),
    threshold: float = THRESHOLD,
    publisher: str | None = None,
    reading: Reading | None = None,
) -> CleanArticle:
    """Return the clean article of an entry.

    `known` are the source's lines by key, `off` the rules this feed does without, `publisher` the name that its
    headlines may end in. `reading` is what `read` made of the entry, where it is cleaned more than once.
    """
    reading = read(entry) if reading is None else reading
    desk = _Desk(off=off)
    return _clean(
        reading,
        teaser=_teaser(reading.teaser, desk),
        known=known,
        threshold=threshold,
        publisher=publisher,
        desk=desk,
    )


def clean_headline(headline: str, *, publisher: str | None = None) -> str:
    """Return a headline as `normalize` does, where nothing else of the entry is needed."""
    return _without_publisher(mend(headline), publisher, _Desk(off=frozenset())) if publisher else mend(headline)


@dataclass(kw_only=True, slots=True)
class Reading:
    """An entry as read: what cleaning it does not have to do again when its source has taught more.

    `look` is what its lines are by their form; it is there once the entry has been cleaned.
    """

    headline: str
    teaser: Sequence[Block]
    blocks: Sequence[Block]
    look: Look | None = None

    @property
    def keys(self) -> dict[str, bytes]:
        """The lines that were judged, each with its key."""
        return dict(zip(self.look.lines, self.look.keys, strict=True)) if self.look is not None else {}

    def looked_at(self, lines: Sequence[str], headline: str, teaser: str) -> Look:
        """The look at these lines: the one that was had, or a new one; the first is kept."""
        if self.look is not None and self.look.is_of(lines, headline, teaser):
            return self.look
        look = Look.at(lines, headline, teaser)
        if self.look is None:
            self.look = look
        return look


def read(entry: Entry) -> Reading:
    """Read the markup of an entry into blocks."""
    teaser, content = entry.teaser, entry.content
    teaser_blocks = read_blocks(teaser) if teaser else []
    blocks = read_blocks(content) if content else []
    if not blocks and len(teaser_blocks) > 1 and sum(len(block.text) for block in teaser_blocks) > _FULL_TEXT:
        blocks, teaser_blocks = teaser_blocks, []
    return Reading(headline=mend(entry.headline), teaser=teaser_blocks, blocks=blocks)


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
    reading = Reading(headline=mend(headline or ""), teaser=(), blocks=blocks)
    return _clean(
        reading,
        teaser=mend(teaser or ""),
        known=known,
        threshold=threshold,
        publisher=None,
        desk=_Desk(off=off),
    )


@dataclass(kw_only=True, slots=True)
class _Line:
    """A line on its way: where it stood, the block it was, its text without notes and dateline, and those."""

    position: int
    block: Block
    text: str
    notes: Sequence[tuple[str, int]] = ()
    dateline: furniture.Dateline | None = None

    @property
    def kind(self) -> BlockKind:
        """What the line is."""
        return self.block.kind

    def settled(self) -> Block:
        """The block as it leaves: the one that came in, if nothing was taken from it."""
        block = self.block
        return block if self.text == block.text else Block(kind=block.kind, text=self.text)


@dataclass(kw_only=True)
class _Desk:
    """The fields that fill while the lines go by, and the lines that leave."""

    off: frozenset[str]
    removals: list[Removal] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, value: str) -> None:
        """Fill a field; a second value of another wording joins the first."""
        held = self.fields.get(name)
        if held is None:
            self.fields[name] = value
        elif value not in held and name in _JOINING:
            self.fields[name] = f"{held}{_JOINING[name]}{value}"

    def remove(self, line: str, rule: str, reason: str, position: int) -> None:
        """List a line that left for a field."""
        self.removals.append(Removal(line=line, rule=rule, reason=reason, position=position))


_JOINING = {"credit": "; ", "correction": "\n", "byline": "; "}


def _clean(
    reading: Reading,
    *,
    teaser: str,
    known: Mapping[str, KnownLine],
    threshold: float,
    publisher: str | None,
    desk: _Desk,
) -> CleanArticle:
    off, headline = desk.off, reading.headline
    if publisher and "publisher_suffix" not in off:
        headline = _without_publisher(headline, publisher, desk)
    lines = _lines(reading.blocks, off)
    listed = len(desk.removals)
    lines = _furnish(lines, desk)
    untidy = _take_datelines(lines, teaser, desk) or len(desk.removals) > listed
    marked: dict[int, Removal] = {}
    for _ in range(_ROUNDS):
        verdict = judge_look(
            reading.looked_at([line.text for line in lines], headline, teaser),
            kinds=[line.block.kind for line in lines],
            known=known,
            off=off,
            threshold=threshold,
        )
        teaser = verdict.teaser or ""
        kept = []
        for i, line in enumerate(lines):
            finding = verdict.findings[i]
            if finding is None or not verdict.goes(i):
                kept.append(line)
                if finding:
                    marked[line.position] = _removal(line, finding, removed=False)
            else:
                desk.removals.append(_removal(line, finding, removed=True))
        if len(kept) == len(lines) and not untidy:
            break  # what was no furniture before the bench sat is none now
        thinner = any(found and found.rule in _OF_THE_BODY for found in verdict.findings)
        lines, untidy = _furnish(kept, desk), True
        if len(lines) == len(kept) and not thinner:
            break
    _settle_datelines(lines, desk)
    stay = {line.position for line in lines}
    removals = [*desk.removals, *(gone for position, gone in marked.items() if position in stay)]
    return CleanArticle(
        headline=headline,
        teaser=teaser or None,
        blocks=tuple([line.settled() for line in lines]),
        sources=tuple(
            Source(name=name, block=n, offset=offset) for n, line in enumerate(lines) for name, offset in line.notes
        ),
        removals=tuple(sorted(removals, key=lambda gone: gone.position)),
        byline=desk.fields.get("byline"),
        dateline=desk.fields.get("dateline"),
        credit=desk.fields.get("credit"),
        correction=desk.fields.get("correction"),
        embargo=desk.fields.get("embargo"),
    )


def _teaser(blocks: Sequence[Block], desk: _Desk) -> str:
    """Join the blocks of a teaser, without what a system has added to them."""
    texts = [text for text in mend_lines([b.text for b in blocks if b.kind is not BlockKind.EMBED]) if text]
    if len(texts) > 1 and "stub" not in desk.off:
        stubs = find_stubs(texts, mask_digits(fold_lines(texts)))
        for i, stub in stubs.items():
            desk.remove(texts[i], "stub", f"{stub.finding.reason} in the teaser", -1)
        texts = [text for i, text in enumerate(texts) if i not in stubs]
    return " ".join(texts)


def _lines(blocks: Sequence[Block], off: frozenset[str]) -> list[_Line]:
    """Mend the blocks' text and take the source notes out; positions count the lines that hold any text."""
    texts = mend_lines([block.text if block.kind is not BlockKind.VERSE else "" for block in blocks])
    noted = "sources" not in off and any("(" in text or "[" in text for text in texts)
    lines: list[_Line] = []
    for block, text in zip(blocks, texts, strict=True):
        notes: Sequence[tuple[str, int]] = ()
        if block.kind is BlockKind.VERSE:  # keeps its line breaks
            text = "\n".join([verse for verse in mend_lines(block.text.split("\n")) if verse])
        elif noted and block.kind is not BlockKind.EMBED:
            text, notes = furniture.take_sources(text)
        if notes and not text and lines:  # a note in a line of its own belongs to the line before
            lines[-1].notes = [*lines[-1].notes, *((name, len(lines[-1].text)) for name, _ in notes)]
        elif text:
            lines.append(_Line(position=len(lines), block=block, text=text, notes=notes))
    return lines


def _removal(line: _Line, finding: Finding, *, removed: bool) -> Removal:
    return Removal(
        line=f"{line.dateline.line} {line.text}" if line.dateline else line.text,
        rule=finding.rule,
        reason=finding.reason,
        position=line.position,
        confidence=round(finding.confidence, 3),
        repeats=finding.repeats,
        seen=finding.seen,
        removed=removed,
    )


def _without_publisher(headline: str, publisher: str, desk: _Desk) -> str:
    """Take " | Publisher" off a headline's end."""
    if not headline.casefold().endswith(publisher.casefold()):
        return headline
    front = headline[: -len(publisher)].rstrip()
    if not front.endswith(_TITLE_MARKS) or len(front) < _SHORTEST_HEADLINE:
        return headline
    shorter = front.rstrip("".join(_TITLE_MARKS) + " ")
    rest = headline[len(shorter) :].strip()
    desk.remove(rest, "publisher_suffix", "is the publisher's name behind the headline", -1)
    return shorter


def _furnish(lines: Sequence[_Line], desk: _Desk) -> list[_Line]:
    """Move furniture out of the lines that stay, into the fields; what is left is the body."""
    if "furniture" in desk.off:
        return list(lines)
    paragraphs = [n for n, line in enumerate(lines) if len(line.text) >= _PARAGRAPH]
    first, last = (paragraphs[0], paragraphs[-1]) if paragraphs else (len(lines), -1)
    body: list[_Line] = []
    for n, line in enumerate(lines):
        name = "correction" if furniture.is_correction(line.text) else None
        if name is None and not first <= n <= last:
            name = _edge_line(line.text)
        if name and line.kind in _RUNNING:
            desk.take(name, (furniture.read_credit(line.text) or line.text) if name == "credit" else line.text)
            desk.remove(line.text, "furniture", f"is kept as the {name}", line.position)
        else:
            body.append(line)
    if paragraphs:
        _take_sign_off(lines[last], desk)
    return body


def _edge_line(text: str) -> str | None:
    """What a line outside the body is kept as, if it is furniture."""
    if furniture.is_embargo(text):
        return "embargo"
    if furniture.read_credit(text):
        return "credit"
    return "byline" if furniture.read_byline(text) else None


def _take_datelines(lines: Sequence[_Line], teaser: str, desk: _Desk) -> bool:
    """Take the dateline off the first paragraph, and off copies of the teaser before it, so that they compare.

    Return whether there was one.
    """
    taken = False
    if "furniture" in desk.off:
        return taken
    for line in lines:
        if len(line.text) < _PARAGRAPH or line.text == teaser:
            continue
        found = furniture.read_dateline(line.text) if line.kind is BlockKind.PARAGRAPH else None
        if not found:
            break
        taken = True
        shift = len(line.text) - len(found.rest)
        line.dateline, line.text = found, found.rest
        line.notes = [(name, max(0, offset - shift)) for name, offset in line.notes]
    return taken


def _settle_datelines(lines: Sequence[_Line], desk: _Desk) -> None:
    """Fill the fields from the datelines of the lines that stayed."""
    for line in lines:
        if line.dateline:
            desk.take("dateline", line.dateline.line.rstrip(" -–—:."))
            if line.dateline.credit:
                desk.take("credit", line.dateline.credit)
            desk.remove(line.dateline.line, "dateline", "is kept as the dateline", line.position)


def _take_sign_off(line: _Line, desk: _Desk) -> None:
    rest, credit = furniture.take_credit_tail(line.text)
    if credit and line.kind is BlockKind.PARAGRAPH:
        desk.take("credit", credit)
        desk.remove(f"({credit})", "sign_off", "is kept as the credit", line.position)
        line.text = rest
