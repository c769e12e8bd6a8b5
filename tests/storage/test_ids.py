"""Ids: an event's is its promise."""

from __future__ import annotations

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from storage.ids import event_id, new_id

NAMESPACE = UUID("6f1d1f0e-7c55-5d0a-9a1e-3b8d5f0c2a41")  # fixed for ever


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.uuids()))
def test_the_id_of_an_event_is_the_uuid5_of_what_it_tells_of(parts: list[object]) -> None:
    assert event_id(*parts) == str(uuid5(NAMESPACE, "\x1f".join(map(str, parts))))


def test_ids_of_rows_come_in_the_order_in_which_they_were_made() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert {found.version for found in made} == {7}
