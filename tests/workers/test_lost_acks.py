"""A worker whose acknowledgement is lost on the way to Redis, or on the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from publisher import Piece, Publisher
from real_house import House
from services import LossyProxy, redis_server, wait_until

from storage.models import Article
from workers.app import make_app
from workers.settings import Settings


@pytest.mark.timeout(120)
@pytest.mark.parametrize("task", ["wireroom.poll_due", "wireroom.from_another_release"])
def test_a_worker_whose_acknowledgement_is_lost_takes_the_next_message(
    tmp_path: Path, sqlite_url: str, task: str
) -> None:
    # The first is acknowledged; the second, which no worker knows, is rejected.
    served = {"f0": [Piece(guid="f0", headline="Meldung von f0")]}
    with redis_server(tmp_path / "redis") as server, Publisher(feeds=served) as publisher:
        proxy = LossyProxy(server.port)
        proxy.swallow = b"HDEL\r\n$16\r\nwireroom:unacked"  # takes a message off those not acknowledged
        house = House(tmp_path, sqlite_url, server, redis_url=proxy.url)
        app = make_app(Settings(redis_url=server.url))
        with house.process("worker", "--concurrency", "1") as worker:
            app.send_task(task, queue="fetch")
            wait_until(lambda: proxy.swallowed, seconds=60, what="the lost acknowledgement")
            house.subscribe(publisher, ["f0"])
            app.send_task("wireroom.poll_due")
            wait_until(lambda: house.count(Article) == 1, seconds=30, what="the article")
            assert worker.poll() is None
        proxy.close()
        house.sessions.kw["bind"].dispose()
