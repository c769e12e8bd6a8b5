"""Publishers on loopback, one host each: they publish, edit and copy, and serve badly when they are told to."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from publisher import Piece, feed_document

from . import copy
from .ledger import KILLED, Book

# Items that a feed shows. One leaves only after it was accepted as it stands: what nobody could see is nobody's loss.
WINDOW = 40
# What libxml2 and feedparser choke on: the parser's child is killed over it.
POISON = b"<?xml version='1.0'?><rss version='2.0'><channel><title>x</title>" + b"<!--" * 100_000


@dataclass
class Item:
    """A piece in a feed, and which it is."""

    name: str
    version: int
    piece: Piece


class Press:
    """All publishers: `feeds` are their names, in German and English by turns. `trouble` is what ails a feed now."""

    def __init__(self, names: list[str], seed: int) -> None:
        self.book = Book()
        self.chance = random.Random(f"press {seed}")
        self.items: dict[str, list[Item]] = {name: [] for name in names}
        self.languages = {name: ("de", "en")[number % 2] for number, name in enumerate(names)}
        self.trouble: dict[str, str] = {}
        self.lock = threading.RLock()
        self.over = threading.Event()
        self._number = 0
        self._servers = {name: _server(number, _handler(self, name)) for number, name in enumerate(names)}

    def __enter__(self) -> Self:
        self._threads = [
            threading.Thread(target=server.serve_forever, daemon=True) for server in self._servers.values()
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def url(self, name: str) -> str:
        """Where a feed is."""
        host, port = self._servers[name].server_address[:2]
        return f"http://{host!s}:{port}/feed.xml"

    # --- what publishers do -------------------------------------------------------------------------------------

    def work(self, *, pause: float) -> None:
        """Publish and edit until `over`, one thing every `pause` seconds on average."""
        while not self.over.wait(self.chance.random() * 2 * pause):
            with self.lock:
                deeds = (self.publish, self.edit, self.copy_over, self.rekey, self.kill)
                self.chance.choices(deeds, (10, 5, 2, 1, 1))[0]()

    def publish(self) -> None:
        """A new piece in some feed."""
        name = self.chance.choice(list(self.items))
        self._number += 1
        language, own = self.languages[name], f"p{self._number}"
        teaser = copy.sentence(self.chance, language)
        piece = Piece(
            guid=f"urn:{name}:{own}",
            headline=copy.headline(self.chance, own, 1, language),
            teaser=teaser,
            body=copy.body(self.chance, language, teaser),
            link=f"https://{name}.example/{own}",
            published=datetime.now(UTC),
        )
        self._add(name, Item(own, 1, piece))

    def edit(self) -> None:
        """A correction of a piece that was accepted as it stood."""
        name, item = self._any()
        if item is not None and item.version != KILLED and self.book.has(name, item.name):
            item.version += 1
            item.piece = item.piece.edited(headline=copy.another_version(item.piece.headline, item.version))
            self.book.publish(name, item.name, item.version)

    def copy_over(self) -> None:
        """A piece of one feed stands in two others as well, under their own guids and links."""
        name, item = self._any()
        if item is None or item.version != 1 or (name, item.name) in {s for one in self.book.copies for s in one}:
            return
        others = self.chance.sample([other for other in self.items if other != name], 2)
        for other in others:
            piece = item.piece.edited(guid=f"urn:{other}:{item.name}", link=f"https://{other}.example/{item.name}")
            self._add(other, Item(item.name, 1, piece))
        self.book.copies.append(frozenset((one, item.name) for one in (name, *others)))

    def rekey(self) -> None:
        """A piece gets another guid, or its link a tracking parameter: it is the same piece."""
        name, item = self._any()
        if item is not None and self.book.has(name, item.name):
            link = item.piece.link or ""
            if self.chance.random() < 0.5:
                item.piece = item.piece.edited(guid=f"{item.piece.guid}:again")
            else:
                item.piece = item.piece.edited(link=f"{link.partition('?')[0]}?utm_source={self._number}")

    def kill(self) -> None:
        """A piece is withdrawn, in the words of the desk; it stays so."""
        name, item = self._any()
        if item is not None and item.version != KILLED and self.book.has(name, item.name):
            headline, why = copy.KILLS[self.languages[name]]
            item.version = KILLED
            item.piece = item.piece.edited(headline=headline, teaser=why, body="")
            self.book.publish(name, item.name, KILLED)

    def _any(self) -> tuple[str, Item | None]:
        name = self.chance.choice(list(self.items))
        return name, self.chance.choice(self.items[name]) if self.items[name] else None

    def _add(self, name: str, item: Item) -> None:
        kept = self.items[name]
        kept.insert(0, item)
        self.book.publish(name, item.name, item.version)
        while len(kept) > WINDOW and self.book.has(name, kept[-1].name):
            kept.pop()

    # --- how they serve -----------------------------------------------------------------------------------------

    def answer(self, name: str, handler: BaseHTTPRequestHandler) -> None:
        """Answer one GET, as badly as is wished."""
        with self.lock:
            items = [replace(item) for item in self.items[name]]
            trouble = self.trouble.get(name)
        document = feed_document(name, self.languages[name], [item.piece for item in items])
        etag = f'"{sha256(document).hexdigest()[:16]}"'
        sent = handler.headers.get("If-None-Match")
        if sent:
            self.book.sent_back(name, sent)
        if trouble is not None:
            TROUBLES[trouble](handler, document, sent)
        elif sent == etag:
            _send(handler, 304, b"", ETag=etag)
        else:
            self.book.serve(name, etag, {item.name: item.version for item in items})
            _send(handler, 200, document, ETag=etag)


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for header, value in headers.items():
        handler.send_header(header.replace("_", "-"), value)
    handler.send_header("Content-Type", "application/rss+xml")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if status != 304:
        handler.wfile.write(body)


def _half(handler: BaseHTTPRequestHandler, document: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/rss+xml")
    handler.send_header("Content-Length", str(len(document)))
    handler.end_headers()
    handler.wfile.write(document[: len(document) // 2])
    handler.wfile.flush()


def _truncated(handler: BaseHTTPRequestHandler, document: bytes, _sent: str | None) -> None:
    _half(handler, document)
    handler.close_connection = True


def _reset(handler: BaseHTTPRequestHandler, document: bytes, _sent: str | None) -> None:
    _half(handler, document)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def _drip(handler: BaseHTTPRequestHandler, document: bytes, _sent: str | None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/rss+xml")
    handler.send_header("Content-Length", str(len(document)))
    handler.end_headers()
    for number in range(120):
        handler.wfile.write(document[number : number + 1])
        handler.wfile.flush()
        time.sleep(0.5)
    handler.close_connection = True


TROUBLES: dict[str, Callable[[BaseHTTPRequestHandler, bytes, str | None], None]] = {
    "500": lambda handler, _document, _sent: _send(handler, 500, b"oops"),
    "429": lambda handler, _document, _sent: _send(handler, 429, b"", Retry_After="2"),
    # The lie that nothing changed, to whoever can be lied to.
    "304": lambda handler, document, sent: _send(handler, 304, b"", ETag=sent) if sent else _send(handler, 503, b""),
    "empty": lambda handler, _document, _sent: _send(handler, 200, b""),
    "page": lambda handler, _document, _sent: _send(handler, 200, b"<html><body><h1>Login</h1></body></html>"),
    "truncated": _truncated,
    "reset": _reset,
    "drip": _drip,
    "poison": lambda handler, _document, _sent: _send(handler, 200, POISON),
}


def _handler(press: Press, name: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            try:
                press.answer(name, self)
            except OSError:
                self.close_connection = True  # who asked was killed, or has hung up

        def log_message(self, *_: object) -> None:
            """Nobody reads this."""

    return Handler


def _server(number: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """A host of its own where the system has more than one on loopback (Linux): troubles of one are not another's."""
    server = ThreadingHTTPServer
    server.daemon_threads = True
    with suppress(OSError):
        return server((f"127.0.1.{number + 1}", 0), handler)
    return server(("127.0.0.1", 0), handler)
