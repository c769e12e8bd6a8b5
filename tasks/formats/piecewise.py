"""A document that is not well-formed, item by item: what is sound is read as ever, only the rest is read loosely.

So one bad item changes nothing about its neighbours: they give the same entries as in the document without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from storage.records import BadEntry, Entry
from tasks.formats import loose, names, tree, xmlfeed
from tasks.formats.delta import RawItem
from tasks.formats.drafts import EmptyItemError
from tasks.formats.errors import ParseFailed
from tasks.formats.frames import Frame
from tasks.formats.mend import mended

_PREFIX = re.compile(r"</?([A-Za-z_][\w.\-]{0,30}):|\s([A-Za-z_][\w.\-]{0,30}):[A-Za-z]")


def read(items: Iterable[RawItem], frame: Frame) -> tuple[list[Entry], list[BadEntry], int]:
    """Read `items` one by one; also return how many of them were malformed beyond mending."""
    good: list[Entry] = []
    bad: list[BadEntry] = []
    broken = 0
    for item in items:
        try:
            try:
                good.append(_mended(item, frame))
            except tree.MalformedError:
                broken += 1
                good.append(_loosely(item, frame) or _recovered(item, frame))
        except xmlfeed.ITEM_ERRORS as error:
            bad.append(xmlfeed.bad_entry(item.position, error, item.raw, item.sha256))
    return good, bad, broken


def _wrapped(text: str, frame: Frame) -> str:
    """Return the item inside an element that declares every prefix it uses, also those that the feed forgot."""
    declared = names.KNOWN_PREFIXES | frame.declared
    used = {one[0] or one[1] for one in _PREFIX.findall(text)} - {"xml", "xmlns"} - declared.keys()
    declared |= {prefix: f"urn:undeclared:{prefix}" for prefix in used}
    return f'<items xmlns="{_quoted(frame.default)}"{_namespaces(declared)}>{mended(text)}</items>'


def _namespaces(declared: dict[str, str]) -> str:
    return "".join(f' xmlns:{prefix}="{_quoted(address)}"' for prefix, address in declared.items() if address)


def _quoted(value: str) -> str:
    return mended(value).replace('"', "&quot;")


def _mended(item: RawItem, frame: Frame) -> Entry:
    return xmlfeed.one(tree.strict(_wrapped(item.text, frame))[0], item, frame)


def _loosely(item: RawItem, frame: Frame) -> Entry | None:
    """Read a malformed item with feedparser, alone in a document of its own; None when it does not come out as one."""
    declared = _namespaces(names.KNOWN_PREFIXES | frame.declared)
    if frame.atom:
        document = f'<feed xmlns="http://www.w3.org/2005/Atom"{declared}>{mended(item.text)}</feed>'
    else:
        document = f'<rss version="2.0"{declared}><channel>{mended(item.text)}</channel></rss>'
    try:
        found = loose.read(document, frame.base, habits=frame.habits)
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
