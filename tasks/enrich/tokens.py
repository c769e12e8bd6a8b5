"""What a single word of copy is by itself: a first name, a role, a known place, a word that cannot be in a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Final

from storage.frozen import record
from tasks.enrich.kinds import ADJECTIVE, NAME, NOUN, ORGANISATION, PLACE, ROLE, SKIP, Kind, Kinds
from tasks.enrich.lexicon import telling
from tasks.enrich.places import Gazetteer, Place, gazetteer
from tasks.enrich.word_lists import Words, words

OPENING: Final = "\"'“”„«»‘‚([{"
CLOSING: Final = ".,;:!?)]}\"'“”„«»‘’…–—"
ABBREVIATED: Final = frozenset(
    {"Dr.", "Prof.", "Mr.", "Mrs.", "Ms.", "St.", "Sen.", "Rep.", "Gov.", "Gen.", "Lt.", "Col."}
)
_INNER: Final = re.compile(r"[—–/(]")
_POSSESSIVES: Final = ("'s", "’s", "'", "’")
_OF_ROLE: Final = frozenset({"'s", "’s"})
_OF_MANY: Final = frozenset({"s'", "s’"})
_SIDES: Final = ("Nord", "Ost", "Süd", "West")
_SCIENTISTS: Final = frozenset({"logist", "ogist,", "rapher", "apher,"})  # "a glaciologist"
_MONEY: Final = frozenset({"US-Dollar", "US-Dollars", "US-Cent"})  # speaks of no country

CUES: Final = {
    "de": frozenset({"in", "aus", "nach", "nahe", "In", "Aus", "Nach", "Nahe", "Raum"}),
    "en": frozenset({"in", "near", "outside", "In", "Near", "Outside"}),
}
# English nouns after which a place or an organisation is named: "the town of Churu", "the drugmaker Zentiva".
TOWNS: Final = frozenset(
    {"town", "city", "village", "hamlet", "suburb", "port", "province", "district", "municipality", "township"}
    | {"island", "borough", "region", "prefecture", "resort", "neighborhood", "neighbourhood", "settlement", "commune"}
)
FIRMS: Final = frozenset(
    {"airline", "carrier", "carmaker", "automaker", "drugmaker", "chipmaker", "planemaker", "shipbuilder", "retailer"}
    | {"supermarket", "charity", "nonprofit", "startup", "start-up", "insurer", "lender", "regulator", "watchdog"}
    | {"manufacturer", "newspaper", "magazine", "tabloid", "broadsheet", "subsidiary", "offshoot", "conglomerate"}
    | {
        "consultancy",
        "militia",
        "newsroom",
        "brewery",
        "steelmaker",
        "toymaker",
        "steelworks",
        "firm",
        "group",
        "giant",
    }
)
NO_COUNTRY: Final = "--"  # label of an adjective such as "European"


@record(frozen=True, slots=True)
class Token:
    """A word without its punctuation. `label` is the organisation's name or an adjective's country.

    `prefix` is the place or organisation before a hyphen; `opens` and `closes` tell that punctuation parts it from
    the words around it; `genitive` is the English ending that `text` is without.
    """

    kind: Kind
    text: str
    label: str = ""
    place: Place | None = None
    prefix: Place | str | None = None
    first: bool = False
    opens: bool = False
    closes: bool = False
    genitive: str = ""

    def as_name(self) -> Token:
        """The same word read as part of a person's name."""
        return Token(NAME, self.text, self.label, self.place, self.prefix, self.first, self.opens, self.closes)


# Classes of tokens, one byte each, so that what matters is found by a regular expression over the whole article at
# once. Upper case: the run may go on after it; lower case: punctuation ends the run.
NOTHING: Final = ord(".")
CUE: Final = ord("1")  # "in", after which a place may stand
ROLE_BEFORE: Final = ord("2")  # "actor", after which a person may stand
AT: Final = ord("3")  # "at", "bei": after an economist stands the house that pays him
FIRM_BEFORE: Final = ord("4")  # "drugmaker", after which an organisation may stand
TOWN: Final = ord("5")  # "town", after which "of" and a place may stand
OF: Final = ord("6")
PLAIN: Final = ord("N")  # a name if another one, a role or the like stands beside it
_TELLING: Final = ord("K")  # says something alone
BESIDE: Final = ord("R")  # says something only with another word that is not idle: "Ministerin"
_IDLE: Final = ord("I")  # says nothing, and only stands in what the others say: "Montag"
TOPIC: Final = 0x80  # added where the word speaks of a topic
WITHOUT_TOPIC: Final = bytes([number & ~TOPIC for number in range(256)])  # for `bytes.translate`
ONLY_TOPIC: Final = bytes([number & TOPIC for number in range(256)])

