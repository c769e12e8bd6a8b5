"""The one HTTP client: many feeds side by side in one event loop, every limit kept, every fault a value."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict

from storage.records import FetchOutcome, FetchRequest, FetchResult, Validators
from tasks.fetch import guard, validators
from tasks.fetch.addresses import Address, read, step
from tasks.fetch.bodies import digest, is_page
from tasks.fetch.hosts import HostSlots
from tasks.fetch.inflate import ACCEPTED, inflate
from tasks.fetch.outcomes import FEED_FAULTS, FetchFailure, of_exception, of_status
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
# An error page up to this size is read to its end, which keeps the connection for the host's next feed.
_DRAIN = 64 << 10


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int
    location: str | None


class Fetcher:
    """A client session to be built once per event loop: `async with Fetcher(policy) as fetcher`."""

    def __init__(self, policy: FetchPolicy) -> None:
        self.policy = policy
        guard.networks(policy.allow)  # a bad allow-list is refused here, not at the first socket
        self._slots = HostSlots(per_host=policy.per_host, total=policy.concurrency)
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
            await self._session.close()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def fetch_all(self, requests: Sequence[FetchRequest]) -> list[FetchResult]:
        """Fetch side by side, results in the order of the requests; a feed's fault is its result, never raised.

        What has not begun when `shard_seconds` are over comes back as deferred.
        """
        deadline = time.monotonic() + self.policy.shard_seconds
        return await asyncio.gather(*(self._fetch(request, deadline) for request in requests))

    async def fetch(self, request: FetchRequest) -> FetchResult:
        """Fetch one feed."""
        return (await self.fetch_all((request,)))[0]

    async def _fetch(self, request: FetchRequest, deadline: float) -> FetchResult:
        exchange = _Exchange(request, self._slots, deadline)
        try:
            await exchange.run(self)
        except FEED_FAULTS as error:
            return exchange.failed(*of_exception(error))
        except FetchFailure as error:
            return exchange.failed(error.outcome, str(error))
        return exchange.result()

    async def get(self, address: Address, headers: Mapping[str, str], *, want_body: bool = True) -> _Answer:
        """Make one request, no redirect followed, and return its answer with the body decoded and within the caps."""
        if self._session is None:
            raise RuntimeError("the Fetcher is used outside its `async with`")
        async with self._session.get(address.url, headers=headers, allow_redirects=False) as response:
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
            return _Answer(status, kept, body, len(wire), location)

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
        guard.check(address[0], self.policy.allow)
        return socket.socket(family=family, type=kind, proto=protocol)


class _Exchange:
    """One feed's way through its hops; keeps what the result needs wherever it ends."""

    def __init__(self, request: FetchRequest, slots: HostSlots, deadline: float) -> None:
        self.request = request
        self._slots = slots
        self._deadline = deadline
        self._hops: list[tuple[int, str]] = []
        self._final = request.url
        self._answer: _Answer | None = None
        self._started_at = datetime.now(UTC)
        self._busy = 0.0
        self._lied = False

    async def run(self, fetcher: Fetcher) -> None:
        policy = fetcher.policy
        origin = read(self.request.url)
        address = origin
        self._final = str(address.url)
        left = policy.total_seconds
        for _ in range(policy.redirects + 1):
            async with self._slots.slot(address.host):
                if not self._hops:
                    if time.monotonic() > self._deadline:
                        raise FetchFailure(FetchOutcome.DEFERRED, "the shard's time was over before its turn")
                    self._started_at = datetime.now(UTC)
                begun = time.monotonic()
                try:
                    async with asyncio.timeout(left):
                        answer = await fetcher.get(address, self._headers(address, origin))
                finally:
                    spent = time.monotonic() - begun
                    self._busy += spent
                    left -= spent
            self._answer = answer
            if answer.location is None:
                await self._test_trust(fetcher, address, answer, left)
                return
            address = step(address, answer.location)
            self._final = str(address.url)
            self._hops.append((answer.status, self._final))
        raise FetchFailure(FetchOutcome.REDIRECTS, f"more than {policy.redirects} redirects")

    async def _test_trust(self, fetcher: Fetcher, address: Address, answer: _Answer, left: float) -> None:
        """After an audit found a change: would the server have said 304 to the validators that we hold?

        This one further request asks exactly that. Its body, if there is one, is not read.
        """
        request = self.request
        if not request.audit or request.known_sha256 is None or answer.status != 200:
            return
        conditional = validators.request_headers(request.validators)
        if not conditional or request.validators.url not in {None, str(address.url)}:
            return
        if not answer.body.strip() or is_page(answer.body) or digest(answer.body) == request.known_sha256:
            return
        headers = self._headers(address, read(request.url))
        headers.update(conditional)
        async with self._slots.slot(address.host), asyncio.timeout(max(left, 1.0)):
            self._lied = (await fetcher.get(address, headers, want_body=False)).status == 304

    def _headers(self, address: Address, origin: Address) -> CIMultiDict[str]:
        """Return the headers of this hop: secrets for the feed's own host only, validators for their own URL only."""
        request = self.request
        headers: CIMultiDict[str] = CIMultiDict(request.headers)
        if address.trusted_like(origin):
            headers.update(request.secret_headers)
            if origin.authorization is not None:
                headers["Authorization"] = origin.authorization
        held = request.validators
        if not request.audit and held.url in {None, str(address.url)}:
            headers.update(validators.request_headers(held))
        return headers

    @property
    def _asked_conditionally(self) -> bool:
        held = self.request.validators
        asked = held.url in {None, self._final} and not self.request.audit
        return asked and (held.etag is not None or held.last_modified is not None)

    def failed(self, outcome: FetchOutcome, error: str) -> FetchResult:
        """Return the result of an exchange that broke off: nothing that we hold changes."""
        return self._result(outcome, self.request.validators, error=error)

    def result(self) -> FetchResult:
        """Judge the answer that the exchange ended with."""
        answer, request = self._answer, self.request
        if answer is None:
            raise RuntimeError("judged before it was answered")
        if answer.status == 304:
            if not self._asked_conditionally:
                return self.failed(FetchOutcome.OTHER, "304 to an unconditional request")
            return self._result(
                FetchOutcome.NOT_MODIFIED, validators.after_not_modified(request.validators, answer.headers)
            )
        if answer.status not in {200, 203}:
            return self.failed(of_status(answer.status), f"HTTP {answer.status}")
        if not answer.body.strip():
            return self.failed(FetchOutcome.EMPTY, "an empty body")
        if is_page(answer.body):
            # The page stays with the result: discovery may find the feed's new address in it.
            failed = self.failed(FetchOutcome.NOT_A_FEED, "an HTML page instead of a feed")
            return replace(failed, body=answer.body)
        return self._document(answer)

    def _document(self, answer: _Answer) -> FetchResult:
        """Return the result of a 200: its validators first, then whether its body is news."""
        fresh = validators.after_document(answer.headers, self._final)
        known = digest(answer.body)
        if known == self.request.known_sha256:
            return self._result(FetchOutcome.SAME_BODY, fresh, body_sha256=known)
        return self._result(FetchOutcome.CHANGED, fresh, body=answer.body, body_sha256=known)

    def _result(
        self,
        outcome: FetchOutcome,
        keep: Validators,
        *,
        error: str | None = None,
        body: bytes | None = None,
        body_sha256: str | None = None,
    ) -> FetchResult:
        answer = self._answer
        return FetchResult(
            feed_id=self.request.feed_id,
            url=self.request.url,
            final_url=self._final,
            outcome=outcome,
            started_at=self._started_at,
            duration_ms=round(self._busy * 1000, 2),
            status=answer.status if answer else None,
            headers=answer.headers if answer else {},
            validators=keep,
            body=body,
            wire_bytes=answer.wire_bytes if answer else 0,
            hops=tuple(self._hops),
            error=error,
            body_sha256=body_sha256,
            audited=self.request.audit,
            lied=self._lied,
        )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that later stages read, names in lower case; repeated ones joined (RFC 9110 §5.3)."""
    kept: dict[str, str] = {}
    for name in _KEPT_HEADERS:
        value = headers.get(name)
        if value is not None:
            kept[name] = value
    if "link" in kept and hasattr(headers, "getall"):
        kept["link"] = ", ".join(headers.getall("link"))
    return kept
