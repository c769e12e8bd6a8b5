"""People, organisations and places: runs of capitalised words, weighed by what stands around them in the article."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from storage.records import Tag
from tasks.enrich.places import Place
from tasks.enrich.reading import EnrichInput
from tasks.enrich.runs import Mention, Runs, What, runs
from tasks.enrich.word_lists import NOUN_ENDINGS, PLACE_ENDINGS

VERSION: Final = "1"
THRESHOLD: Final = 0.6
AT_MOST: Final = 15  # tags of one kind
ALONE: Final = 0.25  # what a surname that also stands alone adds to an unknown full name

_UPPER: Final = "".join(chr(code) for code in range(0x41, 0x250) if chr(code).isupper()) + "А-ЯЁЄІЇҐ"
_ABBREVIATED: Final = r"(?:Dr|Prof|Mr|Mrs|Ms|St|Sen|Rep|Gov|Gen|Lt|Sgt|Col)\."
_WORD: Final = rf"(?:{_ABBREVIATED}|[{_UPPER}]\.(?:[{_UPPER}]\.?)*|[{_UPPER}]\w*(?:[-'’&.]\w+)*)"
_RUN: Final = re.compile(rf"{_WORD}(?: {_WORD})*")
_PARTICLE: Final = re.compile(
    r" (?:von der|von dem|von und zu|von|van der|van den|van de|van|de la|de los|de|del|della|di|da|dos|du|bin|ibn|al|el"
    rf"|zu|ter|ten|le) ({_WORD}(?: {_WORD})?)"
)
_JOIN: Final = re.compile(rf" (?:of the|of|for|für die|für|der|des|zur|zum) ({_WORD}(?: {_WORD})*)")
_CUES: Final = {
    "de": frozenset({"in", "aus", "nach", "nahe", "In", "Aus", "Nach", "Nahe", "bei", "Raum"}),
    "en": frozenset({"in", "near", "outside", "In", "Near", "Outside", "from"}),
}
_ARTICLES: Final = frozenset(
    {
        "der",
        "die",
        "das",
        "den",
        "dem",
        "des",
        "ein",
        "eine",
        "einen",
        "einem",
        "einer",
        "im",
        "am",
        "zum",
        "zur",
        "vom",
    }
)
_STRIP: Final = ".,;:!?()[]\"'“”„«»‘’…–—"
_AGENCIES: Final = frozenset({"dpa", "AFP", "AP", "APA", "Reuters"})


@dataclass(slots=True)
class _Candidate:
    label: str
    sure: float
    count: int = 0
    place: Place | None = None
    evidence: list[str] = field(default_factory=list)

    def see(self, sure: float, count: int, *evidence: str) -> None:
        self.sure = max(self.sure, sure)
        self.count += count
        self.evidence += [word for word in evidence if word and word not in self.evidence]

    def confidence(self, *, in_headline: bool) -> float:
        return min(0.99, self.sure + 0.02 * min(self.count - 1, 5) + 0.05 * in_headline)


class _Reader:
    """Collects the candidates of one article."""

    def __init__(self, article: EnrichInput, memo: Runs) -> None:
        self.article = article
        self.memo = memo
        self.text = f"{article.dateline}\n{article.whole}" if article.dateline else article.whole
        self.people: dict[str, _Candidate] = {}
        self.organisations: dict[str, _Candidate] = {}
        self.places: dict[str, _Candidate] = {}
        self.bare: Counter[str] = Counter()
        self.roles: dict[str, str] = {}
        self.role_counts: Counter[str] = Counter()
        self.weak: dict[str, tuple[Place, int]] = {}
        self.adjectives: dict[str, tuple[Place, list[str], int]] = {}

    def read(self) -> None:
        counts = Counter(_RUN.findall(self.text))
        for run in filter(self.memo.__getitem__, counts):
            for mention in self.memo.get(run, ()):
                self._take(mention, run, counts[run])
        self._cued_places()
        self._link_surnames()
        self._adjectives()

    def _take(self, mention: Mention, run: str, count: int) -> None:
        what = mention.what
        if what is What.BARE:
            self.bare[mention.name] += count
            self._longer_place(mention.name)
        elif what is What.PLACE:
            self._take_place(mention, count)
        elif what is What.ORGANISATION:
            self._see(self.organisations, mention.name, mention.sure, count, mention.name, mention.cue)
        elif what is What.PERSON:
            self._take_person(mention, run, count)
        elif what is What.SURNAME:
            self.bare[mention.name] += count
            self.roles.setdefault(mention.name, mention.cue)
            self.role_counts[mention.name] += count
        elif what is What.ADJECTIVE and mention.place is not None:
            place, words, before = self.adjectives.get(mention.place.key, (mention.place, [], 0))
            self.adjectives[place.key] = (place, [*words, mention.name], before + count)
        elif what is What.OPEN_NAME:
            self._join_particle(mention, run)
        else:
            self._join_organisation(mention, run)

    def _see(self, into: dict[str, _Candidate], name: str, sure: float, count: int, *evidence: str) -> _Candidate:
        candidate = into.get(name)
        if candidate is None:
            candidate = into[name] = _Candidate(name, sure)
        candidate.see(sure, count, *evidence)
        return candidate

    def _take_place(self, mention: Mention, count: int) -> None:
        place = mention.place
        if place is None:
            self._see(self.places, mention.name, mention.sure, count, mention.name, mention.cue)
        elif place.weak:
            self.weak[mention.name] = (place, self.weak.get(mention.name, (place, 0))[1] + count)
        else:
            self._see_place(place, mention.sure, count, mention.name)
            self._longer_place(mention.name)

    def _see_place(self, place: Place, sure: float, count: int, *evidence: str) -> None:
        candidate = self.places.get(place.key)
        if candidate is None:
            candidate = self.places[place.key] = _Candidate(place.label(self.article.language), sure, place=place)
        candidate.see(sure, count, *evidence)

    def _longer_place(self, name: str) -> None:
        for longer in self.memo.gazetteer.longer.get(name, ()):
            if longer in self.text:
                self._see_place(self.memo.gazetteer.by_name[longer], 0.9, self.text.count(longer), longer)

    def _take_person(self, mention: Mention, run: str, count: int) -> None:
        sure, name = mention.sure, mention.name
        if sure < THRESHOLD:
            before = self._word_before(run)
            if before in _CUES.get(self.article.language, ()):
                self._see(self.places, name, 0.65, count, f"{before} {name}")
                return
            if not before or before[-1] in '.!?:"“„»«\n–-':
                sure -= 0.2  # at the beginning of a sentence any word has a capital
            elif before in self.memo.words.roles_before:
                sure += 0.4
        genitive = self.memo.german and name.endswith("s") and name[:-1] in self.people
        self._see(self.people, name[:-1] if genitive else name, sure, count, name, mention.cue)

    def _word_before(self, run: str) -> str:
        at = self.text.find(run)
        before = self.text[max(0, at - 30) : at]
        if not before or before[-1] == "\n":
            return ""
        words = before.split()
        return words[-1] if words and before[-1] == " " else before[-1:]

    def _join_particle(self, mention: Mention, run: str) -> None:
        at = self.text.find(run)
        if match := _PARTICLE.match(self.text, at + len(run)):
            last = match.group(1)
            if self.memo.gazetteer.find(last) is None:
                name = f"{mention.name}{match.group()}".removesuffix("'s").removesuffix("’s")
                self._see(self.people, name, 0.85, 1, name, mention.cue)

    def _join_organisation(self, mention: Mention, run: str) -> None:
        at = self.text.find(run)
        if match := _JOIN.match(self.text, at + len(run)):
            if self.memo.german and " für" not in match.group() and "zu" not in match.group():
                return  # "Universität der Stadt": a genitive, not a name
            name = f"{mention.name}{match.group()}".removesuffix("'s").removesuffix("’s")
            self._see(self.organisations, name, 0.75, self.text.count(name), name, mention.cue)

    def _cued_places(self) -> None:
        """ "in Yokosuka": an unknown word after a word that places stand after."""
        cues = _CUES.get(self.article.language)
        if cues is None or not (self.bare or self.weak):
            return
        tokens = self.text.split()
        cued = [(cue, word.strip(_STRIP)) for cue, word in pairwise(tokens) if cue in cues]
        after_article: set[str] | None = None
        for cue, word in cued:
            if word in self.weak:
                place, count = self.weak.pop(word)
                self._see_place(place, 0.8, count, f"{cue} {word}")
            elif word in self.bare and word not in self.roles:
                if after_article is None:
                    after_article = {b.strip(_STRIP) for a, b in pairwise(tokens) if a in _ARTICLES}
                if word not in after_article and (sure := self._sure_of_cued(cue, word)) >= THRESHOLD:
                    self._see(self.places, word, sure, self.bare[word], f"{cue} {word}")

    def _sure_of_cued(self, cue: str, word: str) -> float:
        if not self.memo.german:
            return 0.65 if cue.lower() != "from" else 0.5
        if word.lower().endswith(NOUN_ENDINGS) or word in self.memo.words.common:
            return 0.0
        if cue == "bei":
            return 0.0
        return 0.4 + 0.25 * word.lower().endswith(PLACE_ENDINGS) + 0.15 * (self.bare[word] > 1)

    def _link_surnames(self) -> None:
        """ "Takaichi" alone is Sanae Takaichi when the article names her; after a role she is a person anyway."""
        for name, candidate in self.people.items():
            surname = name.rsplit(" ", 1)[-1]
            alone = self.bare.pop(surname, 0) + (self.bare.pop(f"{surname}s", 0) if self.memo.german else 0)
            role = self.roles.pop(surname, "")
            if alone:
                candidate.see(candidate.sure + ALONE, alone, surname)
            if role:
                candidate.see(candidate.sure + 0.2, 0, role)
        for surname, role in self.roles.items():
            if role and self.bare[surname] >= 2 and surname not in self.organisations:
                sure = 0.45 + 0.1 * min(self.role_counts[surname], 2)
                self._see(self.people, surname, sure, self.bare[surname], surname, role)

    def _adjectives(self) -> None:
        for place, words, count in self.adjectives.values():
            if place.key in self.places:
                self.places[place.key].see(0.0, count, *words)
            elif count > 1:
                self._see_place(place, 0.6, count, *words)


def tag_names(article: EnrichInput) -> Iterator[Tag]:
    """Yield people, organisations and places, each kind by confidence and number of mentions."""
    reader = _Reader(article, runs(article.language))
    reader.read()
    for kind, candidates in (
        ("person", reader.people),
        ("organisation", reader.organisations),
        ("place", reader.places),
    ):
        yield from _tags(kind, candidates, article, reader.text)


def _tags(kind: str, candidates: dict[str, _Candidate], article: EnrichInput, text: str) -> Iterator[Tag]:
    chosen: list[tuple[float, int, _Candidate]] = []
    for candidate in candidates.values():
        if candidate.label in _AGENCIES and text.count(candidate.label) == text.count(f"({candidate.label})"):
            continue  # the agency that wrote it, not what it is about
        last = candidate.label.rsplit(" ", 1)[-1]
        confidence = candidate.confidence(in_headline=last in article.headline)
        if confidence >= THRESHOLD:
            chosen.append((confidence, candidate.count, candidate))
    chosen.sort(key=lambda item: (-round(item[0], 1), -item[1], item[2].label))
    for confidence, _, candidate in chosen[:AT_MOST]:
        place = candidate.place
        yield Tag(
            kind=kind,
            label=candidate.label,
            scheme=place.scheme if place else None,
            code=place.code if place else None,
            confidence=round(confidence, 2),
            evidence=tuple(candidate.evidence[:6]),
        )
