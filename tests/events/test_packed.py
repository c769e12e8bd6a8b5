"""Commands packed by ourselves: what Redis reads is what redis-py would have sent, and answers stay in step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Connection, Redis
from redis.exceptions import ResponseError
from services import RedisServer

from storage.outbox import Stamped
from workers.packed import in_transaction, packed
from workers.stream import Stream, connect

KEY = "wireroom:events"


@pytest.fixture
def client(own_redis: RedisServer) -> Iterator[Redis]:
    with closing(connect(own_redis.url)) as client:
        yield client


def stamped(position: int, body: str, *, subject: str = "s") -> Stamped:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    return Stamped(
        position=position, id=f"id-{position}", type="t", subject=subject, feed_id=None, created_at=now, body=body
    )


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_a_packed_command_is_what_redis_py_sends(arguments: list[str]) -> None:
    assert packed("XADD", *arguments) == b"".join(Connection().pack_command("XADD", *arguments))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("\0", id="nul"),
        pytest.param("\r\n$3\r\nabc\r\n", id="an answer"),
        pytest.param("*1\r\n$8\r\nFLUSHALL\r\n", id="a command"),
        pytest.param("Straße „in“ Köln 🗞️\u2028", id="letters of one to four bytes"),
        pytest.param("🗞" * 15_000, id="60 KiB"),
        pytest.param("x" * 3_000_000, id="3 MB"),
    ],
)
def test_what_an_event_holds_is_in_the_stream_byte_for_byte(client: Redis, body: str) -> None:
    events = [stamped(1, body, subject=body[:100]), stamped(2, "after it")]
    assert Stream(client, KEY).append(lambda _tip: events) == 2
    assert client.xrange(KEY) == [
        ("1-0", {"id": "id-1", "type": "t", "subject": body[:100], "feed": "", "ce": body}),
        ("2-0", {"id": "id-2", "type": "t", "subject": "s", "feed": "", "ce": "after it"}),
    ]


def test_half_of_a_surrogate_pair_is_refused_before_anything_is_sent(client: Redis) -> None:
    stream = Stream(client, KEY)
    with pytest.raises(UnicodeEncodeError):
        stream.append(lambda _tip: [stamped(1, "whole"), stamped(2, "\ud83d")])
    assert not client.exists(KEY)
    assert stream.append(lambda _tip: [stamped(1, "whole")]) == 1


@pytest.mark.parametrize(
    ("refused", "complaint"), [(("NOSUCHCOMMAND",), "unknown command"), (("XADD", KEY), "wrong number of arguments")]
)
def test_a_command_that_redis_does_not_know_lets_none_of_them_be_done(
    client: Redis, refused: tuple[str, ...], complaint: str
) -> None:
    with client.pipeline() as pipe:
        pipe.watch(KEY)
        with pytest.raises(ResponseError, match=complaint):
            in_transaction(pipe, [packed("SET", "a", "1"), packed(*refused), packed("SET", "b", "1")])
    # The same connection, and the answer is to this question.
    assert client.mget("a", "b") == [None, None]


def test_a_stream_whose_key_holds_something_else_is_an_error_and_not_a_lost_race(client: Redis) -> None:
    client.set(KEY, "something else")
    with client.pipeline() as pipe:
        pipe.watch(KEY)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            in_transaction(pipe, [packed("XADD", KEY, "1-0", "id", "one")])
    assert client.get(KEY) == "something else"


def test_what_was_touched_since_it_was_watched_takes_nothing(client: Redis) -> None:
    with client.pipeline() as pipe:
        pipe.watch(KEY)
        client.xadd(KEY, {"id": "another"}, id="1-0")
        assert not in_transaction(pipe, [packed("XADD", KEY, "2-0", "id", "ours")])
    assert [entry for entry, _ in client.xrange(KEY)] == ["1-0"]


def test_a_connection_that_is_lost_takes_nothing_and_the_next_one_does(own_redis: RedisServer, client: Redis) -> None:
    with client.pipeline() as pipe:
        pipe.watch(KEY)
        own_redis.client().client_kill_filter(_type="normal")
        assert not in_transaction(pipe, [packed("XADD", KEY, "1-0", "id", "one")])
    assert not client.exists(KEY)
    assert Stream(client, KEY).append(lambda _tip: [stamped(1, "one")]) == 1


def test_there_is_no_transaction_behind_a_pipeline_that_watches_nothing(client: Redis) -> None:
    with client.pipeline() as pipe, pytest.raises(ValueError, match="watches nothing"):
        in_transaction(pipe, [packed("PING")])
