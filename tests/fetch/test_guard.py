"""Where sockets may go: every spelling of a private address is refused, and only public ones pass."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.records import FetchOutcome, FetchRequest, FetchResult
from tasks.fetch import Blocked, Fetcher, FetchPolicy, check
from tasks.fetch.guard import check_url

from .conftest import FEED, Site, reply

REFUSED_TEXT = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.254 127.0.0.1 127.1.2.3
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.9 224.0.0.1 233.252.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:127.0.0.1 ::ffff:0:10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1
2001:db8::1 2002:7f00:1:: 2002:a00:1:: 2002:808:808::1 2620:4f:8000::1 3fff::1 5f00::1 fc00::1 fd00::1
fd00:ec2::254 fd20:ce::254 fe80::1 fe80::1%eth0 fe80::a9fe:a9fe fec0::1 feff::1 ff02::1 ff05::2 ff0e::1
2a00:1450:4001::5efe:10.0.0.1 2a00:1450:4001:0:200:5efe:7f00:1 4000::1 e000::1
"""
PASSED_TEXT = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 168.63.129.15
172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 193.0.0.1 198.17.255.255 198.20.0.1 223.255.255.255
2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450:4001::200e 2003::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
64:ff9b::101:101
"""
SPELLINGS_TEXT = """
127.1 127.0.1 0177.0.0.1 017700000001 0x7f.0.0.1 0x7f.1 0x7f000001 2130706433 127.0.0.01 10.1 012.0.0.1 0xa9fea9fe
2852039166 0xA9.254.0251.254 0 0x0 00.0.0.0 192.168.257 3232235521 169.254.43518
"""


@pytest.mark.parametrize("address", REFUSED_TEXT.split())
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Blocked):
        check(address)


@pytest.mark.parametrize("address", PASSED_TEXT.split())
def test_a_public_address_passes(address: str) -> None:
    check(address)


@pytest.mark.parametrize("text", ["", "example.org", "1.2.3", "1.2.3.4.5", "12345::", "::1::", "0x7f000001"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Blocked):
        check(text)


@pytest.mark.parametrize("host", SPELLINGS_TEXT.split())
def test_an_odd_spelling_is_refused_before_any_look_up(host: str) -> None:
    with pytest.raises(Blocked, match="odd spelling"):
        check_url(f"http://{host}/feed")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/feed",
        "file:///etc/passwd",
        "gopher://example.org/",
        "data:text/xml,<rss/>",
        "//example.org/feed",
        "example.org/feed",
        "http://",
        "http:///feed",
        "http://user@/feed",
        "http://example.org:22/",
        "http://example.org:6379/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http://[::1/",
        "",
    ],
)
def test_a_url_that_no_feed_has_is_refused(url: str) -> None:
    with pytest.raises(Blocked):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["http://example.org/", "HTTPS://Example.org:8443/feed", "http://8.8.8.8/", "http://x.y:8080"]
)
def test_an_ordinary_url_passes(url: str) -> None:
    check_url(url)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_the_same_in_every_ipv6_clothing(address: ipaddress.IPv4Address) -> None:
    def refused(text: str) -> bool:
        try:
            check(text)
        except Blocked:
            return True
        return False

    plain = refused(str(address))
    assert refused(f"::ffff:{address}") == plain
    assert refused(f"64:ff9b::{address}") == plain
    assert refused(f"::{address}")
    assert refused(f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::1")


@given(st.ip_addresses())
def test_nothing_passes_that_python_calls_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        with pytest.raises(Blocked):
            check(str(address))


def test_the_allow_list_opens_its_networks_and_nothing_else() -> None:
    allow = ("10.20.0.0/16", "fd12::/32", "192.168.1.7/24")
    for address in ("10.20.3.4", "::ffff:10.20.3.4", "fd12:0:1::1", "192.168.1.200"):
        check(address, allow)
    for address in ("10.21.0.1", "127.0.0.1", "fd13::1", "192.168.2.1"):
        with pytest.raises(Blocked):
            check(address, allow)


def test_a_bad_allow_list_is_refused_when_the_client_is_built() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        Fetcher(FetchPolicy(allow=("10.0.0.0/99",)))


def one(policy: FetchPolicy, url: str) -> FetchResult:
    async def main() -> FetchResult:
        async with Fetcher(policy) as fetcher:
            return await fetcher.fetch(FetchRequest(feed_id=1, url=url))

    return asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "①②⑦.⓪.⓪.①", "0x7f.1", "0"])
def test_no_socket_is_opened_to_our_own_machine(site: Site, policy: FetchPolicy, host: str) -> None:
    site.serve("/feed", reply(200, FEED))
    result = one(replace(policy, allow=()), site.url(host=host))
    assert result.outcome is FetchOutcome.BLOCKED, result.error
    assert site.connections == 0


def test_a_name_that_changes_its_address_between_look_ups_is_caught_at_the_socket(
    site: Site, policy: FetchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the first look-up says public, the one that the connection uses says loopback."""
    site.serve("/feed", reply(200, FEED))
    answers = iter(["93.184.216.34", "127.0.0.1"])
    real = socket.getaddrinfo

    def rebinding(host: Any, *rest: Any, **named: Any) -> Any:
        return real(next(answers, "127.0.0.1") if host == "rebind.example" else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert socket.getaddrinfo("rebind.example", 80)[0][4][0] == "93.184.216.34"
    result = one(replace(policy, allow=()), site.url(host="rebind.example"))
    assert result.outcome is FetchOutcome.BLOCKED
    assert "127.0.0.1 (loopback)" in (result.error or "")
    assert site.connections == 0


def test_of_several_addresses_only_the_permitted_are_tried(
    site: Site, policy: FetchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.serve("/feed", reply(200, FEED))
    real = socket.getaddrinfo

    def several(host: Any, *rest: Any, **named: Any) -> Any:
        if host != "two.example":
            return real(host, *rest, **named)
        return [found for address in ("127.9.9.9", "127.0.0.1") for found in real(address, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", several)
    assert one(replace(policy, allow=("127.0.0.1/32",)), site.url(host="two.example")).status == 200
    assert one(replace(policy, allow=("127.7.0.0/16",)), site.url(host="two.example")).outcome is FetchOutcome.BLOCKED
