"""Serves the sample feeds on loopback over time, as a well-behaved publisher would: validators, 304, pings."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar, NamedTuple

from workers.sample.documents import CONTENT_TYPES, document, front_page
from workers.sample.stories import SampleFeed, sample_feeds


class Served(NamedTuple):
    """What stands at a path right now; `changed` in whole seconds, as HTTP has it."""

    body: bytes
    content_type: str
    etag: str
    changed: datetime


class Listed(NamedTuple):
    """A feed of the wire as a subscriber needs it."""

    url: str
    title: str
    publisher: str
    language: str


class SampleWire:
    """The feeds at a port of 127.0.0.1 (0: any free one), their content a function of the time since `started`.

    `started` is now unless it is given: a wire that is started again with its former `started` goes on where it was,
    and tells nothing that was told before.
    """

    def __init__(
        self, port: int = 0, *, started: datetime | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._wanted_port = port
        self._clock = clock
        # Whole seconds: a feed's dates have no fractions, and neither has Last-Modified.
        moment = started or datetime.fromtimestamp(clock(), UTC)
        self.started = moment.astimezone(UTC).replace(microsecond=0)
        self._feeds = {feed.name: feed for feed in sample_feeds()}
        self._told: dict[str, int] = {}
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Bind the port and serve from a thread of its own; raises OSError when the port is taken."""
        handler = partial(_Handler, self)
        self._server = ThreadingHTTPServer(("127.0.0.1", self._wanted_port), handler)
        self._server.daemon_threads = True
        # Ten times a second it looks whether it should stop.
        Thread(target=self._server.serve_forever, args=(0.1,), name="sample-wire", daemon=True).start()
        self._told = self._versions()

    def stop(self) -> None:
        """Stop serving and free the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """The address of the front page, which leads to the feeds."""
        if self._server is None:
            raise RuntimeError("the sample wire has no address before start() and after stop()")
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    @property
    def feeds(self) -> list[Listed]:
        """Every feed: its address, title, publisher and language."""
        return [Listed(f"{self.url}{f.name}", f.title, f.publisher, f.language) for f in self._feeds.values()]

    def changed(self) -> list[str]:
        """The addresses whose document changed since the last call (since the start, at the first)."""
        now = self._versions()
        names = [name for name, version in now.items() if version != self._told[name]]
        self._told = now
        return [f"{self.url}{name}" for name in names]

    def at_path(self, path: str) -> Served | None:
        """What stands at a path right now; None where there is nothing."""
        if path == "/":
            return _served(front_page(sample_feeds()), "text/html; charset=utf-8", self.started)
        feed = self._feeds.get(path.removeprefix("/"))
        if feed is None:
            return None
        seconds = self._seconds()
        moment = feed.moments[self._version(feed, seconds) - 1]
        body = document(feed, seconds, self.started)
        return _served(body, CONTENT_TYPES[feed.shape], self.started + timedelta(seconds=moment))

    def _seconds(self) -> float:
        return max(0.0, self._clock() - self.started.timestamp())

    def _versions(self) -> dict[str, int]:
        seconds = self._seconds()
        return {name: self._version(feed, seconds) for name, feed in self._feeds.items()}

    @staticmethod
    def _version(feed: SampleFeed, seconds: float) -> int:
        return bisect_right(feed.moments, seconds)


def _served(body: bytes, content_type: str, changed: datetime) -> Served:
    return Served(body, content_type, f'"{sha256(body).hexdigest()[:16]}"', changed)


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD with conditional requests (RFC 9110 §13)."""

    protocol_version = "HTTP/1.1"
    server_version = "SampleWire"
    sys_version = ""
    # A client that connects and says nothing holds a thread for so many seconds at most.
    timeout: ClassVar[int] = 30

    def __init__(self, wire: SampleWire, *args: object) -> None:
        self._wire = wire
        super().__init__(*args)  # type: ignore[arg-type]  # the server's own three, passed through

    def do_GET(self) -> None:
        """Answer with the document, or with 304 when the client holds it."""
        served = self._wire.at_path(self.path.partition("?")[0])
        if served is None:
            self.send_error(HTTPStatus.NOT_FOUND, "the front page at / leads to the feeds")
            return
        held = self._is_held(served)
        self.send_response(HTTPStatus.NOT_MODIFIED if held else HTTPStatus.OK)
        self.send_header("ETag", served.etag)
        self.send_header("Last-Modified", format_datetime(served.changed, usegmt=True))
        self.send_header("Cache-Control", "no-cache")
        if not held:
            self.send_header("Content-Type", served.content_type)
            self.send_header("Content-Length", str(len(served.body)))
        self.end_headers()
        if not held and self.command == "GET":
            self.wfile.write(served.body)

    do_HEAD = do_GET  # noqa: N815  # the name is the standard library's

    def _is_held(self, served: Served) -> bool:
        """Whether the client's copy is current: its ETag decides where it sends one, else its date (§13.2.2)."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            given = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return bool(given & {"*", served.etag})
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            return served.changed <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the standard library's
        """Say nothing: the wire room logs the same request from its side."""
