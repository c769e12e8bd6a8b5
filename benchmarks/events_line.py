"""How fast events get from the outbox to a subscriber, and how long one takes.

    PYTHONPATH=tests .venv/bin/python benchmarks/events_line.py [database URL]

Brings up Redis and SQLite (or the database named as argument) on this machine. Prints events per second through relay
and client, and the time from commit to handler at ten events a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from services import migrated, redis_server

from storage import outbox
from storage.db import Sessions, make_engine, make_sessions
from storage.records import ArticleView, Block, BlockKind, Cause, CleanArticle, Event
from tasks.events import article_created
from workers.relay import Relay, State
from workers.subscriber import Subscriber

BULK = 5_000
PACED = 100


def event(number: int) -> Event:
    """An event of about four kilobytes."""
    now = datetime.now(UTC)
    paragraph = Block(kind=BlockKind.PARAGRAPH, text="Die Feuerwehr ist seit dem frühen Morgen im Einsatz. " * 6)
    view = ArticleView(
        id=UUID(int=number),
        feed_id=1,
        feed_url="https://wire.example/rss",
        publisher=None,
        revision=1,
        status="usable",
        url=f"https://wire.example/{number}",
        guid=str(number),
        language="de",
        published_at=now,
        published_raw=None,
        updated_at=None,
        first_seen_at=now,
        clean=CleanArticle(headline=f"Meldung {number}", teaser="Kurz.", blocks=(paragraph,) * 10),
    )
    return article_created(view, cause=Cause.POLL, backfill=False, now=now)


def through(sessions: Sessions, url: str) -> None:
    """Everything at once."""
    events = [event(number) for number in range(BULK)]
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, BULK, 50):
        with sessions.begin() as session:
            outbox.record(session, events[start : start + 50])
    report("record, 50 in a transaction", began, cpu)
    relay = Relay(sessions=sessions, redis_url=url)
    began, cpu = time.perf_counter(), time.process_time()
    while relay.step() is not State.IDLE:
        pass
    report("relay", began, cpu)
    relay.close()
    began, cpu = time.perf_counter(), time.process_time()
    Subscriber(url, group="bulk", start="beginning").run(lambda _: None, until_idle=True)
    report("subscriber", began, cpu)


def report(what: str, began: float, cpu: float) -> None:
    """One line of figures."""
    seconds, busy = time.perf_counter() - began, time.process_time() - cpu
    sys.stdout.write(f"{what:<30} {BULK / seconds:>8.0f} events/s  {busy / BULK * 1e6:>7.0f} µs CPU each\n")


def paced(sessions: Sessions, url: str) -> None:
    """Ten a second, as a wire does."""
    stop = threading.Event()
    relay = Relay(sessions=sessions, redis_url=url)
    reader = Subscriber(url, group="paced", start="now")
    waited: list[float] = []
    sent: dict[str, float] = {}
    threads = [
        threading.Thread(target=relay.run, args=(stop,)),
        threading.Thread(target=reader.run, args=(lambda told: waited.append(time.perf_counter() - sent[told.id]),)),
    ]
    for thread in threads:
        thread.start()
    time.sleep(2)
    for number in range(BULK, BULK + PACED):
        told = event(number)
        with sessions.begin() as session:
            outbox.record(session, [told])
        sent[told.id] = time.perf_counter()
        time.sleep(0.1)
    time.sleep(2)
    stop.set()
    reader.stop()
    for thread in threads:
        thread.join()
    told_of = sorted(waited)
    p50, p99 = statistics.median(told_of) * 1000, told_of[int(len(told_of) * 0.99) - 1] * 1000
    sys.stdout.write(f"commit to handler              p50 {p50:.0f} ms, p99 {p99:.0f} ms ({len(told_of)} of {PACED})\n")


def main() -> None:
    """Both measurements."""
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder) / "redis") as server:
        engine = make_engine(migrated(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/wireroom.db"))
        sessions = make_sessions(engine)
        through(sessions, server.url)
        paced(sessions, server.url)
        engine.dispose()


if __name__ == "__main__":
    main()
