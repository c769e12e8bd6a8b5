"""Where a socket may connect: the check runs on the address itself, at the moment the socket is made.

`ipaddress.is_global` is not the rule: on Python 3.11 it calls NAT64, 6to4, IPv4-compatible and multicast forms of
a private address global, and it changes with the patch release. The table below is our own, from the IANA special
purpose registries (RFC 6890) and the addresses that clouds answer on.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network

_IPV4 = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "Azure host agent"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
# Only 2000::/3 is handed out as global unicast; these are the holes in it.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_IPV6 = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("2001::/23", "protocol assignments, Teredo, ORCHID"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
# ISATAP (RFC 5214 §6.1): any prefix, then 0000:5efe or 0200:5efe, then the IPv4 address.
_ISATAP = (0x00005EFE, 0x02005EFE)
# Ports no feed is served on and other protocols are (the "bad ports" of the WHATWG Fetch standard).
_BAD_PORTS = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109}
    | {110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530}
    | {531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045}
    | {4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)


class Blocked(OSError):
    """The address, scheme or port may not be connected to; an `OSError` so that the next address is tried."""

    def __init__(self, target: str, why: str) -> None:
        super().__init__(errno.EACCES, f"blocked: {target} ({why})")
        self.target = target
        self.why = why


@lru_cache(maxsize=64)
def networks(allow: tuple[str, ...]) -> tuple[Network, ...]:
    """Read the allow-list; host bits are tolerated, anything else that is not a network is a `ValueError`."""
    return tuple(ip_network(text, strict=False) for text in allow)


def check(address: str, allow: tuple[str, ...] = ()) -> None:
    """Raise `Blocked` unless `address` (as in a socket address, zone allowed) is public or on the allow-list."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        raise Blocked(address, "not an IP address") from None
    why = _why_not(parsed, networks(allow))
    if why is not None:
        raise Blocked(address, why)


def check_url(url: str) -> None:
    """Raise `Blocked` for a URL that is refused whatever its host resolves to: scheme, missing host, or port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Blocked("URL", str(error)) from None
    if parts.scheme.lower() not in {"http", "https"}:
        raise Blocked(f"scheme {parts.scheme or 'missing'}", "only http and https")
    if not parts.hostname:
        raise Blocked("URL", "no host")
    if _odd_spelling(parts.hostname):
        raise Blocked(parts.hostname, "an IPv4 address in an odd spelling")
    if port in _BAD_PORTS:
        raise Blocked(f"port {port}", "not a port of the web")


def _odd_spelling(host: str) -> bool:
    """Say whether `host` is an IPv4 address as only `inet_aton` reads it: decimal, octal, hexadecimal, shortened."""
    try:
        packed = socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return socket.inet_ntoa(packed) != host


def _why_not(address: IPv4Address | IPv6Address, allowed: Sequence[Network]) -> str | None:
    """Return why `address` is refused, or None; an embedded IPv4 address is judged as what it is."""
    if any(address.version == network.version and address in network for network in allowed):
        return None
    if isinstance(address, IPv4Address):
        return next((why for network, why in _IPV4 if address in network), None)
    if address in _MAPPED or address in _NAT64:
        return _why_not(IPv4Address(int(address) & 0xFFFFFFFF), allowed)
    if address not in _GLOBAL_UNICAST:
        return "not global unicast"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "ISATAP"
    return next((why for network, why in _IPV6 if address in network), None)
