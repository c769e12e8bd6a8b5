"""Reads plain text into pieces: blank lines part paragraphs, hard wraps are undone, verse and lists are seen."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.records import BlockKind

Piece = tuple[BlockKind, str]  # what a piece of copy is, and its text; it becomes a Block when the article is clean

_BLANK = re.compile(r"\n[^\S\n]*\n\s*?(?=\S|\Z)")
_BULLET = re.compile(r"\s*(?:[•‣◦▪●·*–—-]|\d{1,2}[.)]|[a-z]\))\s+(?=\S)")
_VERSE_END = (",", ";", ".", "!", "?", "…", "–", "—")
_VERSE_LINE = range(4, 71)  # characters of a line that may be verse
_SUBHEAD_SIZE = 90  # characters; what is longer is no heading
_WRAP = range(45, 101)  # columns at which people and machines wrap text


def text_blocks(text: str) -> Iterator[Piece]:
    """Yield the pieces of a plain text in order."""
    groups = [group for group in _BLANK.split(text.replace("\r\n", "\n").replace("\r", "\n")) if group.strip()]
    for n, group in enumerate(groups):
        yield from _group(group, is_last=n == len(groups) - 1)


def stanzas(text: str) -> Iterator[Piece]:
    """Yield one verse for each group of lines, line breaks kept."""
    for group in _BLANK.split(text):
        lines = [" ".join(line.split()) for line in group.split("\n") if line.strip()]
        if lines:
            yield BlockKind.VERSE, "\n".join(lines)


def is_verse(lines: list[str]) -> bool:
    """Four or more short lines that end as verse does, most of them; a row of menu items does not."""
    if len(lines) < 4 or any(len(line) not in _VERSE_LINE for line in lines):
        return False
    ended = sum(line.endswith(_VERSE_END) for line in lines)
    return 2 * ended >= len(lines) and not any(line[-1].isdigit() or line.endswith(":") for line in lines)


def _group(group: str, *, is_last: bool) -> Iterator[Piece]:
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
    for line in raw:
        yield _kind(line, alone=len(raw) == 1 and not is_last), line


def _kind(line: str, *, alone: bool) -> BlockKind:
    if _BULLET.match(line):
        return BlockKind.LIST_ITEM
    text = line.strip()
    if not alone or len(text) > _SUBHEAD_SIZE or " " not in text or text[0] in "([{":
        return BlockKind.PARAGRAPH
    if not text.rstrip("“”\"»«’'›)").endswith((".", ",", ";", "…", ":")):
        return BlockKind.SUBHEAD
    return BlockKind.PARAGRAPH


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
