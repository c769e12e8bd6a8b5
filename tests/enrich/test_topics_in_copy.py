"""What counts as speaking of a topic, and what only looks so."""

from __future__ import annotations

from storage.records import Block, BlockKind
from tasks.enrich import Enrichers, EnrichInput

ENRICHERS = Enrichers.load()
POLITICS, SPORT, ENVIRONMENT = "medtop:11000000", "medtop:15000000", "medtop:06000000"
CRIME, HEALTH, DISASTER = "medtop:02000000", "medtop:07000000", "medtop:03000000"


def codes(headline: str, text: str) -> list[str | None]:
    blocks = (Block(kind=BlockKind.PARAGRAPH, text=text),)
    tagging = ENRICHERS.tag(EnrichInput(headline=headline, blocks=blocks))
    return [tag.code for tag in tagging.tags if tag.kind == "topic"]


def test_a_party_in_brackets_says_who_somebody_is_and_not_what_the_piece_is_about() -> None:
    found = codes(
        "Haushalte ohne Strom",
        "Nach einem Brand waren am Abend tausende Haushalte ohne Strom. Die Feuerwehr löschte die Flammen, verletzt "
        "wurde niemand. Die Bürgermeisterin Elke Brandner (KPÖ) und Mario Kunert (FPÖ) dankten den Rettungskräften.",
    )
    assert found[0] == DISASTER
    assert POLITICS not in found


def test_a_party_in_the_sentence_is_politics_as_before() -> None:
    text = "Die FPÖ und die ÖVP haben sich am Abend geeinigt. Die FPÖ will den Antrag stellen, die ÖVP stimmt zu."
    assert codes("FPÖ und ÖVP einig", text) == [POLITICS]


def test_a_club_that_is_called_forest_is_no_matter_of_the_environment() -> None:
    found = codes(
        "Late goal sinks Forest",
        "Forest lost the match when the striker scored in the last minute. Forest had a penalty, and the coach of "
        "Forest said the referee was wrong. The league table has Forest in last place, and the season is long.",
    )
    assert found == [SPORT]


def test_a_drug_in_a_trial_is_no_crime() -> None:
    found = codes(
        "Weight-loss pill cuts heart risk, large trial finds",
        "The drug cut the risk of heart attacks in patients, a trial found. The drugs work like injections. Doctors at "
        "the hospital led the trial, and patients who stopped treatment had symptoms of the disease again.",
    )
    assert found[0] == HEALTH
    assert CRIME not in found


def test_a_ship_aground_is_an_accident() -> None:
    found = codes(
        "Cargo ship runs aground",
        "A container ship ran aground near the mouth of the river when it lost power. Tugboats will try to free the "
        "vessel at high tide. Nobody was hurt, and salvage experts were on their way.",
    )
    assert DISASTER in found
