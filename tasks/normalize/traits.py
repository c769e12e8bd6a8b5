"""What lines are by their form, looked at once for all passes over an article."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.normalize.targets import MORE_SIZE, ends_sentence

PARAGRAPH = 100  # bytes of key from which a line is a paragraph whatever it ends with
SENTENCE = 50  # bytes of key from which a line that ends as a sentence is a paragraph
_HEADING = 140  # bytes of key up to which a line may be a heading with a time
# The time of an event behind its words, as a live report lists them at the top: "Mole breaks in two20:42".
CLOCK = re.compile(r"\s*(?:[01]?\d|2[0-3])[:.][0-5]\d(?:\s*(?:Uhr|h|[ap]\.?m\.?))?$", re.IGNORECASE)
_CLOCK_SIZE = 12  # characters that such a time may have


class Traits(NamedTuple):
    """Indexes of lines that are paragraphs, that have an ellipsis at their end, and of short ones with a time there."""

    paragraphs: frozenset[int]
    dotted: frozenset[int]
    timed: frozenset[int]

    @classmethod
    def of(cls, lines: Sequence[str], keys: Sequence[bytes]) -> Traits:
        """Look at the lines of an article."""
        sized = [(i, len(key)) for i, key in enumerate(keys) if len(key) >= SENTENCE]
        ends = [line[-MORE_SIZE:] for line in lines]
        return cls(
            frozenset([i for i, size in sized if size >= PARAGRAPH or ends_sentence(lines[i])]),
            frozenset([i for i, end in enumerate(ends) if _is_dotted(end)] if _is_dotted("\n".join(ends)) else ()),
            frozenset([i for i, key in enumerate(keys) if not key[-4:].isalpha() and _is_timed(lines[i], key)]),
        )


def _is_dotted(end: str) -> bool:
    return "…" in end or ".." in end or ". ." in end


def _is_timed(line: str, key: bytes) -> bool:
    end = line[-_CLOCK_SIZE:]
    return len(key) <= _HEADING and (":" in end or "." in end) and CLOCK.search(end) is not None
