"""Five hundred feeds on loopback: cold, unchanged and changed rounds, as a ratio to a bare loop with the same client.

    python -m benchmarks.polling_loopback [--feeds 500]

Three contestants take turns in one run: a bare aiohttp loop (64 at a time, nothing checked, nothing kept), our fetcher
with its guards and with turns from a real Redis, and the whole poll (claim, fetch, store, decide, write) on SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import structlog

from storage import feeds, migrate
from storage.db import make_engine, make_sessions
from storage.records import FetchRequest, FetchResult, Validators
from tasks.fetch import FetchPolicy, close, fetch_shard
from tasks.poll import poll_due
from tasks.room import Room

ENTRIES = 30
HOSTS = 50
SERVER = """
import asyncio, sys
versions = {}
def body(number, version):
    items = "".join(
        f"<item><guid>{number}-{n}</guid><title>Meldung {n} aus Feed {number}</title>"
        f"<description>{'Der Stadtrat hat am Abend beraten. ' * 110}</description></item>"
        for n in range(version, version + 30))
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()
async def handle(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode("latin-1")
            path = head.split(" ", 2)[1]
            if path.startswith("/change/"):
                for number in range(0, 500, int(path[8:])):
                    versions[number] = versions.get(number, 0) + 2
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
                continue
            number = int(path[1:])
            tag = f'"{versions.get(number, 0)}"'
            if f"If-None-Match: {tag}" in head:
                writer.write(f"HTTP/1.1 304 Not Modified\\r\\nETag: {tag}\\r\\n\\r\\n".encode())
            else:
                page = body(number, versions.get(number, 0))
                writer.write(f"HTTP/1.1 200 OK\\r\\nETag: {tag}\\r\\nContent-Type: application/rss+xml\\r\\n"
                             f"Content-Length: {len(page)}\\r\\n\\r\\n".encode() + page)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(handle, "0.0.0.0", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def cpu() -> float:
    """CPU seconds of this process, the kernel's work for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Bare:
    """The same client with nothing around it."""

    name = "bare loop"

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self.tags: dict[str, str] = {}
        self.runner = asyncio.Runner()
        self.session = self.runner.run(self._open())

    async def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )

    def round(self) -> int:
        """Fetch all; return how many brought a document."""
        return self.runner.run(self._round())

    async def _round(self) -> int:
        places = asyncio.Semaphore(64)

        async def one(url: str) -> int:
            headers = {"If-None-Match": self.tags[url]} if url in self.tags else {}
            async with places, self.session.get(url, headers=headers, allow_redirects=False) as response:
                await response.read()
                self.tags[url] = response.headers["ETag"]
                return int(response.status == 200)

        return sum(await asyncio.gather(*(one(url) for url in self.urls)))

    def close(self) -> None:
        """Close the client."""
        self.runner.run(self.session.close())
        self.runner.close()


class Fetched:
    """Our fetcher alone, its results kept in memory."""

    name = "fetcher, guarded and governed"

    def __init__(self, urls: list[str], policy: FetchPolicy) -> None:
        self.urls, self.policy = urls, policy
        self.held: dict[int, FetchResult] = {}

    def round(self) -> int:
        """Fetch all; return how many brought a document."""
        requests = [
            FetchRequest(
                feed_id=number,
                url=url,
                validators=self.held[number].validators if number in self.held else Validators(),
                known_sha256=self.held[number].body_sha256 if number in self.held else None,
            )
            for number, url in enumerate(self.urls)
        ]
        results = fetch_shard(self.policy, requests)
        for result in results:
            if result.outcome.failed or result.outcome == "deferred":
                raise SystemExit(f"{result.url}: {result.error}")
            if result.body_sha256:
                self.held[result.feed_id] = result
        return sum(result.outcome == "changed" for result in results)

    def close(self) -> None:
        """Close the client."""
        close()


class Polled:
    """The whole poll in shards of a hundred."""

    name = "whole poll, SQLite"

    def __init__(self, urls: list[str], policy: FetchPolicy, folder: Path) -> None:
        engine = make_engine(f"sqlite:///{folder / 'poll.db'}")
        migrate.upgrade(engine)
        self.engine, self.now = engine, datetime(2026, 11, 23, 8, tzinfo=UTC)
        self.room = Room(sessions=make_sessions(engine), fetch=policy, clock=lambda: self.now)
        with self.room.sessions.begin() as session:
            for url in urls:
                feeds.add(session, url=url, now=self.now)

    def round(self) -> int:
        """Poll everything that is due a day later; return how many documents were kept."""
        self.now += timedelta(days=1, hours=3)
        kept = 0
        while True:
            report = poll_due(self.room)
            kept += len(report.documents)
            if not report.full:
                return kept

    def close(self) -> None:
        """Leave the database."""
        self.engine.dispose()


def main() -> None:
    """Run the rounds in turns and print CPU per feed, feeds a second, and the ratio to the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=5)
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    from tests.services import redis_server

    with ExitStack() as stack:
        server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
        stack.callback(server.kill)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server(folder))
        port = int(server.stdout.readline())  # type: ignore[union-attr]
        urls = [f"http://127.0.0.{number % HOSTS + 1}:{port}/{number}" for number in range(chosen.feeds)]
        policy = FetchPolicy(allow=("127.0.0.0/8",), redis_url=redis.url, per_host=4)
        contestants = [Bare(urls), Fetched(urls, policy), Polled(urls, policy, folder)]
        for contestant in contestants:
            stack.callback(contestant.close)
        report(contestants, lambda: change(port), chosen.feeds, chosen.repeat)


def change(port: int) -> None:
    """Have one feed in twenty publish two entries."""
    import urllib.request

    urllib.request.urlopen(f"http://127.0.0.1:{port}/change/20").read()


def report(contestants: list[Bare | Fetched | Polled], change: Callable[[], None], feeds: int, repeat: int) -> None:
    """Print one table per round."""
    print("| round | contestant | documents | CPU ms a feed | feeds a second | ratio |")
    print("|---|---|---|---|---|---|")
    for name, times, changing in (("cold", 1, False), ("unchanged", repeat, False), ("one in twenty", repeat, True)):
        spent: dict[str, list[float]] = {each.name: [] for each in contestants}
        walls: dict[str, list[float]] = {each.name: [] for each in contestants}
        documents: dict[str, int] = {}
        for _ in range(times):
            if changing:
                change()
            for each in contestants:
                before, begun = cpu(), time.perf_counter()
                documents[each.name] = each.round()
                spent[each.name].append((cpu() - before) / feeds * 1000)
                walls[each.name].append(feeds / (time.perf_counter() - begun))
        bare = statistics.median(spent[contestants[0].name])
        for each in contestants:
            own = statistics.median(spent[each.name])
            rate = statistics.median(walls[each.name])
            print(f"| {name} | {each.name} | {documents[each.name]} | {own:.2f} | {rate:.0f} | {own / bare:.2f} |")


if __name__ == "__main__":
    main()
