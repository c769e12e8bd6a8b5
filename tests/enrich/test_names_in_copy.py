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


GERMAN = "Die Regierung hat nach Angaben der Ministerin einen Plan vorgelegt, der bis zum Ende des Jahres gelten soll."
ENGLISH = (
    "The government said that the minister was told about it, and that it would be in place by the end of the year."
)


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Der Historiker und Militärtheoretiker Jared Quandt sprach. Quandt gab Antwort.", {"Jared Quandt"}),
        ("Es war der Star-Quarterback Peyton Wengler, der kam. Wengler warf weit.", {"Peyton Wengler"}),
        ("Das Programm nutzt die Google-Software Alphagor Zwei. Mit Zwei ging es gut.", set()),
        ("Das Technologiequartier Wedau wächst. In Wedau baut man nun.", set()),
        ("Der Wirkstoff Semaglutid hilft. Man gibt Semaglutid, denn der Wirkstoff ist gut.", set()),
        ("Es fielen dreißig Zentimeter Neuschnee, so viel Neuschnee war nie.", set()),
        ("Netanjahus Büro schwieg dazu. Netanjahus Büro war zu.", set()),
        ("In der Ebene gewann Oculus VR. Die Brille von VR ist gut.", set()),
        ("Das gilt z. B. Transport und Handel, und es gilt z. B. Transport von Holz.", set()),
        (
            "Am Abend sang Anne-Sophie Brandner mit Jean-Jacques Lefort.",
            {"Anne-Sophie Brandner", "Jean-Jacques Lefort"},
        ),
        ("Regie führte Annegret Kramp-Kerschbauer.", {"Annegret Kramp-Kerschbauer"}),
        ("Der Präsident Ahmed al-Scharbuni kam. Al-Scharbuni ging.", {"Ahmed al-Scharbuni"}),
    ],
)
def test_german_nouns_before_and_in_names(text: str, people: set[str]) -> None:
    assert labels("person", text, GERMAN) == people


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Republicans are Following Tarrant to nowhere. Tarrant said no.", set()),
        ("It was heard in the King's Speech. The Speech was long, and the King's Speech was read.", set()),
        ("The Sydney Morning Herald and the London Evening Standard wrote it. The Standard is old.", set()),
        ("It was filed by Gene J. Puskaric on Friday.", {"Gene J. Puskaric"}),
        ("Zorbo Blackwell, 24, was jailed on Friday.", {"Zorbo Blackwell"}),
        ("It was seen by Zorbo Blackwell on Friday.", set()),
        (
            "They heard Zorbo Blackwell, who was in Leeds. They heard Zorbo Blackwell, who was late.",
            {"Zorbo Blackwell"},
        ),
        ("The crowd met Ahmed al-Sharbuni's envoy.", {"Ahmed al-Sharbuni"}),
        ("The James Webb Space Telescope saw it.", set()),
        ("A show in Van Zogh, as Zogh said it.", set()),
    ],
)
def test_english_words_in_title_case_and_names(text: str, people: set[str]) -> None:
    assert labels("person", text, ENGLISH) == people


def test_names_are_found_in_copy_that_is_all_capitals() -> None:
    text = "BUNDESKANZLERIN ANGELA LINDQVIST TRIFFT AM DIENSTAG IN PARIS DEN PRÄSIDENTEN EMMANUEL ROUSSEL."
    assert labels("person", text, GERMAN) == {"Angela Lindqvist", "Emmanuel Roussel"}


