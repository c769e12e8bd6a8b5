"""Bytes as fetched to entries: the one door to every format."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace

from lxml import etree

from storage.records import ParsedDocument
from tasks.formats import (
    charset,
    frames,
    jsonfeed,
    loose,
    mend,
    names,
    piecewise,
    sitemap,
    slices,
    sniff,
    tree,
    xmlfeed,
)
from tasks.formats.delta import sift
from tasks.formats.errors import NotAFeed, ParseFailed
from tasks.formats.limits import MAX_ITEMS, overloaded
from tasks.formats.piecewise import Loosely

_FEED = re.compile(r"<(?:[A-Za-z]{1,20}:)?(?:rss|feed|rdf|channel|item|entry|urlset)[\s>]", re.IGNORECASE)
_ITEMS = re.compile(r"<(?:[A-Za-z]{1,20}:)?(?:item|entry)[\s>]", re.IGNORECASE)


def parse(
    body: bytes,
    *,
    content_type: str | None,
    url: str,
    seen: Container[str] = (),
    loosely: Loosely = loose.read,
) -> ParsedDocument:
    """Read a document; raises `NotAFeed` for anything but a feed and `ParseFailed` for a feed that cannot be read.

    `content_type` is the header's value, trusted for its charset only; `url` is the address that links are relative to.
    Items whose `raw_sha256` is in `seen` are not read; their hashes come back as `skipped`. An item that cannot be read
    becomes a `BadEntry`, the others come through. `loosely` is who reads what is malformed: feedparser, here or in a
    child (`guarded.parse_guarded` is this with the child).
    """
    decoded, encoding = charset.decode(body, content_type)
    text = mend.start_of(decoded)
    if not text:
        raise sniff.refusal(text, body)
    if overloaded(text):
        if sniff.is_page(text):
            raise sniff.refusal(text, body)
        raise ParseFailed("more markup than a feed can have")
    if text[0] in "{[":
        found = jsonfeed.read(text, url)
    else:
        text = mend.without_doctype(text)
        # Nearly every document is UTF-8 from its first byte on: then its bytes need not be made again.
        same = text is decoded and encoding == "utf-8" and body.startswith(b"<")
        encoded = body if same else text.lstrip().encode("utf-8", "replace")
        found = _in_slices(text, encoded, url, seen, loosely) or _whole(text, body, url, loosely)
    notes = found.notes if encoding == "utf-8" else (*found.notes, f"read as {encoding}")
    return replace(found, notes=notes) if notes else found


def _in_slices(text: str, encoded: bytes, url: str, seen: Container[str], loosely: Loosely) -> ParsedDocument | None:
    if sitemap.is_sitemap(text):
        pages = slices.cut(encoded, slices.PAGES)
        return sitemap.read_new(pages, url, seen) if pages else None
    cut = slices.cut(encoded)
    return _sliced(cut, url, seen, loosely) if cut else None


def _sliced(cut: slices.Slices, url: str, seen: Container[str], loosely: Loosely) -> ParsedDocument | None:
    """Read the items that are not in `seen`; None when the slices and the tree do not agree on what an item is."""
    frame = frames.around(cut, url)
    if frame is None:
        return None
    notes = (f"items beyond the first {MAX_ITEMS} left unread",) if cut.overflow else ()
    fresh, skipped = sift(cut, frame.seal, seen)
    found = ParsedDocument(hints=frame.hints, entries=(), skipped=skipped, reader="xml", notes=notes)
    if frame.sound:
        try:
            elements = frames.items_of(tree.strict(cut.around([item.raw for item in fresh]))) if fresh else []
        except tree.MalformedError:
            pass
        else:
            if len(elements) != len(fresh):
                return None
            good, bad = xmlfeed.read(elements, fresh, frame)
            return replace(found, entries=tuple(good), bad=tuple(bad))
    good, bad, broken = piecewise.read(fresh, frame, loosely)
    if cut.truncated is not None:
        bad.append(xmlfeed.truncated(cut))
    note = f"{broken} of {len(cut.items)} items not well-formed" if broken else "not well-formed around the items"
    return replace(found, entries=tuple(good), bad=tuple(bad), reader="items", notes=(*notes, note))


def _whole(text: str, body: bytes, url: str, loosely: Loosely) -> ParsedDocument:
    """Read a document that cannot be cut into items: an empty feed, a sitemap, a foreign format, or wreckage."""
    if sniff.is_page(text):
        raise sniff.refusal(text, body)
    for version in (text, mend.mended(text)):
        try:
            return _tree(tree.strict(version), version, body, url, loosely)
        except tree.MalformedError as error:
            fault = str(error)
    return _wreckage(mend.mended(text), body, url, loosely, fault)


def _tree(root: etree._Element, text: str, body: bytes, url: str, loosely: Loosely) -> ParsedDocument:
    if names.short(root.tag).rpartition(":")[2] in {"urlset", "sitemapindex"}:
        return sitemap.read(root, url)
    try:
        frame = frames.of_root(root, url)
    except frames.UnknownRootError as error:
        return _foreign(text, body, url, str(error), loosely)
    elements = frames.items_of(root)[:MAX_ITEMS]
    if not elements and _ITEMS.search(text):  # items under a name that is not theirs, or the word in an article
        found = _tried(loosely, text, url)
        if found is not None and found.entries:
            return found
    good, bad = xmlfeed.read(elements, None, frame)
    return ParsedDocument(hints=frame.hints, entries=tuple(good), bad=tuple(bad), reader="xml")


def _foreign(text: str, body: bytes, url: str, root: str, loosely: Loosely) -> ParsedDocument:
    """Let feedparser try what has a root element of its own; it knows formats that died out (CDF, early Atom)."""
    known = root.lower() in {"rss", "feed", "rdf"}  # under a namespace of its own making
    found = _tried(loosely, text, url) if known or (root.lower() != "html" and _ITEMS.search(text)) else None
    if found is None or not (found.entries or known):
        raise sniff.refusal(text, body, root)
    return found


def _wreckage(text: str, body: bytes, url: str, loosely: Loosely, fault: str) -> ParsedDocument:
    """Read what is not well-formed and cannot be cut: by feedparser, or else from what libxml2 recovers."""
    if not _FEED.search(text):
        raise sniff.refusal(text, body)
    found = _tried(loosely, text, url)
    if found is None or (not found.entries and _ITEMS.search(text)):
        found = _recovered(text, body, url, loosely)
    if found is not None and (found.entries or not _ITEMS.search(text)):
        return replace(found, notes=(f"not well-formed: {fault}"[:300],))
    raise ParseFailed(f"a feed of which no reader could read an item ({fault})"[:500])


def _tried(loosely: Loosely, text: str, url: str) -> ParsedDocument | None:
    try:
        found = loosely(text, url, None)
    except ParseFailed:
        return None
    if not (found.hints.format or found.entries):
        return None
    # feedparser keeps one skipped hour of many and no hub of RSS; recovery reads the feed's own elements better.
    root = tree.recovered(text)
    try:
        return found if root is None else replace(found, hints=frames.of_root(root, url).hints)
    except frames.UnknownRootError:
        return found


def _recovered(text: str, body: bytes, url: str, loosely: Loosely) -> ParsedDocument | None:
    root = tree.recovered(text)
    try:
        return replace(_tree(root, text, body, url, loosely), reader="recover") if root is not None else None
    except (NotAFeed, ParseFailed):
        return None
