"""The keys of copies that SQLite was given last: a row per transaction, until there are enough of them for the index.

Keys are hashes, so those of a transaction belong all over the index, and SQLite writes whole pages: the keys of ten
documents rewrite every page of a small index, and of a large one a page each. Thousands of them, put in together and in
their order, rewrite a page for many. Until then a look-up goes through them as they lie. Postgres writes rows, not
pages, so its keys go into the index at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, delete, func, insert, select
from sqlmodel import Session, col

from storage import bulk
from storage.story_models import StoryBand, StoryFresh, StoryPrint

WAITING = 2048
"""Texts whose keys wait for the index: half a megabyte, read in half a millisecond."""

TOGETHER = 100
"""Keys that one statement puts into the index: half the time of a statement each."""

Numbers = NDArray[np.int64]

_FRESH: Table = StoryFresh.__table__  # type: ignore[attr-defined]
_BANDS: Table = StoryBand.__table__  # type: ignore[attr-defined]
_PUT = insert(_FRESH)
_FIRST = select(func.min(_FRESH.c.id))
_ALL = select(col(StoryFresh.keys), col(StoryFresh.prints))
_EMPTY = delete(_FRESH)
_TOGETHER = f"INSERT INTO story_band (key, print_id) VALUES {', '.join(['(?, ?)'] * TOGETHER)}"  # noqa: S608  # no values


def put(session: Session, first: int, last: int, keys: Numbers, prints: Numbers) -> None:
    """Keep keys in their order, each with the id of its print, for prints from `first` to `last`."""
    connection = session.connection()
    connection.execute(_PUT, {"id": first, "keys": _packed(keys), "prints": _packed(prints)})
    if last - connection.execute(_FIRST).scalar_one() >= WAITING:
        put_in_order(session)


def sharing(session: Session, wanted: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Those of the keys wanted (in their order) that wait here, each with the id of a print that has it."""
    keys, prints = _read(session)
    if not keys.size or not wanted:
        return ()
    asked = np.array(wanted, np.int64)
    hits = np.flatnonzero(asked.take(asked.searchsorted(keys), mode="clip") == keys)
    return zip(keys[hits].tolist(), prints[hits].tolist(), strict=True)


def put_in_order(session: Session) -> None:
    """Put all that waits into the index, but for prints that were taken out of the window since."""
    keys, prints = _read(session)
    if not keys.size:
        return
    ids = col(StoryPrint.id)
    left = list(session.scalars(select(ids).where(ids.between(int(prints.min()), int(prints.max())))))
    order = keys.argsort()
    order = order[np.isin(prints[order], left)]
    bands = np.column_stack((keys[order], prints[order]))
    alone = len(bands) % TOGETHER
    bulk.insert_values(session, _BANDS, ("key", "print_id"), bands[:alone].tolist())
    together = bands[alone:].reshape(-1, 2 * TOGETHER).tolist()
    connection = session.connection()
    if together:
        connection.exec_driver_sql(_TOGETHER, [tuple(values) for values in together])
    connection.execute(_EMPTY)


def _read(session: Session) -> tuple[Numbers, Numbers]:
    rows = session.connection().execute(_ALL).all()
    return _unpacked(row[0] for row in rows), _unpacked(row[1] for row in rows)


def _packed(numbers: Numbers) -> bytes:
    return numbers.astype("<i8", copy=False).tobytes()


def _unpacked(parts: Iterable[bytes]) -> Numbers:
    return np.frombuffer(b"".join(parts), "<i8")
