"""WebSub as a subscriber (W3C Recommendation, 2018): what a hub is asked, and which of its calls is believed. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from tasks.formats.discover import links_of

# What is asked for; hubs may grant another term. Beyond two weeks a hub that lost us would be trusted too long.
LEASE_SECONDS = 7 * 86400
_SHORTEST, _LONGEST = 3600, 14 * 86400
# The digests that a hub may sign with (§8); every other name is no signature.
_DIGESTS = frozenset({"sha1", "sha256", "sha384", "sha512"})
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s=;,\"<>]+\s*=\s*(?:\"[^\"]*\"|[^\s\",;<>]+))*)")
_PARAMETER = re.compile(r";\s*([^\s=;,\"<>]+)\s*=\s*(?:\"([^\"]*)\"|([^\s\",;<>]+))")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """A hub and the topic that it knows the feed by (the feed's own idea of its address)."""

    hub: str
    topic: str


def in_header(link: str, url: str) -> Hub | None:
    """Read the hub and the topic from a Link header (§4; RFC 8288); `url` is the address that answered."""
    named: dict[str, str] = {}
    for target, parameters in _LINK.findall(link):
        named_so = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(parameters)}
        for kind in named_so.get("rel", "").lower().split():
            named.setdefault(kind, urljoin(url, target.strip()))
    return Hub(hub=named["hub"], topic=named.get("self", url)) if "hub" in named else None


def in_document(hubs: Iterable[str], self_url: str | None, url: str) -> Hub | None:
    """Return the first hub that the document names, and the topic: its own address, else where it was found."""
    hub = next((hub for hub in hubs if hub), None)
    return Hub(hub=urljoin(url, hub), topic=urljoin(url, self_url) if self_url else url) if hub else None


def in_page(html: bytes, url: str, feed: str) -> Hub | None:
    """Return the hub that a site's page names for the feed at `feed` (§4: `<link>` in the head); `url` is the page's.

    A page that calls itself the topic (`rel="self"`) speaks of itself, and not of its feed.
    """
    links = links_of(html, url)
    hub, topic = (next((to for rel, to in links if rel == kind), None) for kind in ("hub", "self"))
    return Hub(hub=hub, topic=feed) if hub is not None and topic in {None, feed} else None


def form(mode: str, *, callback: str, topic: str, secret: str) -> dict[str, str]:
    """Return the form that asks a hub to `subscribe` or `unsubscribe` (§5.1)."""
    asked = {"hub.mode": mode, "hub.callback": callback, "hub.topic": topic}
    if mode == "subscribe":
        asked |= {"hub.secret": secret, "hub.lease_seconds": str(LEASE_SECONDS)}
    return asked


def granted(query: Mapping[str, str], *, topic: str) -> float | None:
    """Return the seconds of the lease where a hub verifies a subscription to our topic (§5.3), else None."""
    if query.get("hub.mode") != "subscribe" or query.get("hub.topic") != topic or not query.get("hub.challenge"):
        return None
    text = query.get("hub.lease_seconds", "")
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else LEASE_SECONDS
    return float(min(max(seconds, _SHORTEST), _LONGEST))


def signed(body: bytes, signature: str | None, secret: str) -> bool:
    """Say whether `signature` (`X-Hub-Signature`, §8) is the secret's over `body`; compared in constant time."""
    method, separator, given = (signature or "").strip().partition("=")
    if not separator or method.lower() not in _DIGESTS:
        return False
    expected = hmac.new(secret.encode(), body, method.lower()).hexdigest()
    return hmac.compare_digest(expected.encode(), given.strip().lower().encode())


def retry_wait(attempts: int) -> float:
    """Return the seconds until a hub that could not be reached, or never verified, is asked again: to a day at most."""
    return float(min(300 * 2 ** min(attempts, 12), 86400))
