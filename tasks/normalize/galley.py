"""The lines of an article on their way through cleaning: which still stand, and what was taken off them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage.records import Block, BlockKind, Source
from tasks.normalize import furniture
from tasks.normalize.fold import fold, fold_lines
from tasks.normalize.plain import PARAGRAPH, may_be_subhead
from tasks.normalize.reading import Reading

_FOOT = 8  # lines
_NO_NOTES = frozenset({BlockKind.VERSE, BlockKind.EMBED})


def _headed(kinds: Sequence[BlockKind], texts: Sequence[str]) -> Sequence[BlockKind]:
    """The kinds, where a short paragraph between two long ones is the heading it reads as: many a page has no other."""
    sizes = [*map(len, texts)]
    heads = [
        n
        for n in range(1, len(sizes) - 1)
        if sizes[n] < PARAGRAPH
        and sizes[n - 1] >= PARAGRAPH
        and sizes[n + 1] >= PARAGRAPH
        and kinds[n - 1] is kinds[n] is kinds[n + 1] is BlockKind.PARAGRAPH
        and " " in texts[n]
        and may_be_subhead(texts[n])
    ]
    return [BlockKind.SUBHEAD if n in heads else kind for n, kind in enumerate(kinds)] if heads else kinds


class Galley:
    """Lines by position, with kind and key; `standing` are the positions of those that have not left.

    What was looked at is never changed: a line that changes makes new lists.
    """

    def __init__(self, reading: Reading, *, noted: bool) -> None:
        self.kinds: Sequence[BlockKind] = reading.kinds
        self.texts: Sequence[str] = reading.lines
        self.keys: Sequence[bytes] = reading.keys
        self.authors = reading.authors
        self.notes: dict[int, list[tuple[str, int]]] = {}  # source notes of a line: name and offset
        self.datelines: dict[int, furniture.Dateline] = {}
        self.briefs: Sequence[furniture.Dateline] = ()  # of a round-up, which stay in its lines
        self.sign_offs: dict[int, str] = {}  # what stood behind a line, with its brackets
        if noted:
            self._take_sources()
        self.standing: Sequence[int] = range(len(self.texts))

    def change(self, changed: Mapping[int, str]) -> None:
        """Give lines another text."""
        self.texts, self.keys = [*self.texts], [*self.keys]
        for (i, text), key in zip(changed.items(), fold_lines([*changed.values()]), strict=True):
            self.texts[i], self.keys[i] = text, key

    def take_datelines(self, found: Mapping[int, furniture.Dateline]) -> None:
        """Take datelines off their lines."""
        self.datelines |= found
        for i in found.keys() & self.notes.keys():
            shift = len(self.texts[i]) - len(found[i].rest)
            self.notes[i] = [(name, max(0, offset - shift)) for name, offset in self.notes[i]]
        self.change({i: dateline.rest for i, dateline in found.items()})

    def take_sign_off(self, i: int, rest: str, sign_off: str) -> None:
        """Take an agency off the end of a line."""
        self.sign_offs[i] = f"{sign_off} {self.sign_offs[i]}" if i in self.sign_offs else sign_off
        self.change({i: rest})

    def whole(self, i: int) -> str:
        """A line with the dateline and the agency that were taken off it."""
        dateline, sign_off = self.datelines.get(i), self.sign_offs.get(i)
        text = f"{dateline.line} {self.texts[i]}" if dateline else self.texts[i]
        return f"{text} {sign_off}" if sign_off else text

    def standing_lines(self) -> tuple[Sequence[str], Sequence[bytes], Sequence[BlockKind]]:
        """The lines that stand, their keys and their kinds."""
        if len(self.standing) == len(self.texts):
            return self.texts, self.keys, self.kinds
        at = self.standing
        return [self.texts[i] for i in at], [self.keys[i] for i in at], [self.kinds[i] for i in at]

    def blocks(self) -> tuple[Block, ...]:
        """The lines that stand, as they leave."""
        texts, _, kinds = self.standing_lines()
        return tuple(map(Block, _headed(kinds, texts), texts))

    def sources(self) -> tuple[Source, ...]:
        """The source notes of the lines that stand."""
        if not self.notes:
            return ()
        return tuple(
            Source(name=name, block=n, offset=offset)
            for n, i in enumerate(self.standing)
            for name, offset in self.notes.get(i, ())
        )

    def _take_sources(self) -> None:
        found: dict[int, tuple[str, list[tuple[str, int]]]] = {}
        named = len(self.texts) - _FOOT  # from there on a line may name the sites of the whole piece
        for i, text in enumerate(self.texts):
            noted = "(" in text or "[" in text or (i >= named and text.startswith(furniture.SOURCE_LABELS))
            if noted and self.kinds[i] not in _NO_NOTES:
                rest, notes = furniture.take_sources(text)
                if notes:
                    found[i] = rest, notes
        if not found:
            return
        kinds: list[BlockKind] = []
        texts: list[str] = []
        keys: list[bytes] = []
        above: list[tuple[str, int]] = []
        for i, (kind, text, key) in enumerate(zip(self.kinds, self.texts, self.keys, strict=True)):
            rest, notes = found.get(i, (text, []))
            if rest:
                if notes or above:
                    self.notes[len(texts)] = [*above, *notes]
                    above = []
                kinds.append(kind)
                texts.append(rest)
                keys.append(fold(rest) if notes else key)
            elif texts:  # a note in a line of its own belongs to the line before
                held = self.notes.setdefault(len(texts) - 1, [])
                held += [(name, len(texts[-1])) for name, _ in notes]
            else:  # or to the first line, above which it stands
                above += notes
        self.kinds, self.texts, self.keys = kinds, texts, keys
