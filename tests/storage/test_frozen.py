"""Records compare and hash by value; that nobody sets one is mypy's to see."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from storage.frozen import record
from storage.records import Block, BlockKind, Tag


@record(frozen=True, kw_only=True, slots=True)
class _Value:
    name: str
    parts: tuple[str, ...] = ()


@record(frozen=False, slots=True)
class _Open:
    name: str


def test_records_with_the_same_fields_are_one_key() -> None:
    assert {_Value(name="a", parts=("b",)): 1}[_Value(name="a", parts=("b",))] == 1
    assert _Value(name="a") != _Value(name="b")
    assert len({Tag(kind="topic", label="x"), Tag(kind="topic", label="x"), Tag(kind="topic", label="y")}) == 2


def test_a_record_that_is_not_frozen_is_no_key() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(_Open("a"))


def test_a_record_takes_no_field_that_it_has_not() -> None:
    value = _Value(name="a")
    with pytest.raises(AttributeError):
        value.other = 1  # type: ignore[attr-defined]


def test_records_are_copied_and_sent_between_processes_as_values() -> None:
    block = Block(kind=BlockKind.QUOTE, text="Said she.")
    assert pickle.loads(pickle.dumps(block)) == block
    assert replace(block, text="Said he.") == Block(kind=BlockKind.QUOTE, text="Said he.")
