"""Reads HTML or plain text into pieces: what a reader sees, in order, and what block each piece is.

Pieces are plain text, so nothing is sanitised: no markup of the source survives to need it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

from storage.records import BlockKind, Markup
from tasks.normalize.plain import PARAGRAPH, Piece, is_verse, may_be_subhead, stanzas, text_blocks

_SKIP = frozenset({"script", "style", "template", "noscript", "head", "svg", "math", "select", "textarea"})
_KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), BlockKind.SUBHEAD),
    **dict.fromkeys(("li", "dt", "dd"), BlockKind.LIST_ITEM),
    **dict.fromkeys(("figcaption", "caption"), BlockKind.CAPTION),
    "blockquote": BlockKind.QUOTE,
    "tr": BlockKind.TABLE_ROW,
    "pre": BlockKind.VERSE,
}
_BREAKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "body",
        "center",
        "details",
        "dialog",
        "div",
        "dl",
        "fieldset",
        "figure",
        "footer",
        "form",
        "header",
        "hr",
        "html",
        "main",
        "nav",
        "ol",
        "p",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "title",
        "ul",
    ]
)
_EMBEDS = frozenset({"iframe", "video", "audio", "embed", "object"})
_NO_ADDRESS = ("data:", "blob:", "about:", "javascript:")
_CELLS = frozenset({"td", "th"})
_STRUCTURE = _SKIP | _KINDS.keys() | _BREAKS | _EMBEDS | _CELLS | {"br"}
_EMBED_CLASS = re.compile(r"\b(?:twitter-tweet|instagram-media|tiktok-embed|fb-post|bluesky-embed|reddit-embed)\b")
# Classes that say what a block without a tag of its own is: "wp-caption-text", "image__caption", "pullquote".
_CAPTIONS = ("caption", "caption-text", "caption__text", "bildunterschrift")
_QUOTES = ("pullquote", "pull-quote", "pull_quote", "pulled-quote")
_PLAIN = {  # what a block without an element in it is, if its text needs no more than to be taken
    **{
        tag: kind for tag, kind in _KINDS.items() if kind not in {BlockKind.TABLE_ROW, BlockKind.VERSE, BlockKind.QUOTE}
    },
    **dict.fromkeys(("p", "div", "section", "article"), BlockKind.PARAGRAPH),
}
_BOXES = frozenset({"div", "section", "article", "figure", "ul", "ol"})  # hold blocks, and are none
_DEEPEST = 8  # boxes in boxes that are read by recursion; pages nest them by the thousand
# Stand for a cell's edge, a <br> and either end of bold type while a block is being read; no text holds them.
_CELL, _BREAK, _MARK = "\x1f", "\x1e", "\x1d"
_BOLD = frozenset({"b", "strong"})
_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_CELL_SIZE = 200  # characters; a cell of several paragraphs with more is a column of a layout, not a fact
_TAG = re.compile(
    r"<(?:/?(?:p|br|div|h[1-6]|ul|ol|li|a|b|i|em|strong|span|img|table|blockquote|figure|section|article)\b|!--)", re.I
)
# Markup that was escaped once too often is marked up from end to end; a text may speak of a <br>.
_ESCAPED = re.compile(r"\s*<(p|div|h[1-6]|ul|ol|article|section|figure|table)\b[^<>]*>.*</\w+>\s*", re.I | re.S)
_PARSER = etree.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8", huge_tree=True, no_network=True)


def looks_like_html(text: str) -> bool:
    """Whether a text that nobody labelled has tags to interpret."""
    return "<" in text and _TAG.search(text) is not None


def read_blocks(markup: Markup) -> list[Piece]:
    """Return the pieces of `markup` in order; their text is not mended yet."""
    return html_blocks(markup.value) if markup.kind == "html" else list(text_blocks(markup.value))


def html_blocks(source: str) -> list[Piece]:
    """Return the pieces of an HTML fragment or page; source without any tag is read as text with entities."""
    if "<" not in source:
        text = html.unescape(source) if "&" in source else source
        if not _ESCAPED.fullmatch(text):
            return list(text_blocks(text))
        source = text
    root = etree.fromstring(source.encode("utf-8", "replace").replace(b"\x00", b""), _PARSER)
    if root is None:
        return []
    if "<sup" in source:
        _raise_digits(root)
    reader = _Reader()
    if root.tag == "html" and len(root) == 1 and root[0].tag == "body":
        reader.children(root[0])
    else:
        reader.walk(root)
    return reader.close()


def _raise_digits(root: etree._Element) -> None:
    """Write what stands above the line so that a power stays one: 10<sup>6</sup> is not 106."""
    for power in root.iter("sup"):
        if power.text and not len(power) and power.text.strip().lstrip("+-−").isdecimal():
            power.text = power.text.strip().translate(_RAISED)


class _Reader:
    """Collects the text of an element walk into pieces; the innermost element with a kind names the piece."""

    def __init__(self) -> None:
        self.ready: list[Piece] = []
        self.text: list[str] = []
        self.skipping = 0
        self._kinds: list[BlockKind] = [BlockKind.PARAGRAPH]
        self._named: list[etree._Element] = []  # open elements whose class gave their kind
        self._heading = -1  # the last piece that is a heading only because it is bold

    def children(self, parent: etree._Element, depth: int = 0) -> None:
        """Read an element child by child: most of what feeds hold are paragraphs without parts, which need no walk."""
        ready, waiting = self.ready, self.text
        if parent.text:
            waiting.append(parent.text)
        for child in parent:
            tag = child.tag
            text = _undivided(child) if len(child) else child.text or ""
            if text is not None and tag in _PLAIN:
                if waiting:
                    self._flush()
                if text and not text.isspace():
                    kind = _PLAIN[tag]
                    if kind is BlockKind.PARAGRAPH:
                        kind = (child.get("class") and _kind_of(child)) or self._kinds[-1]
                        if kind is BlockKind.PARAGRAPH and len(child) == 1 and child[0].tag in _BOLD:
                            kind = self._bold(text) if _holds_no_more(child) else kind
                    ready.append((kind, text))
            elif text is not None and tag not in _STRUCTURE:
                waiting.append(text if tag not in _BOLD else f"{_MARK}{text}{_MARK}")
            elif tag in _BOXES and depth < _DEEPEST and not _kind_of(child):
                self._box(child, depth + 1)
            elif tag == "blockquote" and depth < _DEEPEST and not _EMBED_CLASS.search(child.get("class", "")):
                self._flush()
                self._kinds.append(BlockKind.QUOTE)
                self._box(child, depth + 1)
                self._kinds.pop()
            elif tag == "br":
                waiting.append(_BREAK)
            elif tag not in _SKIP:
                self.walk(child)  # its tail, too
                continue
            tail = child.tail
            if tail and (waiting or not tail.isspace()):
                waiting.append(tail)

    def _box(self, element: etree._Element, depth: int) -> None:
        if self.text:
            self._flush()
        self.children(element, depth)
        if self.text:
            self._flush()

    def walk(self, root: etree._Element) -> None:
        """Read an element and all that is in it."""
        add = self.text.append
        for event, element in etree.iterwalk(root, events=("start", "end")):
            tag = element.tag
            if tag not in _STRUCTURE:  # most elements only carry text: no call for them
                text = element.text if event == "start" else element.tail
                if tag in _BOLD and self._kinds[-1] is BlockKind.PARAGRAPH:  # elsewhere it heads nothing
                    text = f"{_MARK}{text or ''}"
                if text and not self.skipping:
                    add(text)
            elif event == "start":
                self.start(element, tag)
            else:
                self.end(element, tag)

    def start(self, element: etree._Element, tag: str) -> None:
        if self.skipping or tag in _SKIP:
            self.skipping += 1
            return
        if tag == "br":
            self.text.append(_BREAK)
        elif tag in _KINDS:
            self._flush()
            kind = _KINDS[tag]
            if kind is BlockKind.QUOTE and _EMBED_CLASS.search(element.get("class", "")):
                self._post(element)
                return
            self._kinds.append(kind)
        elif tag in _CELLS:
            if self.text:
                self.text.append(_CELL)
        elif tag in _EMBEDS:
            self._embed(element)
            return
        else:
            self._edge()
            named = _kind_of(element)
            if named and self._kinds[-1] is not BlockKind.TABLE_ROW:
                self._kinds.append(named)
                self._named.append(element)
        if element.text:
            self.text.append(element.text)

    def end(self, element: etree._Element, tag: str) -> None:
        if self.skipping:
            self.skipping -= 1
        elif tag in _KINDS:
            self._flush()
            self._kinds.pop()
        elif tag in _BREAKS:
            self._edge()
            if self._named and self._named[-1] is element:
                self._named.pop()
                self._kinds.pop()
        if element.tail and not self.skipping:
            self.text.append(element.tail)

    def close(self) -> list[Piece]:
        self._flush()
        if self._heading >= 0 and self._heading == len(self.ready) - 1:  # heads nothing
            self.ready[-1] = (BlockKind.PARAGRAPH, self.ready[-1][1])
        return self.ready

    def _bold(self, text: str) -> BlockKind:
        """What a line that is bold from end to end is, before it is added: systems without headings set them so."""
        if not may_be_subhead(text.strip()):
            return BlockKind.PARAGRAPH
        self._heading = len(self.ready)
        return BlockKind.SUBHEAD

    def _embed(self, element: etree._Element) -> None:
        """Something that plays: its address stands for it."""
        self._flush()
        inner = (each.get("src") for each in element.iter("source"))
        address = next(filter(None, (element.get("src"), element.get("data-src"), element.get("data"), *inner)), "")
        if address and not address.startswith(_NO_ADDRESS):
            self.ready.append((BlockKind.EMBED, address))
        self.skipping += 1

    def _post(self, element: etree._Element) -> None:
        """A post from elsewhere is one block: its words, and its address behind them."""
        words = _words(" ".join(str(text) for text in element.itertext()))
        links = [link for link in (each.get("href") for each in element.iter("a")) if link]
        address = element.get("data-instgrm-permalink") or element.get("cite") or (links[-1] if links else "")
        if words or address:
            self.ready.append((BlockKind.EMBED, f"{words} {address}".strip()))
        self.skipping += 1

    def _edge(self) -> None:
        """A block's edge; inside a table row it only breaks the line, so that the row stays one."""
        if self._kinds[-1] is BlockKind.TABLE_ROW:
            self.text.append(_BREAK)
        else:
            self._flush()

    def _flush(self) -> None:
        if not self.text:
            return
        text = "".join(self.text)
        self.text.clear()
        if not text or text.isspace():
            return
        kind = self._kinds[-1]
        if _MARK in text:
            if kind is BlockKind.PARAGRAPH:
                self._marked(text)
                return
            text = text.replace(_MARK, "")
        if kind is BlockKind.TABLE_ROW:
            self.ready.extend(_row(text))
        elif kind is BlockKind.VERSE:
            self.ready.extend(stanzas(text.replace(_BREAK, "\n")))
        elif _BREAK in text:
            self.ready.extend(_broken(text, kind))
        else:
            self.ready.append((kind, text))

    def _marked(self, text: str) -> None:
        """Paragraphs with bold type in them: a line that is bold as a whole may be a heading."""
        bold = {_words(line) for line in text.split(_BREAK) if _is_bold(line)}
        text = text.replace(_MARK, "")
        pieces = _broken(text, BlockKind.PARAGRAPH) if _BREAK in text else [(BlockKind.PARAGRAPH, text)]
        for kind, line in pieces:
            heads = bool(bold) and kind is BlockKind.PARAGRAPH and _words(line) in bold
            self.ready.append((self._bold(line) if heads else kind, line))


