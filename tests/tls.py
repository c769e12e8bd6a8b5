"""TLS before a plain server, as stunnel does it: the handshake, the certificates and the bytes are real."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

import trustme

# What a Postgres client sends first when it wants TLS (PostgreSQL documentation, "SSL Session Encryption").
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass
class Authority:
    """A certificate authority of the test's own, and its certificate as a file."""

    folder: Path
    made: trustme.CA = field(default_factory=trustme.CA)

    @property
    def file(self) -> Path:
        """What clients trust."""
        path = self.folder / "ca.pem"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.made.cert_pem.write_to_path(str(path))
        return path

    def context(self, name: str) -> ssl.SSLContext:
        """A server's side, with a certificate for `name`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.made.issue_cert(name).configure_cert(context)
        return context


class TlsFront:
    """Listens on loopback with TLS and passes everything on to a plain server.

    `target` is a port on loopback or the path of a Unix socket; `postgres` answers that protocol's request for TLS.
    """

    def __init__(self, context: ssl.SSLContext, target: int | str, *, postgres: bool = False) -> None:
        self.context, self.target, self.postgres = context, target, postgres
        self.handshakes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where clients connect."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                if self.postgres:
                    if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                        return  # plain words are not listened to
                    client.sendall(b"S")
                secured = self.context.wrap_socket(client, server_side=True)
            except OSError:
                return
            self.handshakes += 1
            with secured, self._server() as server:
                threading.Thread(target=_pass_on, args=(server, secured), daemon=True).start()
                _pass_on(secured, server)

    def _server(self) -> socket.socket:
        if isinstance(self.target, int):
            return socket.create_connection(("127.0.0.1", self.target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        return server


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while some := source.recv(1 << 16):
            target.sendall(some)
        target.shutdown(socket.SHUT_WR)
    except (OSError, ValueError):
        pass  # the other side has hung up
