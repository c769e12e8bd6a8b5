"""Reads one run of capitalised words ("US-Präsident Donald Trump") into the names it holds. Pure and memoised."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Final

from storage.frozen import record
from tasks.enrich.kinds import (
    ADJECTIVE,
    FIRM,
    FORM,
    GEO,
    HEAD,
    NAME,
    NOUN,
    ORGANISATION,
    PLACE,
    PLACE_NOUN,
    ROLE,
    SKIP,
    THING,
    TIME,
    Kind,
)
from tasks.enrich.places import COUNTRY, Place, country
from tasks.enrich.tokens import LANGUAGES, NO_COUNTRY, POLICE, Token, tokens

KNOWN_ORGANISATION: Final = 0.9
KNOWN_PLACE: Final = 0.9
FORMED_ORGANISATION: Final = 0.75
LONGEST_NAME: Final = 5  # words of a name that is looked up whole
MOST_WORDS: Final = 12  # of one run; a headline in capitals is no name


class What(IntEnum):
    """What a mention is."""

    PLACE = 1
    ORGANISATION = 2
    PERSON = 3
    SURNAME = 4  # after a role: "Präsident Trump"
    ADJECTIVE = 5  # "Japanese"
    OPEN_NAME = 6  # ends in a first name, so that "von der Leyen" may follow
    OPEN_ORGANISATION = 7  # ends in "University", so that "of Oxford" may follow
    LONGER = 8  # may begin a name with small words in it: "House of Representatives"


# The frequent ones, by names that cost a tenth of a member's to look up.
A_PLACE, AN_ORGANISATION, A_PERSON = What.PLACE, What.ORGANISATION, What.PERSON


@record(frozen=True, slots=True)
class Mention:
    """One name in a run. `sure` is how sure the run alone makes us; `cue` the word that did."""

    what: What
    name: str
    sure: float
    cue: str = ""
    place: Place | None = None


class Runs(dict[str, tuple[Mention, ...]]):
    """What each run says in copy of one language; filled as runs come by, emptied when it grows too big."""

    LIMIT: Final = 15_000  # in German and English, as in `Tokens`
    LONGEST: Final = 160

    def __init__(self, language: str) -> None:
        super().__init__()
        self.tokens: Final = tokens(language)
        self.language: Final = language
        self.limit = self.LIMIT if language in {"de", "en"} else self.LIMIT // 5
        self.german: Final = language == "de"

    def __missing__(self, run: str) -> tuple[Mention, ...]:
        if len(run) > self.LONGEST:
            return ()
        if len(self) >= self.limit:
            self.clear()
        mentions = self[run] = tuple(self._read([*map(self.tokens.read, run.split(" ")[:MOST_WORDS])]))
        return mentions

    def _read(self, single: list[Token]) -> list[Mention]:
        found: list[Mention] = []
        part: list[Token] = []
        first_words = self.tokens.first_words
        at, end = 0, len(single)
        while at < end:
            token, width = single[at], 1
            if token.opens and part:  # "Merz (CDU)" is two names
                self._mentions(part, found)
                part = []
            if token.text in first_words and (longer := self._longer(single, at)):
                token, width = longer
            elif (token.kind is PLACE or token.kind is ADJECTIVE) and (formed := self._together(single, at)):
                self._mentions(part, found)
                found.append(formed)
                part = []
                at += 2
                continue
            elif token.kind is not NAME and (token.first or (part and part[-1].first)):
                token = self._in_context(single, at, part)
            if token.prefix is not None:
                found.append(self._of_prefix(token))
            part.append(token)
            at += width
        self._mentions(part, found)
        return found

    def _longer(self, single: Sequence[Token], at: int) -> tuple[Token, int] | None:
        for width in range(min(LONGEST_NAME, len(single) - at), 1, -1):
            if found := self.tokens.named(" ".join([token.text for token in single[at : at + width]])):
                return found, width
        return None

    def _together(self, single: Sequence[Token], at: int) -> Mention | None:
        """A team that is called as its town ("Kerala Blasters"), a body that is called as its country."""
        if at + 1 == len(single):
            return None
        token, following = single[at], single[at + 1]
        if following.opens or following.kind not in _MAY_BE_BODY:
            return None
        if not self.german:
            if token.kind is PLACE and not token.genitive and following.kind is NAME and following.text.endswith("ers"):
                name = f"{token.text} {following.text}"
                return Mention(AN_ORGANISATION, name, FORMED_ORGANISATION, following.text)
            return None
        body = following.text.removesuffix("s") if following.closes or token.text.endswith("en") else following.text
        for tails, ending in _BODIES:
            if token.kind is ADJECTIVE and body.endswith(tails) and len(body) >= _SHORTEST_BODY:
                stem = token.text.rstrip("nrs").removesuffix("e")  # "Deutschen", "Deutscher"
                name = f"{stem}{ending} {body}"
                return Mention(AN_ORGANISATION, name, FORMED_ORGANISATION, following.text)
        return None

    def _in_context(self, single: Sequence[Token], at: int, before: Sequence[Token]) -> Token:
        """The token as its neighbours make it: after a first name comes a name, whatever else the word means."""
        token = single[at]
        if token.first and at + 1 < len(single) and not (token.kind is SKIP and token.place is None and at == 0):
            following = single[at + 1]
            if following.kind is NAME and not following.opens:
                return token.as_name()  # Israel Katz
        if before and before[-1].first and before[-1].kind is NAME and token.prefix is None:
            if token.kind is THING and token.text in _SURNAMES_TOO:
                return token.as_name()  # David Black
            if token.kind in _NAME_AFTER_FIRST and not (token.kind is NOUN and before[-1].text == "B."):  # "z. B."
                return token.as_name()  # Jack London, Harrison Ford, Theresa May
            if (
                token.text in _ROLES_AS_SURNAMES
                and not self.german
                and (at + 1 == len(single) or single[at + 1].kind is not NAME)
            ):
                return token.as_name()  # Peter Singer
            if token.kind is ROLE and self.german and token.text not in self.tokens.words.roles:
                return token.as_name()  # Elisabeth Wögerbauer is no farmer
        return token

    def _of_prefix(self, token: Token) -> Mention:
        """ "US-Präsident" speaks of the USA, "SPD-Chef" of the SPD."""
        prefix = token.prefix
        if isinstance(prefix, Place):
            return Mention(A_PLACE, token.text.split("-", 1)[0], 0.85, "", prefix)
        return Mention(AN_ORGANISATION, prefix or "", KNOWN_ORGANISATION, token.text)

    def _mentions(self, part: list[Token], found: list[Mention]) -> None:
        organisation = None
        kinds = [token.kind for token in part]
        if HEAD in kinds or FORM in kinds:
            organisation = self._organisation(part, kinds)
            if organisation is not None:
                found.append(organisation)
        longer = self.tokens.longer
        role = ""
        names: list[Token] = []
        previous: Token | None = None
        for token in part:
            kind = token.kind
            if token.text in longer:
                found.append(Mention(What.LONGER, token.text, 0.9))
            if kind is NAME:
                names.append(token)
                continue
            after = names[-1] if names else None
            if names:
                if organisation is None:
                    self._named(names, role, previous, token, found)
                names, role = [], ""
            if kind is ROLE:
                role = token.text
            elif kind is PLACE:
                place = token.place
                if place is not None and not (organisation and token.text in organisation.name):
                    weak = self._weak(token, place, previous) if place.weak else None
                    # "Leanne Bradford" and "Cricket Oxfordshire" are no places, "Central London" is.
                    bare = self.german or after is None or after.genitive or after.text in _REGIONAL
                    found.append(weak or Mention(A_PLACE, token.text, KNOWN_PLACE if bare else 0.55, "", place))
            elif (
                kind is ORGANISATION
                and not (organisation and " " in token.text and token.text in organisation.name)
                and not self._is_quarter(token, part)
            ):  # "Manchester City Council" is no club
                found.append(Mention(AN_ORGANISATION, token.label, KNOWN_ORGANISATION))
            elif kind is ADJECTIVE or kind is THING:
                self._beside(token, organisation, found)
            previous = token
        if names and organisation is None:
            self._named(names, role, previous, _END, found)

    def _is_quarter(self, token: Token, part: list[Token]) -> bool:
        """Whether a club that is called as its quarter stands before another name: "the Chelsea Flower Show"."""
        if self.german or token is part[-1] or token.text not in self.tokens.gazetteer.by_name:
            return False
        following = part[part.index(token) + 1]
        return not following.opens and following.kind in _BEHIND_QUARTERS

    def _weak(self, token: Token, place: Place, previous: Token | None) -> Mention:
        if previous is not None and previous.kind is PLACE_NOUN:
            return Mention(A_PLACE, token.text, 0.8, previous.text, place)  # "die Stadt Essen"
        return Mention(A_PLACE, token.text, 0.5, "", place)

    def _beside(self, token: Token, organisation: Mention | None, found: list[Mention]) -> None:
        """An adjective speaks of a country, and a thing may take a place back."""
        if token.kind is THING:
            if token.text == "League" and found and found[-1].name == "Europa":
                found.pop()
        elif token.label != NO_COUNTRY and not (organisation is not None and token.text in organisation.name):
            place = country(token.label, self.language)
            found.append(Mention(What.ADJECTIVE, token.text, 0.5, token.text, place))

    def _organisation(self, part: list[Token], kinds: list[Kind]) -> Mention | None:
        """A run with a legal form or a word such as "University" or "Landgericht" is one organisation."""
        last = len(part) - 1
        while last >= 0 and kinds[last] is not HEAD and kinds[last] is not FORM:
            last -= 1
        if last < 0:
            return None
        head = part[last]
        start, end = self._bounds(part, kinds, last)
        if start >= end:
            return None
        part = part[start:end]
        if any(token.kind is ROLE and token.text != "General" for token in part):  # "Leeds General Infirmary"
            return None  # "Yale University President Peter Salovey": the person is the news
        name = self._written(part, head)
        if len(part) > 1:
            if len(part[-1].text.rstrip(".")) < 2 or (
                self.german and part[0] is head and kinds[end - 1] is ORGANISATION
            ):
                return None  # "Gruppe G"; "Gewerkschaft Verdi" is known without the word for it
            return Mention(AN_ORGANISATION, name, FORMED_ORGANISATION + 0.15 * (head.kind is FORM), head.text)
        if head.kind is FORM or name == POLICE:
            return None
        if self.german and head.text not in self.tokens.words.heads:  # "Innenministerium": particular by itself
            if not (name.endswith(_PARTICULAR) or name.startswith(_OF_THE_STATE)):
                return None  # "Berufungsgericht", "Ärztekommission"
            return Mention(AN_ORGANISATION, name, 0.65, head.text)
        return Mention(What.OPEN_ORGANISATION, name, 0.7, head.text)

    def _bounds(self, part: list[Token], kinds: list[Kind], last: int) -> tuple[int, int]:
        """Where the name with its head at `last` begins and ends; the same place twice where there is none."""
        start, end = 0, len(part)
        while start < last and kinds[start] in _NOT_BEFORE_HEAD and not part[start].genitive:
            start += 1  # but "Queen's University"
        while self.german and start < last and kinds[start] is NAME and part[start].text.endswith(_CLUBS):
            start += 1  # "Fußball-Bundesligaclub SV Ried"
        if not self.german or kinds[last] is FORM:
            end = last + 1
        while end > start and kinds[end - 1] in _NOT_AFTER_HEAD:
            end -= 1
        if not self.german:
            for at in range(start, last):
                if part[at].genitive and kinds[at] in _OWNERS:
                    start = at + 1  # "NASA's Goddard Space Flight Center"
        elif last + 1 < end and kinds[end - 1] is NOUN:
            return end, end  # "Verein Land schafft Leben"
        elif last + 2 < end and kinds[last] is HEAD and part[last + 1].first and kinds[last + 1] is NAME:
            return end, end  # "des Verbands Cinzia Franchini"
        return start, end

    def _written(self, part: list[Token], head: Token) -> str:
        """The name as a desk would write it: the English genitive inside stays, the German cases go."""
        if not self.german:
            return " ".join([token.text + token.genitive for token in part[:-1]] + [part[-1].text])
        if part[0] is head and len(part) == 2 and head.text in _SHED:
            return part[1].text
        texts = [self._bare(head.text) if token is head else token.text for token in part]
        if head.text in _FEMININE and texts[0].endswith("en") and part[0] is not head:
            texts[0] = texts[0][:-1]  # "der Medizinischen Universität"
        elif head.text.lower().endswith(_NEUTER):
            for at in range(part.index(head)):
                if texts[at].endswith(_BENT_ADJECTIVES):
                    texts[at] = texts[at][:-1] + "s"  # "im Rheinischen Landesmuseum"
        return " ".join(texts)

    def _bare(self, head: str) -> str:
        """The head without the ending of its genitive."""
        lists = self.tokens.words
        for ending in ("es", "s"):
            base = head.removesuffix(ending)
            if base != head and (base in lists.heads or base.endswith(lists.tails)):
                return base
        return head

    def _named(
        self, names: list[Token], role: str, previous: Token | None, following: Token, found: list[Mention]
    ) -> None:
        if len(names) > 1 and not names[0].first:
            names, role = self._from_its_first(names, role)
        first, count = names[0].first, len(names)
        last = names[-1].text
        name = last if count == 1 else " ".join([token.text for token in names[:4]])
        if count > 1:
            if len(last) < 2 or last == names[0].text:
                return  # "Vitamin D"
            if name.isupper():  # where all words have capitals none shows where a name ends
                names = self._in_capitals(names)
                if not names:
                    return
                first, name = True, f"{names[0].text} {names[1].text}".title()
            elif not first and len(last) <= _LONGEST_ACRONYM and last.isupper():
                return  # "Oculus VR"
        if not self._formed(name, names, role, previous, following, found) and following.kind is not THING:
            # a "Taylor Swift Tour" is not Taylor Swift
            if first and following is _END:
                found.append(Mention(What.OPEN_NAME, name, 0.5, role))
            if count > 1:
                found.append(Mention(A_PERSON, name, self._sure_of(names, role, first=first), role))
            elif role:
                found.append(Mention(What.SURNAME, name, 0.5, role))

    def _from_its_first(self, names: list[Token], role: str) -> tuple[list[Token], str]:
        """The name without what stands before it, where no first name begins it."""
        for at in range(1, len(names) - 1):
            if names[at].first and names[at].text[-1] != ".":  # "Usyks Promoter Alexander Krassyuk"
                return names[at:], " ".join([token.text for token in names[:at]])
        before = names[0].text
        if len(before) > _LONGEST_SURE and self._is_noun(before):
            return names[1:], ""  # "Militärtheoretiker Herfried Münkler", "Google-Software AlphaGo"
        return names, role

    def _formed(
        self,
        name: str,
        names: list[Token],
        role: str,
        previous: Token | None,
        following: Token,
        found: list[Mention],
    ) -> bool:
        """Whether a word before or behind makes the name a place or an organisation."""
        before = NAME if previous is None else previous.kind
        first, count = names[0].first, len(names)
        if following.kind is GEO:
            found.append(Mention(A_PLACE, f"{name} {following.text}", 0.65, following.text))
        elif before is FIRM and not first and previous is not None:
            found.append(Mention(AN_ORGANISATION, name, 0.7, previous.text))
        elif not first and role.endswith(_KIN_OF_FIRMS):
            found.append(Mention(AN_ORGANISATION, name, 0.7, role))
        elif count == 1 and before is PLACE_NOUN and previous is not None:
            found.append(Mention(A_PLACE, name, 0.7, previous.text))
        elif count > 1 and not first and not self.german and following.kind is PLACE and following.place is not None:
            if following.place.scheme != COUNTRY:
                return False
            found.append(Mention(AN_ORGANISATION, f"{name} {following.text}", 0.7, following.text))
        elif count == 2 and names[0].text in self.tokens.words.place_starts:
            found.append(Mention(A_PLACE, name, 0.7, names[0].text))
        else:
            return False
        return True

    def _sure_of(self, names: list[Token], role: str, *, first: bool) -> float:
        if first:
            # A town whose name people have, too, says less: "Paris Hilton", "Sydney Morning Herald".
            place = names[0].place
            sure = 0.85 if place is None or place.weak or self._is_first_name(names[0].text) else 0.45
        elif self.german and len(names) == 2 and names[1].first:
            sure = 0.3  # "Mitfavorit Greg"
        else:
            sure = 0.7 if _HYPHENATED.fullmatch(names[-1].text) else 0.45  # Han Seo-yeon
        return min(0.95, sure + 0.3) if role else sure

    def _is_first_name(self, text: str) -> bool:
        return text in self.tokens.words.first_names or text in _PLACES_TOO

    def _is_noun(self, text: str) -> bool:
        """Whether an unknown word with others behind it is a noun rather than a first name."""
        if not self.german:
            return text.endswith("ing")  # "Following Trump"
        _, hyphen, last = text.rpartition("-")
        return last[:1].isupper() if hyphen else len(text) > _LONGEST_FIRST_NAME

    def _in_capitals(self, names: list[Token]) -> list[Token]:
        said = self.tokens.words.said
        for at in range(len(names) - 1):
            word = names[at].text
            if self._is_first_name(word.title()) and word.lower() not in said:
                return names[at : at + 2]
        return []


_KIN_OF_FIRMS: Final = ("-Mutter", "-Tochter", "-Schwester")  # "VW-Tochter"
_LONGEST_ACRONYM: Final = 4
_LONGEST_SURE: Final = 5  # letters of a word that is looked at no further
_LONGEST_FIRST_NAME: Final = 11  # letters: Bartholomew; German nouns are longer as often as not
_SHED: Final = frozenset(
    {"Gewerkschaft", "Partei", "Agentur", "Behörde"}
)  # say what it is, and are no part of its name
_BEHIND_QUARTERS: Final = frozenset({NAME, THING, GEO, NOUN})
_MAY_BE_BODY: Final = frozenset({NAME, NOUN, FIRM, PLACE_NOUN, ROLE, THING})
_BODIES: Final = (  # what German bodies end with, by gender
    (("verein", "verband", "bund", "rat", "städtetag", "dienst"), "er"),
    (("museum", "institut", "werk", "zentrum", "theater", "komitee"), "es"),
    (("hilfe", "kasse", "gesellschaft", "stiftung", "akademie", "oper", "gewerkschaft"), "e"),
)
_SHORTEST_BODY: Final = 9  # letters of "Presserat"; "Hilfe" alone is none
_ROLES_AS_SURNAMES: Final = frozenset(
    {"King", "Major", "Judge", "Bishop", "Pope", "Prince", "Singer", "Chancellor", "Lord", "Father", "Head", "Baron"}
)
_REGIONAL: Final = frozenset(  # before the name of a place that they tell a part of
    {"Central", "Greater", "Inner", "Outer", "Upper", "Lower", "Downtown", "Mainland", "Rural", "Northern", "Southern"}
    | {"Eastern", "Western", "Old", "New", "North", "South", "East", "West", "Modern", "Ancient", "Metropolitan"}
    | {"Coastal", "Nearby", "Southeast", "Southwest", "Northeast", "Northwest", "Middle", "Far", "Mid", "Occupied"}
)
_PLACES_TOO: Final = frozenset({"Jordan", "Austin", "Chelsea", "Georgia"})  # and first names as often
_SURNAMES_TOO: Final = frozenset({"Black", "White", "Law", "Hall"})
_FEMININE: Final = frozenset(
    {"Universität", "Hochschule", "Akademie", "Bank", "Bahn", "Kammer", "Kommission", "Agentur", "Stiftung", "Partei"}
)
_CLUBS: Final = ("club", "clubs", "klub", "klubs", "ligist", "ligisten", "verein", "vereins", "mannschaft", "team")
_PARTICULAR: Final = ("ministerium", "amt", "bank", "universität", "klinikum", "gerichtshof")  # there is but one
_OF_THE_STATE: Final = ("Bundes", "Verfassungs", "Abgeordneten")
_BENT_ADJECTIVES: Final = ("schen", "lichen", "igen")
_OWNERS: Final = frozenset({PLACE, ORGANISATION, ADJECTIVE})
_NEUTER: Final = (
    *("museum", "institut", "amt", "gericht", "theater", "klinikum", "haus", "gymnasium", "zentrum"),
    *("museums", "instituts", "amts", "amtes", "gerichts", "theaters", "klinikums", "gymnasiums"),
)
_HYPHENATED: Final = re.compile(r"\w+-[a-zà-ÿ]\w+")
_END: Final = Token(SKIP, "")
_NOT_BEFORE_HEAD: Final = frozenset({SKIP, ROLE, TIME, FIRM, NOUN})
_NOT_AFTER_HEAD: Final = frozenset({SKIP, ROLE, TIME})
_NAME_AFTER_FIRST: Final = frozenset({PLACE, PLACE_NOUN, ORGANISATION, TIME, NOUN, FIRM})


def runs(language: str) -> Runs:
    """The memo for copy in `language`; it lives as long as the process."""
    return _runs(language if language in LANGUAGES else "en")


@lru_cache(maxsize=len(LANGUAGES))
def _runs(language: str) -> Runs:
    return Runs(language)
