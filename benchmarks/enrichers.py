"""What each enricher costs: CPU per article of about 600 words, and the memory of all word lists and memos.

Run with `python -m benchmarks.enrichers [ARTICLES]`. The articles are made here: half German, half English, with
common words, new compounds and new names in every one, as a wire has them.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import defaultdict

from storage.records import Block, BlockKind, Category
from tasks.enrich import Enrichers, EnrichInput

WORDS = 600
ROUNDS = 3

GERMAN = """Die Regierung hat am Dienstag in Berlin ein Gesetz zum Schutz des Klimas vorgelegt .
Nach Angaben der Polizei wurden bei dem Unfall drei Menschen verletzt und in ein Krankenhaus gebracht .
Der Konzern rechnet für das laufende Jahr mit einem höheren Umsatz , die Aktie legte um vier Prozent zu .
Präsident {first} {last} sagte , die Verhandlungen mit {place} seien noch nicht am Ende .
{last} warnte vor einem Scheitern der Gespräche , die seit {month} in {place} laufen .
In {place} fielen bis zum Abend mehr als dreißig Liter Regen auf den Quadratmeter , hieß es beim Wetterdienst .
Trainer {first} {last} lobte nach dem Spiel seine Mannschaft , die im zweiten Durchgang besser wurde .
Die {compound} sei wichtig , erklärte die Ministerin , doch fehle es an Geld und an {compound} .
Experten der Universität {place} sehen das anders und verweisen auf eine Studie aus dem vergangenen Jahr .
""".splitlines()
ENGLISH = """The government said on Tuesday it would bring a new climate bill to parliament before the summer .
Police in {place} said three people were injured in the crash and taken to hospital .
The company expects higher revenue this year , and its shares rose four percent in early trading .
President {first} {last} told reporters that talks with {place} were not over yet .
{last} warned that the deal could fail if lawmakers did not vote on it by {month} .
More than an inch of rain fell in {place} overnight , the weather service said , and rivers were rising .
Coach {first} {last} praised the team after the match , saying the second half had been much better .
Researchers at the University of {place} disagree and point to a study they published last year .
The {compound} matters , the minister said , but there is not enough money for it .""".splitlines()
FIRST = ["Anna", "Peter", "Maria", "John", "Sofia", "Ahmed", "Laura", "Marek", "Jonas", "Helen", "Ikuru", "Torvina"]
PLACES = {
    "de": ["Wien", "Japan", "Köln", "Frankreich", "Kiew", "Tirol", "Indien", "Brüssel", "Leipzig", "Graz"],
    "en": ["Vienna", "Japan", "Chicago", "France", "Kyiv", "Texas", "India", "Brussels", "Leeds", "Sydney"],
}
MONTHS = {"de": ["März", "Juli", "Herbst"], "en": ["March", "July", "autumn"]}
PARTS = [
    "Klima",
    "Haushalts",
    "Energie",
    "Verkehrs",
    "Bildungs",
    "Wohnungs",
    "Sicherheits",
    "Handels",
    "Steuer",
    "Netz",
]
HEADS = ["planung", "reform", "strategie", "frage", "debatte", "kosten", "prüfung", "allianz", "gruppe", "offensive"]
SYLLABLES = ["ber", "gen", "hold", "mar", "lin", "tor", "wey", "kas", "dun", "fel", "ster", "rick", "nov", "sal", "pet"]


def article(seed: int) -> EnrichInput:
    """Make one article, the same for the same seed; no two seeds share their people."""
    pick = random.Random(str(seed))
    language = "de" if seed % 2 else "en"
    sentences = GERMAN if language == "de" else ENGLISH
    people = [(pick.choice(FIRST), "".join(pick.choices(SYLLABLES, k=3)).capitalize()) for _ in range(4)]
    places = pick.sample(PLACES[language], 4)  # as many as a longer piece names
    blocks: list[Block] = []
    words = 0
    while words < WORDS:
        paragraph = []
        for _ in range(4):
            first, last = pick.choice(people)
            compound = pick.choice(PARTS) + pick.choice(HEADS) if language == "de" else pick.choice(HEADS[:4]) + "s"
            place = pick.choice(places)
            sentence = pick.choice(sentences).format(
                first=first, last=last, place=place, month=pick.choice(MONTHS[language]), compound=compound
            )
            paragraph.append(sentence.replace(" .", ".").replace(" ,", ","))
            words += sentence.count(" ")
        blocks.append(Block(kind=BlockKind.PARAGRAPH, text=" ".join(paragraph)))
    headline = f"{people[0][1]} {'verteidigt Gesetz' if language == 'de' else 'defends climate bill'}"
    return EnrichInput(headline=headline, teaser=None, blocks=tuple(blocks), categories=(Category(term="Politik"),))


def resident() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(enrichers: Enrichers, seeds: range) -> dict[str, float]:
    """CPU in µs per article by part; every article is new and tagged once, right after it was made."""
    spent: dict[str, int] = defaultdict(int)
    for seed in seeds:
        made = article(seed)
        start = time.process_time_ns()
        made.body_tokens  # noqa: B018 - the split that all enrichers share
        split = time.process_time_ns()
        known = enrichers.with_language(made)
        detected = time.process_time_ns()
        spent["split"] += split - start
        spent["detect language"] += detected - split
        for enricher in enrichers.enrichers:
            start = time.process_time_ns()
            list(enricher.function(known))
            spent[enricher.name] += time.process_time_ns() - start
        other = article(-seed)  # another new one
        start = time.process_time_ns()
        enrichers.tag(other)
        spent["whole, as a worker calls it"] += time.process_time_ns() - start
    return {name: value / len(seeds) / 1000 for name, value in spent.items()}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    before = resident()
    start = time.process_time()
    enrichers = Enrichers.load()
    for seed in (0, 1):
        enrichers.tag(article(seed))
    print(f"load: {(time.process_time() - start) * 1000:.0f} ms once, {resident() - before:.1f} MB")
    best: dict[str, float] = {}
    for number in range(ROUNDS):
        found = measure(enrichers, range(2 + number * count, 2 + (number + 1) * count))
        best = {name: min(value, best.get(name, value)) for name, value in found.items()}
    for name, value in best.items():
        print(f"{name:28} {value:7.0f} µs per article")
    print(f"memory grown since start: {resident() - before:.1f} MB")


if __name__ == "__main__":
    main()
