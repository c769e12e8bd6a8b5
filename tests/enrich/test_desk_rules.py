"""The desk's own file: rules and known entities, what they match, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.records import Block, BlockKind, Category, Tag
from tasks.enrich import Enrichers, EnrichInput, RulesError


def desk(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "desk.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def tags(path: Path, headline: str = "", body: str = "", **more: object) -> list[Tag]:
    article = EnrichInput(headline=headline, blocks=(Block(kind=BlockKind.PARAGRAPH, text=body),), **more)  # type: ignore[arg-type]
    return [tag for tag in Enrichers.load(path).tag(article).tags if tag.enricher.startswith("desk-")]


def labels(*given: object, **more: object) -> list[str]:
    return [tag.label for tag in tags(*given, **more)]  # type: ignore[arg-type]


RULE = """
rules:
  - name: power grid
    tag: {kind: desk, scheme: desks, code: energy, label: Energy desk, confidence: 0.8}
    any: [Stromnetz, power grid, "Windkraft*"]
"""


def test_a_rule_gives_its_tag_with_its_name_and_words_as_evidence(tmp_path: Path) -> None:
    path = desk(tmp_path, RULE)
    tag = tags(path, "Neue Windkraftanlagen", "Das Stromnetz ist stabil.")[0]
    assert (tag.kind, tag.scheme, tag.code, tag.label, tag.confidence) == (
        "desk",
        "desks",
        "energy",
        "Energy desk",
        0.8,
    )
    assert tag.evidence == ("rule: power grid", "Stromnetz", "Windkraft*")
    assert tag.enricher == "desk-rules"
    assert tag.version == Enrichers.load(path).versions["desk-rules"]


@pytest.mark.parametrize(
    ("body", "matches"),
    [
        ("The power grid failed.", True),
        ("THE POWER  GRID!", True),
        ("(power grid)", True),
        ("Power to the grid.", False),
        ("power gridlock", False),
        ("Das Stromnetz-Projekt", True),
        ("Stromnetze", False),
        ("windkraft", True),
        ("Gegenwindkraft", False),
    ],
)
def test_words_match_whole_and_without_case_and_a_star_matches_beginnings(
    tmp_path: Path, body: str, *, matches: bool
) -> None:
    assert bool(tags(desk(tmp_path, RULE), "", body)) is matches


def test_all_any_and_none_must_hold_together(tmp_path: Path) -> None:
    path = desk(
        tmp_path,
        """
rules:
  - name: rate decision
    tag: {label: Rates}
    all: [EZB]
    any: [Leitzins, Zinsen]
    none: [Kommentar]
""",
    )
    assert labels(path, "EZB hebt Leitzins") == ["Rates"]
    assert labels(path, "EZB hebt ab") == []
    assert labels(path, "Leitzins steigt") == []
    assert labels(path, "Kommentar: EZB und Zinsen") == []


def test_a_rule_looks_only_where_it_is_told_to(tmp_path: Path) -> None:
    path = desk(tmp_path, "rules: [{name: a, tag: {label: Ticker}, any: [Eil], in: headline}]")
    assert labels(path, "Eil: Minister tritt zurück") == ["Ticker"]
    assert labels(path, "Minister tritt zurück", "Eil war geboten.") == []


def test_language_feed_and_category_are_conditions(tmp_path: Path) -> None:
    path = desk(
        tmp_path,
        """
rules:
  - {name: german, tag: {label: German}, languages: [de]}
  - {name: agency, tag: {label: Agency}, feeds: ["*agency.example*"]}
  - {name: category, tag: {label: Local}, categories: [lokal*]}
