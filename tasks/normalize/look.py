"""What the lines of an article are by their form: looked at once, however often the bench sits over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tasks.normalize.fold import fold_lines
from tasks.normalize.shapes import Shapes
from tasks.normalize.stubs import Stub, find_stubs
from tasks.normalize.targets import Target
from tasks.normalize.traits import Traits


class Sight(NamedTuple):
    """The mended lines of an article with its headline and teaser, and the key of each."""

    lines: Sequence[str]
    headline: str
    teaser: str
    keys: Sequence[bytes]
    headline_key: bytes
    teaser_key: bytes

    @classmethod
    def of(cls, lines: Sequence[str], headline: str, teaser: str) -> Sight:
        """Fold lines, headline and teaser."""
        *keys, headline_key, teaser_key = fold_lines([*lines, headline, teaser])
        return cls(lines, headline, teaser, keys, headline_key, teaser_key)


class Look(NamedTuple):
    """What the lines that were seen are by their form, and the texts that may come back among them, teaser first."""

    seen: Sight
    stubs: Mapping[int, Stub]
    traits: Traits
    targets: Sequence[Target]
    shapes: Shapes

    @classmethod
    def at(cls, seen: Sight) -> Look:
        """Look at an article."""
        targets = []
        if seen.teaser_key:
            targets.append(Target.of("teaser", seen.teaser, seen.teaser_key))
        if seen.headline_key:
            targets.append(Target.of("headline", seen.headline, seen.headline_key))
        lines, keys = seen.lines, seen.keys
        return cls(seen, find_stubs(lines, keys), Traits.of(lines, keys), targets, Shapes.of(targets))
