"""Every document in the folder beside this test comes out as the JSON of the same name says.

The JSON names the fault or feature (`why`), may set `url` and `content_type`, and lists only what matters:
`entries` (each with the fields that are checked), `bad`, `hints`, `reader`, or `not_a_feed` / `parse_failed`.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from tasks.formats import NotAFeed, ParseFailed, parse

DOCUMENTS = sorted(path for path in (Path(__file__).parent / "documents").iterdir() if path.suffix != ".json")


def plain(value: Any) -> Any:
    """Bring a record to what JSON can say."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def narrowed(found: Any, expected: Any) -> Any:
    """Keep of `found` only the names that `expected` speaks of."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {name: narrowed(found.get(name), one) for name, one in expected.items()}
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [narrowed(one, two) for one, two in zip(found, expected, strict=True)]
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_comes_out_as_written_beside_it(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert expected.pop("why")
    given = {
        "content_type": expected.pop("content_type", None),
        "url": expected.pop("url", "https://paper.example/feed"),
    }
    try:
        found = plain(parse(path.read_bytes(), **given))
    except NotAFeed as error:
        found = {"not_a_feed": error.looks_like.value, "detail": error.detail}
    except ParseFailed as error:
        found = {"parse_failed": str(error)}
    assert narrowed(found, expected) == expected


def test_every_document_has_its_expectation_and_no_expectation_is_left_over() -> None:
    folder = Path(__file__).parent / "documents"
    assert {path.stem for path in DOCUMENTS} == {path.stem for path in folder.glob("*.json")}
    assert len({path.stem for path in DOCUMENTS}) == len(DOCUMENTS)
