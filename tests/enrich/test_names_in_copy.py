"""How names are read: roles, genitives, hyphens, particles, words that are names only beside the right word."""

from __future__ import annotations

import pytest

from storage.records import Block, BlockKind, Tag
from tasks.enrich import Enrichers, EnrichInput

ENRICHERS = Enrichers.load()


def found(*paragraphs: str, headline: str = "", **more: object) -> list[Tag]:
    blocks = tuple(Block(kind=BlockKind.PARAGRAPH, text=text) for text in paragraphs)
    article = EnrichInput(headline=headline, blocks=blocks, **more)  # type: ignore[arg-type]
    return list(ENRICHERS.tag(article).tags)


def labels(kind: str, *paragraphs: str, **more: object) -> set[str]:
    return {tag.label for tag in found(*paragraphs, **more) if tag.kind == kind}  # type: ignore[arg-type]


def test_a_state_visit_as_a_wire_brings_it() -> None:
    tags = found(
        "US-Präsident Donald Trump setzt seine Reise in Japan fort und trifft die Regierungschefin Sanae Takaichi.",
        "Trump und Takaichi sehen sich am Militärstützpunkt Yokosuka, am Abend spricht er in Tokio mit Managern.",
        "Japans Armee soll mehr Geld bekommen, die Regierung hat bei den Vereinigten Staaten Waffen bestellt.",
        headline="Trump und Takaichi wollen das Bündnis stärken",
    )
    assert {tag.label for tag in tags if tag.kind == "person"} == {"Donald Trump", "Sanae Takaichi"}
    places = {tag.label: tag for tag in tags if tag.kind == "place"}
    assert set(places) == {"Japan", "USA", "Tokio", "Yokosuka"}
    assert (places["Japan"].scheme, places["Japan"].code) == ("iso3166", "JP")
    assert places["USA"].code == "US"
    assert {tag.code for tag in tags if tag.kind == "topic"} >= {"medtop:11000000", "medtop:16000000"}


def test_a_country_is_one_tag_under_all_its_names_and_in_the_language_of_the_article() -> None:
    german = "Die Vereinigten Staaten und Großbritannien haben verhandelt, sagte man in den USA. Amerika schweigt."
    english = "The United States and Britain have been talking, officials in the U.S. said. America is silent."
    assert labels("place", german) == {"USA", "Großbritannien"}
    assert labels("place", english) == {"United States", "United Kingdom"}


def test_a_french_article_names_its_countries_in_french() -> None:
    text = "Le ministre est arrivé en Allemagne après une visite en Espagne, selon le gouvernement et la presse."
    assert labels("place", text) == {"Allemagne", "Espagne"}


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Das sagte die Ministerin Ursula von der Heyden am Montag in der Stadt.", "Ursula von der Heyden"),
        ("Am Abend sprach Theresa May mit der Presse über die Lage und das Wetter.", "Theresa May"),
        ("Das hat der Minister Israel Katz am Montag in der Sitzung gesagt.", "Israel Katz"),
        ("The writer Jack London was born in the city and wrote about the sea.", "Jack London"),
        ("The deal was made by Dr. Karim Osei-Bonsu and his team in the summer.", "Karim Osei-Bonsu"),
        ("It was the work of J. K. Farnworth and of the people who knew her.", "J. K. Farnworth"),
    ],
)
def test_words_with_another_meaning_are_part_of_a_name_after_a_first_name(text: str, person: str) -> None:
    tags = found(text)
    assert [tag.label for tag in tags if tag.kind == "person"] == [person]
    assert not [tag for tag in tags if tag.kind == "place"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Sie wohnt in Essen und arbeitet dort seit zwei Jahren.", {"Essen"}),
        ("Das Essen war gut und der Wein auch, sagte sie zu uns.", set()),
        ("They flew to see friends in Nice and stayed there for a week.", {"Nizza"} | {"Nice"}),
        ("Nice weather is what they want and what they will have.", set()),
    ],
)
def test_a_place_that_is_a_common_word_needs_a_word_for_places_before_it(text: str, places: set[str]) -> None:
    assert labels("place", text) <= places
    assert bool(labels("place", text)) is bool(places)


