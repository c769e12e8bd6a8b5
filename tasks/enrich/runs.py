"""Reads one run of capitalised words ("US-Präsident Donald Trump") into the names it holds. Pure and memoised."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from tasks.enrich.places import Gazetteer, Place, country, gazetteer
from tasks.enrich.word_lists import NOUN_ENDINGS, PLACE_NOUNS, Words, words

KNOWN_ORGANISATION: Final = 0.9
FORMED_ORGANISATION: Final = 0.75
LONGEST_NAME: Final = 5  # words of a name that is looked up whole
MOST_WORDS: Final = 12  # of one run; a headline in capitals is no name


class What(IntEnum):
    """What a mention is."""

    PLACE = 1
    ORGANISATION = 2
    PERSON = 3
    SURNAME = 4  # after a role: "Präsident Trump"
    BARE = 5  # one unknown word: a surname, an unknown place, or in German any noun
    ADJECTIVE = 6  # "Japanese"
    OPEN_NAME = 7  # ends in a first name, so that "von der Leyen" may follow
    OPEN_ORGANISATION = 8  # ends in "University", so that "of Oxford" may follow


class Mention(NamedTuple):
    """One name in a run. `sure` is how sure the run alone makes us; `cue` the word that did."""

    what: What
    name: str
    sure: float
    cue: str = ""
    place: Place | None = None


class _Kind(IntEnum):
    NAME = 0
    SKIP = 1
    ROLE = 2
    KNOWN_PLACE = 3
    KNOWN_ORGANISATION = 4
    HEAD = 5
    FORM = 6
    GEO = 7
    PLACE_NOUN = 8
    ADJECTIVE = 9


class _Token(NamedTuple):
    kind: _Kind
    text: str
    place: Place | None = None


class Runs(dict[str, tuple[Mention, ...]]):
    """What each run says in copy of one language; filled as runs come by, emptied when it grows too big."""

    LIMIT: Final = 30_000
    LONGEST: Final = 120

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language: Final = language
        self.german: Final = language == "de"
        self.words: Final[Words] = words(language)
        self.gazetteer: Final[Gazetteer] = gazetteer(language)

    def __missing__(self, run: str) -> tuple[Mention, ...]:
        if len(run) > self.LONGEST:
            return ()
        if len(self) >= self.LIMIT:
            self.clear()
        mentions = self[run] = tuple(self._read(run))
        return mentions

    # --- tokens ---------------------------------------------------------------------------------------------------

    def _read(self, run: str) -> Iterator[Mention]:
        parts = [_plain(part) for part in run.split(" ")[:MOST_WORDS]]
        if len(parts) == 1 and not parts[0]:
            return
        tokens: list[_Token] = []
        extra: list[Mention] = []
        at = 0
        while at < len(parts):
            token, width = self._known(parts, at) or (self._token(parts, at, extra), 1)
            tokens.append(token)
            at += width
        yield from extra
        yield from self._mentions(tokens)

    def _known(self, parts: list[str], at: int) -> tuple[_Token, int] | None:
        first_name_before = at > 0 and parts[at - 1] in self.words.first_names
        follows = at + 1 < len(parts) and self._may_be_name(parts[at + 1])
        for width in range(min(LONGEST_NAME, len(parts) - at), 0, -1):
            name = " ".join(parts[at : at + width])
            if width == 1 and (
                first_name_before
                or ((follows and name in _FIRST_NAMES_TOO) or (follows and name in self.words.first_names))
            ):
                return None  # Jack London, Israel Katz
            if label := self.words.organisations.get(name) or (
                self.words.organisations.get(name[:-1])
                if self.german and len(name) > 4 and name.endswith("s")
                else None
            ):
                return _Token(_Kind.KNOWN_ORGANISATION, label), width
            if place := self.gazetteer.find(name):
                return _Token(_Kind.KNOWN_PLACE, name, place), width
            if name in self.words.demonyms:
                return _Token(_Kind.ADJECTIVE, name), width
        return None

    def _may_be_name(self, part: str) -> bool:
        lists = self.words
        return bool(part) and not (
            part in lists.function or part in lists.roles or part in lists.heads or part in lists.things
            or part in lists.time or part in lists.geo or part in lists.forms or part in lists.organisations
            or self.gazetteer.find(part) or self._is_role(part)
        )  # fmt: skip

    def _is_role(self, part: str) -> bool:
        return part in self.words.roles or (self.german and part.lower().endswith(self.words.role_tails))

    def _token(self, parts: list[str], at: int, extra: list[Mention]) -> _Token:
        part, lists = parts[at], self.words
        before, _, last = part.rpartition("-")
        if before and (found := self._of_prefix(before)):
            extra.append(found)
        follows = at + 1 < len(parts) and self._may_be_name(parts[at + 1])
        first_name_before = at > 0 and parts[at - 1] in lists.first_names
        if part in lists.first_names and (follows or part not in lists.time | lists.function):
            return _Token(_Kind.NAME, part)
        if first_name_before and not self._is_role(part) and part not in lists.function | lists.heads:
            return _Token(_Kind.NAME, part)  # Theresa May
        kind = self._kind_of(part, last)
        return _Token(kind, part)

    def _kind_of(self, part: str, last: str) -> _Kind:
        lists = self.words
        if not part or part in lists.function or part in lists.time or part in lists.things or part[0].isdigit():
            return _Kind.SKIP
        if part in lists.forms:
            return _Kind.FORM
        if self._is_role(part) or (last != part and self._is_role(last)):
            return _Kind.ROLE
        if part in lists.heads or (len(part) > 9 and part.endswith(lists.tails)):
            return _Kind.HEAD
        if part in lists.geo:
            return _Kind.GEO
        if self.german and last.lower().endswith(PLACE_NOUNS):
            return _Kind.PLACE_NOUN
        if part in lists.common or (self.german and part.lower().endswith(NOUN_ENDINGS)):
            return _Kind.SKIP
        return _Kind.NAME

    def _of_prefix(self, before: str) -> Mention | None:
        """ "US-Präsident" speaks of the USA, "SPD-Chef" of the SPD."""
        if label := self.words.organisations.get(before):
            return Mention(What.ORGANISATION, label, KNOWN_ORGANISATION, before)
        if (place := self.gazetteer.by_name.get(before)) and not place.weak:
            return Mention(What.PLACE, before, 0.85, before, place)
        return None

    # --- mentions -------------------------------------------------------------------------------------------------

    def _mentions(self, tokens: list[_Token]) -> Iterator[Mention]:
        organisation = self._organisation(tokens)
        if organisation is not None:
            yield organisation
        role = ""
        names: list[str] = []
        previous: _Token | None = None
        for token in [*tokens, _Token(_Kind.SKIP, "")]:
            if token.kind is _Kind.NAME:
                names.append(token.text)
                continue
            if names and organisation is None:
                yield from self._named(names, role, previous, token)
            if names:
                names, role = [], ""
            if token.kind is _Kind.ROLE:
                role = token.text
            elif token.kind is _Kind.KNOWN_PLACE and token.place is not None:
                yield Mention(What.PLACE, token.text, 0.5 if token.place.weak else 0.9, "", token.place)
            elif token.kind is _Kind.KNOWN_ORGANISATION:
                yield Mention(What.ORGANISATION, token.text, KNOWN_ORGANISATION)
            elif token.kind is _Kind.ADJECTIVE and (code := self.words.demonyms[token.text]) != "--":
                yield Mention(What.ADJECTIVE, token.text, 0.5, token.text, country(code, self.language))
            previous = token

    def _organisation(self, tokens: list[_Token]) -> Mention | None:
        """A run with a legal form or a word such as "University" or "Landgericht" is one organisation."""
        while tokens and tokens[0].kind in {_Kind.SKIP, _Kind.ROLE} and tokens[0].text not in self.words.things:
            tokens = tokens[1:]
        ends = [at for at, token in enumerate(tokens) if token.kind in {_Kind.HEAD, _Kind.FORM}]
        if not ends:
            return None
        last = len(tokens) if self.german and tokens[ends[-1]].kind is _Kind.HEAD else ends[-1] + 1
        part = tokens[:last]
        while part and part[-1].kind in {_Kind.SKIP, _Kind.ROLE}:
            part = part[:-1]
        if any(token.kind is _Kind.ROLE for token in part):
            return None  # "Yale University President Peter Salovey": the person is the news
        name = " ".join(token.text for token in part)
        head = tokens[ends[-1]]
        if len(part) == 1:
            tail = self.german and head.text not in self.words.heads and len(head.text) > 12
            if tail and head.text[0].isupper():
                return Mention(What.ORGANISATION, head.text, 0.65, head.text)
            return Mention(What.OPEN_ORGANISATION, name, 0.7, head.text) if head.kind is _Kind.HEAD else None
        return Mention(What.ORGANISATION, name, FORMED_ORGANISATION + 0.15 * (head.kind is _Kind.FORM), head.text)

    def _named(self, names: list[str], role: str, previous: _Token | None, following: _Token) -> Iterator[Mention]:
        first = names[0] in self.words.first_names
        at_end = following.text == "" and following.kind is _Kind.SKIP
        if following.kind is _Kind.GEO:
            yield Mention(What.PLACE, " ".join([*names, following.text]), 0.65, following.text)
            return
        if previous is not None and previous.kind in {_Kind.PLACE_NOUN, _Kind.GEO} and len(names) == 1:
            yield Mention(What.PLACE, names[0], 0.7, previous.text)
            return
        if len(names) == 1:
            if first and at_end:
                yield Mention(What.OPEN_NAME, names[0], 0.5, role)
            what = What.SURNAME if role else What.BARE
            yield Mention(what, names[0], 0.5, role)
            return
        if following.kind is _Kind.SKIP and following.text in self.words.things:
            return  # the "Nord Stream Pipeline", a "Taylor Swift Tour"
        if first and at_end:
            yield Mention(What.OPEN_NAME, " ".join(names), 0.5, role)
        sure = 0.85 if first else 0.45
        name = " ".join(names[:4])
        yield Mention(What.PERSON, name, min(0.95, sure + (0.3 if role else 0.0)), role)


# Places and words that are first names when a name follows.
_FIRST_NAMES_TOO: Final = frozenset(
    {"Israel", "Paris", "Jordan", "Chelsea", "Sydney", "Austin", "Georgia", "Florence", "Victoria", "Virginia"}
    | {"Carolina", "Charlotte", "Madison", "Dallas", "Phoenix", "India", "Kenya", "Chad", "Brooklyn", "Orlando"}
    | {"Alexandria", "Santiago", "Salvador", "Lourdes", "London", "Houston", "Lincoln"}
)


def _plain(part: str) -> str:
    """A word without possessive and without the dot that ends its sentence."""
    for ending in ("'s", "’s", "'", "’"):
        part = part.removesuffix(ending)
    return part


@lru_cache(maxsize=12)
def runs(language: str) -> Runs:
    """The memo for copy in `language`; it lives as long as the process."""
    return Runs(language)