@pytest.mark.parametrize(
    ("text", "organisations"),
    [
        ("Nottingham Forest beat Leeds United on Saturday.", {"Nottingham Forest", "Leeds United"}),
        ("The Green Bay Packers lost to the Dallas Cowboys.", {"Green Bay Packers", "Dallas Cowboys"}),
        ("The Food and Drug Administration will decide by March.", {"FDA"}),
        ("The U.S. Coast Guard said the channel was closed.", {"US Coast Guard"}),
        ("Thames Valley Police arrested a man.", {"Thames Valley Police"}),
        ("Bev Craigie leads Manchester City Council.", {"Manchester City Council"}),
        ("He is at the Massachusetts Institute of Technology.", {"Massachusetts Institute of Technology"}),
        ("She works at the Cleveland Clinic as a nurse.", {"Cleveland Clinic"}),
    ],
)
def test_clubs_and_offices_are_known_whole(text: str, organisations: set[str]) -> None:
    assert labels("organisation", text, ENGLISH) == organisations
    assert not labels("place", text, ENGLISH) - {"London"}


@pytest.mark.parametrize(
    ("text", "organisations"),
    [
        ("Die Gewerkschaft Verdi streikt, meldet die Agentur AFP.", {"Verdi"}),
        ("In Gruppe G spielt niemand gern, sagt man in Gruppe F.", set()),
        ("Der Sprecher des Innenministeriums gab Auskunft.", {"Innenministerium"}),
        ("Die VW-Tochter Zentrix wächst.", {"VW", "Zentrix"}),
        ("Eintracht Frankfurt schlug Bayer Leverkusen mit 2:1.", {"Eintracht Frankfurt", "Bayer Leverkusen"}),
        ("Der Deutsche Wetterdienst warnt. Das hat der Sturm Joris gebracht.", {"Deutscher Wetterdienst"}),
    ],
)
def test_german_organisations_are_particular(text: str, organisations: set[str]) -> None:
    assert labels("organisation", text, GERMAN) == organisations


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Das Wort Pflichtsieg fiel, und der Transport Zunderer fuhr los.", set()),
        ("Er lebt im Kanton Zug und in der Stadt Essen.", {"Zug", "Essen"}),
        ("Er blickt nach Lennox Ruiz und fährt fort.", set()),
        ("Der Gouverneur von Georgia gab nach.", {"Georgia"}),
    ],
)
def test_german_places_need_more_than_a_word_that_looks_so(text: str, places: set[str]) -> None:
    assert labels("place", text, GERMAN) == places


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A court in Georgia ordered Atlanta to pay.", "US-GA"),
        ("The governor of Georgia met people from Texas.", "US-GA"),
        ("A court in Georgia sentenced a man in Tbilisi, the U.S. said.", "GE"),
        ("The Georgian Dream party of Georgia was praised in the U.S. by few.", "GE"),
        ("A court in Georgia sentenced a man.", "GE"),
    ],
)
def test_what_else_is_named_tells_which_georgia_is_meant(text: str, code: str) -> None:
    tags = found(text, ENGLISH)
    assert [tag.code for tag in tags if tag.label == "Georgia"] == [code]


def test_the_europa_league_is_not_in_europe() -> None:
    assert not labels("place", "They play in the Europa League on Thursday.", ENGLISH)


@pytest.mark.parametrize(
    ("dateline", "places"),
    [
        ("SAVANNAH, Ga. (AP)", {"Savannah", "Georgia"}),
        ("Hildburghausen (dpa/th)", {"Hildburghausen"}),
        ("BERLIN (dpa)", {"Berlin"}),
        ("WIEN/BREGENZERWALD (APA)", {"Vienna"}),
        ("ESSEN (dpa/lnw)", {"Essen"}),
        ("Frankfurt/Main (dpa)", {"Frankfurt"}),
        ("BERLIN/PARIS (AFP)", {"Berlin", "Paris"}),
        ("(AFP)", set()),
        ("Reuters", set()),
    ],
)
def test_the_town_of_the_dateline_is_a_place_though_nobody_knows_it(dateline: str, places: set[str]) -> None:
    assert labels("place", ENGLISH, dateline=dateline) == places


