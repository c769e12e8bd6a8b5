"""A downstream service that dies where it is told to; its effects are rows in SQLite."""

from __future__ import annotations

import os
import signal
import sqlite3

import redis

from workers.subscriber import Event, Subscriber


def effects_file(path: str) -> sqlite3.Connection:
    """The database of a downstream service: what it did, in order, and the ids of what it did."""
    effects = sqlite3.connect(path, isolation_level=None, timeout=30)
    effects.execute("PRAGMA journal_mode=WAL")
    effects.execute("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY)")
    effects.execute("CREATE TABLE IF NOT EXISTS effect (id TEXT, subject TEXT, position INTEGER)")
    effects.execute("CREATE TABLE IF NOT EXISTS again AS SELECT 0 AS count")
    return effects


def serve(redis_url: str, path: str, *, lease: float = 1.0) -> None:
    """Handle events until SIGTERM; effects and inbox share a transaction."""
    effects = effects_file(path)

    def handle(event: Event) -> None:
        effects.execute("BEGIN IMMEDIATE")
        if effects.execute("INSERT OR IGNORE INTO inbox VALUES (?)", (event.id,)).rowcount:
            effects.execute("INSERT INTO effect VALUES (?, ?, ?)", (event.id, event.subject, event.position))
        else:
            effects.execute("UPDATE again SET count = count + 1")
        effects.execute("COMMIT")

    Subscriber(
        redis_url, group="chaos", start="beginning", partitions=3, lease=lease, block=0.2, retry_base=0.05, max_tries=50
    ).run(handle, signals=True)


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
