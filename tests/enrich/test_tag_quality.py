"""How well articles are tagged, on short texts that were written and labelled for this project.

The floors lie a little under what was measured (docs/tagging.md); a change that falls below one has cost quality.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.records import Block, BlockKind
from tasks.enrich import Enrichers, EnrichInput, Tagging

DATA = Path(__file__).parent / "data"
KINDS = {"people": "person", "organisations": "organisation", "places": "place"}
ENRICHERS = Enrichers.load()

# file: field: language: (precision, recall)
FLOORS = {
    "labelled": {
        "people": {"de": (0.97, 0.97), "en": (0.97, 0.97)},
        "organisations": {"de": (0.95, 0.95), "en": (0.93, 0.90)},
        "places": {"de": (0.97, 0.97), "en": (0.96, 0.97)},
        "topics": {"de": (0.95, 0.97), "en": (0.95, 0.97)},
    },
    "held_out": {
        "people": {"de": (0.97, 0.90), "en": (0.97, 0.90)},
        "organisations": {"de": (0.95, 0.85), "en": (0.95, 0.85)},
        "places": {"de": (0.95, 0.82), "en": (0.95, 0.90)},
        "topics": {"de": (0.95, 0.95), "en": (0.95, 0.95)},
    },
}


def load(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


def tag(labelled: dict[str, Any]) -> Tagging:
    blocks = (Block(kind=BlockKind.PARAGRAPH, text=labelled["text"]),)
    return ENRICHERS.tag(EnrichInput(headline=labelled["headline"], blocks=blocks))


def labels(tagging: Tagging, kind: str) -> set[str]:
    if kind == "topic":
        return {(tag.code or "").removeprefix("medtop:") for tag in tagging.tags if tag.kind == kind}
    return {tag.label for tag in tagging.tags if tag.kind == kind}


@pytest.mark.parametrize("name", FLOORS)
def test_precision_and_recall_stay_above_what_was_measured(name: str) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    for labelled in load(name):
        language, tagging = labelled["lang"], tag(labelled)
        for field, kind in KINDS.items():
            got, wanted = labels(tagging, kind), set(labelled[field])
            counts[field, language, "hit"] += len(got & wanted)
            counts[field, language, "wrong"] += len(got - wanted)
            counts[field, language, "missed"] += len(wanted - got)
        topics, sensible = labels(tagging, "topic"), set(labelled["topics"])
        counts["topics", language, "hit"] += len(topics & sensible)
        counts["topics", language, "wrong"] += len(topics - sensible)
        counts["topics", language, "missed"] += labelled["topics"][0] not in topics
    for field, languages in FLOORS[name].items():
        for language, (precision, recall) in languages.items():
            hit, wrong, missed = (counts[field, language, what] for what in ("hit", "wrong", "missed"))
            assert hit / (hit + wrong) >= precision, (field, language, "precision")
            assert hit / (hit + missed) >= recall, (field, language, "recall")


@pytest.mark.parametrize("name", FLOORS)
def test_the_main_topic_is_always_among_the_topics_and_the_language_is_right(name: str) -> None:
    for labelled in load(name):
        tagging = tag(labelled)
        assert tagging.language == labelled["lang"], labelled["headline"]
        assert labelled["topics"][0] in labels(tagging, "topic"), labelled["headline"]


def test_the_labelled_set_is_large_enough_to_mean_something() -> None:
    assert len(load("labelled")) >= 60
    assert Counter(labelled["lang"] for labelled in load("labelled"))["en"] >= 25
    covered = {labelled["topics"][0] for labelled in load("labelled")}
    assert len(covered) == 17
