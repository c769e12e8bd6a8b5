"""Caps and clocks: hostile servers cost no more than the policy says."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import zlib
from collections.abc import Iterator
from dataclasses import replace

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from storage.records import FetchOutcome, FetchRequest, FetchResult
from tasks.fetch import Fetcher, FetchPolicy
from tasks.fetch.inflate import BombError, EncodingError, inflate

from .conftest import FEED, Site, reply

MB = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return encoder.compress(data) + encoder.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: brotli.compress(data, quality=4),
    "zstd": zstandard.compress,
}


def one(policy: FetchPolicy, url: str) -> FetchResult:
    async def main() -> FetchResult:
        async with Fetcher(policy) as fetcher:
            return await fetcher.fetch(FetchRequest(feed_id=1, url=url))

    return asyncio.run(main())


@pytest.mark.parametrize("name", ENCODERS)
def test_every_offered_encoding_is_undone(site: Site, policy: FetchPolicy, name: str) -> None:
    body = FEED * 50
    result = one(policy, site.serve("/feed", reply(200, ENCODERS[name](body), Content_Encoding=name)))
    assert result.body == body
    assert result.wire_bytes < len(body)
    offered = site.asked[0].headers["accept-encoding"].split(", ")
    assert name.removeprefix("x-") in offered


@given(data=st.binary(max_size=5000), name=st.sampled_from(sorted(ENCODERS)))
def test_what_was_packed_is_unpacked(data: bytes, name: str) -> None:
    assert inflate(ENCODERS[name](data), name, cap=MB, ratio=100) == data


@given(data=st.binary(min_size=1, max_size=3000), name=st.sampled_from(["gzip", "deflate", "br", "zstd"]))
def test_any_bytes_end_in_a_value_or_a_clear_refusal(data: bytes, name: str) -> None:
    with contextlib.suppress(EncodingError, BombError):
        assert len(inflate(data, name, cap=MB, ratio=100)) <= MB


def test_raw_deflate_as_some_servers_send_it_is_read() -> None:
    assert inflate(raw_deflate(FEED), "deflate", cap=MB, ratio=100) == FEED


def test_gzip_in_several_members_and_with_padding_is_read() -> None:
    assert inflate(gzip.compress(b"<a>") + gzip.compress(b"</a>") + b"\0" * 9, "gzip", cap=MB, ratio=100) == b"<a></a>"


def test_a_gzip_file_served_as_it_lies_is_read() -> None:
    assert inflate(gzip.compress(FEED), "", cap=MB, ratio=100) == FEED


@pytest.mark.parametrize("label", ["utf-8", "none", "identity", "gzip"])
def test_a_plain_body_under_a_wrong_label_is_read(label: str) -> None:
    assert inflate(FEED, label, cap=MB, ratio=100) == FEED


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_body_cut_short_is_refused(name: str) -> None:
    packed = ENCODERS[name](bytes(range(256)) * 400)
    with pytest.raises(EncodingError):
        inflate(packed[: len(packed) // 2], name, cap=MB, ratio=100)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_refused_with_its_reason(site: Site, policy: FetchPolicy, name: str) -> None:
    bomb = ENCODERS[name](b"\0" * (40 * MB))
    result = one(policy, site.serve("/feed", reply(200, bomb, Content_Encoding=name)))
    assert result.outcome is FetchOutcome.TOO_LARGE
    assert "inflates beyond 100 times" in (result.error or "")
    assert result.body is None


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_the_inflated_cap_holds_where_the_ratio_does_not_speak(name: str) -> None:
    with pytest.raises(BombError, match="beyond 1048576 bytes"):
        inflate(ENCODERS[name](b"\0" * (2 * MB)), name, cap=MB, ratio=1 << 40)


def test_a_body_beyond_the_wire_cap_is_cut_off_announced_or_not(site: Site, policy: FetchPolicy) -> None:
    sent = itertools.count()

    def endless(_: object) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        for _ in range(4000):
            next(sent)
            yield b"<a/>" * 4096

    small = replace(policy, wire_cap=MB)
    assert one(small, site.serve("/endless", endless)).outcome is FetchOutcome.TOO_LARGE
    assert next(sent) < 4000
    announced = site.serve("/announced", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    assert "announces 99999999 bytes" in (one(small, announced).error or "")


def test_a_server_that_drips_is_cut_off_by_the_total_time(site: Site, policy: FetchPolicy) -> None:
    def drip(_: object) -> Iterator[bytes | float]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while True:
            yield b"."
            yield 0.05

    result = one(replace(policy, total_seconds=0.5), site.serve("/drip", drip))
    assert result.outcome is FetchOutcome.TIMEOUT
    assert result.duration_ms < 10_000


def test_slow_redirects_share_one_clock(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/slow", lambda _: [0.2, reply(302, Location="/slow")])
    result = one(replace(policy, total_seconds=0.5), url)
    assert result.outcome is FetchOutcome.TIMEOUT
    assert len(site.asked) <= 3


def test_a_header_that_drips_is_cut_off(site: Site, policy: FetchPolicy) -> None:
    def drip(_: object) -> Iterator[bytes | float]:
        yield b"HTTP/1.1 200 OK\r\n"
        for number in itertools.count():
            yield f"X-{number}: y\r\n".encode()
            yield 0.05

    result = one(replace(policy, total_seconds=0.5), site.serve("/drip", drip))
    assert result.outcome is FetchOutcome.TIMEOUT