POLICE: Final = "Police"  # an organisation only as "Thames Valley Police"; it begins many sentences
_BESIDE_KINDS: Final = frozenset({Kind.SKIP, Kind.ROLE, Kind.FIRM, Kind.PLACE_NOUN, Kind.GEO})
_IDLE_KINDS: Final = frozenset({Kind.NOUN, Kind.TIME, Kind.THING})
_Parsed = tuple[Kind, str, str, Place | None, Place | str | None, bool, bool, bool, str]  # the fields of a `Token`


class Tokens(dict[str, int]):
    """Class byte of each token in copy of one language; filled as tokens come by.

    When it grows too big it is emptied, but what was in it is kept aside until it is full again: of the words of real
    copy a third would be read anew only because of that.
    """

    # In German and English; a fifth of it in languages that come by now and then. With 21,846 a dictionary doubles.
    LIMIT: Final = 20_000
    LONGEST: Final = 60

    def __init__(self, language: str) -> None:
        super().__init__()
        self.german: Final = language == "de"
        self.limit = self.LIMIT if language in {"de", "en"} else self.LIMIT // 5
        self.words: Final[Words] = words(language)
        self.gazetteer: Final[Gazetteer] = gazetteer(language)
        self._kinds: Final = Kinds(self.words, german=self.german)
        self._telling: Final = telling(language)
        self._first_names: Final = _first_names(self.words.first_names)
        self._lately: dict[str, int] = {}
        self._words: Final = _Words(self)
        self.read: Final[Callable[[str], Token]] = self._words.__getitem__  # the word itself, and what it is
        self._small: Final = _small(language, self.words.roles_before)
        self.longer: Final = {**self.gazetteer.longer}
        for name in self.words.organisations:
            first, *rest = name.split(" ")
            if any(not word[0].isupper() for word in rest):
                self.longer[first] = [*self.longer.get(first, ()), name]
        called = chain(self.words.organisations, self.gazetteer.by_name, self.words.demonyms)
        several = [name.split(" ") for name in called if " " in name]
        self.first_words: Final = frozenset([first for first, *_ in several])
        self._parts: Final = frozenset(chain.from_iterable(several))

    def __missing__(self, written: str) -> int:
        if len(written) > self.LONGEST:
            return NOTHING
        number = self._lately.get(written)
        if number is None:
            number = self._class_of(written)
            if self._telling is not None and self._telling[written]:
                number |= TOPIC
        if len(self) >= self.limit:
            self._lately = dict(self)
            self.clear()
            self._words.clear()
        self[written] = number
        return number

    def _class_of(self, written: str) -> int:
        if number := self._small.get(written):
            return number
        first_letter = written[:1]
        if first_letter.islower():
            if written.islower():
                return ROLE_BEFORE if written[-6:] in _SCIENTISTS and not self.german else NOTHING
            return _TELLING if self._called(written.rstrip(CLOSING)) else NOTHING  # "easyJet"
        if not (first_letter.isupper() or written.lstrip(OPENING)[:1].isupper()):
            return NOTHING
        kind, text, label, _, prefix, first, _, closes, genitive = self.parse(written)
        begins = text in self.longer
        if kind is SKIP and not begins and not genitive and text not in self.first_words:
            return NOTHING
        if prefix is not None or begins:
            number = _TELLING
        elif kind is NAME and not first:
            number = PLAIN
        elif kind in _IDLE_KINDS or label == NO_COUNTRY:
            number = BESIDE if first or self._is_part(text) else _IDLE
        else:
            number = BESIDE if kind in _BESIDE_KINDS or text == POLICE else _TELLING
        return number + 32 if closes else number

    def _is_part(self, text: str) -> bool:
        """Whether a name of several words may have this one in it, as `named` knows it: bent or in capitals, too."""
        return not self._parts.isdisjoint((text, text.removesuffix("s"), text.title()))

    def parse(self, written: str) -> _Parsed:
        """What makes the `Token` of a word as it is written."""
        text = written.lstrip(OPENING)
        stripped = text.rstrip(CLOSING)
        initial, genitive = False, ""
        prefix: Place | str | None = None
        if stripped.isalpha() and len(text) != 2:  # as most words are
            closes = len(stripped) < len(text) and text not in ABBREVIATED
            if closes and text[-2:] in _OF_MANY and not self.german:
                genitive, closes = text[-1], False  # "Transport Workers' Union"
        else:
            stripped, initial, closes, genitive = self._without_marks(text, stripped)
        kind, label, place = self._called(stripped) or (self._kinds.of(stripped), "", None)
        if kind is ROLE and text[len(stripped) : len(stripped) + 2] in _OF_ROLE:
            kind = NOUN  # "the King's Speech"
        first = initial or stripped in self._first_names
        if "-" in stripped:
            if kind is not PLACE and stripped not in _MONEY:
                prefix = self._prefix(stripped.partition("-")[0])
            if prefix is None and not first:
                first = self._first_names.issuperset(stripped.split("-"))  # Anne-Sophie
        return kind, stripped, label, place, prefix, first, len(text) < len(written), closes, genitive

    def _without_marks(self, text: str, stripped: str) -> tuple[str, bool, bool, str]:
        """The word alone, whether it is the initial of a first name, whether punctuation ends it, its genitive."""
        if match := _INNER.search(stripped):  # "Haley—were", "Goodwin/dpa"
            stripped = stripped[: match.start()]
        initial = len(text) == 2 and text[1] == "." and text[0].isupper()
        if initial:
            stripped = text
        closes = len(stripped) < len(text) and text not in ABBREVIATED  # "Dr." and "J." do not end a sentence
        if "." in stripped and text.rstrip(",;:)") in self.gazetteer.by_name:  # U.S.
            stripped = text.rstrip(",;:)")
            closes = len(stripped) < len(text)  # "the U.S. Coast Guard"
        genitive = ""
        if "'" in stripped or "’" in stripped:
            whole = stripped
            for ending in _POSSESSIVES:
                stripped = stripped.removesuffix(ending)
            genitive = whole[len(stripped) :]
        return stripped, initial, closes, genitive

    def named(self, name: str) -> Token | None:
        """The organisation, place or nationality called so, also in the German genitive."""
        if called := self._called(name):
            kind, label, place = called
            return Token(kind, name, label, place)
        return None

    def _called(self, name: str) -> tuple[Kind, str, Place | None] | None:
        known, demonyms = self.words.organisations, self.words.demonyms
        if (
            name not in known
            and name not in self.gazetteer.by_name
            and name[-1:] != "s"
            and name not in demonyms
            and not name.isupper()
        ):  # as nearly all
            if self.german and name.startswith(_SIDES) and (whole := self.gazetteer.of_part(name)):
                return PLACE, "", whole  # "Norditalien"
            return None
        label = known.get(name)
        if label is None and self.german and name[-1:] == "s" and len(name) > 4:
            label = known.get(name[:-1])
        if label:
            return ORGANISATION, label, None
        if place := self.gazetteer.find(name):
            return PLACE, "", place
        if code := demonyms.get(name):
            return ADJECTIVE, code, None
        return None

    def _prefix(self, before: str) -> Place | str | None:
        if label := self.words.organisations.get(before):
            return label
        place = self.gazetteer.by_name.get(before)
        return place if place is not None and not place.weak else None


