"""Every case in the folder comes out as its file says: the everyday ones, and each that was ever wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.records import CleanArticle, Entry, Markup
from tasks.normalize import KnownLine, clean_copy, key_of, normalize

CASES = sorted(Path(__file__).parent.glob("cases/*.yaml"))


def clean_case(case: dict[str, Any]) -> CleanArticle:
    keys = [key_of(line) for line in case.get("known", [])]
    known = {key: KnownLine(key=key, seen=9, articles=12) for key in keys}
    if "headline" not in case:
        return clean_copy(case["source"], known=known)
    teaser = Markup(value=case["teaser"], kind="text") if "teaser" in case else None
    content = Markup(value=case["source"], kind=case["kind"])
    entry = Entry(position=0, guid=None, url=None, headline=case["headline"], teaser=teaser, content=content)
    return normalize(entry, known=known)


def written(article: CleanArticle) -> dict[str, Any]:
    removals = [
        f"{gone.position} {gone.rule}{'' if gone.removed else ' (marked)'}: {gone.line}" for gone in article.removals
    ]
    text: dict[str, Any] = {
        "headline": article.headline,
        "teaser": article.teaser,
        "blocks": [f"{block.kind.value}: {block.text}" for block in article.blocks],
        "removals": removals,
    }
    for name in ("byline", "dateline", "credit", "correction", "embargo"):
        if getattr(article, name):
            text[name] = getattr(article, name)
    if article.sources:
        text["sources"] = [f"{note.name} in block {note.block} at {note.offset}" for note in article.sources]
    return text


def test_there_are_cases() -> None:
    assert len(CASES) >= 25


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_case_comes_out_as_its_file_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert written(clean_case(case)) == case["expect"], case["why"]
