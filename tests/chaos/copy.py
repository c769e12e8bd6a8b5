"""Copy for the publishers: every sentence is another one, every piece and version can be told by its headline."""

from __future__ import annotations

import random
import re

PLACES = ("Linz", "Graz", "Wels", "Steyr", "Krems", "Bregenz", "Leeds", "Bristol", "Dundee", "Exeter", "Derby", "York")
EVENTS = {
    "de": ("Brand in der Altstadt", "Streit um den Haushalt", "Sperre der Brücke", "Neue Linie beschlossen"),
    "en": ("Fire in the old town", "Row over the budget", "Bridge closed to traffic", "New line approved"),
}
NOUNS = {
    "de": (
        *("Anrainer", "Behörde", "Bürgermeisterin", "Feuerwehr", "Gemeinderat", "Gutachten", "Hafen", "Kläger"),
        *("Landtag", "Ministerin", "Polizei", "Richter", "Sprecher", "Stadtwerk", "Verein", "Werkleiter", "Zeugin"),
        *("Bahnhof", "Betrieb", "Forscherin", "Händler", "Kassenwart", "Lehrerin", "Müller", "Nachbar"),
    ),
    "en": (
        *("resident", "council", "mayor", "brigade", "surveyor", "harbourmaster", "claimant", "minister", "officer"),
        *("judge", "spokesman", "utility", "club", "manager", "witness", "station", "company", "researcher"),
        *("trader", "treasurer", "teacher", "miller", "neighbour", "driver", "editor", "farmer"),
    ),
}
VERBS = {
    "de": ("bestätigte", "bestritt", "erklärte", "forderte", "kritisierte", "lobte", "meldete", "prüfte", "verwarf"),
    "en": ("confirmed", "denied", "explained", "demanded", "criticised", "praised", "reported", "rejected"),
}
KILLS = {
    "de": ("EILT: Meldung zurückgezogen", "Die Angaben haben sich als falsch erwiesen."),
    "en": ("MANDATORY KILL", "The story is wrong."),
}
# A piece is known by its number in its publisher's book, a version by how often it was edited.
_MARK = re.compile(r"\b(p\d+) (?:Fassung|version) (\d+)\b")


def headline(chance: random.Random, name: str, version: int, language: str) -> str:
    """A headline that names the piece and its version."""
    word = "Fassung" if language == "de" else "version"
    return f"{chance.choice(PLACES)}: {chance.choice(EVENTS[language])} {name} {word} {version}"


def another_version(text: str, version: int) -> str:
    """The headline of a later version."""
    return _MARK.sub(lambda found: found[0].removesuffix(found[2]) + str(version), text)


def read(text: str) -> tuple[str, int] | None:
    """The piece and the version that a headline names; None when it names none."""
    found = _MARK.search(text)
    return (found[1], int(found[2])) if found else None


def sentence(chance: random.Random, language: str) -> str:
    """A sentence that no other piece has."""
    (who, whom, other), verb = chance.choices(NOUNS[language], k=3), chance.choice(VERBS[language])
    amount, day = chance.randrange(1000, 10**7), chance.randrange(1, 29)
    if language == "de":
        return f"Von {other} und {who} hieß es am {day}., man habe {amount} Euro gezählt, was {whom} {verb}."
    return f"On day {day} the {who} and the {other} counted {amount} pounds, which the {whom} {verb}."


def body(chance: random.Random, language: str, teaser: str) -> str:
    """A body as HTML; every third one repeats its teaser, as crawled copy does."""
    paragraphs = [sentence(chance, language) + " " + sentence(chance, language) for _ in range(chance.randint(3, 5))]
    if chance.random() < 1 / 3:
        paragraphs.insert(0, teaser)
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
