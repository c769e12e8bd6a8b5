"""What a capitalised word is by our lists, else by how it ends: a role, a time, a noun that is no name."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from tasks.enrich.word_lists import FIRM_NOUNS, NO_PLACE_NOUNS, NOUN_ENDINGS, PLACE_NOUNS, Words

_DIGIT: Final = re.compile(r"\d")
_GATE: Final = 3  # letters, the least an ending has, by which it is seen whether one can fit at all
_SHORTEST_TAIL: Final = 10  # letters of a word whose ending makes it an institution: "Landgericht" is, "Gericht" is not


class Kind(IntEnum):
    """What a word is when nothing stands around it."""

    NAME = 0  # any other capitalised word
    SKIP = 1
    TIME = 2
    THING = 3
    ROLE = 4
    PLACE = 5
    ORGANISATION = 6
    HEAD = 7
    FORM = 8
    GEO = 9
    PLACE_NOUN = 10
    ADJECTIVE = 11
    NOUN = 12  # by its ending or our lists no name, unless it stands after a first name
    FIRM = 13  # "Autobauer", after which a company stands


# For what is asked of every new word: a member costs ten times a name of the module to look up.
NAME, SKIP, TIME, THING, ROLE, PLACE = Kind.NAME, Kind.SKIP, Kind.TIME, Kind.THING, Kind.ROLE, Kind.PLACE
ORGANISATION, HEAD, FORM, GEO = Kind.ORGANISATION, Kind.HEAD, Kind.FORM, Kind.GEO
PLACE_NOUN, ADJECTIVE, NOUN, FIRM = Kind.PLACE_NOUN, Kind.ADJECTIVE, Kind.NOUN, Kind.FIRM


class Kinds:
    """Tells kinds of words in one language's copy; only German words tell by their endings."""

    def __init__(self, lists: Words, *, german: bool) -> None:
        # By their last letters, in the order in which they are believed.
        self._ends: dict[str, list[tuple[Kind, tuple[str, ...]]]] = {}
        if german:
            self._add_endings(ROLE, lists.role_tails)
            self._add_endings(HEAD, lists.tails)
            self._add_endings(NOUN, NO_PLACE_NOUNS)
            self._add_endings(PLACE_NOUN, PLACE_NOUNS)
            self._add_endings(FIRM, FIRM_NOUNS)
            self._add_endings(NOUN, NOUN_ENDINGS)
        self._listed: dict[str, Kind] = {}
        # From the list that is believed least to the one that is believed most; some endings are believed more.
        for words, kind, stronger in (
            (lists.common, NOUN, {ROLE, HEAD, PLACE_NOUN}),
            (lists.things, THING, {ROLE}),
            (lists.geo, GEO, {ROLE}),
        ):
            ends = {word: self._by_ending(word) for word in words}
            self._listed |= {word: end if end in stronger else kind for word, end in ends.items()}
        for words, kind in (
            (lists.roles, ROLE),
            (lists.heads, HEAD),
            (lists.forms, FORM),
            (lists.time, TIME),
            (lists.function, SKIP),
        ):
            self._listed |= dict.fromkeys(words, kind)
        self._first_names: Final = lists.first_names
        named = self._first_names & self._listed.keys() - lists.function - lists.time
        self._listed |= dict.fromkeys(named, NAME)

    def _add_endings(self, kind: Kind, endings: tuple[str, ...]) -> None:
        for last in {ending[-_GATE:] for ending in endings}:
            fitting = tuple([ending for ending in endings if ending[-_GATE:] == last])
            self._ends.setdefault(last, []).append((kind, fitting))

    def of(self, text: str) -> Kind:
        """What `text` is, a word without its punctuation."""
        kind = self._listed.get(text)
        if kind is not None:
            return kind
        if not text.isalpha() and (not text or _DIGIT.search(text)):
            return SKIP
        return self._by_ending(text) if self._ends and text not in self._first_names else NAME

    def _by_ending(self, text: str) -> Kind:
        last = (text.rpartition("-")[2] if "-" in text else text).lower()
        for kind, endings in self._ends.get(last[-_GATE:], ()):
            if kind is HEAD:
                if len(text) > _SHORTEST_TAIL and text.endswith(endings):
                    return kind
            elif last.endswith(endings):
                return kind
        return NAME
