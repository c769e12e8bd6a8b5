"""One feed's way to an answer: hop by hop, turn by turn, and what it comes to in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from storage.records import FetchOutcome, FetchRequest, FetchResult, Validators
from tasks.fetch import validators
from tasks.fetch.addresses import Address, read, step, without
from tasks.fetch.bodies import digest, is_page
from tasks.fetch.governor import NoTurn, Turn
from tasks.fetch.guard import Blocked
from tasks.fetch.hosts import Turns, speaks_for_all
from tasks.fetch.outcomes import FetchFailure, of_status
from tasks.fetch.policy import FetchPolicy


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: its kept headers, its body without content-encoding (of a 200), and where it redirects to."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    wire_bytes: int = 0
    location: str | None = None


# Makes one request and follows nothing: (URL as sent, headers, the feed's request, whether the body is wanted).
Get = Callable[[URL, Mapping[str, str], FetchRequest, bool], Awaitable[Answer]]


class Exchange:
    """One feed's way through its hops; keeps what the result needs wherever it ends."""

    def __init__(self, request: FetchRequest, policy: FetchPolicy, turns: Turns, get: Get, *, deadline: float) -> None:
        self.request = request
        self._policy = policy
        self._turns = turns
        self._get = get
        self._deadline = deadline
        self._left = policy.total_seconds
        self._origin = read(request.url)
        self._hops: list[tuple[int, str]] = []
        self._final = request.url
        self._answer: Answer | None = None
        self._digest: str | None = None
        self._lied = False
        self._started_at: datetime | None = None

    async def run(self) -> FetchResult:
        """Ask, follow redirects, judge; raises what the network raises."""
        address = self._origin
        self._final = str(address.url)
        for _ in range(self._policy.redirects + 1):
            answer = self._answer = await self._ask(address, self._headers(address))
            if answer.location is None:
                result = self._judge(answer)
                return await self._test_trust(address, result) if result.audited else result
            address = without(step(address, answer.location), self.request.secret_query)
            self._final = str(address.url)
            self._hops.append((answer.status, self._final))
        raise FetchFailure(FetchOutcome.REDIRECTS, f"more than {self._policy.redirects} redirects")

    async def _ask(self, address: Address, headers: Mapping[str, str], *, want_body: bool = True) -> Answer:
        """Wait for a turn at the host and make one request within what is left of the total time."""
        turn = await self._turns.take(address.host, deadline=self._deadline)
        try:
            if self._started_at is None:
                if time.monotonic() > self._deadline:
                    raise NoTurn(0.0, "busy")
                self._started_at = self._policy.clock()
            return await self._timed(turn, address, headers, want_body=want_body)
        finally:
            self._turns.give(turn)

    async def _timed(self, turn: Turn, address: Address, headers: Mapping[str, str], *, want_body: bool) -> Answer:
        """Make the request, and note on the turn how the host took it."""
        begun = time.monotonic()
        turn.verdict = "slow"
        try:
            async with asyncio.timeout(self._left):
                answer = await self._get(self._sent(address), headers, self.request, want_body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if not isinstance(error.__cause__, Blocked):
                turn.verdict = "down"
            raise
        finally:
            spent = time.monotonic() - begun
            self._left -= spent
            turn.latency = spent * 1000
        _note(turn, address, answer)
        return answer

    async def _test_trust(self, address: Address, result: FetchResult) -> FetchResult:
        """After an audit found a change: would the server have said 304 to the validators that we hold?

        This one further request asks exactly that. Its body, if there is one, is not read.
        """
        conditional = validators.request_headers(self.request.validators)
        known = result.outcome is FetchOutcome.CHANGED and self.request.known_sha256 is not None
        if not known or not conditional or not self._ours(address):
            return result
        headers = self._headers(address)
        headers.update(conditional)
        try:
            probe = await self._ask(address, headers, want_body=False)
        except (aiohttp.ClientError, OSError, NoTurn, FetchFailure):
            return result  # the document is here; who could not be tested now is tested by the next audit
        return replace(result, lied=probe.status == 304)

    def _sent(self, address: Address) -> URL:
        """Return the URL as it goes over the wire: with the key in its query, where the host may have it."""
        secret = self.request.secret_query
        if secret is None or not address.trusted_like(self._origin):
            return address.url
        return address.url.extend_query([secret])

    def _ours(self, address: Address) -> bool:
        """Say whether the held validators came from this address."""
        return self.request.validators.url in {None, str(address.url)}

    def _headers(self, address: Address) -> CIMultiDict[str]:
        """Return the headers of this hop: secrets for the feed's own host only, validators for their own URL only."""
        request = self.request
        headers: CIMultiDict[str] = CIMultiDict(request.headers)
        if address.trusted_like(self._origin):
            headers.update(request.secret_headers)
            if self._origin.authorization is not None:
                headers["Authorization"] = self._origin.authorization
        if not request.audit and self._ours(address):
            headers.update(validators.request_headers(request.validators))
        return headers

    def _judge(self, answer: Answer) -> FetchResult:
        """Return the result of the answer that the hops ended with."""
        held = self.request.validators
        if answer.status == 304:
            asked = held.url in {None, self._final} and not self.request.audit
            if not asked or (held.etag is None and held.last_modified is None):
                return self.failed(FetchOutcome.OTHER, "304 to an unconditional request")
            return self._result(FetchOutcome.NOT_MODIFIED, validators.after_not_modified(held, answer.headers))
        if answer.status not in {200, 203}:
            return self.failed(of_status(answer.status), f"HTTP {answer.status}")
        if not answer.body.strip():
            return self.failed(FetchOutcome.EMPTY, "an empty body")
        if self.request.page:
            return self._judge_page(answer)
        if is_page(answer.body):
            # The page stays with the result: discovery may find the feed's new address in it.
            failed = self.failed(FetchOutcome.NOT_A_FEED, "an HTML page instead of a feed")
            return replace(failed, body=answer.body)
        fresh = validators.after_document(answer.headers, self._final)
        self._digest = digest(answer.body)
        if self._digest == self.request.known_sha256:
            return self._result(FetchOutcome.SAME_BODY, fresh)
        return self._result(FetchOutcome.CHANGED, fresh, body=answer.body)

    def _judge_page(self, answer: Answer) -> FetchResult:
        """Return the result of an article's page: whatever calls itself HTML, or looks like it."""
        kind = answer.headers.get("content-type", "")
        if "html" not in kind.lower() and not is_page(answer.body):
            return self.failed(FetchOutcome.OTHER, f"no page but {kind.partition(';')[0][:60] or 'something else'}")
        return self._result(FetchOutcome.CHANGED, Validators(), body=answer.body)

    def failed(self, outcome: FetchOutcome, error: str, *, retry_at: datetime | None = None) -> FetchResult:
        """Return the result of an exchange that brought nothing: what we hold stays as it is."""
        return self._result(outcome, self.request.validators, error=error, retry_at=retry_at)

    def deferred(self, no_turn: NoTurn) -> FetchResult:
        """Return the result of an exchange that never had its turn."""
        retry_at = self._policy.clock() + timedelta(seconds=no_turn.seconds)
        return self.failed(FetchOutcome.DEFERRED, f"no turn: host is {no_turn.why}", retry_at=retry_at)

    def _result(
        self,
        outcome: FetchOutcome,
        keep: Validators,
        *,
        error: str | None = None,
        body: bytes | None = None,
        retry_at: datetime | None = None,
    ) -> FetchResult:
        answer = self._answer
        return FetchResult(
            feed_id=self.request.feed_id,
            url=self.request.url,
            final_url=self._final,
            outcome=outcome,
            started_at=self._started_at or self._policy.clock(),
            duration_ms=round((self._policy.total_seconds - self._left) * 1000, 2),
            status=answer.status if answer else None,
            headers=answer.headers if answer else {},
            validators=keep,
            body=body,
            wire_bytes=answer.wire_bytes if answer else 0,
            hops=tuple(self._hops),
            error=error,
            body_sha256=self._digest,
            audited=self.request.audit,
            lied=self._lied,
            retry_at=retry_at,
        )


def _note(turn: Turn, address: Address, answer: Answer) -> None:
    """Tell the governor how the host answered."""
    if answer.status == 429 and speaks_for_all(address.host):
        turn.verdict = "throttled"
        asked = answer.headers.get("retry-after", "")
        turn.retry_after = float(asked) * 1000 if asked.isascii() and asked.isdecimal() and len(asked) < 7 else -1.0
    elif answer.status < 400:
        turn.verdict = "ok"


def refused(request: FetchRequest, outcome: FetchOutcome, error: str, now: datetime) -> FetchResult:
    """Return the result of a request that was never made, since its URL is none that is fetched."""
    return FetchResult(
        feed_id=request.feed_id,
        url=request.url,
        final_url=request.url,
        outcome=outcome,
        started_at=now,
        duration_ms=0.0,
        validators=request.validators,
        error=error,
        audited=request.audit,
    )
