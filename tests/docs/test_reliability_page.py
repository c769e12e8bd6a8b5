"""The page on reliability names tests that exist, and one for each of the thirty faults."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"


def rows() -> list[str]:
    return [line for line in PAGE.read_text().splitlines() if re.match(r"\| \d+ \|", line)]


def test_each_fault_has_a_row_with_a_test() -> None:
    assert [int(row.split("|")[1]) for row in rows()] == list(range(1, 31))
    assert all("::test_" in row or "make chaos" in row for row in rows())


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE.read_text())
    assert len(named) > 50
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in (TESTS / file).read_text()]
    assert missing == []


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`tests/([\w/]+\.\w+)`", PAGE.read_text())
    assert [name for name in named if not (TESTS / name).exists()] == []