@pytest.mark.parametrize(
    ("headline", "text", "kind", "names"),
    [
        ("Österreich schlägt Bosnien", GERMAN, "place", {"Österreich", "Bosnien und Herzegowina"}),
        ("Amazon town turns back loggers", ENGLISH, "organisation", set()),
        ("Bayern München gewinnt das Spiel", "", "organisation", {"FC Bayern München"}),
        ("Bayern gewinnt das Spiel", "Der FC Bayern München hat gewonnen. " + GERMAN, "place", set()),
        ("Essen in Köln", GERMAN, "place", {"Köln"}),
    ],
)
def test_a_known_name_that_only_the_headline_has(headline: str, text: str, kind: str, names: set[str]) -> None:
    assert labels(kind, *filter(None, [text]), headline=headline) == names


@pytest.mark.parametrize(
    ("text", "people", "places"),
    [
        ("Die Schauspielerin Ingrid von Bergen kam. Von Bergen blieb lange.", {"Ingrid von Bergen"}, set()),
        ("Der Berater John Bolton ging. Bolton schwieg dazu.", {"John Bolton"}, set()),
        ("Der Berater John Bolton fuhr nach Bolton.", {"John Bolton"}, {"Bolton"}),
        ("Die Sprecherin der Fraktion, Siemtza Mollhoff, hielt dagegen.", {"Siemtza Mollhoff"}, set()),
        ("Siemtza Mollhoff, die neue Trainerin, schwieg.", {"Siemtza Mollhoff"}, set()),
        ("Es war Siemtzas Benehmen, eine Schmach der Königin.", set(), set()),
        ("Der Minister Kalle Rehbein (Jüdische Mitte), zuletzt im Amt, ging.", {"Kalle Rehbein"}, set()),
    ],
)
def test_what_stands_around_a_name_tells_a_person(text: str, people: set[str], places: set[str]) -> None:
    assert labels("person", text, GERMAN) == people
    assert labels("place", text, GERMAN) == places


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("The mayor, Zorbo Blackwell, praised them.", {"Zorbo Blackwell"}),
        ("Zorbo Blackwell, a glaciologist who was not there, agreed.", {"Zorbo Blackwell"}),
        ("Zorbo Blackwell, a blow for the coach, was late.", set()),
        ("David Black sat down. Black said nothing.", {"David Black"}),
        ("Peter Singer sat down.", {"Peter Singer"}),
        ("Ann Leeds, of Royal Dog Saving, was late.", {"Ann Leeds"}),
    ],
)
def test_english_apposition_tells_a_person(text: str, people: set[str]) -> None:
    assert labels("person", text, ENGLISH) == people


@pytest.mark.parametrize(
    ("text", "organisations"),
    [
        ("Die Richter des Landgerichts Bonn tagten.", {"Landgericht Bonn"}),
        ("Der Leiter des Landeskriminalamts Steiermark kam.", {"Landeskriminalamt Steiermark"}),
        ("Sie arbeitet am Deutschen Archäologischen Institut in Ulm.", {"Deutsches Archäologisches Institut"}),
        ("Die Gewerkschaft Quendra streikt, die Behörde Mulpex nicht.", {"Quendra", "Mulpex"}),
        ("Die Heilmittelbehörde Mulpex prüft, das Umfrageinstitut Zarbo fragt.", {"Mulpex", "Zarbo"}),
        ("Ein Sprecher des Vereins Land schafft Brot sagte nichts.", set()),
        ("Der Chef des Verbands Anna Rehbein war krank.", set()),
        ("Analyst Jochen Rehbein von CMX Markets sah es anders.", {"CMX Markets"}),
        ("Der Analyst bei Zentrix sah es anders.", {"Zentrix"}),
        ("Das sagte der Österreichische Naturfreundebund.", {"Österreichischer Naturfreundebund"}),
        ("Der Fußball-Bundesligaclub SV Lundau verlor.", {"SV Lundau"}),
        ("Das Berufungsgericht und eine Ärztekommission tagen.", set()),
        ("Ein Preis ging an den Deutschen Film, eine Spende an die Deutsche Dorfhilfe.", {"Deutsche Dorfhilfe"}),
    ],
)
def test_german_organisations_by_the_word_before_them(text: str, organisations: set[str]) -> None:
    tags = found(text, GERMAN)
    assert {tag.label for tag in tags if tag.kind == "organisation"} == organisations
    assert "Jochen Rehbein von CMX" not in {tag.label for tag in tags}


