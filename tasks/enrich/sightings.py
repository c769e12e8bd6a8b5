"""What an article names, and how its names bear on one another: told when all of it has been read."""

from __future__ import annotations

import re
from typing import Final

from tasks.enrich.candidates import THRESHOLD, Candidate
from tasks.enrich.places import GEORGIA, Place
from tasks.enrich.reading import EnrichInput
from tasks.enrich.runs import Runs
from tasks.enrich.tokens import BESIDE, PLAIN, TOPIC
from tasks.enrich.word_lists import PLACE_ENDINGS

SURE: Final = 0.8
ALONE: Final = 0.25  # what a surname that also stands alone adds to an unknown full name
ONCE_MORE: Final = 0.05  # what a surname after a role gains that stands there three times and more
ARTICLES: Final = frozenset(
    {"der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "im", "am"}
)
_LONGEST_ARTICLE: Final = 5
_NEAR_GEORGIA: Final = frozenset({"RU", "AM", "AZ", "AM/Yerevan", "AZ/Baku", "--/Caucasus"})
LONGEST_ACRONYM: Final = 5
_TOWN_ENDINGS: Final = ("dorf", "stadt", "hafen")
POSSESSIVE: Final = ("'s", "\u2019s", "s'", "s\u2019")


class Sightings:
    """What one article names, each name with how sure it is, and what is known of them when all of it is read."""

    def __init__(self, article: EnrichInput, memo: Runs) -> None:
        self.article = article
        self.memo = memo
        self.text = article.whole
        self.people: dict[str, Candidate] = {}
        self.organisations: dict[str, Candidate] = {}
        self.places: dict[str, Candidate] = {}
        self.cued: dict[str, str] = {}
        self.leading: set[str] = set()  # countries of which an adjective in the first sentence speaks
        self.confirmed: set[str] = set()  # unknown places of which the words behind them say where they are
        self.firms: dict[str, str] = {}
        self.surnames: set[str] = set()  # of people who are known for certain; no cue stands before them
        self.roles: dict[str, list[str]] = {}
        self.weak: dict[str, tuple[Place, int]] = {}
        self.adjectives: dict[str, tuple[Place, list[str]]] = {}
        self.whole: list[str] = []  # organisations with small words in their names
        self.count = 1  # of the run that is being read

    def settle(self) -> None:
        """Weigh what was read against the rest of it."""
        for mention_name, (place, count) in self.weak.items():
            if mention_name in self.cued or place.key in self.places or self._is_beside_cued(mention_name):
                self.see_place(place, 0.8, count, f"{self.cued.get(mention_name, '')} {mention_name}".strip())
        self._link_surnames()
        if self.surnames:
            self._drop_surnames()
        self._cued_places()
        self._cued_firms()
        for name in self.whole:
            bare = [(part, part.removeprefix("U.S. ")) for part in self.organisations if part != name]
            for part in [part for part, without in bare if f" {without} " in f" {name} "]:
                del self.organisations[part]  # "Drug Administration"
        for place, words in self.adjectives.values():
            if place.key in self.places:
                self.places[place.key].see(0.0, len(words), words[0])
            elif len(words) > 1 or place.key in self.leading or words[0] in self.article.headline:
                self.see_place(place, THRESHOLD, len(words), words[0])

    def _is_beside_cued(self, name: str) -> bool:
        """ "in Reading and Bath", "nach Köln, Hagen und Hamm"."""
        cues, conjunction = ("in|aus|nach|zwischen", "und") if self.memo.german else ("in|near|between", "and")
        if f" {conjunction} {name}" not in self.text:
            return False
        found = re.search(rf"\b(?:{cues}) [^\W\d_a-z]\w+(?:, [^\W\d_a-z]\w+)* {conjunction} {name}\b", self.text)
        return found is not None

    def _link_surnames(self) -> None:
        """ "Takaichi" alone is Sanae Takaichi when the article names her; after a role she is a person anyway."""
        self._drop_genitives()
        text = self.text
        by_name = self.memo.tokens.gazetteer.by_name
        known = {name[name.rfind(" ") + 1 :]: name for name, found in self.people.items() if found.sure >= SURE}
        for name, candidate in list(self.people.items()):
            surname = name[name.rfind(" ") + 1 :]
            if surname in self.cued:
                del self.cued[surname]
            elif surname in by_name and candidate.sure >= SURE:
                self.surnames.add(surname)
            full = known.get(surname) or (known.get(surname[:-1]) if surname.endswith("s") else None)
            if full and full != name and candidate.sure < SURE:  # "Punktsieg Usyks" is no second person
                self.people[full].see(0.0, self.people.pop(name).count)
                continue
            if candidate.sure + ALONE < THRESHOLD and surname not in self.roles:
                continue  # an unknown pair of words at the beginning of a sentence
            alone = text.count(surname) - candidate.count
            if alone > 0 and (candidate.sure >= THRESHOLD or not self._has_noun(name, surname)):
                candidate.see(candidate.sure + ALONE, alone, surname)
            if roles := self.roles.pop(surname, None):
                candidate.see(candidate.sure + 0.2, 0, roles[0])
        for surname, roles in self.roles.items():
            count = text.count(surname)
            if count >= 2 and surname not in self.organisations:
                sure = 0.45 + 0.1 * min(len(roles), 2) + (ONCE_MORE if count > 2 else 0.0)
                self.see(self.people, surname, sure, surname, roles[0])
                self.people[surname].count += count - 1

    def _has_noun(self, name: str, surname: str) -> bool:
        """Whether an unknown run is no name by a word in it: "Wirkstoff Semaglutid" where "der Wirkstoff" is, too."""
        return self._is_noun(surname) or (self.memo.german and self._is_noun(name.partition(" ")[0]))

    def _is_noun(self, word: str) -> bool:
        """Whether the article uses the word as a noun: small in English, with an article in German."""
        if not self.memo.german:
            return f" {word.lower()}" in self.text
        text, wanted = self.text, f" {word}"
        at = text.find(wanted)
        while at > 0:
            before = text[max(0, at - _LONGEST_ARTICLE - 1) : at]
            if before[before.rfind(" ") + 1 :] in ARTICLES and " " in before:
                return True
            at = text.find(wanted, at + 1)
        return False

    def _drop_genitives(self) -> None:
        if not self.memo.german:
            return
        for name in [name for name in self.people if name[-1] == "s"]:
            if name[:-1] in self.people:
                self.people[name[:-1]].see(self.people[name].sure, self.people.pop(name).count, name)

    def _drop_surnames(self) -> None:
        """Neither Bergen nor Bolton is a place where it is the name of Ingrid van Bergen or of John Bolton."""
        for key, found in list(self.places.items()):
            if self.surnames.issuperset(found.evidence):
                del self.places[key]

    def _cued_places(self) -> None:
        """ "in Yokosuka": an unknown word after a word that places stand after."""
        memo = self.memo
        for word, cue in self.cued.items():
            if (number := memo.tokens[word] & ~TOPIC) != PLAIN and not (
                number == BESIDE and memo.german and word.endswith(_TOWN_ENDINGS)  # "Eyendorf"
            ):
                continue
            if word in self.roles or word in self.people:
                continue
            if word.endswith(POSSESSIVE) or (len(word) <= LONGEST_ACRONYM and word.isupper()):
                continue  # "in Trump's speech", "in RPA"
            sure = 0.65
            if memo.german and cue.lower() not in {"nahe", "raum"}:
                text = self.text
                told = word in self.confirmed or PLACE_ENDINGS.end(word.lower())
                sure = 0.4 + 0.25 * told + 0.15 * (text.count(word) > 1)
            if sure < THRESHOLD or self._is_noun(word):
                continue
            self.see(self.places, word, sure, f"{cue} {word}")

    def _cued_firms(self) -> None:
        """ "drugmaker Zentiva": an unknown word after a word that organisations stand after."""
        if not self.firms:
            return
        tokens = self.memo.tokens
        surnames = {name.rsplit(" ", 1)[-1] for name in self.people}
        for word, cue in self.firms.items():
            if tokens[word] & ~TOPIC == PLAIN and word not in surnames and not self._is_noun(word):
                self.count = self.text.count(word)
                self.see(self.organisations, word, 0.7, f"{cue} {word}")
                self.places.pop(word, None)

    def tell_georgias(self) -> None:
        """English copy calls country and state alike; what else it names tells which."""
        keys = self.places.keys()
        if "GE" in self.adjectives or any(key[:3] == "GE/" for key in keys) or not keys.isdisjoint(_NEAR_GEORGIA):
            return
        if any(key[:2] == "US" for key in keys):
            country = self.places.pop("GE")
            state = self.memo.tokens.gazetteer.divisions[GEORGIA]
            self.see_place(state, country.sure, country.count, next(iter(country.evidence)))

    def see(self, into: dict[str, Candidate], name: str, sure: float, word: str, beside: str = "") -> None:
        if (candidate := into.get(name)) is None:
            into[name] = Candidate(name, sure, self.count, word, beside)
        else:
            candidate.see(sure, self.count, word, beside)

    def see_place(self, place: Place, sure: float, count: int, word: str) -> None:
        if (candidate := self.places.get(place.key)) is None:
            label = place.label(self.article.language)
            self.places[place.key] = Candidate(label, sure, count, word, "", place)
        else:
            candidate.see(sure, count, word)
