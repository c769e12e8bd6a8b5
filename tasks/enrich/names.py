"""People, organisations and places: runs of capitalised words, weighed by what stands around them in the article."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from storage.records import Tag
from tasks.enrich.around import (
    APART,
    BESIDE_IN,
    DETERMINERS,
    GENERAL,
    IN,
    OWNED,
    PAID,
    PAID_ENDINGS,
    PUBLISHED,
    WHAT_HE_IS,
    WHERE,
)
from tasks.enrich.candidates import THRESHOLD, Candidate, tags_of
from tasks.enrich.kinds import Kind
from tasks.enrich.places import STATES_IN_DATELINES
from tasks.enrich.reading import WORDS, EnrichInput
from tasks.enrich.runs import KNOWN_PLACE, Mention, Runs, What, runs
from tasks.enrich.sightings import ARTICLES, LONGEST_ACRONYM, POSSESSIVE, SURE, Sightings
from tasks.enrich.tokens import (
    AT,
    CLOSING,
    CUE,
    FIRM_BEFORE,
    NOTHING,
    OF,
    OPENING,
    ROLE_BEFORE,
    TOWN,
    WITHOUT_TOPIC,
    Token,
)
from tasks.enrich.word_lists import PLACE_ENDINGS

VERSION: Final = "5"
NAME: Final = "names"
LEAD: Final = 250  # words (teaser included) in which a name counts though it stands there once; later it is an aside
LEAD_SENTENCE: Final = 40  # words in which one English adjective speaks of a country: "A Nigerian sprinter"
DATELINE: Final = 0.75  # of an unknown town
HEADLINE: Final = 0.75  # of a known name that stands nowhere else
SENTENCE_START: Final = 0.2  # what an unknown name loses where any word has a capital

# Over the class bytes of `tokens.py`: capitalised words of which one tells by itself, or two that are not idle tell
# together. Each match begins with one set of characters, so that the engine skips everything else quickly, and most
# words with a capital stand alone and are given up at the next character.
_REST: Final = rb"[NRKI]*+[nrki]?"
_TOGETHER: Final = rb"I*+(?:[nrk]|[NRK]%b)" % _REST
_RUN: Final = re.compile(
    rb"[NRIKk](?:[NRKInrki](?:(?<=[NRK][NRK]|KI|IK)%b|(?<=[NRK][nrk]|Ki|Ik)|(?<=[NR]I|I[NR])%b"
    rb"|(?<=II)I*+(?:k|K%b|[NR]%b))|(?<=[Kk]))" % (_REST, _TOGETHER, _REST, _TOGETHER)
)
_KNOWN: Final = re.compile(rb"[KkRr\xcb\xeb\xd2\xf2]")  # what every known name has one of, also with `TOPIC`
_CUED: Final = re.compile(rb"1(?:[nkri]|[NKRI](?![NKRInkri]))")  # a cue and one word, which may be an unknown place
_ONE: Final = re.compile(rb"[nkri]|[NKRI](?![NKRInkri])")  # one word
_PARTICLES: Final = frozenset(
    {("von",), ("von", "der"), ("von", "dem"), ("von", "und", "zu"), ("zu",), ("van",), ("van", "der"), ("van", "den")}
    | {("van", "de"), ("de",), ("de", "la"), ("de", "los"), ("del",), ("della",), ("di",), ("da",), ("dos",), ("du",)}
    | {("bin",), ("ibn",), ("al",), ("el",), ("ter",), ("ten",), ("le",)}
)
_ARABIC: Final = re.compile(r"(?:al|el|as|asch|ash|at|ad|adh|an|ar|az|ibn|bin|ben)-\w")  # "al-Scharaa"
_PARTICLE_WORDS: Final = frozenset(word for words in _PARTICLES for word in words)
_JOINS: Final = {
    "de": (("für", "die"), ("für",), ("zum",), ("zur",)),
    "en": (("of", "the"), ("of",), ("for",)),
}
_JOIN_STARTS: Final = frozenset(join[0] for joins in _JOINS.values() for join in joins)
_LONGEST_TOWN: Final = 3  # words
_LONGEST_IN_HEADLINE: Final = 4  # words in a row that are looked at
_LONGEST_FIELD: Final = 3  # words
_OF_FIELDS: Final = frozenset(  # which are often of two: "Department of Health and Human Services"
    {"Department", "Ministry", "Institute", "Academy", "School", "Committee", "Centre", "Center", "Bureau", "Office"}
)
_LONGEST_HOUSE: Final = 3  # words
_NAMES_FIRMS: Final = frozenset({AT, FIRM_BEFORE})
_OF_HOUSES: Final = frozenset({"von", "zu"})
_NAMES_OF_NOBLES: Final = frozenset({Kind.PLACE, Kind.NOUN, Kind.GEO, Kind.PLACE_NOUN, Kind.THING})
_JOINABLE: Final = frozenset(  # German institutions that are for something
    {"Ministerium", "Institut", "Amt", "Bundesamt", "Landesamt", "Akademie", "Universität", "Hochschule", "Verein"}
)
_WHO: Final = re.compile(r"who|whose|\d\d,")  # stands behind a person and a comma
# What stands before an unknown organisation, and "town of".
_TOLD: Final = {
    "de": (bytes([AT]),),
    "en": (bytes([FIRM_BEFORE]), bytes([ROLE_BEFORE, AT]), bytes([TOWN, OF])),
}
_AGENCIES: Final = frozenset({"dpa", "AFP", "AP", "APA", "Reuters"})


class _Reader(Sightings):
    """Collects the candidates of one article."""

    def __init__(self, article: EnrichInput, memo: Runs) -> None:
        super().__init__(article, memo)
        words, teaser, body = article.tokens
        self.tokens: list[str] = words[teaser : body + WORDS]
        classes = article.classes[teaser:]
        if len(words) > body + WORDS:  # what is read ends within a sentence
            self.tokens.append("")
            classes += bytes([NOTHING])
        if article.dateline:
            dateline = [*article.dateline.split(), ""]
            self.tokens = dateline + self.tokens
            classes = bytes(map(memo.tokens.__getitem__, dateline)) + classes
        self.classes = classes.translate(WITHOUT_TOPIC)
        self.start = self.end = 0  # of the run that is being read
        self.cue = ""
        self.joined: set[int] = set()  # where runs begin that an earlier name has taken in

    def read(self) -> None:
        """Fill people, organisations and places."""
        self._read_runs()
        self.settle()
        if self.article.dateline:
            self._read_dateline(self.article.dateline)
        self._read_headline()
        if "GE" in self.places and not self.memo.german:
            self.tell_georgias()

    def _read_cues(self) -> None:
        memo, tokens, classes = self.memo, self.tokens, self.classes
        german, cued = memo.german, self.cued
        for match in _CUED.finditer(classes):
            at = match.end() - 1
            if tokens[at + 1] not in IN if german else tokens[at - 2] not in BESIDE_IN:  # as nearly all
                word = tokens[at]
                if not word.isalpha():
                    word = word.strip(OPENING).rstrip(CLOSING)
                if word not in cued:
                    cued[word] = tokens[at - 1]
            else:
                self._take_cued(at)
        for told in _TOLD["de" if german else "en"]:
            at = classes.find(told)
            while at >= 0:  # a few times in an article, which a search for bytes finds in no time
                at += len(told)
                if _ONE.match(classes, at):
                    self._take_cued(at)
                at = classes.find(told, at)

    def _read_runs(self) -> None:
        self._read_cues()
        memo, tokens, classes = self.memo, self.tokens, self.classes
        counts: dict[str, int] = {}
        found: list[tuple[str, int, int]] = []  # each run where it stands for the first time
        for start, end in map(re.Match.span, _RUN.finditer(classes)):
            run = tokens[start] if end - start == 1 else " ".join(tokens[start:end])
            if run in counts:
                counts[run] += 1
            else:
                counts[run] = 1
                found.append((run, start, end))
        headline, joined, take = self.article.headline, self.joined, self._TAKE
        for run, start, end in found:
            count = counts[run]
            if count == 1 and start > LEAD and run not in headline:
                continue
            if start in joined:
                count -= 1  # "University of Oxford": it may stand elsewhere, too
            if count and (mentions := memo[run]):
                self.start, self.end, self.count = start, end, count
                self.cue = tokens[start - 1] if start and classes[start - 1] == CUE else ""
                for mention in mentions:
                    take[mention.what](self, mention)

    def _take_cued(self, at: int) -> None:
        """One word after a word that tells what it may be, or after "town of"."""
        tokens, german = self.tokens, self.memo.german
        number, before = self.classes[at - 1], tokens[at - 1]
        word = tokens[at].strip(OPENING).rstrip(CLOSING)
        if german:
            if tokens[at + 1] in IN and self._is_placed(at):
                self.confirmed.add(word)
            elif number == AT:
                if at > 1 and tokens[at - 2].endswith(PAID_ENDINGS):
                    self.firms.setdefault(word, before)
                    return
                if word not in self.article.headline or not PLACE_ENDINGS.end(word.lower()):
                    return  # but "bei Brokstedt", of which the headline speaks
            self.cued.setdefault(word, before)
        elif number == OF:
            self.cued.setdefault(word, tokens[at - 2])
        elif number == CUE:
            if tokens[at - 2] in OWNED:
                self.firms.setdefault(word, tokens[at - 2])
        elif self._is_firm(at) and (before[-1] != "," or tokens[at][-1] == ","):
            self.firms.setdefault(word, before)

    def _is_placed(self, at: int) -> bool:
        """ "Gamlitz im Bezirk Leibnitz", "Göschenen in der Schweiz"."""
        following = self.tokens[at + 1 : at + 4]
        if following[:1] == ["im"]:
            return len(following) > 1 and following[1].rstrip(CLOSING) in WHERE
        if following[:1] != ["in"] or len(following) < 2 or self.classes[at - 1] == AT:
            return False  # "bei Unfällen in Wien"
        word = following[2] if following[1] in ARTICLES and len(following) > 2 else following[1]
        named = self.memo.tokens.read(word) if word else None
        return named is not None and named.kind is Kind.PLACE

    def _is_firm(self, at: int) -> bool:
        """Whether the word before says that an organisation is named: "drugmaker", "economist at"."""
        before, earlier = self.tokens[at - 1], self.tokens[at - 2] if at > 1 else ""
        if self.classes[at - 1] == AT:
            return earlier in PAID
        return before.rstrip(",") not in GENERAL or (earlier.isalpha() and earlier not in DETERMINERS)

    def _read_dateline(self, dateline: str) -> None:
        """Where the copy comes from, known or not: "SAVANNAH, Ga. (AP)"."""
        town, comma, state = dateline.partition("(")[0].partition(",")
        tokens = self.memo.tokens
        if comma and (code := STATES_IN_DATELINES.get(state.strip(" –—-"))):
            place = tokens.gazetteer.divisions[code]
            self.see_place(place, KNOWN_PLACE, 1, state.strip(" –—-"))
        for number, part in enumerate(town.split("/")):
            # "Frankfurt/Main": what stands behind the town says where it is
            self._read_town(part.strip(" –—-"), known_only=number > 0)

    def _read_town(self, town: str, *, known_only: bool) -> None:
        tokens = self.memo.tokens
        label = town.title() if town.isupper() else town
        if (named := tokens.named(label)) is not None:
            place = named.place
            if place is not None and not (known_only and place.weak):
                self.see_place(place, KNOWN_PLACE, 1, town)  # "WIEN", "Essen", but not the "Main" of Frankfurt
            return
        words = [*map(tokens.read, label.split(" "))] if label[:1].isupper() else []
        if (
            not known_only
            and 0 < len(words) <= _LONGEST_TOWN
            and all(word.kind is Kind.NAME and word.text for word in words)
        ):
            self.count = 1 + self.text.count(label)
            self.see(self.places, label, DATELINE, town)

    def _read_headline(self) -> None:
        """Places that only the headline names, organisations where there is nothing else to read."""
        words, teaser, _ = self.article.tokens
        if _KNOWN.search(self.article.classes, 0, teaser) is None:
            return
        headline = self.article.classes[:teaser].translate(WITHOUT_TOPIC)
        for start, end in map(re.Match.span, _RUN.finditer(headline)):
            if end - start > _LONGEST_IN_HEADLINE:
                continue  # a headline in title case
            for mention in self.memo[" ".join(words[start:end])]:
                place = mention.place
                if mention.sure < SURE or self._is_known(mention.name):
                    continue
                if mention.what is What.ORGANISATION and not self.text:
                    self.count = 1
                    self.see(self.organisations, mention.name, HEADLINE, mention.name)
                elif place is not None and not place.weak and place.key not in self.places:
                    self.see_place(place, HEADLINE, 1, mention.name)

    def _is_known(self, name: str) -> bool:
        for known in (self.people, self.organisations):
            for label in known:
                if name in label:
                    return True
        return False

    def _take_organisation(self, mention: Mention) -> None:
        if mention.name in self.cued and (place := self.memo.tokens.gazetteer.by_name.get(mention.name)):
            self.see_place(place, mention.sure, self.count, mention.name)
            return  # "a flat in Chelsea"
        if mention.cue and not self.memo.german and self._next() == "of" and self._ends_with(mention.cue):
            name, at = self._joined(mention.name)  # "Chinese Academy of Sciences"
            if name:
                self.joined.add(at)
                self.see(self.organisations, name, mention.sure, name, mention.cue)
                return
        self.see(self.organisations, mention.name, mention.sure, mention.name, mention.cue)

    def _take_surname(self, mention: Mention) -> None:
        self.roles.setdefault(mention.name, []).extend([mention.cue] * self.count)

    def _take_adjective(self, mention: Mention) -> None:
        if (place := mention.place) is not None:
            words = self.adjectives.setdefault(place.key, (place, []))[1]
            words.extend([mention.name] * self.count)
            if self.start < LEAD_SENTENCE and not self.memo.german:
                self.leading.add(place.key)

    def _take_longer(self, mention: Mention) -> None:
        tokens = self.memo.tokens
        for name in tokens.longer[mention.name]:
            if name in self.text:
                if place := tokens.gazetteer.by_name.get(name):
                    self.see_place(place, mention.sure, 1, name)
                else:
                    self.see(self.organisations, tokens.words.organisations[name], mention.sure, name)
                    self.whole.append(name)

    def _take_place(self, mention: Mention) -> None:
        if self.cue:
            self.cued.setdefault(mention.name, self.cue)
        if mention.cue == "Ort" and self.start and self.tokens[self.start - 1] == "vor":
            return  # "vor Ort Fragen"
        place = mention.place
        if place is None:
            self.see(self.places, mention.name, mention.sure, mention.name, mention.cue)
        elif place.weak and not mention.cue:
            self.weak[mention.name] = (place, self.weak.get(mention.name, (place, 0))[1] + self.count)
        else:
            self.see_place(place, mention.sure, self.count, mention.name)

    def _ends_with(self, word: str) -> bool:
        return self.tokens[self.end - 1] == word

    def _take_person(self, mention: Mention) -> None:
        sure, name = mention.sure, mention.name
        start = self.start
        if (
            not (mention.cue or self.memo.german)
            and start
            and self.classes[start - 1] in _NAMES_FIRMS
            and self._is_firm(start)
            and self.tokens[start].lstrip(OPENING).startswith(name.partition(" ")[0])
            and (self.tokens[start - 1][-1] != "," or self.tokens[self.end - 1][-1] == ",")
        ):
            self.see(self.organisations, name, 0.7, name, self.tokens[start - 1])
            return  # "an economist at Charles Brandt"
        if sure < THRESHOLD:
            # Where another name stands in the run before it, what stands before the run says nothing of this one.
            opening = self.tokens[start]
            begins = name.startswith(opening) or opening.lstrip(OPENING).startswith(name.partition(" ")[0])
            before = self.tokens[start - 1] if start and begins else ""
            if self.cue and not (self.memo.german and self.cue.lower() in {"nach", "aus"}):
                if not self.memo.german and start > 1 and self.tokens[start - 2] in PUBLISHED:
                    return  # "in Nature Communications"
                if name.count(" ") == 1 and self.text.count(name.rsplit(" ", 1)[-1]) == self.text.count(name):
                    self.see(self.places, name, 0.65, f"{self.cue} {name}")
                return  # "in Van Gogh", and "nach Lennox Lewis" is no place either
            if before == "of" and start > 1 and self.tokens[start - 2][-1:] == ",":
                self.see(self.organisations, name, 0.65, f"of {name}")
                return  # "Ann Lee, of Royal Life Saving"
            if before in self.memo.tokens.words.said or self._spoke(self.end):
                sure += 0.35
            elif self.tokens[self.end - 1][-1] == "," and (_WHO.fullmatch(self._next()) or self._is_apposed(name)):
                sure += 0.25
            elif not before or before[-1] in '.!?:"“”„»«–-':
                sure -= SENTENCE_START
            elif start and self.classes[start - 1] == ROLE_BEFORE:
                sure += 0.4
                self.see(self.people, name, sure, name, before)
                return
        self.see(self.people, name, sure, name, mention.cue)

    def _is_apposed(self, name: str) -> bool:
        """Whether a role stands before the name or behind it, a comma between: "Kim Rae, an engineer who", "The mayor
        of the town, Kim Rae,"."""
        start, end, tokens, german = self.start, self.end, self.tokens, self.memo.german
        if name.count(" ") + 1 != end - start:
            return False  # "Itamar Ben-Gvir (Jüdische Stärke),"
        if self._next() in WHAT_HE_IS["de" if german else "en"]:
            for at in range(end + 1, min(end + APART, len(tokens))):
                if self._is_role(at):
                    return not self._spoke(at + 1)
                word = tokens[at]
                if word[-1:] in {",", ".", ""} or (
                    word[0].isupper() if german else word in DETERMINERS or word == "for"
                ):
                    break  # ", eine Brüskierung der Königin"
        if start and tokens[start - 1][-1:] == ",":
            for at in range(start - 1, max(start - APART - 1, -1), -1):
                if self._is_role(at):
                    return True
                if tokens[at][-1:] in {".", ""} or (tokens[at][-1] == "," and at < start - 1):
                    break
        return False

    def _is_role(self, at: int) -> bool:
        if self.memo.german:
            return bool(self.tokens[at]) and self.memo.tokens.read(self.tokens[at]).kind is Kind.ROLE
        return self.classes[at] == ROLE_BEFORE

    def _plain(self, at: int) -> Token | None:
        return self.memo.tokens.read(self.tokens[at]) if at < len(self.tokens) and self.tokens[at] else None

    def _join_particle(self, mention: Mention) -> None:
        """ "Ursula" and "von der Leyen"."""
        end = at = self.end
        if end < len(self.tokens) and _ARABIC.match(self.tokens[end]):
            last_name = self.tokens[end].rstrip(CLOSING)
            for ending in POSSESSIVE[:2]:
                last_name = last_name.removesuffix(ending)
            self.see(self.people, f"{mention.name} {last_name}", 0.85, f"{mention.name} {last_name}", mention.cue)
            return
        while at < len(self.tokens) and at - end < 3 and self.tokens[at] in _PARTICLE_WORDS:
            at += 1
        last = self._plain(at) if tuple(self.tokens[end:at]) in _PARTICLES else None
        if last is None or not last.text[:1].isupper() or last.opens:
            return
        single = " " not in mention.name
        if not single and self.tokens[end] in _OF_HOUSES and not self.memo.tokens.read(self.tokens[end - 1]).first:
            self._take_house(at, mention)
        elif last.kind is Kind.NAME or (single and last.kind in _NAMES_OF_NOBLES):
            name = " ".join([mention.name, *self.tokens[end:at], last.text])
            self.see(self.people, name, 0.85, name, mention.cue)
            self.joined.add(at)

    def _take_house(self, at: int, mention: Mention) -> None:
        """Who pays somebody that is named with what he is: "Analyst Kim Rae von CMC Markets"."""
        if not mention.cue:
            return
        names: list[str] = []
        for written in self.tokens[at : at + _LONGEST_HOUSE]:
            token = self.memo.tokens.read(written) if written else None
            if token is None or token.kind is not Kind.NAME or token.first or not token.text[:1].isupper():
                break
            names.append(token.text)
            if token.closes:
                break
        if len(names) > 1 or (names and 1 < len(names[0]) <= LONGEST_ACRONYM and names[0].isupper()):
            self.joined.add(at)
            self.see(self.organisations, " ".join(names), 0.7, " ".join(names), mention.cue)

    def _next(self) -> str:
        return self.tokens[self.end] if self.end < len(self.tokens) else ""

    def _spoke(self, end: int) -> bool:
        return end < len(self.tokens) and self.tokens[end].rstrip(",.") in self.memo.tokens.words.said

    def _join_organisation(self, mention: Mention) -> None:
        """ "University" and "of Oxford"."""
        name, at = self._joined(mention.name)
        if name:
            self.see(self.organisations, name, 0.75, name)
            self.joined.add(at)

    def _joined(self, head: str) -> tuple[str, int]:
        """The name with what it is of or for, and where that begins; an empty name where it is of nothing."""
        end = self.end
        if end == len(self.tokens) or self.tokens[end] not in _JOIN_STARTS:
            return "", 0
        for join in _JOINS.get(self.article.language, ()):
            at = end + len(join)
            if tuple(self.tokens[end:at]) != join:
                continue
            if self.memo.german and head not in _JOINABLE:
                break
            if head == "Amt" and join[0] != "für":
                break  # "gibt ihr Amt zum Jahresende ab"
            names, behind = self._capitalised(at)
            if names and self._next_is(behind, "and") and head.rpartition(" ")[2] in _OF_FIELDS:
                more, _ = self._capitalised(behind + 1)  # "Department of Fire and Emergency Services"
                if more:
                    self.joined.add(behind + 1)
                    names += ["and", *more]
            return (" ".join([head, *join, *names]), at) if names else ("", 0)
        return "", 0

    def _next_is(self, at: int, word: str) -> bool:
        return at < len(self.tokens) and self.tokens[at] == word and not self.tokens[at - 1].endswith((",", "."))

    def _capitalised(self, at: int) -> tuple[list[str], int]:
        """The capitalised words from there on, three at most, and where they end."""
        names: list[str] = []
        while (token := self._plain(at)) is not None and token.text[:1].isupper() and len(names) < _LONGEST_FIELD:
            names.append(token.text)
            at += 1
            if token.closes:
                break
        return names, at

    _TAKE: ClassVar[Mapping[What, Callable[[_Reader, Mention], None]]] = {
        What.PLACE: _take_place,
        What.ORGANISATION: _take_organisation,
        What.PERSON: _take_person,
        What.SURNAME: _take_surname,
        What.ADJECTIVE: _take_adjective,
        What.OPEN_NAME: _join_particle,
        What.LONGER: _take_longer,
        What.OPEN_ORGANISATION: _join_organisation,
    }


def tag_names(article: EnrichInput) -> list[Tag]:
    """People, organisations and places, each kind by confidence and number of mentions."""
    reader = _Reader(article, runs(article.language))
    reader.read()
    organisations = [found for found in reader.organisations.values() if not _only_source(found, article)]
    found_by_kind = (
        ("person", reader.people.values()),
        ("organisation", organisations),
        ("place", reader.places.values()),
    )
    tags: list[Tag] = []
    for kind, found in found_by_kind:
        if found:
            tags += tags_of(kind, found, article.headline, enricher=NAME, version=VERSION)
    return tags


def _only_source(found: Candidate, article: EnrichInput) -> bool:
    """Whether this is the agency that the piece quotes, not what the piece is about."""
    return found.label in _AGENCIES and found.label not in article.headline
