"""What goes wrong, and when: drawn from the seed before the run begins, so that a seed is the same run of faults."""

from __future__ import annotations

import random
from dataclasses import dataclass

# Seconds between two faults, from and to.
PAUSE = (2.0, 8.0)
# How often each fault is drawn, in relation; `lasting` ones end after so many seconds, from and to.
ONCE = {
    "kill worker": 3,
    "orphan pool": 1,
    "kill pool child": 4,
    "stop worker": 2,
    "kill beat": 1,
    "kill relay": 3,
    "stop relay": 1,
    "kill reader": 3,
    "stop reader": 1,
    "kill sender": 2,
    "kill redis": 3,
    "empty redis": 1,
    "flush redis": 1,
    "kill postgres": 2,
    "deliver twice": 4,
    "reingest": 2,
}
LASTING = {
    "freeze worker": (2, (3.0, 40.0)),
    "freeze pool child": (1, (3.0, 25.0)),
    "freeze relay": (2, (3.0, 20.0)),
    "freeze reader": (1, (1.0, 5.0)),
    "freeze sender": (1, (1.0, 15.0)),
    "freeze redis": (2, (1.0, 12.0)),
    "fill redis": (2, (2.0, 10.0)),
    "second beat": (1, (5.0, 20.0)),
    "bad feed": (8, (2.0, 12.0)),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault `at` so many seconds into the run, for `seconds` (0: at once); `pick` and `how` from 0 to 1 choose."""

    at: float
    kind: str
    seconds: float
    pick: float
    how: float


def drawn(seed: int, seconds: float, *, postgres: bool) -> list[Fault]:
    """The faults of a run, in their order."""
    chance = random.Random(f"faults {seed}")
    weights = dict(ONCE) | {kind: weight for kind, (weight, _) in LASTING.items()}
    found: list[Fault] = []
    at = 8.0
    while (at := at + chance.uniform(*PAUSE)) < seconds:
        kind = chance.choices(list(weights), list(weights.values()))[0]
        span = LASTING[kind][1] if kind in LASTING else None
        lasts = min(chance.uniform(*span), seconds - at) if span else 0.0
        fault = Fault(at=round(at, 2), kind=kind, seconds=round(lasts, 2), pick=chance.random(), how=chance.random())
        # Drawn all the same, so that both databases see the same run of the other faults.
        if postgres or kind != "kill postgres":
            found.append(fault)
    return found