def _words(text: str) -> str:
    return " ".join(text.split())


def _is_bold(line: str) -> bool:
    """Whether a line is bold from its beginning to its end."""
    line = line.strip(" \t\r\n\u00a0")
    return line[:1] == line[-1:] == _MARK and _MARK not in line.strip(f"{_MARK} ")


def _holds_no_more(element: etree._Element) -> bool:
    """Whether an element of one part has no text beside it."""
    return not (element.text or "").strip() and not (element[0].tail or "").strip()


def _undivided(element: etree._Element) -> str | None:
    """The text of an element whose parts only carry text, such as links; None where a part may be more."""
    texts = [element.text or ""]
    for part in element:
        if part.tag in _STRUCTURE or len(part):
            return None
        texts += (part.text or "", part.tail or "")
    return "".join(texts)


def _kind_of(element: etree._Element) -> BlockKind | None:
    """What an element's class says it is."""
    classes = element.get("class")
    return _kind_of_class(classes) if classes else None


@lru_cache(maxsize=2048)
def _kind_of_class(classes: str) -> BlockKind | None:
    for name in classes.lower().split():
        if name.endswith(_CAPTIONS) and not name.startswith(("has-", "no-", "is-")):
            return BlockKind.CAPTION
        if name.endswith(_QUOTES):
            return BlockKind.QUOTE
    return None


