"""A web server on loopback whose every byte a test decides, and a ledger of what it was asked."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from tasks.fetch import FetchPolicy

LOOPBACK = ("127.0.0.0/8", "::1/128")
FEED = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Lokales</title><lastBuildDate>Mon, 23 Nov 2026 07:00:00 GMT</lastBuildDate>
<item><guid>1</guid><title>Br\xc3\xbccke gesperrt</title><pubDate>Mon, 23 Nov 2026 06:00:00 GMT</pubDate></item>
</channel></rss>"""


@dataclass
class Asked:
    """One request as the server saw it; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


Reply = bytes | Iterable[bytes | float]


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; underscores in header names become hyphens."""
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + (b"" if status == 304 else body)


@dataclass
class Site:
    """Routes by path; a handler returns the bytes to send, or bytes and pauses (seconds) in turn."""

    port: int = 0
    routes: dict[str, Callable[[Asked], Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    most_in_flight: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    in_thread: set[str] = field(default_factory=set)

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def serve(self, path: str, answer: Reply | Callable[[Asked], Reply]) -> str:
        self.routes[path] = answer if callable(answer) else (lambda _: answer)
        return self.url(path)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while first := await reader.read(1):
                if first == b"\x16":  # a TLS handshake: we speak plain HTTP and say so, as servers do
                    writer.write(reply(400))
                    break
                head = first + await reader.readuntil(b"\r\n\r\n")
                await self._answer(head.decode("latin-1"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client hung up, which is its right, or the test is over
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(method, path, headers, body)
        self.asked.append(asked)
        host = headers["host"].rpartition(":")[0]
        self.in_flight[host] += 1
        self.most_in_flight[host] = max(self.in_flight[host], self.most_in_flight[host])
        try:
            handler = self.routes.get(path.partition("?")[0]) or (lambda _: reply(404))
            # A handler that itself calls servers of this test must not stand in this loop's way.
            answer = await asyncio.to_thread(handler, asked) if path in self.in_thread else handler(asked)
            async for chunk in _chunks(answer):
                writer.write(chunk)
                await writer.drain()
        finally:
            self.in_flight[host] -= 1


async def _chunks(answer: Reply) -> AsyncIterator[bytes]:
    for part in (answer,) if isinstance(answer, bytes) else answer:
        if isinstance(part, bytes):
            yield part
        else:
            await asyncio.sleep(part)
            if part < 0:
                raise ConnectionError("the server hangs up")


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site; stopped with all its connections at the end of the test."""
    site, ready = Site(), threading.Event()
    stop: list[Callable[[], None]] = []

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        server = await asyncio.start_server(site.handle, "127.0.0.1", 0, limit=1 << 20)
        site.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield site
    stop[0]()
    thread.join(10)


@pytest.fixture
def policy() -> FetchPolicy:
    """The default limits with loopback allowed, which the sites of these tests need."""
    return FetchPolicy(allow=LOOPBACK)
