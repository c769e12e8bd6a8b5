"""Which of the texts under a text's keys are near it. Pure.

A key that very many texts have (a publisher's boilerplate, the sentences of the daily weather) is full at `FULL` texts
and takes no more: it tells nothing, and copies find each other by their other keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

FULL = 32
"""Texts under one key before it says no more. Copies of one text that many publishers run differ in other keys."""
NEAREST = 24
"""Texts that share the rarest keys, per new text; beyond these a copy would have turned up already."""
ENOUGH = 3
"""Keys two texts must share. Of sixteen a copy shares four and more, a quotation one or two."""


class Keys:
    """The keys that more than one text has, each with the numbers of those texts.

    `held` are those in the store; `arriving` says how many of the texts that are still to be laid have a key. One that
    only one of them has, and none in the store, makes no two texts meet, so it is not among them.
    """

    def __init__(self, held: Mapping[int, Sequence[int]], arriving: Mapping[int, int]) -> None:
        self._under: dict[int, list[int]] = {key: list(numbers) for key, numbers in held.items()}
        self._laid: set[int] = set()
        self._nearest: dict[tuple[int, ...], list[int]] = {}
        for key in [key for key, times in arriving.items() if times > 1]:
            self._under.setdefault(key, [])

    def nearest(self, keys: tuple[int, ...], text_key: int) -> list[int]:
        """The same text and the texts with `ENOUGH` of these keys, those with the rarest ones first.

        The same text needs no more than its own key: where copy is written by a pattern (the weather, the lottery),
        most keys are full, and two copies of one piece share hardly another.
        """
        if self._under.keys().isdisjoint(keys):
            return []
        if keys in self._nearest and self._laid.isdisjoint(keys):
            return self._nearest[keys]
        shared = [self._under[key] for key in keys if key in self._under]
        times = Counter(chain.from_iterable(shared))
        weights = dict.fromkeys(self._under.get(text_key, ()), 0.0)
        weights |= {number: 0.0 for number, count in times.items() if count >= ENOUGH}
        if weights:
            for numbers in shared:
                for number in numbers:
                    if number in weights:
                        weights[number] += 1 / len(numbers)
        found = sorted(weights, key=lambda number: (-weights[number], number))[:NEAREST]
        self._nearest[keys] = found
        return found

    def lay(self, number: int, keys: Sequence[int], text_key: int) -> Sequence[int]:
        """Let later texts find this one; returns the keys it is found by, which are those that are not full.

        A text with enough of them is found by them where it comes again, too, and its own key is not among them.
        """
        every_key = (*keys, text_key)
        if self._under.keys().isdisjoint(every_key):
            return keys if len(keys) >= ENOUGH else every_key
        free = [key for key in every_key if len(self._under.get(key, ())) < FULL]
        for key in free:
            if key in self._under:
                self._under[key].append(number)
                self._laid.add(key)
        found_by = [key for key in free if key != text_key]
        return found_by if len(found_by) >= ENOUGH else free