def _row(text: str) -> Iterator[Piece]:
    """A row of a table of facts is one block; a row that only lays out a page yields what its cells hold."""
    cells = [[part for part in cell.split(_BREAK) if part.strip()] for cell in text.split(_CELL)]
    column = len(cells) == 1 and len(text) >= PARAGRAPH
    if column or any(len(cell) > 1 and sum(map(len, cell)) > _CELL_SIZE for cell in cells):
        for cell in cells:
            for part in cell:
                yield BlockKind.PARAGRAPH, part
        return
    row = " | ".join(_words(" ".join(cell)) for cell in cells)
    if row.strip(" |"):
        yield BlockKind.TABLE_ROW, row


def _broken(text: str, kind: BlockKind) -> Iterator[Piece]:
    """Lines parted by <br>: a double break parts paragraphs, a single one lines or verses."""
    for group in re.split(rf"{_BREAK}\s*{_BREAK}[\s{_BREAK}]*", text):
        lines = [_words(line) for line in group.split(_BREAK) if line.strip()]
        if kind in {BlockKind.PARAGRAPH, BlockKind.QUOTE} and is_verse(lines):
            yield BlockKind.VERSE, "\n".join(lines)
        elif kind is BlockKind.SUBHEAD and lines:
            yield kind, " ".join(lines)
        else:
            for line in lines:
                yield kind, line
