"""The budget of requests: shared out by the square-root law, kept to, and unhurt by floors and ceilings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.cadence import CadencePolicy, within
from tasks.cadence.budget import _per_minute

POLICY = CadencePolicy()


def test_a_budget_is_used_up_and_kept() -> None:
    pulls = [(0.5, 400), (1.0, 300), (3.0, 80), (9.0, 5)]
    fitted = within(POLICY, pulls, per_minute=20.0)
    assert _per_minute(pulls, fitted.stretch, fitted) == pytest.approx(20.0, rel=1e-4)


def test_twice_the_budget_is_half_the_wait() -> None:
    pulls = [(1.0, 1000)]
    assert within(POLICY, pulls, per_minute=10.0).stretch == pytest.approx(
        2 * within(POLICY, pulls, per_minute=20.0).stretch, rel=1e-3
    )


def test_without_feeds_the_stretch_stays() -> None:
    assert within(POLICY, [], per_minute=5.0) == POLICY


def test_no_budget_pushes_a_feed_beyond_floor_or_ceiling() -> None:
    generous = within(POLICY, [(1.0, 10)], per_minute=1e6)
    assert _per_minute([(1.0, 10)], generous.stretch, generous) == pytest.approx(10 * 60 / POLICY.floor)
    mean = within(POLICY, [(1.0, 10)], per_minute=1e-6)
    assert _per_minute([(1.0, 10)], mean.stretch, mean) == pytest.approx(10 * 60 / POLICY.ceiling)


@given(
    pulls=st.lists(st.tuples(st.floats(0.05, 40.0), st.integers(1, 100_000)), min_size=1, max_size=60),
    share=st.floats(0.01, 0.99),
)
def test_any_budget_that_can_be_kept_is(pulls: list[tuple[float, int]], share: float) -> None:
    least, most = _per_minute(pulls, 1e12, POLICY), _per_minute(pulls, 1e-6, POLICY)
    budget = least + share * (most - least)
    fitted = within(POLICY, pulls, per_minute=budget)
    assert _per_minute(pulls, fitted.stretch, fitted) == pytest.approx(budget, rel=0.01)
