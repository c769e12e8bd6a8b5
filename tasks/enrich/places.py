"""The gazetteer: countries from Babel in the article's language, states, towns, regions and seas from our own lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError

from tasks.enrich.data import read_lines

COUNTRY: Final = "iso3166"
DIVISION: Final = "iso3166-2"

# As American datelines have them: "SAVANNAH, Ga.". Those of six letters and less are written out.
STATES_IN_DATELINES: Final = {
    "Ala.": "US-AL", "Ariz.": "US-AZ", "Ark.": "US-AR", "Calif.": "US-CA", "Colo.": "US-CO", "Conn.": "US-CT",
    "Del.": "US-DE", "Fla.": "US-FL", "Ga.": "US-GA", "Ill.": "US-IL", "Ind.": "US-IN", "Kan.": "US-KS",
    "Ky.": "US-KY", "La.": "US-LA", "Md.": "US-MD", "Mass.": "US-MA", "Mich.": "US-MI", "Minn.": "US-MN",
    "Miss.": "US-MS", "Mo.": "US-MO", "Mont.": "US-MT", "Neb.": "US-NE", "Nev.": "US-NV", "N.H.": "US-NH",
    "N.J.": "US-NJ", "N.M.": "US-NM", "N.Y.": "US-NY", "N.C.": "US-NC", "N.D.": "US-ND", "Okla.": "US-OK",
    "Ore.": "US-OR", "Pa.": "US-PA", "R.I.": "US-RI", "S.C.": "US-SC", "S.D.": "US-SD", "Tenn.": "US-TN",
    "Vt.": "US-VT", "Va.": "US-VA", "Wash.": "US-WA", "W.Va.": "US-WV", "Wis.": "US-WI", "Wyo.": "US-WY",
}  # fmt: skip

# What copy calls countries besides the name that CLDR gives them.
_ALSO: Final = {
    "US": "USA US U.S. U.S U.S.A. America Amerika United_States_of_America Vereinigte_Staaten_von_Amerika",
    "GB": "UK U.K. U.K Britain Great_Britain Großbritannien Grossbritannien Vereinigtes_Königreich United_Kingdom",
    "AE": "UAE VAE Emirate Emirates Emiraten",
    "NL": "Holland",
    "TR": "Turkey Türkei",
    "CZ": "Czech_Republic Tschechische_Republik",
    "BA": "Bosnien Bosnia Bosnien-Herzegowina Bosnia_and_Herzegovina",
    "CD": "Congo Kongo",
    "CI": "Ivory_Coast Elfenbeinküste",
    "VA": "Vatikan Vatican",
    "PS": "Palestine Palästina",
    "MM": "Burma Birma",
    "SZ": "Swaziland Swasiland",
    "MK": "North_Macedonia Mazedonien",
    "BY": "Weißrussland",
    "IR": "Iran",
    "KR": "Republic_of_Korea",
}
_LABELS: Final = {  # where a desk would not write what CLDR says
    "de": {"US": "USA", "GB": "Großbritannien", "HK": "Hongkong", "MO": "Macau", "PS": "Palästina", "VA": "Vatikan"},
    "en": {
        "GB": "United Kingdom",
        "HK": "Hong Kong",
        "MO": "Macau",
        "PS": "Palestine",
        "TR": "Turkey",
        "CZ": "Czech Republic",
        "VA": "Vatican",
        "MM": "Myanmar",
    },
}
# Territories whose name is as often something else: they are not looked for by name.
_LEFT_OUT: Final = frozenset({"GS", "IO", "UM", "TF", "HM", "BV", "AC", "CP", "DG", "EA", "IC", "TA", "EZ", "QO", "ZZ"})
_WEAK_COUNTRIES: Final = frozenset({"TD", "JO"})  # Chad and Jordan are men, too
_GENITIVE_LEAST: Final = 4
_SHORTEST_OF_PART: Final = 4  # letters: Irak
GEORGIA: Final = "US-GA"  # the state, which English copy calls as it calls the country


@dataclass(frozen=True, slots=True)
class Place:
    """A place with its code, where there is one; `weak` when its name needs a word such as "in" before it.

    `names` are pairs of language and name, the English one first.
    """

    key: str
    names: tuple[tuple[str, str], ...]
    scheme: str | None = None
    code: str | None = None
    weak: bool = False

    def label(self, language: str) -> str:
        """The name in `language`, else in English."""
        for code, name in self.names:
            if code == language and name:
                return name
        return self.names[0][1]


@dataclass(slots=True)
class Gazetteer:
    """Surface forms of one language's copy. `longer` lists names with small words inside by their first word."""

    by_name: dict[str, Place]
    longer: dict[str, list[str]]
    divisions: dict[str, Place]

    def find(self, name: str) -> Place | None:
        """The place called so, also in the German genitive ("Japans") or in capitals ("TOKYO")."""
        place = self.by_name.get(name)
        if place is None and name.endswith("s") and len(name) > _GENITIVE_LEAST:
            place = self.by_name.get(name[:-1])
        if place is None and name.isupper() and len(name) > _GENITIVE_LEAST:
            place = self.by_name.get(name.title())
        return place

    def of_part(self, name: str) -> Place | None:
        """The country or region of which a German compound names a part: "Norditalien", "Südsteiermark"."""
        rest = name.removeprefix("Nord").removeprefix("Ost").removeprefix("Süd").removeprefix("West").removeprefix("-")
        place = self.by_name.get(rest[:1].upper() + rest[1:]) if len(rest) >= _SHORTEST_OF_PART else None
        return None if place is None or place.weak else place


