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
_CREDIT = 80  # bytes of key that the photographer's line may have
# A photographer and an agency, or a line that says it names one: what stands below a picture's caption.
_PHOTO_CREDIT = re.compile(
    r"(?:(?:foto|photo|bild|image|picture|photograph|fotos|photos|crédit|credit|фото)s?\s*[:|©]\s*\S.{1,70}"
    r"|[^\W\d_][\w.'’ -]{2,40}\s?/\s?[^\W\d_][\w.'’ -]{1,40})",
    re.IGNORECASE,
)


class Traits(NamedTuple):
    """Indexes of lines that are paragraphs, that have an ellipsis at their end, and of short ones with a time there.

    `photo_credits` are the lines of photographers below their pictures.
    """

    paragraphs: Sequence[int]
    dotted: frozenset[int]
    timed: frozenset[int]
    photo_credits: frozenset[int]

    @classmethod
    def of(cls, lines: Sequence[str], keys: Sequence[bytes]) -> Traits:
        """Look at the lines of an article."""
        paragraphs: list[int] = []
        short: list[int] = []
        for i, size in enumerate(map(len, keys)):
            if size >= PARAGRAPH or (size >= SENTENCE and ends_sentence(lines[i])):
                paragraphs.append(i)
            if size <= _HEADING:
                short.append(i)
        ends = [line[-MORE_SIZE:] for line in lines]
        return cls(
            paragraphs,
            frozenset([i for i, end in enumerate(ends) if _is_dotted(end)] if _is_dotted("\n".join(ends)) else ()),
            frozenset([i for i in short if not keys[i][-4:].isalpha() and _is_timed(lines[i])]),
            frozenset([i for i in short if len(keys[i]) <= _CREDIT and _is_credit(lines[i])]),
        )


def _is_dotted(end: str) -> bool:
    return "…" in end or ".." in end or ". ." in end


def _is_timed(line: str) -> bool:
    end = line[-_CLOCK_SIZE:]
    return (":" in end or "." in end) and CLOCK.search(end) is not None


def _is_credit(line: str) -> bool:
    return ("/" in line or ":" in line or "|" in line or "©" in line) and _PHOTO_CREDIT.fullmatch(line) is not None
