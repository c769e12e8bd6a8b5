"""The shapes that copies of headline and teaser have: by them most lines show at once that they are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tasks.normalize.targets import Target

OPENING = 12  # bytes of key by which a cut copy shows, wherever it stands
JOINT = 24  # bytes of key that may stand between and around a headline and a teaser joined in one line


class Shapes(NamedTuple):
    """What copies begin with, and the bytes of key, from and to, that those with more or other words may have."""

    openings: frozenset[bytes]
    sizes: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, targets: Sequence[Target]) -> Shapes:
        """Return the shapes of copies of these texts."""
        sizes = [size for target in targets for size in target.sizes]
        if len(targets) == 2:
            joined = len(targets[0].key) + len(targets[1].key)
            sizes.append((joined, joined + JOINT))
        openings = [key[:OPENING] for target in targets for key in (target.key, target.bare) if key]
        return cls(frozenset(openings), sizes)

    def fit(self, key: bytes) -> bool:
        """Whether a line with this key may be a copy; one that is cut with words around it is known by its dots."""
        size = len(key)
        for least, most in self.sizes:
            if least <= size <= most:
                return True
        return key[:OPENING] in self.openings
