"""URLs as the client needs them: sent as written, credentials apart, redirects joined and judged."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache

from yarl import URL

from storage.records import FetchOutcome
from tasks.fetch.guard import check_url
from tasks.fetch.outcomes import FetchFailure

# Sent as they are: re-quoting would break signed URLs. Anything else is quoted as a browser would.
_CLEAN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:[/?][!-~]*)?", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A URL without userinfo and fragment, and the Authorization that its userinfo stood for."""

    url: URL
    authorization: str | None = None

    @property
    def host(self) -> str:
        """The host in lower case, which the per-host limits count by."""
        return self.url.raw_host or ""

    def trusted_like(self, origin: Address) -> bool:
        """Say whether what is secret to `origin` may go here: same host and port, or its own step up to https."""
        mine, theirs = self.url, origin.url
        if mine.raw_host != theirs.raw_host:
            return False
        if (mine.scheme, mine.port) == (theirs.scheme, theirs.port):
            return True
        default = theirs.port == _DEFAULT_PORTS[theirs.scheme] and mine.port == _DEFAULT_PORTS[mine.scheme]
        return default and mine.scheme == "https"


@lru_cache(maxsize=4096)
def read(text: str) -> Address:
    """Read a feed's URL; raise `Blocked` for one that is refused whatever it resolves to."""
    text = text.strip()
    check_url(text)
    url = URL(text.partition("#")[0], encoded=True) if _CLEAN.fullmatch(text) else URL(text).with_fragment(None)
    if url.raw_host and url.raw_host != url.raw_host.lower():
        url = url.with_host(url.raw_host.lower())
    authorization = None
    if url.user is not None:
        secret = f"{url.user}:{url.password or ''}".encode()
        authorization = "Basic " + base64.b64encode(secret).decode("ascii")
        url = url.with_user(None)
    return Address(url, authorization)


def step(origin: Address, location: str) -> Address:
    """Return where a redirect leads; userinfo in it is dropped, since no server may choose our credentials."""
    try:
        joined = origin.url.join(URL(location.strip(), encoded=location.isascii() and " " not in location.strip()))
    except ValueError as error:
        raise FetchFailure(FetchOutcome.REDIRECTS, f"a redirect to no URL: {error}") from None
    return Address(read(str(joined)).url)


def without(address: Address, secret: tuple[str, str] | None) -> Address:
    """Return `address` without the secret parameter, which some servers repeat in the redirects they send."""
    if secret is None or secret[0] not in address.url.query:
        return address
    kept = [(name, value) for name, value in address.url.query.items() if name != secret[0]]
    return Address(address.url.with_query(kept))
