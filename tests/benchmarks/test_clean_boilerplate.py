"""The benchmark of learned boilerplate, on a source of this project's own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import clean_boilerplate

MENU = ["Ressort Hafen", "Ressort Stadt", "Zur Startseite der Morgenpost", "Die Morgenpost gibt es als Hörausgabe"]
FOOT = ["Telefon der Redaktion: 0461 20 30 40", "Werben in der Morgenpost", "Über uns und die Druckerei"]
CAPTION = "Der Lotse winkt von der alten Mole in Altwik {n}"


def case(publisher: str, number: int, *, kind: str, frame: bool) -> dict[str, Any]:
    """A page, or, without its frame, a clean article."""
    body = [
        f"{publisher}: Am Tag {number} hat der Rat den Plan {part} für Mole, Fähre und Nordkai in Altwik beraten, und"
        f" der Hafenmeister hat dabei {number + part} Fragen der Fischer zu Zeit, Geld und Holz beantwortet."
        for part in range(5)
    ]
    front, back = (MENU, [CAPTION.format(n="ABCDEFGHIJKLM"[number]), *FOOT]) if frame else ([], [])
    lines = [*(f"{line} ({publisher})" for line in front), *body, *(f"{line} ({publisher})" for line in back)]
    labels = "B" * len(front) + "K" * len(body) + "B" * len(back)
    row = {"publisher": publisher, "kind": kind, "lang": "de", "headline": "", "teaser": ""}
    return row | {"lines_in": lines, "labels": list(labels)}


def cases() -> list[dict[str, Any]]:
    pages = [case("Morgenpost", number, kind="real_article", frame=True) for number in range(3)]
    others = [case("Bote", number, kind="real_article", frame=True) for number in range(3, 9)]
    return [*pages, *others, *(case("Echo", number, kind="clean", frame=False) for number in range(4))]


def test_a_dozen_articles_teach_what_stands_in_all_of_them_and_no_body() -> None:
    counts = clean_boilerplate.measured(cases(), 12, "real_article")["Morgenpost"]
    assert counts["articles"] == 12
    assert counts["standing"] == 12 * len([*MENU, *FOOT])
    assert counts["standing_gone"] >= 0.9 * counts["standing"]
    assert counts["all"] > counts["standing"], "a caption is new on every page"
    assert counts["lost"] == 0


def test_the_report_says_what_was_found_and_what_was_not(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in cases()), encoding="utf-8")
    lines = list(clean_boilerplate.report(path, 12))
    assert lines[0] == "real_article: 2 sources, 24 articles, 11 others seen by each"
    assert lines[-1] == "real_page: no source with two pages"