def test_a_name_inside_an_organisation_is_not_tagged_for_itself() -> None:
    tags = found("Das Landgericht Köln hat die Klage der Donau Logistik AG gegen die Stadt am Montag abgewiesen.")
    assert {(tag.kind, tag.label) for tag in tags if tag.kind in {"place", "organisation"}} == {
        ("organisation", "Landgericht Köln"),
        ("organisation", "Donau Logistik AG"),
    }


def test_an_organisation_is_known_in_every_case_and_named_in_the_article_s_language() -> None:
    assert labels("organisation", "Die Helfer des Roten Kreuzes und das Rote Kreuz selbst waren da.") == {"Rotes Kreuz"}
    assert labels("organisation", "The European Central Bank said that it was ready to act.") == {"ECB"}
    assert labels("organisation", "Die Europäische Zentralbank war dazu bereit, wie es hieß.") == {"EZB"}


def test_the_agency_is_not_what_the_piece_is_about() -> None:
    text = "Die Regierung hat das am Montag gesagt, berichtete AFP. Das war neu und es war auch wichtig."
    assert labels("organisation", text, dateline="Wien (APA)") == set()


def test_the_dateline_is_a_place() -> None:
    text = "Die Regierung hat das am Montag nicht so gesagt, wie es in der Zeitung stand."
    assert labels("place", text, dateline="BRÜSSEL (dpa)") == {"Brüssel"}


def test_a_sentence_in_english_does_not_make_its_first_words_a_person() -> None:
    text = "Heavy Rain was expected. Local Buses were late. Many people had to walk home in the cold and in the dark."
    assert labels("person", text) == set()


FILLER = "Danach gab es lange nichts zu berichten und auch am Ende blieb es bei dem was alle schon wussten. " * 20


def test_a_name_said_once_in_passing_far_down_is_no_tag_but_one_that_recurs_is() -> None:
    opening = "Bürgermeisterin Anna Harms hat in Emden die neue Fähre getauft."
    once, again = "Peter Lindqvist stand dabei.", "Marta Olsen sprach zuletzt. Der Applaus für Marta Olsen war groß."
    assert labels("person", opening, FILLER, once) == {"Anna Harms"}
    assert labels("person", opening, FILLER, again) == {"Anna Harms", "Marta Olsen"}
    assert "Peter Lindqvist" in labels("person", opening, FILLER, once, headline="Peter Lindqvist stand dabei")


@pytest.mark.parametrize(
    "text",
    [
        "Der Sturm hat Zehntausende Haushalte vom Netz getrennt. Am Abend waren noch Haushalte im Norden ohne Strom.",
        "Der Imam spricht über das Thema Kinder und über Paare, die keine haben. Er sagt: Kinder sind nicht alles.",
        "Am Dienstag beantwortete der Minister vor Ort Fragen der Anrainer und sah sich den gebrochenen Damm an.",
        "Die Richterin nannte es Schwierige Gespräche, und so standen Gespräche noch am Freitag im Kalender.",
    ],
)
def test_nouns_side_by_side_are_no_names(text: str) -> None:
    assert labels("person", text, feed_language="de") | labels("place", text, feed_language="de") == set()


def test_a_noun_behind_a_first_name_is_a_name() -> None:
    text = "Die Forscherin Anna Weg und der Trainer Lukas Tisch haben am Montag in der Halle gesprochen."
    assert labels("person", text, feed_language="de") == {"Anna Weg", "Lukas Tisch"}


def test_an_office_is_joined_to_what_it_is_for_and_not_to_when_it_is_left() -> None:
    left = "Die Bürgermeisterin gibt ihr Amt zum Jahresende ab. Sie war sechs Jahre lang im Rathaus der Stadt."
    kept = "Das Amt für Statistik zählt nach, und das Institut zur Zukunft der Arbeit rechnet nach, sagte es am Montag."
    assert labels("organisation", left, feed_language="de") == set()
    assert "Amt für Statistik" in labels("organisation", kept, feed_language="de")


def test_what_belongs_to_somebody_is_no_place() -> None:
    text = "The words in Trump's speech were plain, and the mood in WeWork’s offices was not good on Monday."
    assert labels("place", text, feed_language="en") == set()