class _Words(dict[str, Token]):
    """The words that were part of a run; emptied together with their classes."""

    def __init__(self, classes: Tokens) -> None:
        super().__init__()
        self._classes: Final = classes

    def __missing__(self, written: str) -> Token:
        token = Token(*self._classes.parse(written))
        if len(written) <= Tokens.LONGEST and len(self) < self._classes.limit:
            self[written] = token
        return token


# Places that are first names when a name follows: Israel Katz, Paris Hilton.
_PLACES_AS_FIRST_NAMES: Final = frozenset(
    {"Israel", "Paris", "Jordan", "Chelsea", "Sydney", "Austin", "Georgia", "Florence", "Victoria", "Virginia"}
    | {"Carolina", "Charlotte", "Madison", "Dallas", "Phoenix", "India", "Kenya", "Chad", "Brooklyn", "Orlando"}
    | {"Alexandria", "Santiago", "Salvador", "Lourdes", "London", "Houston", "Lincoln"}
)


@lru_cache(maxsize=1)
def _first_names(listed: frozenset[str]) -> frozenset[str]:
    return listed | _PLACES_AS_FIRST_NAMES


def _small(language: str, roles: frozenset[str]) -> dict[str, int]:
    """Classes of words without a capital, after which a name may stand; some with a comma: "The mayor, Ann Lee,"."""
    small = dict.fromkeys(CUES.get(language, ()), CUE)
    if language == "de":
        small["bei"] = AT
    if language == "en":
        small |= {word + comma: ROLE_BEFORE for word in roles for comma in ("", ",")}
        small |= {word + comma: FIRM_BEFORE for word in FIRMS for comma in ("", ",")}
        small |= {"at": AT, "of": OF} | dict.fromkeys(TOWNS, TOWN)
    return small


# Languages with their own country names; each costs 2 MB once copy in it comes by. All others are read as English.
LANGUAGES: Final = frozenset({"de", "en", "fr", "es", "it", "nl", "pt", "pl"})


def tokens(language: str) -> Tokens:
    """The classes of words in copy in `language`; they live as long as the process."""
    return _tokens(language if language in LANGUAGES else "en")


@lru_cache(maxsize=len(LANGUAGES))
def _tokens(language: str) -> Tokens:
    return Tokens(language)
