"""The line as the tests of this room use it: a publisher, a database, and a room whose clock the test holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from publisher import ALLOW, Publisher
from wire import Clock, bath

from storage.db import Sessions
from tasks.fetch import FetchPolicy
from tasks.room import Room


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(sessions: Sessions, clock: Clock) -> Room:
    """A room whose clock the test holds."""
    return Room(sessions=sessions, fetch=FetchPolicy(allow=ALLOW), clock=clock)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A publisher with one feed, `stadt`, of one piece."""
    with Publisher(feeds={"stadt": [bath()]}) as served:
        yield served
