"""Keep what was claimed for as long as the work on it takes, and not for much longer than its worker lives.

A lease is short, so that the rows of a worker that was killed are another's soon; while the worker is at it, a thread
extends the lease. A worker that is frozen extends nothing: its rows go to another, and its token keeps it from writing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from tasks.room import Room

log = structlog.get_logger()

Extend = Callable[[Session, Mapping[int, str], datetime], None]
# The lease is extended three times while it runs: two failures in a row lose nothing.
BEATS = 3


@contextmanager
def holding(room: Room, extend: Extend, tokens: Mapping[int, str]) -> Iterator[None]:
    """Extend the lease of these rows (id → token) until the block ends."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(room, extend, tokens, over), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(room: Room, extend: Extend, tokens: Mapping[int, str], over: threading.Event) -> None:
    while not over.wait(room.lease.total_seconds() / BEATS):
        try:
            with room.sessions.begin() as session:
                extend(session, tokens, room.clock() + room.lease)
        except SQLAlchemyError as error:
            log.warning("lease.not_extended", rows=len(tokens), error=type(error).__name__)
