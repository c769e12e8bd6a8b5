"""An article with its removals in place reads as the copy that came in."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from storage.records import Block, Removal
from tasks.normalize import clean_copy
from tasks.normalize.explain import in_place
from tests.normalize.test_clean_cases import CASES, clean_case


def test_removals_stand_between_the_blocks_where_they_stood() -> None:
    body = ["Der Rat von Altwik hat am Montagabend nach drei Stunden beschlossen, die alte Mole zu erneuern.", "Ja."]
    teaser = "Die Fähre steht bis Mitte Juli still, und der Nordkai wird zur Werkstatt der Zimmerleute."
    copy = ["Altwik baut", teaser, teaser, body[0], "Altwik baut", body[1], "Newsletter abonnieren"]
    article = clean_copy("\n\n".join(copy), headline="Altwik baut", teaser=teaser)
    parts = list(in_place(article))
    assert [part.line if isinstance(part, Removal) else part.text for part in parts] == copy
    assert [part.text for part in parts if isinstance(part, Block)] == body


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_every_block_and_every_removal_of_a_case_comes_once(path: Path) -> None:
    article = clean_case(yaml.safe_load(path.read_text(encoding="utf-8")))
    parts = list(in_place(article))
    assert [part for part in parts if isinstance(part, Block)] == list(article.blocks)
    assert sorted(map(repr, article.removals)) == sorted(repr(part) for part in parts if isinstance(part, Removal))
    positions = [part.position for part in parts if isinstance(part, Removal)]
    assert positions == sorted(positions)
