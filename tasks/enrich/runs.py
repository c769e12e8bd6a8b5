"""Reads one run of capitalised words ("US-Präsident Donald Trump") into the names it holds. Pure and memoised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from tasks.enrich.kinds import Kind
from tasks.enrich.places import Place, country
from tasks.enrich.tokens import LANGUAGES, Token, tokens

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
    ADJECTIVE = 5  # "Japanese"
    OPEN_NAME = 6  # ends in a first name, so that "von der Leyen" may follow
    OPEN_ORGANISATION = 7  # ends in "University", so that "of Oxford" may follow
    LONGER = 8  # may begin a name with small words in it: "House of Representatives"


class Mention(NamedTuple):
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
        mentions = self[run] = tuple(self._read(run.split(" ")[:MOST_WORDS]))
        return mentions

    def _read(self, written: Sequence[str]) -> Iterator[Mention]:
        single = [self.tokens.read(word) for word in written]
        first_words = self.tokens.first_words
        part: list[Token] = []
        at = 0
        while at < len(single):
            if single[at].opens and part:  # "Merz (CDU)" is two names
                yield from self._mentions(part)
                part = []
            token, width = single[at], 1
            if token.text in first_words and (longer := self._longer(single, at)):
                token, width = longer
            elif token.kind is not Kind.NAME:
                token = self._in_context(single, at, part)
            if token.prefix is not None:
                yield self._of_prefix(token)
            part.append(token)
            at += width
        yield from self._mentions(part)

    def _longer(self, single: Sequence[Token], at: int) -> tuple[Token, int] | None:
        for width in range(min(LONGEST_NAME, len(single) - at), 1, -1):
            if found := self.tokens.named(" ".join([token.text for token in single[at : at + width]])):
                return found, width
        return None

    def _in_context(self, single: Sequence[Token], at: int, before: Sequence[Token]) -> Token:
        """The token as its neighbours make it: after a first name comes a name, whatever else the word means."""
        token = single[at]
        after_first = bool(before) and before[-1].first and before[-1].kind is Kind.NAME
        before_name = at + 1 < len(single) and single[at + 1].kind is Kind.NAME and not single[at + 1].opens
        if token.first and before_name and not (token.kind is Kind.SKIP and token.place is None and at == 0):
            return token.as_name()  # Israel Katz
        if after_first and "-" not in token.text:
            if token.kind in {Kind.PLACE, Kind.ORGANISATION, Kind.TIME, Kind.NOUN, Kind.FIRM}:
                return token.as_name()  # Jack London, Harrison Ford, Theresa May
            if token.kind is Kind.ROLE and self.german and token.text not in self.tokens.words.roles:
                return token.as_name()  # Elisabeth Wögerbauer is no farmer
        return token

    def _of_prefix(self, token: Token) -> Mention:
        """ "US-Präsident" speaks of the USA, "SPD-Chef" of the SPD."""
        prefix = token.prefix
        if isinstance(prefix, Place):
            return Mention(What.PLACE, token.text.split("-", 1)[0], 0.85, "", prefix)
        return Mention(What.ORGANISATION, prefix or "", KNOWN_ORGANISATION, token.text)

    def _mentions(self, tokens: list[Token]) -> Iterator[Mention]:
        organisation = None
        if any(token.kind is Kind.HEAD or token.kind is Kind.FORM for token in tokens):
            organisation = self._organisation(tokens)
            if organisation is not None:
                yield organisation
        role = ""
        names: list[Token] = []
        previous: Token | None = None
        for token in [*tokens, _END]:
            if token.text in self.tokens.longer:
                yield Mention(What.LONGER, token.text, 0.9)
            if token.kind is Kind.NAME:
                names.append(token)
                continue
            if names and organisation is None:
                yield from self._named(names, role, previous, token)
            if names:
                names, role = [], ""
            if token.kind is Kind.ROLE:
                role = token.text
            elif (
                token.kind is Kind.PLACE
                and token.place is not None
                and not (organisation and token.text in organisation.name)
            ):
                yield Mention(What.PLACE, token.text, 0.5 if token.place.weak else 0.9, "", token.place)
            elif token.kind is Kind.ORGANISATION:
                yield Mention(What.ORGANISATION, token.label, KNOWN_ORGANISATION)
            elif token.kind is Kind.ADJECTIVE and token.label != "--":
                yield Mention(What.ADJECTIVE, token.text, 0.5, token.text, country(token.label, self.language))
            previous = token

    def _organisation(self, tokens: list[Token]) -> Mention | None:
        """A run with a legal form or a word such as "University" or "Landgericht" is one organisation."""
        while tokens and tokens[0].kind in {Kind.SKIP, Kind.ROLE, Kind.TIME, Kind.FIRM, Kind.NOUN}:
            tokens = tokens[1:]
        ends = [at for at, token in enumerate(tokens) if token.kind in {Kind.HEAD, Kind.FORM}]
        if not ends:
            return None
        head = tokens[ends[-1]]
        part = tokens[: len(tokens) if self.german and head.kind is Kind.HEAD else ends[-1] + 1]
        while part and part[-1].kind in {Kind.SKIP, Kind.ROLE, Kind.TIME}:
            part = part[:-1]
        if any(token.kind is Kind.ROLE for token in part):
            return None  # "Yale University President Peter Salovey": the person is the news
        name = " ".join([token.text for token in part])
        if len(part) > 1:
            if self.german and head.text in _FEMININE and part[0].text.endswith("en"):
                name = name.replace("en ", "e ", 1)  # "der Medizinischen Universität"
            return Mention(What.ORGANISATION, name, FORMED_ORGANISATION + 0.15 * (head.kind is Kind.FORM), head.text)
        if head.kind is Kind.FORM:
            return None
        if self.german and head.text not in self.tokens.words.heads:  # "Innenministerium": particular by itself
            return Mention(What.ORGANISATION, head.text, 0.65, head.text)
        return Mention(What.OPEN_ORGANISATION, name, 0.7, head.text)

    def _named(self, names: list[Token], role: str, previous: Token | None, following: Token) -> Iterator[Mention]:
        for at in range(1, len(names) - 1):
            if names[at].first and not names[0].first:  # "Usyks Promoter Alexander Krassyuk": the name begins here
                names, role = names[at:], " ".join([token.text for token in names[:at]])
                break
        name = " ".join([token.text for token in names[:4]])
        first = names[0].first
        if len(names) > 1 and len(names[-1].text) < 2:
            return  # "Vitamin D"
        if following.kind is Kind.GEO:
            yield Mention(What.PLACE, f"{name} {following.text}", 0.65, following.text)
        elif previous is not None and previous.kind is Kind.FIRM and not first:
            yield Mention(What.ORGANISATION, name, 0.7, previous.text)
        elif len(names) == 1 and previous is not None and previous.kind is Kind.PLACE_NOUN:
            yield Mention(What.PLACE, name, 0.7, previous.text)
        elif len(names) == 2 and names[0].text in self.tokens.words.place_starts:
            yield Mention(What.PLACE, name, 0.7, names[0].text)
        elif following.kind is not Kind.THING:  # a "Taylor Swift Tour" is not Taylor Swift
            if first and following is _END:
                yield Mention(What.OPEN_NAME, name, 0.5, role)
            if len(names) > 1:
                sure = (0.85 if first else 0.45) + (0.3 if role else 0.0)
                if not first and _HYPHENATED.fullmatch(names[-1].text):
                    sure += 0.25  # Han Seo-yeon
                yield Mention(What.PERSON, name, min(0.95, sure), role)
            elif role:
                yield Mention(What.SURNAME, name, 0.5, role)


_FEMININE: Final = frozenset(
    {"Universität", "Hochschule", "Akademie", "Bank", "Bahn", "Kammer", "Kommission", "Agentur", "Stiftung", "Partei"}
)
_HYPHENATED: Final = re.compile(r"\w+-[a-zà-ÿ]\w+")
_END: Final = Token(Kind.SKIP, "")


def runs(language: str) -> Runs:
    """The memo for copy in `language`; it lives as long as the process."""
    return _runs(language if language in LANGUAGES else "en")


@lru_cache(maxsize=len(LANGUAGES))
def _runs(language: str) -> Runs:
    return Runs(language)
