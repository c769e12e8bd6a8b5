"""Only the items that were not seen before: an item's bytes are hashed where they stand, and known ones are not parsed.

A poll of a changed feed brings two new items and twenty-eight old ones. The hash covers the item's text and the seal of
the frame around it, so a namespace, base or language that changes makes every item new again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping

from storage.frozen import record
from storage.records import ParsedDocument
from tasks.formats.slices import Slices


@record(frozen=True, slots=True)
class RawItem:
    """An item as it stood in the document (UTF-8): where, and the hash that it is known by."""

    position: int
    raw: bytes = b""
    sha256: str = ""

    @property
    def text(self) -> str:
        """The item's text."""
        return self.raw.decode("utf-8", "replace")


def sift(cut: Slices, seal: bytes, seen: Container[str]) -> tuple[list[RawItem], tuple[str, ...]]:
    """Return the items that are not in `seen`, and the hashes of those that are; `seal` is what stands around them."""
    fresh: list[RawItem] = []
    known: list[str] = []
    for position, raw in enumerate(cut.items):
        sha256 = hashlib.sha256(seal + raw).hexdigest()
        if sha256 in seen:
            known.append(sha256)
        else:
            fresh.append(RawItem(position, raw, sha256))
    return fresh, tuple(known)


def audit(full: ParsedDocument, known: Mapping[str, str]) -> tuple[str, ...]:
    """Return the `raw_sha256` of entries in a full parse whose `sha256` is not the one that `known` has for them.

    The answer is always empty, or the delta parse is at fault; run it on a small share of documents and sound an alarm.
    """
    return tuple(
        entry.raw_sha256 for entry in full.entries if known.get(entry.raw_sha256, entry.sha256) != entry.sha256
    )
