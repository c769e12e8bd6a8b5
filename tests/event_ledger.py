"""The checker of the event line: what was committed, what the stream has, what a subscriber did about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence

# An event as the checker sees it: its id, and the subject within which order counts.
Told = tuple[str, str]


def faults(committed: Sequence[Told], streamed: Sequence[Told], effects: Sequence[Told]) -> list[str]:
    """Everything that is wrong; empty when nothing was lost, doubled or put out of order.

    `committed` is in the order of the commits of each subject, the others in the order found.
    """
    return [*_differences("stream", committed, streamed), *_differences("effects", committed, effects)]


def _differences(where: str, wanted: Sequence[Told], found: Sequence[Told]) -> Iterable[str]:
    want, have = Counter(name for name, _ in wanted), Counter(name for name, _ in found)
    yield from (f"{where}: {name} is lost" for name in want if name not in have)
    yield from (f"{where}: {name} is there {count} times" for name, count in have.items() if count > 1)
    yield from (f"{where}: {name} was never committed" for name in have if name not in want)
    right, order = _by_subject(wanted, have), _by_subject(found, want)
    for subject in sorted(right):
        names = list(dict.fromkeys(order.get(subject, ())))
        if names != right[subject]:
            yield f"{where}: order of {subject} is {names}, was {right[subject]}"


def _by_subject(told: Sequence[Told], known: Container[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, subject in told:
        if name in known:
            found.setdefault(subject, []).append(name)
    return found
