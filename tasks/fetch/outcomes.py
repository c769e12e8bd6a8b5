"""Statuses and exceptions read as outcomes: the words that history, metrics and the next poll share."""

from __future__ import annotations

import ssl

import aiohttp

from storage.records import FetchOutcome
from tasks.fetch.guard import Blocked
from tasks.fetch.inflate import BombError, EncodingError

# What an exchange can end with that is the feed's fault; anything else is ours and must surface.
FEED_FAULTS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class FetchFailure(Exception):
    """An exchange that ended with `outcome`; the message is for the operator and free of secrets."""

    def __init__(self, outcome: FetchOutcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def of_status(status: int) -> FetchOutcome:
    """Return the outcome of a status that is neither 200 nor 304 nor a redirect."""
    if status == 410:
        return FetchOutcome.GONE
    if status == 429:
        return FetchOutcome.THROTTLED
    if 400 <= status < 500:
        return FetchOutcome.HTTP_4XX
    return FetchOutcome.HTTP_5XX if status >= 500 else FetchOutcome.OTHER


def of_exception(error: BaseException) -> tuple[FetchOutcome, str]:
    """Return the outcome of an exchange that raised, and a text without URL or header values in it."""
    if isinstance(error, FetchFailure):
        return error.outcome, str(error)
    blocked = _blocked(error)
    if blocked is not None:
        return FetchOutcome.BLOCKED, blocked
    for kinds, outcome, text in _TABLE:
        if isinstance(error, kinds):
            return outcome, f"{text}{_detail(error)}"
    if isinstance(error, aiohttp.ClientResponseError):
        if error.message.startswith(_HEADERS_TOO_LARGE):
            return FetchOutcome.TOO_LARGE, "headers beyond the cap"
        return FetchOutcome.OTHER, f"not HTTP{_detail(error)}"
    return FetchOutcome.OTHER, f"{type(error).__name__}{_detail(error)}"


# First match wins, so the special stands before the general.
_TABLE: tuple[tuple[tuple[type[BaseException], ...], FetchOutcome, str], ...] = (
    ((BombError,), FetchOutcome.TOO_LARGE, ""),
    ((EncodingError,), FetchOutcome.BAD_ENCODING, ""),
    ((aiohttp.ClientConnectorDNSError,), FetchOutcome.DNS, "host not found"),
    ((aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError), FetchOutcome.TLS, "TLS failed"),
    ((aiohttp.ConnectionTimeoutError,), FetchOutcome.TIMEOUT, "no connection in time"),
    ((aiohttp.SocketTimeoutError,), FetchOutcome.TIMEOUT, "no answer in time"),
    ((TimeoutError,), FetchOutcome.TIMEOUT, "not finished in time"),
    ((aiohttp.ClientConnectorError,), FetchOutcome.CONNECT, "cannot connect"),
    ((aiohttp.ServerDisconnectedError,), FetchOutcome.CONNECT, "server hung up without an answer"),
    ((aiohttp.ClientPayloadError,), FetchOutcome.CONNECT, "body cut short"),
    ((aiohttp.ClientConnectionError, OSError), FetchOutcome.CONNECT, "connection broke"),
    ((aiohttp.NonHttpUrlClientError,), FetchOutcome.BLOCKED, "only http and https"),
    ((aiohttp.InvalidURL,), FetchOutcome.OTHER, "the URL cannot be read"),
)


# How aiohttp's parser words its two header limits; it gives them no class of their own once they reach the caller.
_HEADERS_TOO_LARGE = ("Got more than", "Too many headers")


def _blocked(error: BaseException) -> str | None:
    """Find the guard's word in `error`; several refused addresses arrive joined in one `OSError`."""
    if isinstance(error, Blocked):
        return error.strerror or str(error)
    cause = getattr(error, "os_error", None)
    if isinstance(cause, Blocked):
        return cause.strerror or str(cause)
    if isinstance(cause, OSError) and "blocked: " in str(cause):
        return str(cause)[:300]
    return None


def _detail(error: BaseException) -> str:
    """Return what the operating system or the protocol said, where it says more than the kind."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
    text = ""
    if cause is not None:
        text = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None) or str(cause)
    elif isinstance(error, BombError | EncodingError | aiohttp.ClientPayloadError):
        text = str(error)
    elif isinstance(error, aiohttp.ClientResponseError):
        text = error.message.splitlines()[0] if error.message else ""
    if not text:
        return ""
    return text[:200] if isinstance(error, BombError | EncodingError) else f": {text[:200]}"
