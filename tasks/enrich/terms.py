"""Words and phrases that an operator lists, looked up for one text in the time it takes to go over its words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

_WORD: Final = re.compile(r"\w+(?:[-'’.&+]\w+)*")
_EDGES: Final = ".,;:!?()[]{}<>\"'“”„«»‘’‚…–—-*/|"


def fold(text: str) -> str:
    """Case, curly apostrophes and runs of white space folded, as terms and texts are compared."""
    return " ".join(text.casefold().replace("’", "'").split())


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase as the operator wrote it; `folded` without the star, which `prefix` stands for."""

    written: str
    folded: str
    prefix: bool

    @classmethod
    def of(cls, written: str) -> Term | None:
        """Read a term, or None when nothing of it is a word."""
        folded = fold(written)
        prefix = folded.endswith("*")
        folded = folded.rstrip("*").strip()
        return cls(written, folded, prefix) if _WORD.search(folded) else None


class TermIndex:
    """Finds which of many terms stand in a text. Its cost grows with the text, hardly with the number of terms."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms: Final = tuple(dict.fromkeys(terms))
        self._phrases: dict[int, Callable[[str], object]] = {}
        self._by_token: Final = _Tokens()
        for number, term in enumerate(self.terms):
            first, *rest = term.folded.split(" ")
            if rest or first.strip(_EDGES) != first:
                ending = "" if term.prefix else r"(?!\w)"
                self._phrases[number] = re.compile(rf"(?<!\w){re.escape(term.folded)}{ending}").search
            whole = bool(rest) or not term.prefix
            self._by_token.add(first.strip(_EDGES) or first, number, whole=whole)

    def find(self, text: str) -> set[Term]:
        """The terms that stand in `text` as whole words (or as beginnings of words, where starred)."""
        numbers: set[int] = set()
        for found in filter(None, map(self._by_token.__getitem__, set(text.split()))):
            numbers.update(found)
        if phrases := numbers & self._phrases.keys():
            folded = fold(text)
            numbers -= {number for number in phrases if not self._phrases[number](folded)}
        return {self.terms[number] for number in numbers}


@dataclass(slots=True)
class _Lists:
    whole: dict[str, list[int]] = field(default_factory=dict)
    prefixes: dict[str, list[int]] = field(default_factory=dict)


class _Tokens(dict[str, tuple[int, ...]]):
    """Which terms a token may begin; filled as tokens come by and emptied when it grows too big."""

    LIMIT: Final = 30_000
    LONGEST: Final = 80

    def __init__(self) -> None:
        super().__init__()
        self.lists = _Lists()
        self.longest_prefix = 0

    def add(self, word: str, number: int, *, whole: bool) -> None:
        if whole:
            self.lists.whole.setdefault(word, []).append(number)
        else:
            self.lists.prefixes.setdefault(word, []).append(number)
            self.longest_prefix = max(self.longest_prefix, len(word))

    def __missing__(self, token: str) -> tuple[int, ...]:
        short = token[: self.LONGEST]
        folded = short.casefold().replace("’", "'").strip(_EDGES)
        words = {folded, folded.removesuffix("'s"), *_WORD.findall(folded)}
        words.update(part for word in tuple(words) for part in re.split(r"[-/.&+]", word) if part)
        found: list[int] = []
        for word in words:
            found += self.lists.whole.get(word, ())
            for end in range(1, min(len(word), self.longest_prefix) + 1):
                found += self.lists.prefixes.get(word[:end], ())
        if len(self) >= self.LIMIT:
            self.clear()
        if len(token) > self.LONGEST:
            return tuple(dict.fromkeys(found))
        numbers = self[token] = tuple(dict.fromkeys(found))
        return numbers
