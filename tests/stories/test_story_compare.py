"""Copies are told from look-alikes, and each copy says how it relates."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.records import StoryRelation
from tasks.stories import Comparison, compare, fingerprint

HERE = Path(__file__).parent
PIECE: dict[str, str] = yaml.safe_load((HERE / "copy.yaml").read_text(encoding="utf-8"))
HEADLINE, OTHER = PIECE["headline"], PIECE["other"]
PARAGRAPHS = [PIECE[part] for part in ("lead", "second", "third", "fourth")]
LEAD, SECOND, THIRD, FOURTH = PARAGRAPHS
COPY = "\n\n".join(PARAGRAPHS)
REPORTS = yaml.safe_load((HERE / "look_alikes.yaml").read_text(encoding="utf-8"))
PATTERNS: list[str] = REPORTS["patterns"]
FILLING: dict[str, list[str]] = REPORTS["filling"]


def related(text: str, to: str = COPY, headline: str = HEADLINE, its_headline: str = HEADLINE) -> Comparison | None:
    return compare(fingerprint(headline, text), fingerprint(its_headline, to))


@pytest.mark.parametrize(
    "text",
    [
        COPY.upper(),
        COPY.replace("ß", "ss").replace("\n\n", " "),
        COPY.replace(" – ", " - ").replace(". ", ".  ").replace("ä", "a\u0308").replace("Fähre", "Fäh\u00adre"),
        f"Emden (dpa/lni) - {COPY}",
        f"{COPY}\n\n© dpa-infocom, dpa:260601-99-123456/3",
        f"{HEADLINE}\n\n{COPY}",
        f"Norddeich, 1. Juni (Reuters) – {COPY}\n\nCopyright 2026 Reuters. All rights reserved.",
    ],
    ids=["capitals", "one line, Swiss", "decomposed", "dateline", "credit", "headline added", "dateline and credit"],
)
def test_the_same_text_in_another_dress_is_identical(text: str) -> None:
    found = related(text)
    assert found is not None
    assert found.relation is StoryRelation.IDENTICAL


def test_a_cut_copy_is_cut_of_and_the_whole_extends_it() -> None:
    cut = f"{LEAD}\n\n{SECOND}"
    found = related(cut)
    assert found is not None
    assert found.relation is StoryRelation.CUT_OF
    assert found.a_in_b > 0.97
    assert found.b_in_a == pytest.approx(0.45, abs=0.1)
    back = related(COPY, cut)
    assert back is not None
    assert back.relation is StoryRelation.EXTENDS


def test_a_copy_cut_to_its_first_sentence_is_still_found() -> None:
    article = "\n\n".join(
        (COPY, *("Absatz für Absatz geht der Hintergrund weiter, " + name for name in FILLING["name"]))
    )
    found = related(LEAD, article, headline="Nebel: Schiff sitzt fest")
    assert found is not None
    assert found.relation is StoryRelation.CUT_OF


def test_a_paragraph_dropped_from_the_middle_makes_it_cut_of() -> None:
    found = related("\n\n".join((LEAD, SECOND, FOURTH)))
    assert found is not None
    assert found.relation is StoryRelation.CUT_OF


def test_typing_errors_mended_throughout_make_it_edited() -> None:
    words = COPY.split()
    for place in range(3, len(words), 7):
        if words[place].isalpha():
            words[place] = words[place][:-2] + words[place][-2:][::-1] + "e"
    found = related(" ".join(words))
    assert found is not None
    assert found.relation is StoryRelation.EDITED_FROM


def test_one_number_put_right_is_a_correction_that_names_the_number() -> None:
    found = related(COPY.replace("213", "231"))
    assert found is not None
    assert found.relation is StoryRelation.CORRECTS
    assert found.numbers == (("231", "213"),)
    assert "231 for 213" in found.reason


def test_a_copy_that_says_so_is_a_correction_without_a_changed_number() -> None:
    found = related(COPY.replace("Oldenburg", "Osnabrück"), headline=f"Korrektur: {HEADLINE}")
    assert found is not None
    assert found.relation is StoryRelation.CORRECTS
    assert found.names == (("Osnabrück", "Oldenburg"),)


def test_another_report_is_no_copy() -> None:
    assert related(OTHER) is None


def test_a_follow_up_that_takes_over_a_paragraph_as_background_is_no_copy() -> None:
    follow_up = "\n\n".join((OTHER, OTHER[::-1], SECOND))
    assert related(follow_up, headline="Reederei tauscht Kapitän aus") is None


def test_a_digest_that_holds_a_whole_brief_is_not_the_brief() -> None:
    items = [" ".join(f"{name} {name[::-1]} meldet {n} Fälle" for n in range(30)) for name in FILLING["name"][:3]]
    digest = "\n\n".join((LEAD, *items))
    assert related(digest, LEAD, headline="Der Tag im Überblick") is None


def test_a_line_or_two_is_a_copy_only_word_for_word() -> None:
    brief = "Eilmeldung: Die Fähre ist wieder frei."
    assert related(brief, brief.upper()) is not None
    assert related(brief, brief.replace("wieder", "noch nicht")) is None


def test_nothing_is_known_of_no_text() -> None:
    assert fingerprint("", "").text_key is None
    assert compare(fingerprint("", "Video"), fingerprint("", "Video")) is None


def filled(pattern: str, chance: random.Random) -> str:
    slots = {
        "number": lambda: str(chance.randint(100, 99_999)),
        "small": lambda: str(chance.randint(1, 40)),
        "name": lambda: chance.choice(FILLING["name"]),
        "place": lambda: chance.choice(FILLING["place"]),
        "day": lambda: chance.choice(FILLING["day" if " the " in pattern else "tag"]),
        "month": lambda: chance.choice(FILLING["month"]),
        "time": lambda: f"{chance.randint(0, 23)}:{chance.randint(10, 59)}",
    }
    return re.sub(r"\{(\w+)\}", lambda slot: slots[slot[1]](), " ".join(pattern.split()))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.split(" ", 4)[2] + pattern.split()[4])
def test_reports_of_one_pattern_are_not_copies_of_each_other(pattern: str) -> None:
    chance = random.Random(7)
    reports = [fingerprint("", filled(pattern, chance)) for _ in range(20)]
    joined = [pair for pair in itertools.combinations(reports, 2) if compare(*pair)]
    assert joined == []


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.split(" ", 4)[2] + pattern.split()[4])
def test_a_report_of_a_pattern_with_one_number_put_right_is_its_correction(pattern: str) -> None:
    report = filled(pattern, random.Random(3))
    number = max(re.findall(r"\d+", report), key=len)
    found = related(report.replace(number, "987654", 1), report, headline="", its_headline="")
    assert found is not None
    assert found.relation is StoryRelation.CORRECTS


def test_one_spelled_number_put_right_is_a_correction_that_names_it() -> None:
    found = related(COPY.replace("213", "drei"), COPY.replace("213", "fünf"))
    assert found is not None
    assert found.relation is StoryRelation.CORRECTS
    assert found.numbers == (("drei", "fünf"),)


def test_an_update_with_two_other_spelled_numbers_is_still_the_story() -> None:
    before = f"{COPY}\n\nDrei Menschen wurden verletzt, zwei von ihnen schwer."
    assert related(before.replace("Drei", "Sieben").replace("zwei", "vier"), before) is not None


OUTLOOK = (
    "Am {} überwiegen im Süden die Wolken, nur am Alpenrand zeigt sich die Sonne. Am Nachmittag ziehen von Westen her "
    "Regenschauer durch. Der Wind weht schwach bis mäßig. Die Höchstwerte liegen zwischen {} und {} Grad. In der Nacht "
    "klart es stellenweise auf, örtlich bildet sich Nebel. Die Tiefstwerte erreichen {} Grad."
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Montag", "sieben", "elf", "zwei"), ("Montag", "neun", "dreizehn", "vier")),
        (("Montag", "sieben", "elf", "zwei"), ("Freitag", "acht", "zwölf", "zwei")),
        (("Montag", "sieben", "elf", "zwei"), ("Freitag", "sieben", "zwölf", "zwei")),
        (("Montag", "7", "11", "2"), ("Freitag", "7", "12", "2")),
    ],
)
def test_outlooks_of_one_pattern_are_no_copies_also_where_numbers_are_words(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert related(OUTLOOK.format(*one), OUTLOOK.format(*other), headline="Wetter", its_headline="Wetter") is None


def test_an_outlook_with_another_day_alone_is_a_correction_still() -> None:
    one, other = (OUTLOOK.format(day, "sieben", "elf", "zwei") for day in ("Montag", "Dienstag"))
    assert related(one, other, headline="Wetter", its_headline="Wetter") is not None


BURGLARY = (
    "Ein unbekannter Täter ist in der Nacht auf Samstag in ein Wohnhaus in {} eingebrochen. Er hebelte ein Fenster auf "
    "und durchsuchte mehrere Räume. Nach ersten Erkenntnissen erbeutete er Schmuck und Bargeld in unbekannter Höhe. "
    "Die Bewohner waren nicht zu Hause. Die Polizei sicherte Spuren und bittet Zeugen, sich bei ihr zu melden."
)


def test_reports_that_differ_in_the_one_name_their_headlines_are_about_are_no_copies() -> None:
    one, other = BURGLARY.format("Hof"), BURGLARY.format("Trier")
    assert related(one, other, headline="Einbruch in Hof", its_headline="Einbruch in Trier") is None


def test_a_correction_of_the_one_name_is_one_where_it_says_so_or_the_headlines_do_not_speak_of_it() -> None:
    one, other = BURGLARY.format("Hof"), BURGLARY.format("Trier")
    assert related(one, other, headline="Korrektur: Einbruch in Hof", its_headline="Einbruch in Trier") is not None
    assert related(one, other, headline="Einbruch in Haus", its_headline="Einbruch in Haus") is not None


paragraphs = st.lists(st.sampled_from([*PARAGRAPHS, OTHER]), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(paragraphs, paragraphs)
def test_being_copies_does_not_depend_on_who_is_asked(ours: list[str], theirs: list[str]) -> None:
    one, other = fingerprint(HEADLINE, "\n\n".join(ours)), fingerprint(HEADLINE, "\n\n".join(theirs))
    found = compare(one, other)
    assert (found is None) == (compare(other, one) is None)
    # Of a cut that has less than half of a text, all of the text's keys may be in what was cut off.
    assert found is None or found.similarity < 0.5 or set(one.keys) & set(other.keys)


TEASER = (
    "Die Bahn will im Sommer 40 Bahnhöfe im Norden sanieren. Das kündigte der Konzern am Mittwoch in Hamburg an. "
    "Im Mittelpunkt stehen Dächer, Aufzüge und Toiletten."
)
SERIES = (
    "Jeden Morgen erzählen wir, was die Region bewegt, mit Gästen aus Politik und Sport und mit Musik für alle Ohren."
)


def test_a_feed_that_gives_teasers_only_brings_copies_that_are_found() -> None:
    here, there = fingerprint("Bahn saniert im Norden", "", TEASER), fingerprint("Neue Dächer", "", TEASER)
    found = compare(here, there)
    assert found is not None
    assert found.relation is StoryRelation.IDENTICAL
    full = fingerprint(
        "Bahn saniert im Norden", f"{TEASER} Zwei Drittel des Geldes kommen vom Bund, sagte ein Sprecher."
    )
    cut = compare(here, full)
    assert cut is not None
    assert cut.relation is StoryRelation.CUT_OF


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Guten Morgen, heute geht es um den Haushalt.", "Guten Morgen, heute geht es um die Feuerwehr."),
        (TEASER, "Am Samstag spielt die Stadtkapelle auf dem Markt, am Sonntag öffnen die Gärtnereien ihre Tore."),
    ],
)
def test_teasers_under_one_headline_are_no_copies_by_that(first: str, second: str) -> None:
    headline = "Das ist am Wochenende in Altwik los"
    one, other = fingerprint(headline, "", first), fingerprint(headline, "Bilder ansehen", second)
    assert one.text_key != other.text_key
    assert compare(one, other) is None


def test_the_parts_of_a_series_with_one_teaser_are_no_copies() -> None:
    one = fingerprint("Der Podcast der Region: Warum der Rat streitet", "", SERIES)
    other = fingerprint("Der Podcast der Region: Katzen im Klärwerk", "", SERIES)
    again = fingerprint("Der Podcast der Region: Katzen im Klärwerk", "", SERIES)
    assert compare(one, other) is None
    assert compare(other, again) is not None
