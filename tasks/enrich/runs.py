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
from tasks.enrich.places import Place, country
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
        self._sure_first_names: Final = self.tokens.words.first_names | {"Jordan", "Austin", "Chelsea", "Georgia"}

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

    def _in_context(self, single: Sequence[Token], at: int, before: Sequence[Token]) -> Token:
        """The token as its neighbours make it: after a first name comes a name, whatever else the word means."""
        token = single[at]
        if token.first and at + 1 < len(single) and not (token.kind is SKIP and token.place is None and at == 0):
            following = single[at + 1]
            if following.kind is NAME and not following.opens:
                return token.as_name()  # Israel Katz
        if before and before[-1].first and before[-1].kind is NAME and token.prefix is None:
            if token.kind in _NAME_AFTER_FIRST and not (token.kind is NOUN and before[-1].text == "B."):  # "z. B."
                return token.as_name()  # Jack London, Harrison Ford, Theresa May
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
                    found.append(weak or Mention(A_PLACE, token.text, KNOWN_PLACE, "", place))
            elif kind is ORGANISATION and not (
                organisation and " " in token.text and token.text in organisation.name
            ):  # "Manchester City Council" is no club
                found.append(Mention(AN_ORGANISATION, token.label, KNOWN_ORGANISATION))
            elif kind is ADJECTIVE or kind is THING:
                self._beside(token, organisation, found)
            previous = token
        if names and organisation is None:
            self._named(names, role, previous, _END, found)

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
        start, end = 0, len(part)
        while start < end and kinds[start] in _NOT_BEFORE_HEAD:
            start += 1
        last = end - 1
        while last >= start and kinds[last] is not HEAD and kinds[last] is not FORM:
            last -= 1
        if last < start:
            return None
        head = part[last]
        if not self.german or head.kind is FORM:
            end = last + 1
        while end > start and kinds[end - 1] in _NOT_AFTER_HEAD:
            end -= 1
        part = part[start:end]
        if ROLE in kinds[start:end]:
            return None  # "Yale University President Peter Salovey": the person is the news
        name = " ".join([token.text for token in part])
        if len(part) > 1:
            if len(part[-1].text.rstrip(".")) < 2 or (
                self.german and part[0] is head and kinds[end - 1] is ORGANISATION
            ):
                return None  # "Gruppe G"; "Gewerkschaft Verdi" is known without the word for it
            if self.german and head.text in _FEMININE and part[0].text.endswith("en"):
                name = name.replace("en ", "e ", 1)  # "der Medizinischen Universität"
            return Mention(AN_ORGANISATION, name, FORMED_ORGANISATION + 0.15 * (head.kind is FORM), head.text)
        if head.kind is FORM or name == POLICE:
            return None
        if self.german and head.text not in self.tokens.words.heads:  # "Innenministerium": particular by itself
            particular = head.text[:-1] if head.text.endswith(_HEADS_BENT) else head.text
            return Mention(AN_ORGANISATION, particular, 0.65, head.text)
        return Mention(What.OPEN_ORGANISATION, name, 0.7, head.text)

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
        elif count == 2 and names[0].text in self.tokens.words.place_starts:
            found.append(Mention(A_PLACE, name, 0.7, names[0].text))
        else:
            return False
        return True

    def _sure_of(self, names: list[Token], role: str, *, first: bool) -> float:
        if first:
            # A town whose name people have, too, says less: "Paris Hilton", "Sydney Morning Herald".
            place = names[0].place
            sure = 0.85 if place is None or place.weak or names[0].text in self._sure_first_names else 0.45
        elif self.german and len(names) == 2 and names[1].first:
            sure = 0.3  # "Mitfavorit Greg"
        else:
            sure = 0.7 if _HYPHENATED.fullmatch(names[-1].text) else 0.45  # Han Seo-yeon
        return min(0.95, sure + 0.3) if role else sure

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
            if word.title() in self._sure_first_names and word.lower() not in said:
                return names[at : at + 2]
        return []


_KIN_OF_FIRMS: Final = ("-Mutter", "-Tochter", "-Schwester")  # "VW-Tochter"
_LONGEST_ACRONYM: Final = 4
_LONGEST_SURE: Final = 5  # letters of a word that is looked at no further
_LONGEST_FIRST_NAME: Final = 11  # letters: Bartholomew; German nouns are longer as often as not
_HEADS_BENT: Final = ("ministeriums", "gerichtshofs")
_FEMININE: Final = frozenset(
    {"Universität", "Hochschule", "Akademie", "Bank", "Bahn", "Kammer", "Kommission", "Agentur", "Stiftung", "Partei"}
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
