"""Work in steps: each is taken for all before the next, and what comes of the last is what comes of all."""

from __future__ import annotations

import pytest

from tasks.steps import Steps, single, take, take_all


def counted(name: str, seen: list[str], steps: int = 2) -> Steps[str]:
    for number in range(steps):
        seen.append(f"{name}{number}")
        yield
    return name


def test_whoever_has_several_to_do_takes_each_step_for_all_of_them() -> None:
    seen: list[str] = []
    work = [counted("a", seen), counted("b", seen)]
    assert [take(one) for one in work] == [None, None]
    assert [take(one) for one in work] == [None, None]
    ends = [take(one) for one in work]
    assert [end.made for end in ends if end is not None] == ["a", "b"]
    assert seen == ["a0", "b0", "a1", "b1"]


def test_all_steps_are_taken_for_one_that_is_alone() -> None:
    seen: list[str] = []
    assert take_all(counted("a", seen)) == "a"
    assert seen == ["a0", "a1"]


def test_work_of_one_step_may_come_to_nothing_or_fail() -> None:
    done = take(single(lambda: None))
    assert done is not None
    assert done.made is None
    with pytest.raises(ZeroDivisionError):
        take(single(lambda: 1 // 0))
