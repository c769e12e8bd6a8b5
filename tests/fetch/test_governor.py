"""Turns at hosts, kept in a real Redis: no more in flight than the host's limit, whoever asks from wherever."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
import redis
from services import RedisServer

from storage.records import FetchOutcome, FetchRequest, FetchResult
from tasks.fetch import Fetcher, FetchPolicy
from tasks.fetch.governor import Governor, NoTurn, Turn, Verdict
from tasks.fetch.hosts import speaks_for_all

from .conftest import FEED, LOOPBACK, Site, reply

WORKER = """
import json, sys
from storage.records import FetchRequest
from tasks.fetch import FetchPolicy, close, fetch_shard
redis_url, urls = json.loads(sys.stdin.read())
policy = FetchPolicy(allow=("127.0.0.0/8", "::1/128"), redis_url=redis_url, per_host=3, shard_seconds=100)
results = fetch_shard(policy, [FetchRequest(feed_id=n, url=url) for n, url in enumerate(urls)])
close()
print(json.dumps([result.outcome.value for result in results]))
"""


def test_eight_workers_on_one_host_keep_its_limit_and_hold_up_no_other(site: Site, redis_url: str) -> None:
    site.serve("/busy", lambda _: [0.004, reply(200, FEED)])
    site.serve("/other", reply(200, FEED))
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for number, worker in enumerate(workers):
        busy = [site.url(f"/busy?{number}-{turn}") for turn in range(500 // 8 + (number < 4))]
        other = [site.url(f"/other?{number}-{turn}", host="localhost") for turn in range(5)]
        assert worker.stdin is not None
        worker.stdin.write(json.dumps([redis_url, busy + other]))
        worker.stdin.close()
    outcomes: Counter[str] = Counter()
    for worker in workers:
        assert worker.stdout is not None
        outcomes.update(json.loads(worker.stdout.read()))
        worker.stdout.close()
        assert worker.wait(60) == 0
    assert outcomes == {"changed": 540}
    assert site.most_in_flight["127.0.0.1"] <= 3
    assert site.most_in_flight["localhost"] <= 3
    asked = [asked.headers["host"].partition(":")[0] for asked in site.asked]
    assert asked.count("127.0.0.1") == 500
    # Each worker's feeds of the other host were through long before its feeds of the busy one.
    for number in range(8):
        own = [host for host, ask in zip(asked, site.asked, strict=True) if f"?{number}-" in ask.path]
        assert set(own[-10:]) == {"127.0.0.1"}


def hold(redis_url: str, **limits: float) -> Governor:
    return Governor(redis_url, **{"limit": 2, "delay": 0.0, "lease": 30.0} | limits)  # type: ignore[arg-type]


async def turn(
    governor: Governor, host: str, *, verdict: Verdict = "ok", latency: float = 0.0, retry_after: float = -1.0
) -> None:
    """Take a turn, note how it went, give it back."""
    own = await taken(governor, host, seconds=5)
    own.verdict, own.latency, own.retry_after = verdict, latency, retry_after
    governor.give(own)


async def taken(governor: Governor, host: str, *, seconds: float = 1.0) -> Turn:
    own = Turn(host)
    await governor.take(own, deadline=asyncio.get_running_loop().time() + seconds)
    return own


async def refusal(governor: Governor, host: str) -> NoTurn:
    with pytest.raises(NoTurn) as raised:
        await turn(governor, host)
    return raised.value


def memory(redis_url: str, host: str) -> dict[str, str]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        return client.hgetall(f"wireroom:host:{host}")  # type: ignore[return-value]


def run(scene: Callable[[], object]) -> None:
    asyncio.run(scene())  # type: ignore[arg-type]


def test_the_pace_is_learnt_from_how_slowly_a_host_answers(redis_url: str) -> None:
    async def scene() -> None:
        governor = hold(redis_url)
        for _ in range(3):
            await turn(governor, "a.example", latency=100.0)
        await governor.close()

    run(scene)
    # 50 ms a turn (100 ms, two at once), a quarter of the way at a time: 12.5, 21.9, 28.9.
    assert float(memory(redis_url, "a.example")["delay"]) == pytest.approx(28.9, abs=0.1)


def test_a_quick_error_page_does_not_quicken_the_pace(redis_url: str) -> None:
    async def scene() -> None:
        governor = hold(redis_url)
        await turn(governor, "a.example", latency=100.0)
        await turn(governor, "a.example", latency=1.0, verdict="slow")
        await governor.close()

    run(scene)
    assert float(memory(redis_url, "a.example")["delay"]) == pytest.approx(12.5)


def test_a_host_that_cannot_be_reached_is_left_alone_by_all_then_probed_by_one(redis_url: str) -> None:
    async def scene() -> None:
        ours, theirs = hold(redis_url), hold(redis_url)
        await turn(ours, "a.example", verdict="down")
        refused = await refusal(theirs, "a.example")
        assert refused.why == "down"
        assert 50 < refused.seconds <= 60
        await turn(theirs, "b.example")
        with redis.Redis.from_url(redis_url) as client:
            client.hset("wireroom:host:a.example", "until", 1)  # the minute is over
        probe = await taken(ours, "a.example")
        with pytest.raises(NoTurn, match="busy"):
            await taken(theirs, "a.example", seconds=0.1)
        probe.verdict = "down"
        ours.give(probe)
        await asyncio.sleep(0.05)
        refused = await refusal(theirs, "a.example")
        assert 100 < refused.seconds <= 120
        with redis.Redis.from_url(redis_url) as client:
            client.hset("wireroom:host:a.example", "until", 1)
        await turn(ours, "a.example")
        both = [await taken(ours, "a.example"), await taken(theirs, "a.example")]
        assert len(both) == 2
        await ours.close()
        await theirs.close()

    run(scene)


def test_two_failures_at_the_same_time_count_once(redis_url: str) -> None:
    async def scene() -> None:
        governor = hold(redis_url)
        for own in [await taken(governor, "a.example"), await taken(governor, "a.example")]:
            own.verdict = "down"
            governor.give(own)
        assert (await refusal(governor, "a.example")).seconds <= 60
        await governor.close()

    run(scene)


def test_429_closes_the_host_for_as_long_as_it_asked(redis_url: str) -> None:
    async def scene() -> None:
        governor = hold(redis_url)
        await turn(governor, "a.example", verdict="throttled", retry_after=120_000)
        refused = await refusal(governor, "a.example")
        assert refused.why == "throttled"
        assert 110 < refused.seconds <= 120
        await turn(governor, "b.example", verdict="throttled")
        assert (await refusal(governor, "b.example")).seconds <= 30
        await governor.close()

    run(scene)


def test_requests_to_a_host_stand_apart_by_the_least_delay(redis_url: str) -> None:
    async def scene() -> list[float]:
        governor = hold(redis_url, limit=5, delay=0.05)
        loop = asyncio.get_running_loop()
        starts: list[float] = []

        async def one() -> None:
            await taken(governor, "a.example", seconds=5)
            starts.append(loop.time())

        await asyncio.gather(*(one() for _ in range(4)))
        await governor.close()
        return starts

    starts = asyncio.run(scene())
    assert starts[-1] - starts[0] >= 0.13


def test_a_worker_that_died_gives_its_turn_back_by_its_lease(redis_url: str) -> None:
    async def scene() -> None:
        dead, living = hold(redis_url, limit=1, lease=0.2), hold(redis_url, limit=1)
        await taken(dead, "a.example")  # and never given back
        await turn(living, "a.example")  # waits for the lease to run out, far shorter than its own deadline
        await dead.close()
        await living.close()

    run(scene)


def fetch(policy: FetchPolicy, *requests: FetchRequest) -> list[FetchResult]:
    async def main() -> list[FetchResult]:
        async with Fetcher(policy) as fetcher:
            return await fetcher.fetch_all(requests)

    return asyncio.run(main())


def test_without_redis_no_feed_is_fetched_and_none_is_blamed(site: Site, own_redis: RedisServer) -> None:
    policy = FetchPolicy(allow=LOOPBACK, redis_url=own_redis.url)
    request = FetchRequest(feed_id=1, url=site.serve("/feed", reply(200, FEED)))
    assert fetch(policy, request)[0].outcome is FetchOutcome.CHANGED
    own_redis.kill()
    result = fetch(replace(policy, shard_seconds=2.0), request)[0]
    assert result.outcome is FetchOutcome.DEFERRED
    assert "Redis" in (result.error or "")
    assert len(site.asked) == 1


def test_a_redis_that_is_started_again_meanwhile_defers_no_feed(site: Site, own_redis: RedisServer) -> None:
    policy = FetchPolicy(allow=LOOPBACK, redis_url=own_redis.url)
    request = FetchRequest(feed_id=1, url=site.serve("/feed", reply(200, FEED)))
    own_redis.kill()
    starting = threading.Timer(2.0, own_redis.start)
    starting.start()
    assert fetch(policy, request)[0].outcome is FetchOutcome.CHANGED
    starting.join()  # it looks whether the server answers, which must not end before


def test_a_dead_host_costs_one_attempt_for_all_its_feeds(site: Site, policy: FetchPolicy, redis_url: str) -> None:
    policy = replace(policy, redis_url=redis_url, per_host=1)
    dead = [FetchRequest(feed_id=number, url="http://127.0.0.1:47808/feed") for number in range(5)]
    results = fetch(policy, *dead)
    assert [result.outcome for result in results] == [FetchOutcome.CONNECT] + [FetchOutcome.DEFERRED] * 4
    assert results[-1].retry_at is not None
    assert fetch(policy, dead[0])[0].outcome is FetchOutcome.DEFERRED


def test_a_429_from_a_public_name_speaks_for_all_its_feeds_and_from_an_address_for_one() -> None:
    assert speaks_for_all("feeds.example.org")
    assert not speaks_for_all("rsshub")
    assert not speaks_for_all("10.0.0.5")
    assert not speaks_for_all("2001:db8::1")
