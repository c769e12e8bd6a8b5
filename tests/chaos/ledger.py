"""The publishers' book: which version of which piece stood in which document, and which documents were accepted.

A poller that sends a document's ETag back has accepted it: validators and document are committed together. So the book
knows what must not be lost without asking the wire room.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

# A piece in a feed: (name of the feed, name of the piece).
Slot = tuple[str, str]
# The versions in one document: name of the piece → version, or KILLED.
Snapshot = Mapping[str, int]
KILLED = -1


@dataclass
class Book:
    """What was served and what was accepted, of all feeds."""

    served: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    accepted: dict[Slot, list[int]] = field(default_factory=dict)
    offered: dict[Slot, set[int]] = field(default_factory=dict)
    now: dict[Slot, int] = field(default_factory=dict)
    copies: list[frozenset[Slot]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last: dict[str, str] = field(default_factory=dict)

    def serve(self, feed: str, etag: str, snapshot: Snapshot) -> None:
        """A document is on its way out."""
        with self.lock:
            self.served.setdefault((feed, etag), dict(snapshot))
            for name, version in snapshot.items():
                self.offered.setdefault((feed, name), set()).add(version)

    def sent_back(self, feed: str, etag: str) -> None:
        """A poller named a document as the one that it has."""
        with self.lock:
            snapshot = self.served.get((feed, etag))
            if snapshot is None or self._last.get(feed) == etag:
                return
            self._last[feed] = etag
            for name, version in snapshot.items():
                had = self.accepted.setdefault((feed, name), [])
                if version not in had:
                    had.append(version)

    def publish(self, feed: str, name: str, version: int) -> None:
        """A piece is new or has another version from now on."""
        with self.lock:
            self.now[feed, name] = version

    def has(self, feed: str, name: str) -> bool:
        """Whether the piece was accepted as it stands now."""
        with self.lock:
            return self.now[feed, name] in self.accepted.get((feed, name), ())

    @property
    def missing(self) -> list[Slot]:
        """The pieces that were not yet accepted as they stand now."""
        with self.lock:
            return [slot for slot, version in self.now.items() if version not in self.accepted.get(slot, ())]
