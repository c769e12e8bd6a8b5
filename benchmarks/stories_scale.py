"""What settling costs by the number of articles in the window, with the plans of its queries.

    python -m benchmarks.stories_scale --articles 10000 100000 1000000
    python -m benchmarks.stories_scale --articles 10000 100000 --url postgresql://…

The window is filled with random keys straight into the tables, as many per article as a text of 500 words has. Then
new articles of 3.5 kB, a tenth of them cut copies of earlier ones, are fingerprinted and settled 30 at a time.
"""

from __future__ import annotations

import argparse
import random
import struct
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, text

from benchmarks.dups_adapter import WINDOW, opened, write
from storage.db import Sessions, is_sqlite
from storage.ids import new_id
from storage.story_index import _KNOWN, _SHARING, _SHARING_SQLITE
from tasks.stories import fingerprint
from tasks.stories.settle import Arrival, settle

KEYS = 17
PER_DOCUMENT = 30
STEP = 200_000


def fill(sessions: Sessions, articles: int) -> None:
    """Put so many articles with random keys into the window."""
    chance = np.random.default_rng(articles)
    now = datetime.now(UTC)
    with sessions() as session:
        sqlite = is_sqlite(session)
    bands = np.empty((articles * KEYS, 2), np.int64)
    bands[:, 0] = chance.integers(-(2**63), 2**63 - 1, articles * KEYS)
    bands[:, 1] = np.repeat(np.arange(1, articles + 1), KEYS)
    prints = bands[:, 0].reshape(articles, KEYS)
    bands = bands[bands[:, 0].argsort()]
    with sessions.begin() as session:
        raw = session.connection().connection.driver_connection
        assert raw is not None
        cursor = raw.cursor()
        mark = "?" if sqlite else "%s"
        for start in range(0, articles, STEP):
            rows = (
                (n + 1, UUID(int=n).hex if sqlite else UUID(int=n), now, 1, 0, struct.pack(f"<{KEYS}q", *prints[n]))
                for n in range(start, min(start + STEP, articles))
            )
            columns = "id, article_id, kept_from, version, text_key, keys"
            _insert(cursor, "story_print", columns, rows, mark=mark, copy=not sqlite)
        for start in range(0, len(bands), STEP):
            some = map(tuple, bands[start : start + STEP].tolist())
            _insert(cursor, "story_band", "key, print_id", some, mark=mark, copy=not sqlite)
        if not sqlite:
            session.execute(text("SELECT setval(pg_get_serial_sequence('story_print', 'id'), :n)"), {"n": articles})
    with sessions.begin() as session:
        session.execute(text("ANALYZE"))


def _insert(cursor: object, table: str, columns: str, rows: Iterator[tuple], *, mark: str, copy: bool) -> None:
    if copy:
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as into:  # type: ignore[attr-defined]
            for row in rows:
                into.write_row(row)
        return
    marks = ", ".join([mark] * (columns.count(",") + 1))
    plain = (tuple(str(v)[:26] if isinstance(v, datetime) else v for v in row) for row in rows)
    cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", plain)  # type: ignore[attr-defined]


def pieces(count: int) -> Iterator[dict[str, str]]:
    """Articles of 3.5 kB in made-up words; every tenth is a cut copy of one before it."""
    chance = random.Random(count)
    syllables = ("ver", "ge", "lan", "der", "stadt", "ung", "markt", "rat", "bau", "lich", "keit", "sen", "ten", "haus")
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(8000)]
    made: list[str] = []
    for number in range(count):
        if number % 10 == 9:
            body = made[-5][:2000].rsplit(" ", 1)[0]
        else:
            sentences = (" ".join(chance.choices(words, k=14)).capitalize() + "." for _ in range(26))
            body = "\n".join(sentences)[:3500]
        made.append(body)
        yield {"headline": " ".join(body.split()[:7]), "text": body}


def measure(sessions: Sessions, count: int) -> tuple[float, float, float]:
    """CPU per article for fingerprint and settling in microseconds, articles per second, the share of copies found."""
    documents = list(pieces(count))
    spent = walls = 0.0
    found = 0
    for start in range(0, count, PER_DOCUMENT):
        some = documents[start : start + PER_DOCUMENT]
        now = datetime.now(UTC)
        with sessions.begin() as session:
            session.execute(text("SELECT 1"))
            cpu, wall = time.process_time(), time.perf_counter()
            arrivals = [
                Arrival(
                    article_id=new_id(),
                    fingerprint=fingerprint(document["headline"], document["text"]),
                    feed_id=1,
                    revision=1,
                    first_seen_at=now,
                )
                for document in some
            ]
            found += len(settle(session, arrivals, since=now - WINDOW, now=now))
            spent += time.process_time() - cpu
            walls += time.perf_counter() - wall
            write(session, arrivals, some, now)
    return spent / count * 1e6, count / walls, found / (count / 10)


def plans(sessions: Sessions) -> Iterator[str]:
    """The plans of the two look-ups."""
    with sessions() as session:
        sqlite = is_sqlite(session)
        connection = session.connection()
        keys: object = "[1,2,3]" if sqlite else [1, 2, 3]
        yield from _plan(connection, str(_SHARING_SQLITE if sqlite else _SHARING), {"keys": keys}, sqlite=sqlite)
        known = _KNOWN.params(ids=[1, 2, 3], since=datetime.now(UTC) - timedelta(days=7))
        sql = str(known.compile(connection, compile_kwargs={"literal_binds": True}))
        yield from _plan(connection, sql.replace(":", "\\:"), {}, sqlite=sqlite)


def _plan(connection: Connection, sql: str, values: dict[str, object], *, sqlite: bool) -> Iterator[str]:
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    for row in connection.execute(text(f"{explain} {sql}"), values):
        yield str(row[-1])


def main() -> None:
    """Print a table, one row per size of the window, and the plans at the last one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--new", type=int, default=3000)
    parser.add_argument("--url", help="an empty database to fill; SQLite in a temporary folder when not given")
    options = parser.parse_args()
    print("| articles in the window | CPU per article | articles/s | copies found | database |")
    print("|---|---|---|---|---|")
    for size in options.articles:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "stories.db"
            sessions = opened(options.url or f"sqlite:///{file}")
            fill(sessions, size)
            cpu, rate, found = measure(sessions, options.new)
            weight = f"{file.stat().st_size / 1e6:,.0f} MB" if file.exists() else "–"
            print(f"| {size:,} | {cpu:.0f} µs | {rate:,.0f} | {found:.1%} | {weight} |", flush=True)
            shown = list(plans(sessions)) if size == options.articles[-1] else []
            sessions.kw["bind"].dispose()
    print("\n" + "\n".join(shown))


if __name__ == "__main__":
    main()
