"""Ids that we mint: time-ordered for rows, derived for events."""

from __future__ import annotations

from uuid import UUID

import uuid_utils
import uuid_utils.compat

# Namespace of event ids (RFC 9562 §5.5); fixed for ever, since an event's id is its promise.
EVENTS = uuid_utils.UUID("6f1d1f0e-7c55-5d0a-9a1e-3b8d5f0c2a41")


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): known before the row is written, and near its neighbours in the index."""
    return uuid_utils.compat.uuid7()


def event_id(*parts: object) -> str:
    """The id of the event about `parts` (type, subject, revision …): the same parts give the same id for ever."""
    return str(uuid_utils.uuid5(EVENTS, "\x1f".join([str(part) for part in parts])))
