"""What the lines of an article are by their form: looked at once, however often the bench sits over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.normalize.fold import fold_lines, mask_digits
from tasks.normalize.stubs import Stub, find_stubs
from tasks.normalize.traits import Traits


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What lines, headline and teaser are by their form. `keys` and `masked` are one a line."""

    lines: Sequence[str]
    headline: str
    teaser: str
    keys: Sequence[bytes]
    headline_key: bytes
    teaser_key: bytes
    masked: Sequence[bytes]
    stubs: Mapping[int, Stub]
    traits: Traits

    @classmethod
    def at(cls, lines: Sequence[str], headline: str, teaser: str) -> Look:
        """Look at the mended lines of an article."""
        *keys, headline_key, teaser_key = fold_lines([*lines, headline, teaser])
        masked = mask_digits(keys)
        return cls(
            lines=lines,
            headline=headline,
            teaser=teaser,
            keys=keys,
            headline_key=headline_key,
            teaser_key=teaser_key,
            masked=masked,
            stubs=find_stubs(lines, masked),
            traits=Traits.of(lines, keys),
        )

    def is_of(self, lines: Sequence[str], headline: str, teaser: str) -> bool:
        """Whether these are what was looked at."""
        return self.lines == lines and self.headline == headline and self.teaser == teaser
