"""A document that is not well-formed, item by item: what is sound is read as ever, only the rest is read loosely.

So one bad item changes nothing about its neighbours: they give the same entries as in the document without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from storage.records import BadEntry, Entry, ParsedDocument
from tasks.formats import names, tree, xmlfeed
from tasks.formats.delta import RawItem
from tasks.formats.drafts import EmptyItemError, Habits
from tasks.formats.errors import ParseFailed
from tasks.formats.frames import Frame
from tasks.formats.limits import LOOSE_ITEMS
from tasks.formats.mend import mended

# feedparser, here or in a child: a document's text, its address, and its habits where they are known.
Loosely = Callable[[str, str, Habits | None], ParsedDocument]
_PREFIX = re.compile(r"</?([A-Za-z_][\w.\-]{0,30}):|\s([A-Za-z_][\w.\-]{0,30}):[A-Za-z]")


def read(items: Iterable[RawItem], frame: Frame, loosely: Loosely) -> tuple[list[Entry], list[BadEntry], int]:
    """Read `items` one by one, malformed ones with `loosely`; also return how many were malformed beyond mending."""
    good: list[Entry] = []
    bad: list[BadEntry] = []
    broken = 0
    for item in items:
        try:
            try:
                good.append(_mended(item, frame))
            except tree.MalformedError:
                broken += 1
                found = _loosely(item, frame, loosely) if broken <= LOOSE_ITEMS else None
                good.append(found or _recovered(item, frame))
        except xmlfeed.ITEM_ERRORS as error:
            bad.append(xmlfeed.bad_entry(item.position, error, item.raw, item.sha256))
    return good, bad, broken


def _wrapped(text: str, frame: Frame) -> str:
    """Return the item inside an element that declares every prefix it uses, also those that the feed forgot."""
    return f'<items xmlns="{_quoted(frame.default)}"{_namespaces(text, frame)}>{mended(text)}</items>'


def _namespaces(text: str, frame: Frame) -> str:
    """Return declarations for the prefixes that `text` uses, with an address made up where the feed gives none."""
    used = sorted({one[0] or one[1] for one in _PREFIX.findall(text)} - {"xml", "xmlns"})
    addresses = [
        frame.declared.get(prefix) or names.KNOWN_PREFIXES.get(prefix) or f"urn:undeclared:{prefix}" for prefix in used
    ]
    return "".join(f' xmlns:{prefix}="{_quoted(address)}"' for prefix, address in zip(used, addresses, strict=True))


def _quoted(value: str) -> str:
    return mended(value).replace('"', "&quot;")


def _mended(item: RawItem, frame: Frame) -> Entry:
    return xmlfeed.one(tree.strict(_wrapped(item.text, frame))[0], item, frame)


def _loosely(item: RawItem, frame: Frame, loosely: Loosely) -> Entry | None:
    """Read a malformed item with feedparser, alone in a document of its own; None when it does not come out as one."""
    declared = _namespaces(item.text, frame)
    if frame.atom:
        document = f'<feed xmlns="http://www.w3.org/2005/Atom"{declared}>{mended(item.text)}</feed>'
    else:
        document = f'<rss version="2.0"{declared}><channel>{mended(item.text)}</channel></rss>'
    try:
        found = loosely(document, frame.base, frame.habits)
    except ParseFailed:
        return None
    if len(found.entries) != 1 or found.bad:
        return None
    return replace(found.entries[0], position=item.position, raw_sha256=item.sha256)


def _recovered(item: RawItem, frame: Frame) -> Entry:
    """Read a malformed item from the tree that libxml2 makes of it; raises what `entry` raises."""
    root = tree.recovered(_wrapped(item.text, frame))
    if root is None or not len(root):
        raise EmptyItemError("nothing in it could be read")
    return xmlfeed.one(root[0], item, frame)
