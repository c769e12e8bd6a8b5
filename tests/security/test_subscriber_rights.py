"""A subscriber has the rights that it needs and no others, and so has the wire room: real Redis, real ACL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redis.exceptions
from services import RedisServer, wait_until

from storage.outbox import Stamped
from tasks.events.envelope import instant
from workers.stream import Stream, connect
from workers.subscriber import Event, Subscriber, dead_letters, retry
from workers.subscriber.keys import Keys

KEYS = Path(__file__).resolve().parents[2] / "containers" / "keys"
STREAM = "wireroom:events"


@pytest.fixture
def urls(tmp_path: Path, redis_executable: str) -> Iterator[dict[str, str]]:
    """A server with the users that `wireroom-keys` makes; yields the URLs of `wireroom` and `subscriber`."""
    laid = tmp_path / "keys"
    for name in ("own", "postgres", "redis", "wireroom", "subscriber", "grafana"):
        (laid / name).mkdir(parents=True)
    subprocess.run([KEYS, laid], check=True, capture_output=True)
    server = RedisServer(
        folder=tmp_path / "redis",
        executable=redis_executable,
        arguments=("--aclfile", str(laid / "redis" / "users.acl"), "--protected-mode", "no"),
    )
    server.folder.mkdir()
    server.start()
    files = {"wireroom": laid / "wireroom" / "wireroom_redis_url", "subscriber": laid / "subscriber" / "redis_url"}
    yield {user: file.read_text().replace("redis:6379", f"127.0.0.1:{server.port}") for user, file in files.items()}
    server.kill()


def publish(url: str, number: int) -> None:
    """Events, as the relay adds them."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    stream = Stream(connect(url), STREAM)
    events = [
        Stamped(
            position=position, id=f"id-{position}", type="wireroom.article.created.v1", subject=f"s{position % 5}",
            feed_id=1, created_at=now,
            body=f'{{"id":"id-{position}","type":"wireroom.article.created.v1","subject":"s{position % 5}",'
            f'"time":"{instant(now)}","data":{{}}}}',
        )
        for position in range(1, number + 1)
    ]  # fmt: skip
    assert stream.append(lambda _tip: events) == number
    stream.client.close()


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_subscriber_with_its_own_password_does_all_that_a_subscriber_does(
    urls: dict[str, str], partitions: int
) -> None:
    publish(urls["wireroom"], 40)
    handled: list[str] = []
    subscriber = Subscriber(
        urls["subscriber"], group="search", start="beginning", partitions=partitions, max_tries=2, retry_base=0.01
    )

    def handle(event: Event) -> None:
        if event.id == "id-7" and not again:
            raise ValueError("it cannot be indexed")
        handled.append(event.id)

    again = False
    subscriber.run(handle, until_idle=True)
    assert sorted(handled) == sorted(f"id-{n}" for n in range(1, 41) if n != 7)

    client = redis.Redis.from_url(urls["subscriber"], decode_responses=True)
    wait_until(lambda: list(dead_letters(client, STREAM, group="search")), what="the dead letter")
    (letter,) = dead_letters(client, STREAM, group="search")
    again = True
    retry(client, STREAM, letter)
    second = Subscriber(urls["subscriber"], group="search", partitions=partitions)
    second.run(handle, until_idle=True)
    assert handled.count("id-7") == 1
    client.close()


FORBIDDEN = [
    ("XADD", STREAM, "*", "a", "b"),
    ("XTRIM", STREAM, "MAXLEN", "0"),
    ("XDEL", STREAM, "1-0"),
    ("XSETID", STREAM, "99-0"),
    ("XGROUP", "DESTROY", STREAM, "search"),
    ("XGROUP", "SETID", STREAM, "search", "0"),
    ("DEL", STREAM),
    ("RENAME", STREAM, "wireroom:events:mine"),
    ("EVAL", "return redis.call('XADD', KEYS[1], '*', 'a', 'b')", "1", STREAM),
    ("EVAL", "return redis.call('DEL', KEYS[1])", "1", STREAM),
    ("EVAL", "return redis.call('LPUSH', 'wireroom:fetch', 'x')", "0"),
    ("LPUSH", "wireroom:fetch", "x"),
    ("LRANGE", "wireroom:ingest", "0", "-1"),
    ("GET", "wireroom:anything"),
    ("SET", "elsewhere", "x"),
    ("PUBLISH", "wireroom:channel", "x"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("CLIENT", "KILL", "ID", "1"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("SHUTDOWN",),
    ("DEBUG", "SLEEP", "0"),
    ("MODULE", "LIST"),
    ("REPLICAOF", "NO", "ONE"),
    ("MONITOR",),
    ("CLIENT", "LIST"),
    ("CLIENT", "PAUSE", "1"),
]


@pytest.mark.parametrize("command", FORBIDDEN, ids=lambda command: " ".join(command)[:40])
def test_a_subscriber_may_do_nothing_else(urls: dict[str, str], command: tuple[str, ...]) -> None:
    publish(urls["wireroom"], 1)
    client = redis.Redis.from_url(urls["subscriber"])
    client.xgroup_create(STREAM, "search", "0")
    with pytest.raises(redis.exceptions.ResponseError, match=r"(?i)no permissions|not allowed"):
        client.execute_command(*command)
    assert client.xlen(STREAM) == 1
    client.close()


@pytest.mark.parametrize(
    "command", [("CONFIG", "GET", "*"), ("FLUSHALL",), ("ACL", "LIST"), ("SET", "elsewhere", "x"), ("SHUTDOWN",)],
    ids=lambda command: command[0],
)  # fmt: skip
def test_the_wire_room_itself_does_not_manage_the_server_nor_touch_others_keys(
    urls: dict[str, str], command: tuple[str, ...]
) -> None:
    client = redis.Redis.from_url(urls["wireroom"])
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)
    client.close()


def test_a_stranger_may_only_ask_whether_the_server_lives(urls: dict[str, str]) -> None:
    address = urls["subscriber"].rpartition("@")[2]
    client = redis.Redis.from_url(f"redis://{address}")
    assert client.ping()
    for command in (("XREAD", "STREAMS", STREAM, "0"), ("INFO",), ("GET", Keys(STREAM, "search").config)):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)
    client.close()
