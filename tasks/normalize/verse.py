"""What stands among lines that look like verse and is none: copies of headline and teaser, and empty labels.

"Veröffentlicht am", the teaser twice and the headline, each short and in its own line, read like a stanza.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from storage.records import BlockKind
from tasks.normalize.fold import fold_lines
from tasks.normalize.mend import mend_lines
from tasks.normalize.plain import Piece, is_verse
from tasks.normalize.stubs import is_stub


def without_furniture(headline: str, teaser: Sequence[str], pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with each line of verse by itself that is no verse; what is left of a stanza stays one.

    No verse is the headline, a line of the teaser, a line that systems leave behind, and one that also stands alone.
    """
    alone = [text for kind, text in pieces if kind is not BlockKind.VERSE]
    said = {key for key in fold_lines(mend_lines([headline, *teaser, *alone])) if key}
    return [
        one for kind, text in pieces for one in (_parted(text, said) if kind is BlockKind.VERSE else ((kind, text),))
    ]


def without_title(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces of a bare copy with the first line by itself, where all its short lines look like a stanza."""
    if not pieces or pieces[0][0] is not BlockKind.VERSE:
        return pieces
    title, *lines = pieces[0][1].split("\n")
    rest = [(BlockKind.VERSE, "\n".join(lines))] if is_verse(lines) else [(BlockKind.PARAGRAPH, line) for line in lines]
    return [(BlockKind.PARAGRAPH, title), *rest, *pieces[1:]]


def _parted(stanza: str, said: set[bytes]) -> Iterator[Piece]:
    lines = stanza.split("\n")
    keys = fold_lines(mend_lines(lines))
    if not any(key in said or is_stub(key) for key in keys):
        yield BlockKind.VERSE, stanza
        return
    for furniture, run in groupby(zip(lines, keys, strict=True), key=lambda one: one[1] in said or is_stub(one[1])):
        left = [line for line, _ in run]
        if not furniture and is_verse(left):
            yield BlockKind.VERSE, "\n".join(left)
        else:
            yield from ((BlockKind.PARAGRAPH, line) for line in left)
