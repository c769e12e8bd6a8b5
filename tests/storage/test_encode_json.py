"""JSON as it is kept and sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.encode import canonical_json, encoded, json_bytes, to_json
from storage.records import Block, BlockKind, Tag

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(values)
def test_whatever_is_written_reads_back_the_same(value: object) -> None:
    assert json.loads(to_json(value)) == value


@given(st.dictionaries(st.text(), values))
def test_the_order_of_keys_makes_no_difference_to_a_digest(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))


@given(values, values)
def test_a_part_that_was_encoded_before_is_written_as_it_would_be_now(part: object, rest: object) -> None:
    whole = {"rest": rest, "part": encoded(part)}
    assert to_json(whole) == to_json({"rest": rest, "part": part})
    assert json.loads(canonical_json(whole)) == {"rest": rest, "part": part}


def test_half_a_character_beside_an_encoded_part_leaves_the_part_as_it_is() -> None:
    tag = Tag(kind="place", label="Köln", confidence=0.9, evidence=("in Köln",))
    told = {"headline": "\ud83d", "tags": (tag,)}
    assert to_json(told | {"tags": encoded((tag,))}) == to_json(told)
    assert canonical_json(told | {"tags": encoded([1])}) == canonical_json(told | {"tags": [1]})


def test_records_are_objects_of_their_fields() -> None:
    tag = Tag(kind="place", label="Köln", confidence=0.9, evidence=("in Köln",))
    told = json.loads(to_json({"tags": (tag,), "body": [Block(kind=BlockKind.QUOTE, text="Ja")]}))
    assert told["body"] == [{"kind": "quote", "text": "Ja"}]
    assert told["tags"][0] == {
        "kind": "place",
        "label": "Köln",
        "scheme": None,
        "code": None,
        "confidence": 0.9,
        "enricher": "",
        "version": "",
        "evidence": ["in Köln"],
    }


def test_a_size_beyond_64_bits_is_written_all_the_same() -> None:
    block = Block(kind=BlockKind.QUOTE, text="Ja")
    assert json.loads(to_json({"size": 10**30, "block": block}))["size"] == 10**30
    at, name = datetime(2026, 5, 4, 12, 30, tzinfo=UTC), UUID(int=7)
    whole = {"at": at, "id": name}
    assert json_bytes(whole | {"size": 10**30}) == json_bytes(whole)[:-1] + b',"size":1' + b"0" * 30 + b"}"
    assert json.loads(to_json(whole)) == {"at": at.isoformat(), "id": str(name)}
    assert canonical_json({"b": 10**30, "a": 1}) == b'{"a":1,"b":1000000000000000000000000000000}'


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError):
        to_json({"a": {1, 2}})
