"""What becomes a tag of those that may: sure enough, the surest first, eight of a kind, with six words of evidence."""

from __future__ import annotations

from tasks.enrich.candidates import Candidate, tags_of
from tasks.enrich.places import Place


def candidate(label: str, sure: float, *, count: int = 1, key: str = "", words: tuple[str, ...] = ()) -> Candidate:
    place = Place(key, (("en", label), ("de", label)), "iso3166-2", key) if key else None
    first, *further = words or (label,)
    made = Candidate(label, sure, count, first, place=place)
    for word in further:
        made.see(0.0, 0, word)
    return made


def labels(*candidates: Candidate, headline: str = "") -> list[tuple[str, float]]:
    tags = tags_of("place", candidates, headline, enricher="names", version="2")
    return [(tag.label, tag.confidence) for tag in tags]


def test_the_surest_come_first_and_of_equals_those_named_more_often() -> None:
    assert labels(candidate("Aberg", 0.7), candidate("Behaim", 0.95), candidate("Cohaus", 0.68, count=2)) == [
        ("Behaim", 0.95),
        ("Cohaus", 0.7),
        ("Aberg", 0.7),
    ]


def test_five_further_mentions_and_the_headline_make_surer_and_nothing_makes_certain() -> None:
    assert labels(candidate("Aberg", 0.5)) == []
    assert labels(candidate("Aberg", 0.5, count=6)) == labels(candidate("Aberg", 0.5, count=60)) == [("Aberg", 0.6)]
    assert labels(candidate("Bad Aberg", 0.6), headline="Streit in Aberg") == [("Bad Aberg", 0.65)]
    assert labels(candidate("Aberg", 0.95, count=9), headline="Streit in Aberg") == [("Aberg", 0.99)]


def test_eight_of_a_kind_are_enough() -> None:
    assert len(labels(*[candidate(f"Ort{number}", 0.8) for number in range(12)])) == 8


def test_of_equals_the_eight_that_the_article_names_first_are_given() -> None:
    assert labels(*[candidate(name, 0.8) for name in "ZYXWVUTSA"]) == [(name, 0.8) for name in "ZYXWVUTS"]


def test_two_places_of_one_name_are_two_tags() -> None:
    two = [candidate("Georgia", 0.9, key=key) for key in ("US-GA", "GE")]
    tags = tags_of("place", two, "", enricher="names", version="2")
    assert [(tag.scheme, tag.code) for tag in tags] == [("iso3166-2", "US-GA"), ("iso3166-2", "GE")]


def test_evidence_is_in_the_order_in_which_it_was_seen_and_each_word_once() -> None:
    words = ("Tokio", "in Tokio", "Tokio", "Tokios", "a", "b", "c", "d")
    (tag,) = tags_of("place", [candidate("Tokio", 0.9, words=words)], "", enricher="names", version="2")
    assert tag.evidence == ("Tokio", "in Tokio", "Tokios", "a", "b", "c")
