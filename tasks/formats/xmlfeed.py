"""Item elements of a well-formed tree to entries: the way nearly every document goes."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from storage.records import BadEntry, Entry
from tasks.formats import items
from tasks.formats.delta import RawItem
from tasks.formats.drafts import EmptyItemError, entry
from tasks.formats.frames import Frame
from tasks.formats.slices import Slices

# What reading one hostile item may raise; anything else is a fault of ours and must be seen.
ITEM_ERRORS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


def read(
    elements: Sequence[etree._Element], raw: Sequence[RawItem] | None, frame: Frame
) -> tuple[list[Entry], list[BadEntry]]:
    """Read `elements`; `raw` are the same items as text where they are known, one for each."""
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for index, element in enumerate(elements):
        item = raw[index] if raw is not None else RawItem(index)
        try:
            good.append(one(element, item, frame))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(item.position, error, item.raw or bytes_of(element), item.sha256))
    return good, bad


def one(element: etree._Element, item: RawItem, frame: Frame) -> Entry:
    """Read one item element; raises one of `ITEM_ERRORS`."""
    draft = items.draft(element, item.position, frame.base, frame.habits.language, atom=frame.atom)
    draft.raw_sha256 = item.sha256
    return entry(draft, frame.habits)


def bad_entry(position: int, error: Exception, raw: bytes, raw_sha256: str = "") -> BadEntry:
    """Make the record for the quarantine out of what went wrong with one item."""
    reason = "empty" if isinstance(error, EmptyItemError) else "unreadable"
    message = f"{type(error).__name__}: {error}"[:500]
    return BadEntry(position=position, reason=reason, error=message, raw=raw, raw_sha256=raw_sha256)


def truncated(cut: Slices) -> BadEntry:
    """Make the record of an item that the document ends inside of; the next poll brings it whole."""
    reason = "the document ends inside this item"
    return BadEntry(position=len(cut.items), reason="truncated", error=reason, raw=cut.truncated or b"")


def bytes_of(element: etree._Element) -> bytes:
    """Return `element` as XML bytes without what follows it."""
    return etree.tostring(element, encoding="utf-8", with_tail=False)
