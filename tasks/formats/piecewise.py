"""A document that is not well-formed, item by item: what is sound is read as ever, only the rest is read loosely.

So one bad item changes nothing about its neighbours: they give the same entries as in the document without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from storage.records import BadEntry, Entry, FeedHints, ParsedDocument
from tasks.formats import hints, items, loose, names, tree, xmlfeed
from tasks.formats.drafts import EmptyItemError, Habits, entry
from tasks.formats.links import base_of
from tasks.formats.mend import mended
from tasks.formats.slices import Slices

_DECLARED = re.compile(r"""\sxmlns:([A-Za-z_][\w.\-]{0,30})\s*=\s*(?:"([^"<>]{0,300})"|'([^'<>]{0,300})')""")
_DEFAULT = re.compile(r"""\sxmlns\s*=\s*(?:"([^"<>]{0,300})"|'([^'<>]{0,300})')""")
_PREFIX = re.compile(r"</?([A-Za-z_][\w.\-]{0,30}):|\s([A-Za-z_][\w.\-]{0,30}):[A-Za-z]")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What holds around the items: the format, the base, and the start tag that declares their namespaces."""

    atom: bool
    base: str
    language: str | None
    habits: Habits
    hints: FeedHints
    declared: dict[str, str]
    default: str


def read(cut: Slices, url: str, *, use_feedparser: bool = True) -> ParsedDocument | None:
    """Read the items of `cut` one by one; None when the text around them tells no format."""
    frame = _frame(cut, url)
    if frame is None:
        return None
    good: list[Entry] = []
    bad: list[BadEntry] = []
    broken = 0
    for position, text in enumerate(cut.items[: xmlfeed.MAX_ITEMS]):
        try:
            good.append(_strict(text, position, frame))
            continue
        except tree.MalformedError:
            broken += 1
        except xmlfeed.ITEM_ERRORS as error:
            bad.append(xmlfeed.bad_entry(position, error, text.encode("utf-8", "replace")))
            continue
        try:
            found = _loosely(text, position, frame) if use_feedparser else None
            good.append(found or _recovered(text, position, frame))
        except xmlfeed.ITEM_ERRORS as error:
            bad.append(xmlfeed.bad_entry(position, error, text.encode("utf-8", "replace")))
    if cut.truncated is not None:
        raw = cut.truncated.encode("utf-8", "replace")
        bad.append(
            BadEntry(position=len(cut.items), reason="truncated", error="the document ends inside this item", raw=raw)
        )
    return ParsedDocument(
        hints=frame.hints,
        entries=tuple(good),
        bad=tuple(bad),
        reader="items",
        notes=(
            f"{broken} of {len(cut.items)} items not well-formed" if broken else "not well-formed around the items",
        ),
    )


def _frame(cut: Slices, url: str) -> _Frame | None:
    outside = mended(cut.around([]))
    try:
        root = tree.strict(outside)
    except tree.MalformedError:
        recovered = tree.recovered(outside)
        if recovered is None:
            return None
        root = recovered
    try:
        name, _ = xmlfeed.outline(root)
    except xmlfeed.UnknownRootError:
        return None
    about = hints.gather(root)
    language = hints.language_of(root, about)
    start = cut.head
    default = _DEFAULT.search(start)
    return _Frame(
        atom=name.startswith("atom"),
        base=base_of(url, root.get(names.XML_BASE)),
        language=language,
        habits=Habits(zone=hints.zone_of(about), language=language),
        hints=hints.hints(about, url, format_name=name, language=language),
        declared=names.KNOWN_PREFIXES | {one[0]: one[1] or one[2] for one in _DECLARED.findall(start)},
        default=(default[1] or default[2] or "") if default else "",
    )


def _wrapped(text: str, frame: _Frame) -> str:
    """Return the item inside an element that declares every prefix it uses, also those the feed forgot."""
    used = {one[0] or one[1] for one in _PREFIX.findall(text)} - {"xml", "xmlns"} - frame.declared.keys()
    declared = frame.declared | {prefix: f"urn:undeclared:{prefix}" for prefix in used}
    namespaces = "".join(f' xmlns:{prefix}="{_quoted(address)}"' for prefix, address in declared.items() if address)
    return f'<items xmlns="{_quoted(frame.default)}"{namespaces}>{mended(text)}</items>'


def _quoted(value: str) -> str:
    return mended(value).replace('"', "&quot;")


def _strict(text: str, position: int, frame: _Frame) -> Entry:
    element = tree.strict(_wrapped(text, frame))[0]
    return entry(items.draft(element, position, frame.base, frame.language, atom=frame.atom), frame.habits)


def _loosely(text: str, position: int, frame: _Frame) -> Entry | None:
    """Read a malformed item with feedparser, alone in a document of its own; None when it does not come out as one."""
    declared = "".join(f' xmlns:{prefix}="{_quoted(address)}"' for prefix, address in frame.declared.items())
    if frame.atom:
        document = f'<feed xmlns="http://www.w3.org/2005/Atom"{declared}>{mended(text)}</feed>'
    else:
        document = f'<rss version="2.0"{declared}><channel>{mended(text)}</channel></rss>'
    found = loose.read(document, frame.base, habits=frame.habits)
    return replace(found.entries[0], position=position) if len(found.entries) == 1 and not found.bad else None


def _recovered(text: str, position: int, frame: _Frame) -> Entry:
    """Read a malformed item from the tree that libxml2 makes of it; raises what `entry` raises."""
    root = tree.recovered(_wrapped(text, frame))
    if root is None or not len(root):
        raise EmptyItemError("nothing in it could be read")
    return entry(items.draft(root[0], position, frame.base, frame.language, atom=frame.atom), frame.habits)
