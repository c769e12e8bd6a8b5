"""Texts folded together come out as each does alone, and as they always have: stored keys must go on finding copies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.stories.fingerprint import KEYS_OF_ALL, Fingerprint, fingerprint, fingerprints
from tasks.stories.fold import MAX_CHARACTERS, Folded, fold, fold_texts

PIECES = (
    "Die Fähre", "Straße", "6,6", "6.", ".5", ":", "14", "2026.", "co\u00adoperate", "a\u0301", "x\u0301", "\u200b",
    "ไทยไทย", "漢字かな", "😀", "\ud800", "ﬁnal", "１２.３", "\n", "—", "U.S.",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=60).map(" ".join) | st.text(max_size=20)


def values(folded: Folded) -> list[object]:
    arrays = (folded.offsets, folded.shingles, folded.numeric)
    return [folded.source, folded.whole, folded.words, *(one.tolist() for one in arrays)]


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, max_size=6))
def test_texts_fold_together_as_each_folds_alone(many: list[str]) -> None:
    assert [values(one) for one in fold_texts(many)] == [values(fold(text)) for text in many]


def test_a_text_as_long_as_is_read_stands_beside_short_ones() -> None:
    many = ["Ein Satz.", "ß" * MAX_CHARACTERS, "wort " * MAX_CHARACTERS, "", "6.6 und 6"]
    assert [values(one) for one in fold_texts(many)] == [values(fold(text)) for text in many]


def test_a_text_set_apart_is_the_same_and_holds_no_other_text() -> None:
    for one in fold_texts(["eins zwei drei vier fünf", "six seven eight nine ten eleven"]):
        alone = one.apart()
        assert values(alone) == values(one)
        assert all(array.base is None for array in (alone.begins, alone.shingles, alone.numeric))


def test_a_text_longer_than_others_has_the_keys_it_has_alone() -> None:
    many = [("", None, " ".join(f"wort{n}x{length}" for n in range(length))) for length in (30, 5000, 1027, 19, 0, 24)]
    assert [made.keys for made in fingerprints(many)] == [fingerprint(one, text).keys for one, _, text in many]
    smallest = np.sort(fingerprint("", many[1][2]).folded.shingles)[:KEYS_OF_ALL].view(np.int64).tolist()
    assert {*smallest} <= {*fingerprint("", many[1][2]).keys}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=10), st.none() | texts, texts), max_size=4))
def test_articles_have_the_same_keys_together_as_alone(many: list[tuple[str, str | None, str]]) -> None:
    def stored(one: Fingerprint) -> list[object]:
        return [one.headline, one.text_key, one.keys, one.words]

    assert [stored(one) for one in fingerprints(many)] == [
        stored(fingerprint(one, text, teaser)) for one, teaser, text in many
    ]


@pytest.mark.parametrize(
    ("text", "text_key", "keys"),
    [
        (
            "14 Tote, 6,6 Prozent und die Straße: Die Fähre liegt seit Montag am Kai, sagte der Lotse. "
            "Die Fähre liegt seit Montag am Kai, sagte der Lotse. Stand 2026.",
            -1219142056137836306,
            [1184014963683788665, 2630994020870614782, 3138461898308890910],
        ),
        (
            "co\u00adoperate a\u0301 in 漢字 at 16:30 — the ferry of the harbour has been at the quay for two days, "
            "said 3 of 4 pilots 😀",
            3452228565865996628,
            [-8829732601305614143, -8341295020747115989, -6675787793355758305],
        ),
        (
            "kurz und 2026 gut genug.",
            4129162853109557401,
            [],
        ),
    ],
)
def test_the_keys_of_a_text_are_those_that_are_stored(text: str, text_key: int, keys: list[int]) -> None:
    made = fingerprint("", text)
    assert (made.text_key, [*made.keys[:3]]) == (text_key, keys)
