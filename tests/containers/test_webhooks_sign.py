"""The webhooks process gives a sign of life from the loop that does its work: its health check depends on it."""

from __future__ import annotations

import asyncio

from storage.db import Sessions
from workers.webhooks import Limits, Sender


def test_every_turn_of_the_sending_loop_gives_a_sign(sessions: Sessions) -> None:
    turns: list[int] = []
    stop = asyncio.Event()

    def pulse() -> None:
        turns.append(len(turns))
        if len(turns) == 3:
            stop.set()

    asyncio.run(Sender(sessions=sessions, limits=Limits(poll=0.01), pulse=pulse).run(stop))
    assert turns == [0, 1, 2]