@pytest.mark.parametrize(
    ("text", "organisations"),
    [
        ("Zorbo Blackwell, an economist at Zentrix, was late.", {"Zentrix"}),
        ("A strategist at Charles Brandt was late.", {"Charles Brandt"}),
        ("The regulator, Quendra, was late, as was the charity Mulpex.", {"Quendra", "Mulpex"}),
        ("The rights group Quendra met the group Blackwell leads.", {"Quendra"}),
        ("Shares in Zentrix fell, and a stake in Quendra was sold.", {"Zentrix", "Quendra"}),
        ("The Chinese Academy of Sciences met the Transport Workers' Union.", "of"),
        (
            "NASA's Marlow Space Flight Center met St Mary's Hospital.",
            {"NASA", "Marlow Space Flight Center"} | {"St Mary's Hospital"},
        ),
        ("Ann Leeds, of Royal Dog Saving, was late.", {"Royal Dog Saving"}),
        ("They flew with easyJet to the sea.", {"easyJet"}),
        ("The Kerala Bouncers lost by two goals.", {"Kerala Bouncers"}),
        ("It was built by Quendra Mulpex Ireland.", {"Quendra Mulpex Ireland"}),
        ("The Department of Fire and Emergency Works was late.", {"Department of Fire and Emergency Works"}),
        ("She was born in Leeds General Infirmary.", {"Leeds General Infirmary"}),
        ("She has a flat in Chelsea and saw the Chelsea Flower Market.", set()),
        ("It stood in Nature Communications, as they reported in Marlow Letters.", set()),
    ],
)
def test_english_organisations_by_the_words_around_them(text: str, organisations: set[str] | str) -> None:
    if organisations == "of":
        organisations = {"Chinese Academy of Sciences", "Transport Workers' Union"}
    assert labels("organisation", text, ENGLISH) == organisations


@pytest.mark.parametrize(
    ("language", "text", "places"),
    [
        (GERMAN, "Sie lebt in Lundendorf, wo es still ist.", {"Lundendorf"}),
        (GERMAN, "Er fiel bei Gamlutz im Bezirk Leibnitz.", {"Gamlutz", "Leibnitz"}),
        (GERMAN, "Man weiß es bei Bränden in Wien.", {"Wien"}),
        (GERMAN, "Es brennt in der Ostukraine und in Norditalien.", {"Ukraine", "Italien"}),
        (GERMAN, "Ein US-Dollar kostet mehr.", set()),
        (ENGLISH, "The town of Charvo was hot, and Staten Island was not.", {"Charvo", "Staten Island"}),
        (ENGLISH, "Police in Reading and Bath said so.", {"Reading", "Bath"}),
        (ENGLISH, "Reading and Bath say little.", set()),
        (ENGLISH, "Her flat in Chelsea was sold.", {"Chelsea"}),
        (ENGLISH, "Zorbella Bradford sat down.", set()),
        (ENGLISH, "It rained in Central London.", {"London"}),
        (ENGLISH, "She left the University of Oxford, and lives in Oxford.", {"Oxford"}),
    ],
)
def test_places_by_the_words_around_them(language: str, text: str, places: set[str]) -> None:
    assert labels("place", text, language) == places


def test_one_english_adjective_speaks_of_a_country_only_in_the_first_sentence() -> None:
    late = "They met again on Monday, and it was a good day for all of them there. " * 3
    assert labels("place", "A Nigerian sprinter won the race. " + ENGLISH) == {"Nigeria"}
    assert labels("place", ENGLISH, late + "It was bought by the American heirs of the firm.") == set()


@pytest.mark.parametrize("before", [GERMAN, GERMAN + " Nun"])
def test_copy_of_which_only_the_beginning_is_read_may_end_after_any_word(before: str) -> None:
    assert labels("place", before + " in Wien" * 2000) == {"Wien"}
