"""Credentials and the like: sent to the feed's own host, to no other, and shown to nobody."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

import pytest

from storage.records import FetchOutcome, FetchRequest, FetchResult
from tasks.access import BadAccess, asked_at, asked_with, masked
from tasks.fetch import Fetcher, FetchPolicy

from .conftest import FEED, Site, reply


def one(policy: FetchPolicy, url: str, settings: dict[str, Any]) -> FetchResult:
    async def main() -> FetchResult:
        async with Fetcher(policy) as fetcher:
            return await fetcher.fetch(FetchRequest(feed_id=1, url=url, **asked_with(settings)))

    return asyncio.run(main())


BASIC = {"kind": "basic", "user": "desk", "password": "s3:cret"}


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BASIC, "authorization", "Basic " + base64.b64encode(b"desk:s3:cret").decode()),
        ({"kind": "bearer", "token": "s3cret"}, "authorization", "Bearer s3cret"),
        ({"kind": "header", "name": "X-Api-Key", "value": "s3cret"}, "x-api-key", "s3cret"),
    ],
)
def test_a_secret_goes_to_the_feeds_host_and_not_where_it_redirects(
    site: Site, policy: FetchPolicy, auth: dict[str, str], header: str, value: str
) -> None:
    url = site.serve("/feed", reply(302, Location=f"http://localhost:{site.port}/other"))
    site.serve("/other", reply(200, FEED))
    result = one(policy, url, {"auth": auth})
    assert [asked.headers.get(header) for asked in site.asked] == [value, None]
    assert "cret" not in repr(result)


def test_a_key_in_the_query_is_sent_to_its_host_and_kept_out_of_every_result(site: Site, policy: FetchPolicy) -> None:
    settings = {"auth": {"kind": "query", "name": "key", "value": "s3 cret&"}}
    url = site.serve("/feed", reply(301, Location="/second?key=s3%20cret%26&a=b"))
    site.serve("/second", reply(302, Location=f"http://localhost:{site.port}/third?c=d"))
    site.serve("/third", reply(200, FEED, ETag='"1"'))
    result = one(policy, f"{url}?x=y", settings)
    assert [asked.path for asked in site.asked] == [
        "/feed?x=y&key=s3+cret%26",
        "/second?a=b&key=s3+cret%26",
        "/third?c=d",
    ]
    assert result.outcome is FetchOutcome.CHANGED
    assert "cret" not in repr(result)
    assert result.hops[0][1] == site.url("/second?a=b")


def test_a_request_does_not_show_its_secrets() -> None:
    settings = {"auth": BASIC, "proxy": "http://user:s3cret@proxy.example:3128"}
    text = repr(FetchRequest(feed_id=1, url="https://a.example/", **asked_with(settings)))
    assert "cret" not in text
    assert "Basic" not in text


def test_own_headers_replace_ours_where_they_may(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED))
    one(policy, url, {"headers": {"User-Agent": "desk/1", "Accept-Language": "de"}})
    assert site.asked[0].headers["user-agent"] == "desk/1"
    assert site.asked[0].headers["accept-language"] == "de"


def test_a_proxy_is_asked_in_the_feeds_stead(site: Site, policy: FetchPolicy) -> None:
    site.serve("http://feeds.invalid/news", reply(200, FEED))
    settings = {"proxy": f"http://127.0.0.1:{site.port}"}
    # The proxy may stand on a private network: it is the operator's choice, not the feed's.
    result = one(replace(policy, allow=()), "http://feeds.invalid/news", settings)
    assert result.outcome is FetchOutcome.CHANGED
    assert site.asked[0].path == "http://feeds.invalid/news"
    direct = one(replace(policy, allow=()), site.url("/news"), {})
    assert direct.outcome is FetchOutcome.BLOCKED


def test_https_to_a_server_that_speaks_none_is_a_tls_failure(site: Site, policy: FetchPolicy) -> None:
    for settings in ({}, {"verify_tls": False}):
        assert one(policy, site.url().replace("http:", "https:"), settings).outcome is FetchOutcome.TLS


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": {"kind": "digest"}},
        {"auth": {"kind": "basic", "user": "u"}},
        {"auth": {"kind": "bearer", "token": "a\r\nX-Evil: 1"}},
        {"auth": {"kind": "header", "name": "X Api", "value": "v"}},
        {"headers": {"Cookie": "a=b"}},
        {"headers": {"If-None-Match": "*"}},
        {"headers": {"X-A": "1\n2"}},
        {"headers": {"X-A": 5}},
        {"proxy": "socks5://127.0.0.1:1080"},
        {"proxy": "http://proxy.example"},
        {"proxy": "http://[::1"},
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_with_its_reason(settings: dict[str, Any]) -> None:
    with pytest.raises(BadAccess) as refusal:
        asked_with(settings)
    assert str(refusal.value)


def test_a_listing_shows_that_there_are_credentials_and_not_which() -> None:
    settings = {
        "auth": BASIC,
        "headers": {"User-Agent": "desk/1", "X-Token": "s3cret"},
        "proxy": "http://u:s3cret@proxy.example:3128",
        "weight": 2.0,
    }
    shown = masked(settings)
    assert shown == {
        "auth": {"kind": "basic", "user": "desk", "password": "***"},
        "headers": {"User-Agent": "desk/1", "X-Token": "***"},
        "proxy": "http://***@proxy.example:3128",
        "weight": 2.0,
    }
    assert settings["auth"] == BASIC
    assert masked({"auth": {"kind": "query", "name": "key", "value": "v"}})["auth"]["value"] == "***"


def test_no_settings_ask_for_nothing() -> None:
    assert asked_with({}) == {}


@pytest.mark.parametrize(
    ("page", "goes"),
    [
        ("https://zeitung.example/brücke", True),
        ("https://zeitung.example:8443/brücke", False),
        ("http://zeitung.example/brücke", False),  # a step down would send it in the clear
        ("https://www.zeitung.example/brücke", False),
        ("https://zeitung.example.evil.example/", False),
        ("gopher://zeitung.example/", False),
        ("https://0x7f000001/", False),
    ],
)
def test_a_feeds_credentials_go_along_to_pages_of_its_own_host_only(page: str, goes: bool) -> None:
    home = "https://user:s3cret@zeitung.example/feed"
    for settings in ({"auth": {"kind": "query", "name": "key", "value": "s3cret"}}, {"auth": BASIC}, {}):
        fields = asked_at(settings | {"headers": {"X-Desk": "wien"}}, page, home=home)
        assert ("cret" in repr(fields) or "Basic" in repr(fields)) is goes
        assert fields["headers"] == {"X-Desk": "wien"}


def test_a_feeds_own_credentials_go_before_those_in_its_address() -> None:
    fields = asked_at({"auth": BASIC}, "https://a.example/1", home="https://u:p@a.example/feed")
    assert fields["secret_headers"]["Authorization"] == "Basic " + base64.b64encode(b"desk:s3:cret").decode()
