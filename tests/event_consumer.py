"""A downstream service that dies where it is told to; its effects are rows in SQLite."""

from __future__ import annotations

import os
import signal
import sqlite3

import redis

from workers.subscriber import Event, Subscriber


def consume(url: str, path: str, moment: str, partitions: int) -> None:
    """Handle events until nothing is left (`serve`: until stopped).

    `before` and `after` kill the process around the third effect, `poison` at every sight of event 2, and a number
    freezes it after that event.
    """
    effects = sqlite3.connect(path, isolation_level=None, timeout=30)

    def handle(event: Event) -> None:
        if (moment == "before" and event.position == 3) or (moment == "poison" and event.position == 2):
            os.kill(os.getpid(), signal.SIGKILL)
        # The effect and the event's id in one transaction: that, and only that, makes it happen once.
        effects.execute("BEGIN IMMEDIATE")
        if effects.execute("INSERT OR IGNORE INTO inbox VALUES (?)", (event.id,)).rowcount:
            effects.execute("INSERT INTO effect VALUES (?, ?)", (event.subject, event.position))
        effects.execute("COMMIT")
        if moment == "after" and event.position == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if moment.isdigit() and event.position == int(moment):
            os.kill(os.getpid(), signal.SIGSTOP)

    subscriber = Subscriber(
        url,
        group="search",
        start="beginning",
        partitions=partitions,
        lease=1.0,
        block=0.1,
        retry_base=0.01,
        max_tries=3,
    )
    subscriber.run(handle, until_idle=moment != "serve", signals=True)


def consume_and_acknowledge_first(url: str, path: str, moment: str, _partitions: int) -> None:
    """The bug that `consume` does not have: each event is acknowledged when it is read, and handled then."""
    effects = sqlite3.connect(path, isolation_level=None)
    stream, group = "wireroom:events", "search"
    with redis.Redis.from_url(url, decode_responses=True) as client:
        if not client.exists(f"{stream}:made"):
            client.xgroup_create(stream, group, "0")
            client.set(f"{stream}:made", 1)
        while reply := client.xreadgroup(group, "me", {stream: ">"}, count=1):
            ((entry_id, fields),) = reply[0][1]
            client.xack(stream, group, entry_id)
            position = int(entry_id.partition("-")[0])
            if moment == "before" and position == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            effects.execute("INSERT INTO effect VALUES (?, ?)", (fields["subject"], position))
