"""What a single word of copy is by itself: a first name, a role, a known place, a word that cannot be in a name."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, NamedTuple

from tasks.enrich.places import Gazetteer, Place, gazetteer
from tasks.enrich.word_lists import FIRM_NOUNS, NOUN_ENDINGS, PLACE_NOUNS, Words, words

OPENING: Final = "\"'“”„«»‘‚([{"
CLOSING: Final = ".,;:!?)]}\"'“”„«»‘’…–—"
ABBREVIATED: Final = frozenset(
    {"Dr.", "Prof.", "Mr.", "Mrs.", "Ms.", "St.", "Sen.", "Rep.", "Gov.", "Gen.", "Lt.", "Col."}
)
_INNER: Final = re.compile(r"[—–/(]")
_DIGIT: Final = re.compile(r"\d")
_POSSESSIVES: Final = ("'s", "’s", "'", "’")
_SHORTEST_TAIL: Final = 10  # letters of a word whose ending makes it an institution: "Landgericht" is, "Gericht" is not

CUES: Final = {
    "de": frozenset({"in", "aus", "nach", "nahe", "In", "Aus", "Nach", "Nahe", "Raum"}),
    "en": frozenset({"in", "near", "outside", "In", "Near", "Outside"}),
}


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


class Token(NamedTuple):
    """A word without its punctuation. `label` is the organisation's name or an adjective's country.

    `prefix` is the place or organisation before a hyphen; `opens` and `closes` tell that punctuation parts it from
    the words around it.
    """

    kind: Kind
    text: str
    label: str = ""
    place: Place | None = None
    prefix: Place | str | None = None
    first: bool = False
    opens: bool = False
    closes: bool = False

    def as_name(self) -> Token:
        """The same word read as part of a person's name."""
        return self._replace(kind=Kind.NAME)


# Classes of tokens, one byte each, so that runs can be found by a regular expression over the whole article at once.
# Upper case: the run may go on after it; lower case: punctuation ends the run.
NOTHING: Final = ord(".")
CUE: Final = ord("1")  # "in", after which a place may stand
ROLE_BEFORE: Final = ord("2")  # "actor", after which a person may stand
PLAIN: Final = ord("N")
_TELLING: Final = ord("K")
_IDLE: Final = ord("I")  # cannot be a name, but may stand inside one


