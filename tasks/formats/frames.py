"""What holds for all items of an XML feed: its format, base, language, zone, and the prefixes it declares."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from lxml import etree

from storage.records import FeedHints
from tasks.formats import hints, names, tree
from tasks.formats.drafts import FINGERPRINT, Habits
from tasks.formats.limits import MAX_ITEMS
from tasks.formats.links import base_of
from tasks.formats.mend import mended
from tasks.formats.slices import Slices

_DECLARED = re.compile(r"""\sxmlns:([A-Za-z_][\w.\-]{0,30})\s*=\s*(?:"([^"<>]{0,300})"|'([^'<>]{0,300})')""")
_DEFAULT = re.compile(r"""\sxmlns\s*=\s*(?:"([^"<>]{0,300})"|'([^'<>]{0,300})')""")
_RSS_VERSIONS = {"0.90": "rss090", "0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}


class UnknownRootError(ValueError):
    """The root element is none of a feed; the message is its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The feed around its items. `sound` is false when it had to be mended or recovered to be read."""

    hints: FeedHints
    atom: bool
    base: str
    habits: Habits
    declared: dict[str, str]
    default: str
    sound: bool = True

    @property
    def seal(self) -> bytes:
        """A digest of everything here that changes how an item reads: same item, same seal, same entry."""
        parts = [
            FINGERPRINT, str(self.atom), self.base, self.habits.language or "", str(self.habits.zone), self.default,
            *(f"{prefix}={address}" for prefix, address in sorted(self.declared.items())),
        ]  # fmt: skip
        return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).digest()


def of_root(root: etree._Element, url: str, head: str = "", *, sound: bool = True) -> Frame:
    """Make the frame from a document's tree; `head` is its text up to the first item. Raises `UnknownRootError`."""
    name = format_of(root)
    about = hints.gather(root)
    language = hints.language_of(root, about)
    base = base_of(url, root.get(names.XML_BASE))
    for child in root:
        if names.short(child.tag) == "channel":
            base = base_of(base, child.get(names.XML_BASE))
    default = _DEFAULT.search(head)
    return Frame(
        hints=hints.hints(about, url, format_name=name, language=language),
        atom=name.startswith("atom"),
        base=base,
        habits=Habits(zone=hints.zone_of(about), language=language),
        declared={one[0]: one[1] or one[2] for one in _DECLARED.findall(head)},
        default=(default[1] or default[2] or "") if default else "",
        sound=sound,
    )


def around(cut: Slices, url: str) -> Frame | None:
    """Make the frame from the text around the items; None when that is no feed's."""
    document = cut.around([])
    try:
        root: etree._Element | None = tree.strict(document)
        sound = cut.truncated is None
    except tree.MalformedError:
        root, sound = tree.recovered(mended(document.decode())), False
    try:
        return None if root is None else of_root(root, url, cut.head.decode(), sound=sound)
    except UnknownRootError:
        return None


def format_of(root: etree._Element) -> str:
    """Return the format's name as feedparser names it; raises `UnknownRootError`."""
    name = names.short(root.tag)
    if name == "rss":
        version = (root.get("version") or "").strip()
        return _RSS_VERSIONS.get(version) or ("rss20" if version.startswith("2") else "rss")
    if name in {"rdf:rdf", "rdf"}:
        return "rss090" if any("netscape" in str(child.tag) for child in root) else "rss10"
    if name in {"atom:feed", "feed", "atom:entry"}:
        return "atom03" if "purl.org/atom/ns" in str(root.tag) else "atom10"
    raise UnknownRootError(tree.local(root))


def items_of(root: etree._Element) -> list[etree._Element]:
    """Return the items in document order; in RSS 1.0 (and elsewhere by mistake) they stand beside the channel."""
    if names.short(root.tag) == "atom:entry":
        return [root]
    found = []
    for child in root:
        name = names.short(child.tag)
        if name in _ITEM_NAMES:
            found.append(child)
        elif name == "channel":
            found += [one for one in child if names.short(one.tag) in _ITEM_NAMES]
    # Some wrap their items in an element of their own; wherever they stand, they are the feed's.
    return found or [one for one in root.iter(etree.Element) if names.short(one.tag) in _ITEM_NAMES][:MAX_ITEMS]


_ITEM_NAMES = {"item", "atom:entry", "entry"}
