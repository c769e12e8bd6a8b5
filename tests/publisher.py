"""A publisher on loopback: feeds whose items a test adds, edits and withdraws, served with honest validators."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from xml.sax.saxutils import escape

# The only private address that tests allow: their own servers.
ALLOW = ("127.0.0.1/32",)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One item of a feed; `body` is HTML."""

    guid: str
    headline: str
    teaser: str = ""
    body: str = ""
    link: str | None = None
    published: datetime = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

    def edited(self, **changes: str) -> Piece:
        """The piece after a correction."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def xml(self) -> str:
        link = self.link or f"https://zeitung.example/{self.guid}"
        return (
            f"<item><guid isPermaLink='false'>{escape(self.guid)}</guid><title>{escape(self.headline)}</title>"
            f"<link>{escape(link)}</link><pubDate>{format_datetime(self.published)}</pubDate>"
            f"<description>{escape(self.teaser)}</description>"
            f"<content:encoded>{escape(self.body)}</content:encoded></item>"
        )


def feed_document(name: str, language: str, pieces: Iterable[Piece]) -> bytes:
    """A feed of these pieces as RSS."""
    items = "".join(piece.xml() for piece in pieces)
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0' "
        "xmlns:content='http://purl.org/rss/1.0/modules/content/'><channel>"
        f"<title>{name}</title><link>https://zeitung.example/</link><language>{language}</language>{items}"
        "</channel></rss>"
    ).encode()


@dataclass
class Publisher:
    """Serves `/NAME.xml` for each feed in `feeds`; raw bytes or a status in `answers` go before them.

    `delay` is how many seconds it thinks about each answer, `thinking` how many it has begun to think about.
    """

    feeds: dict[str, list[Piece]] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes, str]] = field(default_factory=dict)
    delay: float = 0.0
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    thinking: int = 0

    def __enter__(self) -> Self:
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                try:
                    publisher.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # a worker that was killed reads no answer

            def log_message(self, *_: object) -> None:
                """Tests print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, name: str) -> str:
        """Where a feed is."""
        return f"http://127.0.0.1:{self.server.server_port}/{name}.xml"

    def document(self, name: str) -> bytes:
        """A feed as it is now."""
        return feed_document(name, "de", self.feeds[name])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one GET."""
        self.thinking += 1
        time.sleep(self.delay)
        name = handler.path.removeprefix("/").removesuffix(".xml")
        status, body, kind = self.answers.get(name, (200, b"", "application/rss+xml"))
        headers = {}
        if name not in self.answers:
            if name not in self.feeds:
                status = 404
            else:
                body = self.document(name)
                headers["ETag"] = f'"{sha256(body).hexdigest()[:16]}"'
                if handler.headers.get("If-None-Match") == headers["ETag"]:
                    status, body = 304, b""
        self.requests[name, status] += 1
        handler.send_response(status)
        for header, value in headers.items():
            handler.send_header(header, value)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status != 304:
            handler.wfile.write(body)
