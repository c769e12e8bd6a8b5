"""Bytes as fetched to entries: the one door to every format."""

from __future__ import annotations

import re
from dataclasses import replace

from lxml import etree

from storage.records import ParsedDocument
from tasks.formats import charset, jsonfeed, loose, mend, names, piecewise, sitemap, slices, sniff, tree, xmlfeed
from tasks.formats.errors import ParseFailed

_ITEMS = re.compile(r"<(?:[A-Za-z]{1,20}:)?(?:item|entry)[\s>]")


def parse(body: bytes, *, content_type: str | None, url: str) -> ParsedDocument:
    """Read a document; raises `NotAFeed` for anything but a feed and `ParseFailed` for a feed that cannot be read.

    `content_type` is the header's value, trusted for its charset only; `url` is the address that links are relative to.
    An item that cannot be read becomes a `BadEntry`, the others come through.
    """
    text, encoding = charset.decode(body, content_type)
    text = mend.start_of(text)
    if not text:
        raise sniff.refusal(text, body)
    found = jsonfeed.read(text, url) if text[0] in "{[" else _xml(mend.without_doctype(text), body, url)
    notes = found.notes if encoding == "utf-8" else (*found.notes, f"read as {encoding}")
    return replace(found, notes=notes) if notes else found


def _xml(text: str, body: bytes, url: str) -> ParsedDocument:
    try:
        return _tree(tree.strict(text), text, body, url)
    except tree.MalformedError:
        pass
    if sniff.is_page(text):
        raise sniff.refusal(text, body)
    try:
        return _tree(tree.strict(mend.mended(text)), text, body, url)
    except tree.MalformedError as error:
        return _malformed(text, body, url, str(error))


def _tree(root: etree._Element, text: str, body: bytes, url: str) -> ParsedDocument:
    name = names.short(root.tag)
    if name.rpartition(":")[2] in {"urlset", "sitemapindex"}:
        return sitemap.read(root, url)
    try:
        return xmlfeed.read(root, url)
    except xmlfeed.UnknownRootError:
        return _foreign(text, body, url, tree.local(root))


def _foreign(text: str, body: bytes, url: str, root: str) -> ParsedDocument:
    """Let feedparser try what has a root element of its own; it knows a few formats that died out (CDF, old Atom)."""
    if root.lower() == "html" or not _ITEMS.search(text):
        raise sniff.refusal(text, body, root)
    found = loose.read(text, url)
    if not found.entries:
        raise sniff.refusal(text, body, root)
    return found


def _malformed(text: str, body: bytes, url: str, fault: str) -> ParsedDocument:
    """Read what is not well-formed: item by item where it can be cut, as a whole by feedparser, last by recovery."""
    cut = slices.cut(text)
    found = piecewise.read(cut, url) if cut else None
    if found is not None:
        return found
    found = loose.read(mend.mended(text), url)
    if found.entries:
        return replace(found, notes=(f"not well-formed: {fault}"[:300],))
    has_items = _ITEMS.search(text) is not None
    root = tree.recovered(mend.mended(text)) if has_items else None
    if root is not None:
        try:
            rescued = xmlfeed.read(root, url, reader="recover")
        except xmlfeed.UnknownRootError:
            rescued = found
        if rescued.entries:
            return replace(rescued, notes=(f"not well-formed: {fault}"[:300],))
    if not found.hints.format:
        raise sniff.refusal(text, body)
    if has_items:
        raise ParseFailed(f"a feed with items, of which no reader could read one ({fault})"[:500])
    return found
