"""Events that a session has put aside for the last act of its transaction, and forgets with what is rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from storage.records import Event

# Where they stand in `session.info`: each lot with the savepoint that it belongs to, None outside of any.
_ASIDE = "wireroom_aside"
# The savepoint that was open when the last commit was announced.
_ANNOUNCED = "wireroom_announced"


def put(session: Session, events: Sequence[Event]) -> None:
    """Put events aside, behind those that are there already."""
    if not session.in_transaction():
        # Else a rollback of this session would be none, and tell nobody.
        session.begin()
    session.info.setdefault(_ASIDE, []).append((session.get_nested_transaction(), tuple(events)))


def take(session: Session) -> list[Event]:
    """All that is put aside, in order; nothing is left there."""
    return [one for _, events in session.info.pop(_ASIDE, ()) for one in events]


def ending(session: Session) -> bool:
    """Whether the commit that SQLAlchemy announces is the transaction's, and not only that of a savepoint."""
    savepoint = session.get_nested_transaction()
    if savepoint is None:
        return True
    # Announced again while it is open: it is the transaction that ends, over the head of a savepoint, which follows it.
    announced = session.info.get(_ANNOUNCED)
    session.info[_ANNOUNCED] = savepoint
    return announced is savepoint


@event.listens_for(Session, "after_soft_rollback")
def _rolled_back(session: Session, gone: SessionTransaction) -> None:
    if held := session.info.get(_ASIDE):
        session.info[_ASIDE] = [lot for lot in held if not _within(lot[0], gone)]


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, ended: SessionTransaction) -> None:
    # Also the end of a session that is closed without a commit, and may be used again.
    if ended.parent is None:
        session.info.pop(_ASIDE, None)
        session.info.pop(_ANNOUNCED, None)


def _within(savepoint: Any, gone: SessionTransaction) -> bool:
    """Whether what belongs to a savepoint went with a transaction: it is the same, or around it."""
    while savepoint is not None and savepoint is not gone:
        savepoint = savepoint.parent
    return savepoint is gone
