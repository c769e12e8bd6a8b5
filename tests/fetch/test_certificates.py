"""TLS: a certificate that is expired, self-signed, or another host's is refused, unless the feed's setting says not."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import aiohttp.connector
import pytest
import trustme

from storage.records import FetchOutcome, FetchRequest, FetchResult
from tasks.fetch import Fetcher, FetchPolicy, Unanswered

from .conftest import FEED, reply

Serve = Callable[[trustme.LeafCert], int]


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this process trusts like any other of the system's."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    # aiohttp makes its verifying context once, when it is imported.
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trusting)
    return authority


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a TLS server that answers everything with a feed; returns its port."""
    # A thread that does one thing after the other: an event loop that ends leaves a connection open that it had
    # accepted and not yet got round to.
    stop = Event()
    threads: list[Thread] = []

    def start(certificate: trustme.LeafCert) -> int:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)
        threads.append(Thread(target=answer, args=(listener, context, stop), daemon=True))
        threads[-1].start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    stop.set()
    for thread in threads:
        thread.join(10)


def answer(listener: socket.socket, context: ssl.SSLContext, stop: Event) -> None:
    with listener:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection, suppress(OSError):  # the client did not like the certificate
                connection.settimeout(10)
                with context.wrap_socket(connection, server_side=True) as secured:
                    received = b""
                    while b"\r\n\r\n" not in received and (more := secured.recv(4096)):
                        received += more
                    secured.sendall(reply(200, FEED, Connection="close"))


def fetch(policy: FetchPolicy, url: str, *, verify_tls: bool = True) -> FetchResult:
    async def main() -> FetchResult:
        async with Fetcher(policy) as fetcher:
            return await fetcher.fetch(FetchRequest(feed_id=1, url=url, verify_tls=verify_tls))

    return asyncio.run(main())


def certificate(kind: str, authority: trustme.CA) -> trustme.LeafCert:
    now = datetime.now(UTC)
    match kind:
        case "good":
            return authority.issue_cert("localhost")
        case "expired":
            return authority.issue_cert(
                "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)
            )
        case "not yet valid":
            return authority.issue_cert(
                "localhost", not_before=now + timedelta(days=1), not_after=now + timedelta(days=9)
            )
        case "another host's":
            return authority.issue_cert("other.example")
    return trustme.CA().issue_cert("localhost")  # signed by nobody we know


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("expired", "expired"),
        ("not yet valid", "not yet valid"),
        ("another host's", "mismatch"),
        ("self-signed", "certificate"),
    ],
)
def test_a_bad_certificate_is_refused_with_its_fault(
    policy: FetchPolicy,
    authority: trustme.CA,
    serve: Serve,
    kind: str,
    word: str,
) -> None:
    url = f"https://localhost:{serve(certificate(kind, authority))}/feed"
    refused = fetch(policy, url)
    assert (refused.outcome, refused.body) == (FetchOutcome.TLS, None)
    assert refused.error is not None
    assert word in refused.error
    assert fetch(policy, url, verify_tls=False).outcome is FetchOutcome.CHANGED


def test_a_good_certificate_is_believed(policy: FetchPolicy, authority: trustme.CA, serve: Serve) -> None:
    result = fetch(policy, f"https://localhost:{serve(certificate('good', authority))}/feed")
    assert result.outcome is FetchOutcome.CHANGED


def test_a_hub_with_a_bad_certificate_is_not_told_our_secret(
    policy: FetchPolicy, authority: trustme.CA, serve: Serve
) -> None:
    port = serve(certificate("self-signed", authority))

    async def main() -> None:
        async with Fetcher(policy) as fetcher:
            await fetcher.post(f"https://localhost:{port}/hub", {"hub.secret": "s3cret"})

    with pytest.raises(Unanswered, match="tls"):
        asyncio.run(main())
