"""The word lists behind names, in the shape in which runs of capitalised words ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tasks.enrich.data import read_lines
from tasks.enrich.places import bent


class Endings:
    """Many endings asked of many words: the last letters are looked up before any ending is compared."""

    def __init__(self, endings: tuple[str, ...]) -> None:
        self._endings = endings
        self._last = frozenset(ending[-2:] for ending in endings)

    def end(self, word: str) -> bool:
        """Whether `word` ends with one of them."""
        return word[-2:] in self._last and word.endswith(self._endings)


# Endings that German common nouns have and names have not.
NOUN_ENDINGS: Final = (
    "ung", "ungen", "heit", "heiten", "keit", "keiten", "schaft", "schaften", "ion", "ionen", "ität", "itäten",
    "ismus", "nis", "nisse", "nissen", "tum", "ment", "ments", "enz", "anz", "ierung", "kosten", "preise", "preis",
    "zahlen", "zahl", "gesetz", "gesetze", "plan", "pläne", "krise", "politik", "programm", "projekt", "punkt",
    "jahre", "jahren", "tage", "tagen", "weise", "wesen", "werk", "werke", "zeit", "zeiten", "kraft", "kräfte",
    "prinzip", "phänomen", "portal", "software", "quartier", "agentur", "agenturen", "gruppen", "studio", "studios",
    "schnee", "meter", "stunden", "minuten", "büro", "drama", "modus", "fonds", "produkte", "produkten",
)  # fmt: skip
PLACE_ENDINGS: Final = Endings((
    "burg", "berg", "stadt", "dorf", "hausen", "heim", "ingen", "furt", "brück", "brücken", "feld", "hafen",
    "kirchen", "kirch", "münster", "bach", "stein", "tal", "bad", "rode", "leben", "büttel", "stedt", "ow", "itz",
    "grad", "gorod", "abad", "stan", "ville", "ton", "land", "wald", "see", "au", "hofen", "weiler", "beuren",
))  # fmt: skip
FIRM_NOUNS: Final = (
    "hersteller", "bauer", "konzern", "reederei", "kette", "anbieter", "betreiber", "fluglinie", "airline", "händler",
    "versicherer", "verlag", "brauerei", "werft", "unternehmen", "firma", "behörde", "institut", "zeitung", "magazin",
    "sender", "organisation", "miliz", "marke", "geheimdienst", "dienstleister", "zulieferer", "discounter",
    "portal", "plattform", "kanzlei", "netzwerk", "vereinigung", "logistiker", "spediteur", "start-up",
    "herstellers", "konzerns", "anbieters", "betreibers", "händlers", "versicherers", "verlags", "unternehmens",
    "instituts", "magazins", "senders", "portals", "dienstleisters", "zulieferers", "discounters", "netzwerks",
)  # fmt: skip
NO_PLACE_NOUNS: Final = ("wort", "sport", "transport", "export", "import", "report")  # that end in "ort", too
PLACE_NOUNS: Final = (
    "stützpunkt", "stadt", "provinz", "region", "insel", "gemeinde", "flughafen", "bezirk", "landkreis", "kreis",
    "kanton", "bundesstaat", "bundesland", "vorort", "stadtteil", "dorf", "küstenort", "badeort", "ort", "metropole",
    "halbinsel", "ortschaft", "hafen", "hafens", "stützpunkts", "ortsteil", "marktgemeinde", "basis",
)  # fmt: skip


# Words that begin the name of a place when a name follows: Bad Tölz, San Marino.
_PLACE_STARTS: Final = frozenset(
    {"Bad", "Sankt", "St", "St.", "San", "Santa", "Saint", "Sainte", "Fort", "Port", "Mount", "Los", "Las"}
)
# Beside one of these stands who spoke.
_SAID: Final = frozenset(
    {"said", "says", "told", "added", "warned", "wrote", "explained", "announced", "argued", "recalled", "acknowledged"}
    | {"sagte", "sagt", "erklärte", "betonte", "warnte", "forderte", "kritisierte", "nannte", "meinte", "schrieb"}
    | {"kündigte", "berichtete", "teilte", "äußerte", "erwartet", "fordert", "warnt", "betont", "erklärt"}
)


# Feminine and plural nouns, which have no genitive of their own.
_UNBENT: Final = ("e", "tät", "schaft", "ie", "ion", "ung", "ank", "ahn", "ei", "er", "ehr", "ur", "per", "iker")


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that is known of single capitalised words in copy of one language."""

    first_names: frozenset[str]
    roles: frozenset[str]
    role_tails: tuple[str, ...]
    roles_before: frozenset[str]
    organisations: dict[str, str]
    heads: frozenset[str]
    forms: frozenset[str]
    tails: tuple[str, ...]
    function: frozenset[str]
    time: frozenset[str]
    things: frozenset[str]
    geo: frozenset[str]
    place_starts: frozenset[str]
    said: frozenset[str]
    common: frozenset[str]
    demonyms: dict[str, str]