class Tokens(dict[str, int]):
    """Class byte of each token in copy of one language; filled as tokens come by, emptied when it grows too big."""

    LIMIT: Final = 25_000  # in German and English; a fifth of it in languages that come by now and then
    LONGEST: Final = 60

    def __init__(self, language: str) -> None:
        super().__init__()
        self.german: Final = language == "de"
        self.limit = self.LIMIT if language in {"de", "en"} else self.LIMIT // 5
        self.words: Final[Words] = words(language)
        self.gazetteer: Final[Gazetteer] = gazetteer(language)
        self._read: Final[dict[str, Token]] = {}
        self.cues: Final = CUES.get(language, frozenset())
        self.before: Final = self.words.roles_before if language == "en" else frozenset()
        self.longer: Final = {**self.gazetteer.longer}
        for name in self.words.organisations:
            first, *rest = name.split(" ")
            if any(not word[0].isupper() for word in rest):
                self.longer[first] = [*self.longer.get(first, ()), name]
        several = [name.split(" ")[0] for name in self.words.organisations if " " in name]
        several += [name.split(" ")[0] for name in self.gazetteer.by_name if " " in name]
        several += [name.split(" ")[0] for name in self.words.demonyms if " " in name]
        self.first_words: Final = frozenset(several)

    def __missing__(self, written: str) -> int:
        if len(written) > self.LONGEST:
            return NOTHING
        if len(self) >= self.limit:
            self.clear()
            self._read.clear()
        number = self[written] = self._class_of(written)
        return number

    def _class_of(self, written: str) -> int:
        if written in self.cues:
            return CUE
        if written in self.before:
            return ROLE_BEFORE
        bare = written.lstrip(OPENING)
        if not bare or not bare[0].isupper():
            return NOTHING
        token = self.read(written)
        if token.kind is Kind.SKIP and token.text not in self.first_words and token.text not in self.longer:
            return NOTHING
        idle = token.kind in {
            Kind.SKIP,
            Kind.NOUN,
            Kind.FIRM,
            Kind.TIME,
            Kind.THING,
            Kind.PLACE_NOUN,
            Kind.GEO,
            Kind.FORM,
        }
        if token.kind is Kind.NAME and not token.first:
            number = _TELLING if token.prefix or token.text in self.longer else PLAIN
        else:
            number = _IDLE if idle and token.prefix is None and token.text not in self.longer else _TELLING
        return number + 32 if token.closes else number

    def read(self, written: str) -> Token:
        """The word itself, without punctuation and possessive, and what it is."""
        token = self._read.get(written)
        if token is None:
            token = self._parse(written)
            if len(written) <= self.LONGEST and len(self._read) < self.limit:
                self._read[written] = token
        return token

    def _parse(self, written: str) -> Token:
        text = written.lstrip(OPENING)
        opens = len(text) < len(written)
        stripped = text.rstrip(CLOSING)
        if match := _INNER.search(stripped):  # "Haley—were", "Goodwin/dpa"
            stripped = stripped[: match.start()]
        initial = len(text) == 2 and text[1] == "." and text[0].isupper()
        if initial:
            stripped = text
        closes = len(stripped) < len(text) and text not in ABBREVIATED  # "Dr." and "J." do not end a sentence
        if "." in stripped and text.rstrip(",;:)") in self.gazetteer.by_name:  # U.S.
            stripped = text.rstrip(",;:)")
        if "'" in stripped or "’" in stripped:
            for ending in _POSSESSIVES:
                stripped = stripped.removesuffix(ending)
        token = self.named(stripped) or self._unnamed(stripped)
        first = initial or stripped in self.words.first_names or stripped in _PLACES_AS_FIRST_NAMES
        before, hyphen, _ = stripped.partition("-")
        prefix = self._prefix(before) if hyphen and token.kind is not Kind.PLACE else None
        return Token(token.kind, stripped, token.label, token.place, prefix, first, opens, closes)

    def named(self, name: str) -> Token | None:
        """The organisation, place or nationality called so, also in the German genitive."""
        known = self.words.organisations
        if label := known.get(name) or (
            known.get(name[:-1]) if self.german and name[-1:] == "s" and len(name) > 4 else None
        ):
            return Token(Kind.ORGANISATION, name, label)
        if place := self.gazetteer.find(name):
            return Token(Kind.PLACE, name, place=place)
        if code := self.words.demonyms.get(name):
            return Token(Kind.ADJECTIVE, name, code)
        return None

    def _prefix(self, before: str) -> Place | str | None:
        if label := self.words.organisations.get(before):
            return label
        place = self.gazetteer.by_name.get(before)
        return place if place is not None and not place.weak else None

    def _unnamed(self, text: str) -> Token:
        lists = self.words
        last = text.rpartition("-")[2]
        if text in lists.first_names and text not in lists.function_or_time:
            kind = Kind.NAME
        elif not text or text in lists.function or _DIGIT.search(text):
            kind = Kind.SKIP
        elif text in lists.time:
            kind = Kind.TIME
        elif text in lists.forms:
            kind = Kind.FORM
        elif text in lists.heads:
            kind = Kind.HEAD
        elif text in lists.roles or (self.german and lists.role_tails.end(last.lower())):
            kind = Kind.ROLE
        else:
            kind = self._by_form(text, last)
        return Token(kind, text)

    def _by_form(self, text: str, last: str) -> Kind:
        lists = self.words
        if text in lists.geo:
            return Kind.GEO
        if text in lists.things:
            return Kind.THING
        if self.german and len(text) > _SHORTEST_TAIL and lists.tails.end(text):
            return Kind.HEAD
        if self.german and PLACE_NOUNS.end(last.lower()):
            return Kind.PLACE_NOUN
        if text in lists.common or (self.german and NOUN_ENDINGS.end(last.lower())):
            return Kind.NOUN
        if self.german and FIRM_NOUNS.end(last.lower()):
            return Kind.FIRM
        return Kind.NAME


# Places that are first names when a name follows: Israel Katz, Paris Hilton.
_PLACES_AS_FIRST_NAMES: Final = frozenset(
    {"Israel", "Paris", "Jordan", "Chelsea", "Sydney", "Austin", "Georgia", "Florence", "Victoria", "Virginia"}
    | {"Carolina", "Charlotte", "Madison", "Dallas", "Phoenix", "India", "Kenya", "Chad", "Brooklyn", "Orlando"}
    | {"Alexandria", "Santiago", "Salvador", "Lourdes", "London", "Houston", "Lincoln"}
)
