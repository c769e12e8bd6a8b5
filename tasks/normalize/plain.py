"""Reads plain text into pieces: blank lines part paragraphs, hard wraps are undone, verse and lists are seen."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from storage.records import BlockKind

Piece = tuple[BlockKind, str]  # what a piece of copy is, and its text; it becomes a Block when the article is clean

_BLANK = re.compile(r"\n[^\S\n]*\n\s*?(?=\S|\Z)")
_NUMBER = re.compile(r"\s*(\d{1,2})[.)]\s")
_BULLET = re.compile(r"\s*(?:[•‣◦▪●·*–—-]|\d{1,2}[.)]|[a-z]\))\s+(?=\S)")
_VERSE_END = (",", ";", ".", "!", "?", "…", "–", "—")
_VERSE_LINE = range(4, 71)  # characters of a line that may be verse
_SUBHEAD_SIZE = 90  # characters; what is longer is no heading
PARAGRAPH = 80  # characters from which a line is body, and what stands outside its first and last is edge
RUNNING = frozenset({BlockKind.PARAGRAPH, BlockKind.SUBHEAD})  # kinds of blocks that furniture comes in
_WRAP = range(45, 101)  # columns at which people and machines wrap text


def text_blocks(text: str) -> Iterator[Piece]:
    """Yield the pieces of a plain text in order."""
    if "\n" not in text and "\r" not in text:  # as nearly every teaser
        if text and not text.isspace():
            yield _kind(text, alone=False, listed=()), text
        return
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    listed = _listed(text)
    groups = [group for group in _BLANK.split(text) if group.strip()]
    for n, group in enumerate(groups):
        yield from _group(group, is_last=n == len(groups) - 1, listed=listed)


def stanzas(text: str) -> Iterator[Piece]:
    """Yield one verse for each group of lines, line breaks kept."""
    for group in _BLANK.split(text):
        lines = [" ".join(line.split()) for line in group.split("\n") if line.strip()]
        if lines:
            yield BlockKind.VERSE, "\n".join(lines)


def is_verse(lines: list[str]) -> bool:
    """Four or more short lines that end as verse does, most of them; a row of menu items or of times does not."""
    if len(lines) < 4 or any(len(line) not in _VERSE_LINE for line in lines):
        return False
    if 2 * sum(line[0].isdigit() for line in lines) >= len(lines):
        return False  # times, numbers of items, amounts
    ended = sum(line.endswith(_VERSE_END) for line in lines)
    return 2 * ended >= len(lines) and not any(line[-1].isdigit() or line.endswith(":") for line in lines)


def _listed(text: str) -> frozenset[str]:
    """The lines of a text that are numbered from 1, or down to it: "2. Liga" and "25. November" are no items."""
    lines = [line for line in text.split("\n") if not line[:1].isalpha()]
    numbered = [(int(found[1]), line) for line in lines if (found := _NUMBER.match(line))]
    listed: set[str] = set()
    run: dict[int, str] = {}
    last = -1
    for number, line in [*numbered, (-1, "")]:
        if run and abs(number - last) != 1:
            listed.update(run.values() if len(run) > 1 and 1 in run else ())
            run = {}
        run[number] = line
        last = number
    return frozenset(listed)


def _group(group: str, *, is_last: bool, listed: Container[str]) -> Iterator[Piece]:
    raw = [line for line in group.split("\n") if line.strip()]
    if len(raw) > 1:
        if _is_wrapped(raw):
            for paragraph in _unwrap(raw):
                yield BlockKind.PARAGRAPH, paragraph
            return
        lines = [line.strip() for line in raw]
        if is_verse(lines):
            yield BlockKind.VERSE, "\n".join(lines)
            return
    for n, line in enumerate(raw):
        # Where each line is a paragraph, a heading stands right above a long one.
        alone = not is_last if len(raw) == 1 else n + 1 < len(raw) and len(raw[n + 1]) >= PARAGRAPH
        yield _kind(line, alone=alone, listed=listed), line


def _kind(line: str, *, alone: bool, listed: Container[str]) -> BlockKind:
    lettered = line[:1].isalpha() and line[1:2] != ")"  # most lines: no look for a bullet
    if not lettered and _BULLET.match(line) and (line in listed or not _NUMBER.match(line)):
        return BlockKind.LIST_ITEM
    text = line.strip()
    return BlockKind.SUBHEAD if alone and " " in text and may_be_subhead(text) else BlockKind.PARAGRAPH


def may_be_subhead(text: str) -> bool:
    """Whether a line has the form of a heading: short, and no sentence that ends."""
    if len(text) > _SUBHEAD_SIZE or text[0] in "([{":
        return False
    return not text.rstrip("“”\"»«’'›)").endswith((".", ",", ";", "…", ":"))


def _is_wrapped(raw: list[str]) -> bool:
    """Whether the lines are one text wrapped at a column: alike in width, and stopping in mid-sentence."""
    body = [len(line.rstrip()) for line in raw[:-1]]
    if not all(width in _WRAP for width in body) or len(raw[-1].rstrip()) > max(body) + 12:
        return False
    if max(body) - min(body) > 24:
        return False
    stops = sum(line.rstrip().endswith((".", "!", "?", ":", "“", '"', "…")) for line in raw[:-1])
    lower = sum(line.lstrip()[:1].islower() for line in raw[1:])
    return stops * 3 <= len(body) and lower * 3 >= len(body)


def _unwrap(raw: list[str]) -> Iterator[str]:
    """Join wrapped lines; an indented line starts a paragraph, as on the wire."""
    paragraph: list[str] = []
    for line in raw:
        if line.startswith(("  ", "\t")) and paragraph and not paragraph[-1].startswith(" "):
            yield " ".join(part.strip() for part in paragraph)
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield " ".join(part.strip() for part in paragraph)
