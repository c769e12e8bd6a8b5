"""Which words of a text stand in another one too, and in which aligned places the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.stories.fingerprint import Fingerprint
from tasks.stories.fold import RUN

BRIDGE = 8
"""Words between two shared runs that an editor may have changed; a longer stretch is a passage the other lacks."""

PASSAGE = 40
"""Words of two passages that may still be set side by side, if the one is not twice as long as the other."""

Positions = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Words between two shared runs, first and last exclusive, in the one text and in the other."""

    a: tuple[int, int]
    b: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """The shared runs of two texts: `at` their places in a, `there` in b, of those that stand in each only once.

    `a_in_b` is the share of a's words that are in b, small changes bridged, and `b_in_a` the other way round.
    `a_opens` and `b_opens` are the words before the first shared run of each. `shared` is a count of words.
    """

    at: Positions
    there: Positions
    a_in_b: float
    b_in_a: float
    a_opens: int
    b_opens: int
    shared: int
    runs_in_common: float


def overlap(a: Fingerprint, b: Fingerprint) -> Overlap | None:
    """Where two texts say the same, or None where they share no run of words."""
    if not a.ordered.size or not b.ordered.size:
        return None
    common, place = _also_in(a, b)
    at = np.flatnonzero(common)
    if not at.size:
        return None
    there = b.order.take(place.take(at))
    anchors = a.once.take(at) & b.once.take(there)
    in_b = np.flatnonzero(_also_in(b, a)[0])
    # A change in the first or last words is as small a change as one between two runs.
    opening = int(at[0]), int(in_b[0])
    end = a.words - RUN - int(at[-1]), b.words - RUN - int(in_b[-1])
    edges = [edge if min(edge) > 0 and max(edge) <= BRIDGE else (0, 0) for edge in (opening, end)]
    a_covered = _covered(at) + edges[0][0] + edges[1][0]
    b_covered = _covered(in_b) + edges[0][1] + edges[1][1]
    return Overlap(
        at=at[anchors],
        there=there[anchors],
        a_in_b=min(1.0, a_covered / a.words),
        b_in_a=min(1.0, b_covered / b.words),
        a_opens=opening[0],
        b_opens=opening[1],
        shared=min(a_covered, b_covered),
        runs_in_common=at.size / (a.folded.shingles.size + b.folded.shingles.size - in_b.size),
    )


def _also_in(a: Fingerprint, b: Fingerprint) -> tuple[NDArray[np.bool_], Positions]:
    """Which of a's runs, in their order, stand in b, too, and where among b's sorted ones."""
    # Smallest first, so that each search begins near the end of the one before: a fifth of the time.
    place = np.minimum(b.ordered.searchsorted(a.ordered), b.ordered.size - 1)
    common = np.empty(place.size, np.bool_)
    common[a.order] = b.ordered.take(place) == a.ordered
    placed = np.empty_like(place)
    placed[a.order] = place
    return common, placed


def _covered(places: Positions) -> int:
    """How many words the runs at these places cover, the small gaps between them counted in."""
    steps = np.diff(places)
    return int(np.where(steps <= RUN + BRIDGE, steps, RUN).sum()) + RUN


def gaps(a: Fingerprint, b: Fingerprint, shared: Overlap) -> Iterator[Gap]:
    """The aligned places where two texts differ, in the order of a, opening and end among them.

    A place is aligned when what both say there is short, or is of about the same length.
    """
    # A run before the first word and one after the last make the opening and the end gaps like all others.
    at = np.concatenate(([-RUN], shared.at, [a.words]))
    there = np.concatenate(([-RUN], shared.there, [b.words]))
    more, fewer = at[1:] - at[:-1] - RUN, there[1:] - there[:-1] - RUN
    long, short = np.maximum(more, fewer), np.minimum(more, fewer)
    aligned = (fewer > -RUN) & ((long <= BRIDGE) | ((long <= PASSAGE) & (long <= 2 * short)))
    if (fewer <= -RUN).any():
        # Passages were moved: only two runs that follow each other in both texts have a place between them.
        rank = there.argsort().argsort()
        aligned &= rank[1:] - rank[:-1] == 1
    for place in np.flatnonzero(aligned & (long > 0)).tolist():
        yield Gap(
            a=(int(at[place]) + RUN, int(at[place + 1])),
            b=(int(there[place]) + RUN, int(there[place + 1])),
        )
