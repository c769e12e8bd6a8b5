"""docs/security.md names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Against")]
NAMED = sorted(set(re.findall(r"`((?:tests|\.ci)/[\w./]+)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: part)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    path = ROOT / file
    assert path.exists()
    if path.suffix == ".py" and name:
        nodes = ast.parse(path.read_text()).body
        assert name in {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_defence_names_what_shows_it() -> None:
    assert len(ROWS) > 20
    for row in ROWS:
        against, defence, shown = (cell.strip() for cell in row.strip("|").split("|"))
        assert against
        assert defence
        assert re.match(r"`(tests/\w+/test_\w+\.py::\w+|\.ci/\w+)`", shown), row
