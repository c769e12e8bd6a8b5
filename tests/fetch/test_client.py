"""The client against a server on loopback: outcomes, validators, redirects, secrets."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from storage.records import FetchOutcome, FetchRequest, FetchResult, Validators
from tasks.fetch import Fetcher, FetchPolicy, close, fetch_batches, fetch_shard

from .conftest import FEED, Asked, Site, reply


def fetch(policy: FetchPolicy, *requests: FetchRequest) -> list[FetchResult]:
    async def main() -> list[FetchResult]:
        async with Fetcher(policy) as fetcher:
            return await fetcher.fetch_all(requests)

    return asyncio.run(main())


def one(policy: FetchPolicy, url: str, **fields: object) -> FetchResult:
    return fetch(policy, FetchRequest(feed_id=1, url=url, **fields))[0]  # type: ignore[arg-type]


def test_a_feed_comes_with_its_validators_as_sent(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED, ETag='W/"a b\'c"', Last_Modified="Mon, 23 Nov 2026 7:00:00 +0000"))
    result = one(policy, url)
    assert (result.outcome, result.status, result.body) == (FetchOutcome.CHANGED, 200, FEED)
    assert result.validators == Validators(etag='W/"a b\'c"', last_modified="Mon, 23 Nov 2026 7:00:00 +0000", url=url)
    assert result.final_url == url
    assert result.wire_bytes == len(FEED)


def test_validators_go_back_byte_for_byte(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(304))
    held = Validators(etag='W/"ü, unquoted', last_modified="gestern")
    result = one(policy, url, validators=held)
    assert result.outcome is FetchOutcome.NOT_MODIFIED
    assert result.body is None
    assert result.validators == held
    sent = site.asked[0].headers
    assert sent["if-none-match"].encode("latin-1") == 'W/"ü, unquoted'.encode()
    assert sent["if-modified-since"] == "gestern"


def test_header_bytes_that_are_no_text_reach_no_database(site: Site, policy: FetchPolicy) -> None:
    head = b'HTTP/1.1 200 OK\r\nETag: "\xff\xfe"\r\nLast-Modified: then\r\nContent-Type: text/xml; charset=\xe4\r\n'
    url = site.serve("/feed", head + f"Content-Length: {len(FEED)}\r\n\r\n".encode() + FEED)
    result = one(policy, url)
    assert result.outcome is FetchOutcome.CHANGED
    assert result.validators == Validators(etag=None, last_modified="then", url=url)
    assert result.headers["content-type"] == "text/xml; charset=ä"
    repr(result).encode()


def test_no_cookie_no_referer_no_query_is_added(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED, Set_Cookie="id=1; Path=/"))
    fetch(policy, FetchRequest(feed_id=1, url=url), FetchRequest(feed_id=2, url=url))
    assert [asked.path for asked in site.asked] == ["/feed", "/feed"]
    for asked in site.asked:
        assert not {"cookie", "referer", "authorization", "cache-control", "pragma"} & asked.headers.keys()


def test_the_url_is_sent_as_written(site: Site, policy: FetchPolicy) -> None:
    site.serve("/a%2Fb%7Ec", reply(200, FEED))
    one(policy, site.url("/a%2Fb%7Ec?sig=a%2Bb+c&x=%7e#top"))
    assert site.asked[0].path == "/a%2Fb%7Ec?sig=a%2Bb+c&x=%7e"


def test_an_address_with_umlauts_is_quoted(site: Site, policy: FetchPolicy) -> None:
    site.serve("/k%C3%B6ln", reply(200, FEED))
    assert one(policy, site.url("/köln")).outcome is FetchOutcome.CHANGED


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(410), FetchOutcome.GONE),
        (reply(404, b"no"), FetchOutcome.HTTP_4XX),
        (reply(401), FetchOutcome.HTTP_4XX),
        (reply(429, Retry_After="60"), FetchOutcome.THROTTLED),
        (reply(503), FetchOutcome.HTTP_5XX),
        (reply(500, b"x" * 100_000), FetchOutcome.HTTP_5XX),
        (reply(200), FetchOutcome.EMPTY),
        (reply(200, b" \n "), FetchOutcome.EMPTY),
        (reply(200, b"<!DOCTYPE html><title>Anmelden</title>"), FetchOutcome.NOT_A_FEED),
        (reply(200, b"<!-- x --><html><body>Sign in</body></html>"), FetchOutcome.NOT_A_FEED),
        (reply(304), FetchOutcome.OTHER),
        (reply(206, FEED), FetchOutcome.OTHER),
        (b"220 smtp ready\r\n\r\n", FetchOutcome.OTHER),
        (reply(200, FEED)[:-20], FetchOutcome.TIMEOUT),
        ([reply(200, FEED)[:-20], -1.0], FetchOutcome.CONNECT),
        ([-1.0], FetchOutcome.CONNECT),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000 + b"\r\nContent-Length: 0\r\n\r\n", FetchOutcome.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"Content-Length: 0\r\n\r\n", FetchOutcome.TOO_LARGE),
        (reply(200, FEED, Content_Encoding="gzip, gzip"), FetchOutcome.BAD_ENCODING),
        (reply(200, b"\x00\x01\x02", Content_Encoding="gzip"), FetchOutcome.BAD_ENCODING),
    ],
)
def test_every_answer_has_its_outcome(
    site: Site, policy: FetchPolicy, answer: bytes | list[bytes | float], outcome: FetchOutcome
) -> None:
    held = Validators(etag='"kept"', url="http://elsewhere.invalid/")
    result = one(replace(policy, read_seconds=0.3), site.serve("/feed", answer), validators=held)
    assert result.outcome is outcome, result.error
    assert result.outcome.failed
    assert result.error
    assert result.validators == held


def test_a_304_brings_new_validators_and_keeps_those_it_is_silent_on(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(304, ETag='"2"'))
    result = one(policy, url, validators=Validators(etag='"1"', last_modified="then", url=url))
    assert result.validators == Validators(etag='"2"', last_modified="then", url=url)


def test_a_200_without_validators_clears_them(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED))
    assert one(policy, url, validators=Validators(etag='"1"', last_modified="then")).validators == Validators()


def test_new_validators_are_kept_although_the_body_is_the_same(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED, ETag='"1"'))
    first = one(policy, url)
    touched = FEED.replace(b"07:00:00", b"07:15:00")  # only the build date moved
    site.serve("/feed", reply(200, touched, ETag='"2"'))
    second = one(policy, url, validators=first.validators, known_sha256=first.body_sha256)
    assert second.outcome is FetchOutcome.SAME_BODY
    assert second.body is None
    assert second.validators.etag == '"2"'


def test_a_changed_item_date_is_a_change(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED))
    first = one(policy, url)
    site.serve("/feed", reply(200, FEED.replace(b"06:00:00", b"06:30:00")))
    assert one(policy, url, known_sha256=first.body_sha256).outcome is FetchOutcome.CHANGED


@pytest.mark.parametrize("honest", [True, False])
def test_an_audit_asks_without_validators_and_finds_the_liar(site: Site, policy: FetchPolicy, *, honest: bool) -> None:
    url = site.serve("/feed", reply(200, FEED, ETag='"1"'))
    first = one(policy, url)
    fresh = reply(200, FEED.replace(b"gesperrt", b"wieder frei"), ETag='"2"')
    site.serve("/feed", lambda asked: reply(304) if "if-none-match" in asked.headers and not honest else fresh)
    audit = one(policy, url, validators=first.validators, known_sha256=first.body_sha256, audit=True)
    assert [asked.headers.get("if-none-match") for asked in site.asked[1:]] == [None, '"1"']
    assert audit.audited
    assert audit.lied is not honest
    assert audit.outcome is FetchOutcome.CHANGED


def test_an_audit_that_finds_no_change_asks_no_further(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED, ETag='"1"'))
    first = one(policy, url)
    audit = one(policy, url, validators=first.validators, known_sha256=first.body_sha256, audit=True)
    assert (audit.outcome, audit.lied) == (FetchOutcome.SAME_BODY, False)
    assert len(site.asked) == 2


def test_redirects_are_followed_and_listed(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/old", reply(301, Location="/mid"))
    site.serve("/mid", reply(302, Location="feed?a=b"))
    site.serve("/feed", reply(200, FEED))
    result = one(policy, url)
    assert result.outcome is FetchOutcome.CHANGED
    assert result.hops == ((301, site.url("/mid")), (302, site.url("/feed?a=b")))
    assert result.final_url == site.url("/feed?a=b")


@pytest.mark.parametrize(
    ("location", "outcome"),
    [
        ("/feed", FetchOutcome.REDIRECTS),
        ("file:///etc/passwd", FetchOutcome.BLOCKED),
        ("http://169.254.169.254/latest/meta-data/", FetchOutcome.BLOCKED),
        ("http://[::ffff:10.0.0.1]/", FetchOutcome.BLOCKED),
        ("http://2852039166/", FetchOutcome.BLOCKED),
        ("http://127.0.0.1:6379/", FetchOutcome.BLOCKED),
        ("http://[", FetchOutcome.REDIRECTS),
        ("javascript:alert(1)", FetchOutcome.BLOCKED),
    ],
)
def test_a_redirect_to_nowhere_good_ends_there(
    site: Site, policy: FetchPolicy, location: str, outcome: FetchOutcome
) -> None:
    result = one(policy, site.serve("/feed", reply(302, Location=location)))
    assert result.outcome is outcome, result.error
    assert len(site.asked) <= policy.redirects + 1


def test_validators_are_not_sent_to_the_url_of_another_document(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/old", reply(302, Location="/new"))
    site.serve("/new", reply(200, FEED))
    one(policy, url, validators=Validators(etag='"of-old"', url=url))
    assert [asked.headers.get("if-none-match") for asked in site.asked] == ['"of-old"', None]


def test_validators_of_the_target_are_sent_to_the_target(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/old", reply(302, Location="/new"))
    site.serve(
        "/new", lambda asked: reply(304 if asked.headers.get("if-none-match") == '"1"' else 200, FEED, ETag='"1"')
    )
    first = one(policy, url)
    assert one(policy, url, validators=first.validators).outcome is FetchOutcome.NOT_MODIFIED


def test_secrets_stay_with_their_host(site: Site, policy: FetchPolicy) -> None:
    secret = {"X-Api-Key": "k", "Authorization": "Bearer t"}
    url = site.serve("/feed", reply(302, Location=f"http://localhost:{site.port}/other"))
    site.serve("/other", reply(200, FEED))
    one(policy, url, secret_headers=secret, headers={"X-Plain": "p"})
    own, other = site.asked
    assert (own.headers["x-api-key"], own.headers["authorization"]) == ("k", "Bearer t")
    assert not {"x-api-key", "authorization"} & other.headers.keys()


def test_credentials_in_the_url_become_basic_authorization_and_stay_out_of_the_result(
    site: Site, policy: FetchPolicy
) -> None:
    site.serve("/feed", reply(302, Location="/other"))
    site.serve("/other", reply(200, FEED))
    result = one(policy, site.url().replace("http://", "http://user:p%40ss@"))
    expected = "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert [asked.headers.get("authorization") for asked in site.asked] == [expected, expected]
    assert "p%40ss" not in result.final_url
    assert "user" not in result.final_url


def test_credentials_that_a_redirect_brings_are_not_used(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(302, Location=f"http://evil:pw@127.0.0.1:{site.port}/other"))
    site.serve("/other", reply(200, FEED))
    one(policy, url)
    assert "authorization" not in site.asked[1].headers


def test_a_connection_serves_many_feeds(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED))
    results = fetch(policy, *(FetchRequest(feed_id=number, url=f"{url}?{number}") for number in range(40)))
    assert [result.feed_id for result in results] == list(range(40))
    assert site.most_in_flight["127.0.0.1"] <= policy.per_host
    assert site.connections <= policy.per_host


def test_a_slow_host_does_not_hold_up_the_others(site: Site, policy: FetchPolicy) -> None:
    slow = site.serve("/slow", lambda _: [0.4, reply(200, FEED)])
    quick = site.serve("/quick", reply(200, FEED)).replace("127.0.0.1", "localhost")
    order: list[str] = []

    def note(name: str) -> Callable[[Asked], bytes]:
        def handler(_: Asked) -> bytes:
            order.append(name)
            return reply(200, FEED)

        return handler

    site.routes["/quick"] = note("quick")
    requests = [FetchRequest(feed_id=number, url=slow) for number in range(8)]
    requests.append(FetchRequest(feed_id=99, url=quick))
    results = fetch(replace(policy, concurrency=4), *requests)
    assert order == ["quick"]
    assert all(result.outcome is FetchOutcome.CHANGED for result in results)
    assert results[-1].started_at < max(result.started_at for result in results[:-1])


def test_what_has_no_turn_in_time_is_deferred_not_failed(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/slow", lambda _: [0.3, reply(200, FEED)])
    requests = [FetchRequest(feed_id=number, url=url, validators=Validators(etag='"1"')) for number in range(6)]
    results = fetch(replace(policy, per_host=1, shard_seconds=0.4), *requests)
    outcomes = [result.outcome for result in results]
    assert outcomes[:2] == [FetchOutcome.CHANGED] * 2
    assert outcomes[-1] is FetchOutcome.DEFERRED
    assert not FetchOutcome.DEFERRED.failed
    assert results[-1].validators.etag == '"1"'
    assert len(site.asked) == outcomes.count(FetchOutcome.CHANGED)


def test_shards_share_one_loop_and_its_connections(site: Site, policy: FetchPolicy) -> None:
    request = FetchRequest(feed_id=1, url=site.serve("/feed", reply(200, FEED)))
    for _ in range(5):
        assert fetch_shard(policy, [request])[0].outcome is FetchOutcome.CHANGED
    assert site.connections == 1
    close()
    assert fetch_shard(policy, [request])[0].outcome is FetchOutcome.CHANGED
    close()
    assert site.connections == 2


def test_a_batch_ends_when_its_documents_are_large_enough(site: Site, policy: FetchPolicy) -> None:
    taken = threading.Event()

    def late(_: Asked) -> Iterator[bytes | float]:
        for _turn in range(400):
            if taken.is_set():
                break
            yield 0.05
        yield reply(200, FEED)

    urls = [site.serve("/first", reply(200, FEED)), site.serve("/second", reply(200, FEED)), site.serve("/late", late)]
    requests = [FetchRequest(feed_id=number, url=url) for number, url in enumerate(urls)]
    batches = []
    for batch in fetch_batches(policy, requests, seconds=60, max_bytes=len(FEED) + 1):
        batches.append({result.feed_id for result in batch})
        taken.set()
    close()
    assert batches == [{0, 1}, {2}]


def test_a_header_that_would_split_the_request_is_refused(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(200, FEED))
    result = one(policy, url, validators=Validators(etag='"1"\r\nX-Evil: 1'))
    assert result.outcome is FetchOutcome.OTHER
    assert site.asked == []
