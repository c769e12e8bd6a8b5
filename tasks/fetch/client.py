"""The one HTTP client: many feeds side by side in one event loop, every limit kept, every fault a value."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from storage.records import FetchOutcome, FetchRequest, FetchResult
from tasks.fetch import guard
from tasks.fetch.addresses import read, step
from tasks.fetch.exchange import Answer, Exchange, refused
from tasks.fetch.governor import NoTurn
from tasks.fetch.hosts import Turns
from tasks.fetch.inflate import ACCEPTED, inflate
from tasks.fetch.outcomes import FEED_FAULTS, FetchFailure, of_exception
from tasks.fetch.policy import FetchPolicy

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_HEADERS = (
    "age",
    "cache-control",
    "content-language",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "retry-after",
)
# What is read of the answer to a form: hubs give their reason in a sentence.
_ANSWER = 2000
# An error page up to this size is read to its end, which keeps the connection for the host's next feed.
_DRAIN = 64 << 10


# Whether the socket that is being made leads to a proxy: that one is the operator's choice and not the feed's.
_THROUGH_PROXY: ContextVar[bool] = ContextVar("through_proxy", default=False)


class Unanswered(Exception):
    """A post that came to no answer; the text says why, without secrets."""


class Fetcher:
    """A client session to be built once per event loop: `async with Fetcher(policy) as fetcher`."""

    def __init__(self, policy: FetchPolicy) -> None:
        self.policy = policy
        guard.networks(policy.allow)  # a bad allow-list is refused here, not at the first socket
        self._turns = Turns(policy)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        policy = self.policy
        # Look-ups run in threads; a few dead name servers must not hold up the living ones.
        self._lookups = ThreadPoolExecutor(policy.dns_threads, thread_name_prefix="dns")
        asyncio.get_running_loop().set_default_executor(self._lookups)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=self._guarded_socket, ttl_dns_cache=60),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": policy.user_agent, "Accept": _ACCEPT, "Accept-Encoding": ACCEPTED},
            timeout=aiohttp.ClientTimeout(
                total=None,  # ours, over all hops
                connect=2 * policy.connect_seconds,  # the look-up and the connection
                sock_connect=policy.connect_seconds,
                sock_read=policy.read_seconds,
            ),
            auto_decompress=False,
            trust_env=False,
            max_line_size=policy.header_line_cap,
            max_field_size=policy.header_line_cap,
            max_headers=policy.header_count_cap,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._turns.close()
            await self._session.close()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    def start(self, requests: Sequence[FetchRequest]) -> set[asyncio.Task[FetchResult]]:
        """Begin to fetch side by side; the tasks are named by the number of their request.

        A feed's fault is its result, never raised. What has no turn within `shard_seconds` comes back as deferred.
        """
        deadline = time.monotonic() + self.policy.shard_seconds
        loop = asyncio.get_running_loop()
        return {loop.create_task(self._fetch(each, deadline), name=str(n)) for n, each in enumerate(requests)}

    async def fetch_all(self, requests: Sequence[FetchRequest]) -> list[FetchResult]:
        """Fetch side by side and return the results in the order of the requests."""
        deadline = time.monotonic() + self.policy.shard_seconds
        return await asyncio.gather(*(self._fetch(request, deadline) for request in requests))

    async def fetch(self, request: FetchRequest) -> FetchResult:
        """Fetch one feed."""
        return (await self.fetch_all((request,)))[0]

    async def _fetch(self, request: FetchRequest, deadline: float) -> FetchResult:
        try:
            exchange = Exchange(request, self.policy, self._turns, self.get, deadline=deadline)
        except FEED_FAULTS as error:
            return refused(request, *of_exception(error), self.policy.clock())
        try:
            return await exchange.run()
        except NoTurn as error:
            return exchange.deferred(error)
        except FetchFailure as error:
            return exchange.failed(error.outcome, str(error))
        except FEED_FAULTS as error:
            return exchange.failed(*of_exception(error))

    async def get(
        self,
        url: URL,
        headers: Mapping[str, str],
        request: FetchRequest,
        want_body: bool = True,  # noqa: FBT001
    ) -> Answer:
        """Make one request, no redirect followed, and return its answer with the body decoded and within the caps."""
        if self._session is None:
            raise RuntimeError("the Fetcher is used outside its `async with`")
        through = _THROUGH_PROXY.set(request.proxy is not None)
        try:
            response = await self._session.get(
                url, headers=headers, allow_redirects=False, proxy=request.proxy, ssl=request.verify_tls
            )
        finally:
            _THROUGH_PROXY.reset(through)
        async with response:
            status = response.status
            wire = b""
            if status == 200 and want_body:
                wire = await self._read(response)
            elif (response.content_length or 0) <= _DRAIN and response.content_length is not None:
                await response.read()
            kept = _kept(response.headers)
            body = b""
            if wire:
                encoding = response.headers.get("Content-Encoding", "")
                body = inflate(wire, encoding, cap=self.policy.inflated_cap, ratio=self.policy.ratio_cap)
            location = response.headers.get("Location") if status in _REDIRECTS else None
            return Answer(status, kept, body, len(wire), location)

    async def post(self, url: str, form: Mapping[str, str]) -> tuple[int, str]:
        """Post a form, as hubs are asked; returns the status and the beginning of the answer.

        Redirects are followed by posting again. Raises `Unanswered` with a text for the operator.
        """
        if self._session is None:
            raise RuntimeError("the Fetcher is used outside its `async with`")
        try:
            address = read(url)
            async with asyncio.timeout(self.policy.total_seconds):
                for _ in range(self.policy.redirects + 1):
                    async with self._session.post(address.url, data=form, allow_redirects=False) as response:
                        target = response.headers.get("Location") if response.status in _REDIRECTS else None
                        if target is None:
                            return response.status, (await response.content.read(_ANSWER)).decode("utf-8", "replace")
                    address = step(address, target)
        except (FetchFailure, *FEED_FAULTS) as error:
            outcome, text = of_exception(error)
            raise Unanswered(f"{outcome.value}: {text}") from error
        raise Unanswered(f"more than {self.policy.redirects} redirects")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the body as it is on the wire, at most `wire_cap` bytes of it."""
        cap = self.policy.wire_cap
        if (response.content_length or 0) > cap:
            raise FetchFailure(FetchOutcome.TOO_LARGE, f"announces {response.content_length} bytes, cap {cap}")
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > cap:
                raise FetchFailure(FetchOutcome.TOO_LARGE, f"more than {cap} bytes on the wire")
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _guarded_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for exactly the address that will be connected to, once the guard has seen it."""
        family, kind, protocol, _, address = info
        if not _THROUGH_PROXY.get():
            guard.check(address[0], self.policy.allow)
        return socket.socket(family=family, type=kind, proto=protocol)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that later stages read, names in lower case; repeated ones joined (RFC 9110 §5.3).

    Bytes that are no UTF-8 arrive as lone surrogates, which no database keeps. A validator with such bytes could not
    be sent back as it came, and so is none; other headers are read as Latin-1.
    """
    kept: dict[str, str] = {}
    for name in _KEPT_HEADERS:
        value = headers.get(name)
        if value is None:
            continue
        if name == "link" and hasattr(headers, "getall"):
            value = ", ".join(headers.getall("link"))
        if value.isascii() or _is_text(value):
            kept[name] = value
        elif name not in {"etag", "last-modified"}:
            kept[name] = value.encode("utf-8", "surrogateescape").decode("latin-1")
    return kept


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
