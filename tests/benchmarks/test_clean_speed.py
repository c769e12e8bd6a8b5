"""The benchmark of cleaning: what it measures is there, whatever the figures are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import clean_speed


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_speed, "FEEDS", 1)
    monkeypatch.setattr(clean_speed, "ROUNDS", 1)


def test_the_benchmark_measures_lines_and_html_beside_plain_scripts() -> None:
    lines = list(clean_speed.report(None))
    assert len(lines) == 6
    assert lines[2].startswith("lines: clean")
    assert lines[-1].startswith("clean takes ")


def test_the_benchmark_reads_the_cases_of_a_yardstick(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    row = {"headline": None, "teaser": "Die Mole von Altwik wird erneuert.", "lines_in": ["Ja.", "Nein.", "Ja."]}
    path.write_text(json.dumps(row), encoding="utf-8")
    assert clean_speed.cases(path) == [("", "Die Mole von Altwik wird erneuert.", ["Ja.", "Nein.", "Ja."])]