def _sections(name: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for line in read_lines(name):
        head, _, rest = line.partition(": ")
        sections.setdefault(head, []).extend(rest.split())
    return sections


@lru_cache(maxsize=1)
def _first_names() -> frozenset[str]:
    return frozenset(word for line in read_lines("first_names.txt") for word in line.split())


@lru_cache(maxsize=1)
def _organisations() -> dict[str, tuple[str, str]]:
    """The German and the English label of every organisation, by each of its names."""
    known: dict[str, tuple[str, str]] = {}
    for line in read_lines("organisations.txt"):
        label, *others = line.split("|")
        german, _, english = (label, "", "") if label.startswith("Bündnis 90") else label.partition("/")
        labels = german, english or german
        forms = [form for name in (*labels, *others) for form in (name, *bent(name))]
        known |= dict.fromkeys(forms, labels)
    return known


def _demonyms(language: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for line in read_lines("demonyms.txt"):
        code, _, rest = line.partition(" ")
        english, _, german = rest.partition(" / ")
        if language == "de":
            words |= {f"{stem.capitalize()}{end}": code for stem in german.split() for end in ("e", "er", "es", "en")}
        else:
            words |= {word.replace("-", " "): code for word in english.split()}
    return words


def _heads(listed: list[str]) -> frozenset[str]:
    """With their genitives: "des Landgerichts Köln"."""
    bending = [word for word in listed if word[-1].islower() and not word.endswith(_UNBENT)]
    return frozenset([*listed, *[word + ending for word in bending for ending in ("s", "es")]])


@lru_cache(maxsize=4)
def words(language: str) -> Words:
    """The lists for German, or for English and everything else."""
    german = language == "de"
    roles = _sections("roles.txt")
    organisation = _sections("organisation_words.txt")
    not_names = _sections("not_names.txt")
    functions = {
        word.capitalize()
        for line in read_lines("languages.txt")
        if line.startswith(("de: ", "en: "))
        for word in line.partition(": ")[2].split()
    }
    function = (frozenset(not_names["start"]) | frozenset(functions)) - {"May", "Police"}
    time = frozenset(not_names["time"] + not_names["unit"])
    return Words(
        first_names=_first_names(),
        roles=frozenset(word for word in roles["de" if german else "en"] if not word.startswith("~"))
        | frozenset(() if german else [word.capitalize() for word in roles["en-before"]]),
        role_tails=tuple(word[1:] for word in roles["de"] if word.startswith("~")) if german else (),
        roles_before=frozenset(roles["en-before"]),
        organisations={name: labels[not german] for name, labels in _organisations().items()},
        heads=_heads(organisation["head-de"]) if german else frozenset(organisation["head"]),
        forms=frozenset(organisation["form"]),
        tails=tuple(organisation["tail-de"]) if german else (),
        function=function,
        time=time,
        things=frozenset(not_names["thing"]),
        geo=frozenset(not_names["geo"]),
        place_starts=_PLACE_STARTS,
        said=_SAID,
        common=frozenset(not_names["common-de"] + not_names["common-en"]),
        demonyms=_demonyms(language),
    )