@lru_cache(maxsize=12)
def gazetteer(language: str) -> Gazetteer:
    """The gazetteer for copy in `language`: its own country names, and the German and English ones."""
    by_name = dict(_towns())
    divisions: dict[str, Place] = {}
    for line in read_lines("states.txt"):
        for division in line.split("; "):
            code, _, spelt = division.partition(" ")
            called = spelt.split("=")
            place = Place(code, (("en", called[0]), ("de", called[min(1, len(called) - 1)])), DIVISION, code)
            by_name.update(dict.fromkeys(called, place))
            divisions[code] = place
    for land, spellings in _countries(language):
        by_name.update(dict.fromkeys(spellings, land))
    if language == "de":
        by_name["Georgia"] = divisions[GEORGIA]  # the country is "Georgien"
    longer: dict[str, list[str]] = {}
    for name in by_name:
        first, *rest = name.split(" ")
        if any(not word[0].isupper() for word in rest):
            longer.setdefault(first, []).append(name)
    return Gazetteer(by_name, longer, divisions)


@lru_cache(maxsize=1)
def _towns() -> dict[str, Place]:
    """Our own list, which is the same to all languages."""
    by_name: dict[str, Place] = {}
    for line in read_lines("places.txt"):
        nation, _, towns = line.partition(": ")
        for town in towns.split("; "):
            _add_town(by_name, nation, town)
    return by_name


def _add_town(by_name: dict[str, Place], country: str, entry: str) -> None:
    forms = entry.strip().removeprefix("?").split("=")
    weak = entry.strip().startswith("?")
    called = (("en", forms[0]), ("de", forms[min(1, len(forms) - 1)]))
    place = Place(f"{country}/{forms[0]}", called, weak=weak)
    for form in forms:
        by_name.setdefault(form, place)


@lru_cache(maxsize=12)
def _territories(language: str) -> dict[str, str]:
    try:
        territories = Locale.parse(language).territories
    except (UnknownLocaleError, ValueError):
        return {}
    return {
        code: str(name)
        for code, name in territories.items()
        if len(code) == 2 and code.isalpha() and code not in _LEFT_OUT
    }


def country_label(code: str, language: str) -> str:
    """The country's name in `language`, as a desk would write it."""
    return _LABELS.get(language, {}).get(code) or _territories(language).get(code) or _territories("en").get(code, code)


def country(code: str, language: str) -> Place:
    """The country with this ISO 3166-1 code."""
    names = (
        ("en", country_label(code, "en")),
        ("de", country_label(code, "de")),
        (language, country_label(code, language)),
    )
    return Place(code, names, COUNTRY, code, weak=code in _WEAK_COUNTRIES)


def _countries(language: str) -> list[tuple[Place, set[str]]]:
    listed = []
    for code in _territories("en"):
        if code in {"EU", "UN"}:
            continue
        # Not the German ones in English copy: "Staten Island" is not in Iceland.
        spoken = {"en", language} if language == "en" else {"de", "en", language}
        forms = {_territories(each)[code] for each in spoken if code in _territories(each)}
        forms |= {form.replace("_", " ") for form in _ALSO.get(code, "").split()}
        forms |= {country_label(code, each) for each in ("de", "en") if each in spoken}
        forms |= {inflected for form in tuple(forms) for inflected in bent(form)}
        listed.append((country(code, language), {form for form in forms if len(form) > 1}))
    return listed


def bent(name: str) -> set[str]:
    """German names whose adjective bends: "Vereinigte Staaten", "den Vereinigten Staaten", "das Rote Kreuz"."""
    first, _, rest = name.partition(" ")
    forms = set()
    if rest and len(first) > 4 and first.endswith(("e", "es", "er")) and first[0].isupper():
        stem = first.removesuffix("s").removesuffix("r") if first.endswith(("es", "er")) else first
        forms |= {f"{stem} {rest}", f"{stem}n {rest}", f"{stem}r {rest}", f"{stem}s {rest}"}
    if name.endswith(("Emirate", "Staate")):
        forms |= {f"{form}n" for form in {name, *forms}}
    return forms
