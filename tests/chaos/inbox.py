"""An endpoint that webhooks are posted to: keeps what came by its id, and answers badly now and then."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Inbox:
    """`got` counts what came by message id, `bodies` tells whether one id ever came with two bodies."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"inbox {seed}")
        self.got: Counter[str] = Counter()
        self.bodies: dict[str, set[str]] = {}
        self.lock = threading.Lock()
        # The share of messages that are answered badly; none once the run is over.
        self.moody = 0.05

    def __enter__(self) -> Self:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                try:
                    inbox.take(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nobody reads this."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self.server.server_port}/inbox"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Keep one message, and answer."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        name = handler.headers["webhook-id"]
        with self.lock:
            bad = self.chance.random() < self.moody
            how = self.chance.choice(("refuse", "hang", "hang up")) if bad else "take"
            if how != "refuse":
                self.got[name] += 1
                self.bodies.setdefault(name, set()).add(sha256(body).hexdigest())
        if how == "hang":
            time.sleep(4)
        if how == "hang up":
            handler.close_connection = True
            return
        handler.send_response(503 if how == "refuse" else 204)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