""",
    )
    assert labels(path, "Der Rat der Stadt hat gestern getagt und nichts beschlossen") == ["German"]
    assert labels(path, "The council met and did nothing", feed="https://Agency.example/de.xml") == ["Agency"]
    assert labels(path, "The council met", feed_names=("City", "The Agency.Example Wire")) == ["Agency"]
    assert labels(path, "The council met", feed="https://paper.example/en.xml", feed_names=("Agency",)) == []
    assert labels(path, "The council met", categories=(Category(term="x", label="Lokales"),)) == ["Local"]


def test_a_regular_expression_is_evidence_by_what_it_matched(tmp_path: Path) -> None:
    path = desk(tmp_path, r"rules: [{name: volts, tag: {label: Grid}, any: [{regex: '\b\d+ kV\b'}]}]")
    assert tags(path, "", "Eine Leitung mit 380 kV wird gebaut.")[0].evidence == ("rule: volts", "380 kV")


def test_a_greedy_regular_expression_stays_linear(tmp_path: Path) -> None:
    path = desk(tmp_path, r"rules: [{name: bomb, tag: {label: Bomb}, any: [{regex: '(a*)*(a|a)*b$'}]}]")
    assert labels(path, "", "a" * 50_000) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "desk.yaml: is not YAML at line 1"),
        ("- a", "desk.yaml: is a list, not a mapping. Write it with the keys rules, entities"),
        ("rule: []", "has the unknown key 'rule'. Write 'rules'"),
        ("rules: {a: b}", "'rules' is a mapping, not a list"),
        ("rules: [{tag: {label: x}, any: [y]}]", "rule 1: has no name"),
        ("rules: [{name: n, any: [y]}]", "rule 'n': has no tag"),
        ("rules: [{name: n, tag: {}, any: [y]}]", "gives a tag without label or code"),
        ("rules: [{name: n, tag: {label: x}}]", "rule 'n': has no condition that can hold"),
        ("rules: [{name: n, tag: {label: x}, none: [y]}]", "has no condition that can hold"),
        ("rules: [{name: n, tag: {label: x}, anny: [y]}]", "unknown key 'anny'. Write 'any'"),
        ("rules: [{name: n, tag: {label: x}, any: [NO]}]", "'any' is yes/no, not a text. Put the word in quotes"),
        ("rules: [{name: n, tag: {label: x}, any: ['...']}]", "which has no letter or digit"),
        ("rules: [{name: n, tag: {label: x}, any: [{regex: '(?=a)'}]}]", "no look-ahead"),
        ("rules: [{name: n, tag: {label: x}, any: [{regexp: a}]}]", "unknown key 'regexp'. Write 'regex'"),
        ("rules: [{name: n, tag: {label: x}, any: [y], in: [lead]}]", "'in' takes headline, teaser, body"),
        ("rules: [{name: n, tag: {label: x}, languages: [German]}]", "such as de or en"),
        ("rules: [{name: n, tag: {label: x, confidence: 2}, any: [y]}]", "a number above 0 and up to 1"),
        (
            "rules: [{name: n, tag: {label: x}, any: [y]}, {name: n, tag: {label: x}, any: [y]}]",
            "rule 'n': is there twice",
        ),
        ("entities: [{kind: person}]", "entity 1: has no label"),
        ("entities: [{label: A, kind: animal}]", "entity 'A': has the kind 'animal'"),
    ],
)
def test_a_mistake_is_answered_with_file_rule_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RulesError) as error:
        Enrichers.load(desk(tmp_path, text))
    assert said in str(error.value)
    assert str(error.value).startswith("desk.yaml: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"none\.yaml: cannot be read"):
        Enrichers.load(tmp_path / "none.yaml")


def test_an_empty_file_gives_no_tags(tmp_path: Path) -> None:
    assert tags(desk(tmp_path, "# nothing yet\n"), "EZB") == []


ENTITIES = """
entities:
  - label: Bundesamt für Musterwesen
    kind: organisation
    names: [BfM, Musteramt]
    scheme: wikidata
    code: Q424242
  - label: Nordend
    kind: place
    languages: [de]
"""


def test_known_entities_are_found_by_every_name_and_carry_their_code(tmp_path: Path) -> None:
    tag = tags(desk(tmp_path, ENTITIES), "BfM warnt", "Das Musteramt warnt. Mehr dazu morgen.")[0]
    assert (tag.kind, tag.scheme, tag.code, tag.label) == (
        "organisation",
        "wikidata",
        "Q424242",
        "Bundesamt für Musterwesen",
    )
    assert set(tag.evidence) == {"BfM", "Musteramt"}


def test_an_entity_s_case_matters_and_its_languages(tmp_path: Path) -> None:
    path = desk(tmp_path, ENTITIES)
    assert labels(path, "", "Wir sahen das bfm und sonst nichts.") == []
    assert labels(path, "", "Sie wohnt seit zwei Jahren im Nordend und will nicht weg.") == ["Nordend"]
    assert labels(path, "", "She has lived in the Nordend for two years and will not leave.") == []


def test_a_changed_file_changes_the_version(tmp_path: Path) -> None:
    first = Enrichers.load(desk(tmp_path, RULE)).version
    assert Enrichers.load(desk(tmp_path, RULE)).version == first
    assert Enrichers.load(desk(tmp_path, RULE + "\n# a note\n")).version != first
