"""A well-formed RSS or Atom document to entries, in C where it counts: the way nearly every document goes."""

from __future__ import annotations

from lxml import etree

from storage.records import BadEntry, Entry, ParsedDocument
from tasks.formats import hints, items, names
from tasks.formats.drafts import EmptyItemError, Habits, entry
from tasks.formats.links import base_of

MAX_ITEMS = 5_000  # per document; feeds carry 30, archives some hundred, and only an attack more
# What reading one hostile item may raise; anything else is a fault of ours and must be seen.
ITEM_ERRORS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
_RSS_VERSIONS = {"0.90": "rss090", "0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}


class UnknownRootError(ValueError):
    """The root element is none that this reader knows."""


def read(root: etree._Element, url: str, *, reader: str = "xml", raw: tuple[bytes, ...] = ()) -> ParsedDocument:
    """Read the tree of a document; `raw` are the bytes of its items where they are known, for the quarantine."""
    format_name, elements = outline(root)
    atom = format_name.startswith("atom")
    about = hints.gather(root)
    language = hints.language_of(root, about)
    habits = Habits(zone=hints.zone_of(about), language=language)
    base = base_of(url, root.get(names.XML_BASE))
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for position, element in enumerate(elements[:MAX_ITEMS]):
        try:
            around = base_of(base, _above(element, root))
            good.append(entry(items.draft(element, position, around, language, atom=atom), habits))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(position, error, raw[position] if position < len(raw) else bytes_of(element)))
    notes = (
        (f"{len(elements) - MAX_ITEMS} items beyond the first {MAX_ITEMS} left unread",)
        if len(elements) > MAX_ITEMS
        else ()
    )
    return ParsedDocument(
        hints=hints.hints(about, url, format_name=format_name, language=language),
        entries=tuple(good), bad=tuple(bad), reader=reader, notes=notes,
    )  # fmt: skip


def bad_entry(position: int, error: Exception, raw: bytes) -> BadEntry:
    """Make the record for the quarantine out of what went wrong with one item."""
    reason = "empty" if isinstance(error, EmptyItemError) else "unreadable"
    return BadEntry(position=position, reason=reason, error=f"{type(error).__name__}: {error}"[:500], raw=raw)


def bytes_of(element: etree._Element) -> bytes:
    """Return `element` as XML bytes without what follows it."""
    return etree.tostring(element, encoding="utf-8", with_tail=False)


def outline(root: etree._Element) -> tuple[str, list[etree._Element]]:
    """Return the format's name as feedparser names it, and the item elements in document order."""
    name = names.short(root.tag)
    if name in {"rss", "channel"}:
        version = (root.get("version") or "").strip()
        known = _RSS_VERSIONS.get(version) or ("rss20" if version.startswith("2") else "rss")
        return known, _items(root)
    if name in {"rdf:rdf", "rdf"}:
        return ("rss090" if any("netscape" in str(child.tag) for child in root) else "rss10"), _items(root)
    if name in {"atom:feed", "feed"}:
        old = "purl.org/atom/ns" in str(root.tag)
        return ("atom03" if old else "atom10"), [one for one in root if names.short(one.tag) in {"atom:entry", "entry"}]
    if name == "atom:entry":
        return "atom10", [root]
    raise UnknownRootError(name)


def _items(root: etree._Element) -> list[etree._Element]:
    """Return the items of an RSS tree; they stand in the channel, and in RSS 1.0 (and by mistake) beside it."""
    found = []
    for child in root:
        name = names.short(child.tag)
        if name == "item":
            found.append(child)
        elif name == "channel":
            found += [one for one in child if names.short(one.tag) == "item"]
    return found


def _above(element: etree._Element, root: etree._Element) -> str | None:
    parent = element.getparent()
    return None if parent is None or parent is root else parent.get(names.XML_BASE)
