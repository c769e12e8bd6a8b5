"""Events over HTTP: live, resumed, replayed; gaps told; what an event left out."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
import redis
from event_server import serving

from storage import outbox
from storage.db import Sessions
from storage.models import Article, Document, Feed, Revision
from storage.records import Block, BlockKind, Cause, CleanArticle, Entry, Event
from tasks.content import content_of
from tasks.events import article_created
from tasks.views import stored_view
from workers.relay import Relay, State
from workers.subscriber import GapError, Select, Subscriber, replay_over_http

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def event(number: int, *, kind: str = "wireroom.article.created.v1", language: str = "de", at: datetime = NOW) -> Event:
    name, subject = f"event-{number}", f"article-{number % 7}"
    data = {"article": {"language": language, "tags": []}}
    ce = {"id": name, "source": "/feeds/1", "type": kind, "subject": subject, "time": at.isoformat(), "data": data}
    return Event(id=name, type=kind, subject=subject, feed_id=1, time=at, body=json.dumps(ce).encode())


def keep(sessions: Sessions, numbers: range, **options: Any) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event(number, **options) for number in numbers])


class Watcher:
    """A client of server-sent events, as little of one as the standard asks for."""

    def __init__(self, base: str, path: str = "/events", **headers: str) -> None:
        self.connection = HTTPConnection(base.removeprefix("http://"), timeout=20)
        self.connection.request("GET", path, headers={"Accept": "text/event-stream", **headers})
        self.answer: HTTPResponse = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        assert self.block() == ["retry: 3000"]

    def block(self) -> list[str]:
        lines: list[str] = []
        while line := self.answer.readline().decode().rstrip("\n"):
            lines.append(line)
        return lines

    def next(self) -> tuple[int, str, Any]:
        """The next event as (id, event, data)."""
        block = self.block()
        while block and block[0].startswith(":"):
            block = self.block()
        fields = dict(line.split(": ", 1) for line in block)
        return int(fields["id"]), fields["event"], json.loads(fields["data"])

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    opened: list[Watcher] = []

    def start(*arguments: str, **headers: str) -> Watcher:
        opened.append(Watcher(*arguments, **headers))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_a_watcher_is_told_what_happens_from_now_on(sessions: Sessions, watch: Callable[..., Watcher]) -> None:
    keep(sessions, range(3))
    with serving(sessions) as base:
        watcher = watch(base)
        keep(sessions, range(3, 5))
        assert watcher.next()[0::2] == (4, json.loads(event(3).body))
        assert watcher.next()[:2] == (5, "wireroom.article.created.v1")
        watcher.close()


def test_a_watcher_that_drops_off_a_hundred_times_misses_nothing(
    sessions: Sessions, watch: Callable[..., Watcher]
) -> None:
    chance = random.Random(7)
    with serving(sessions) as base:
        keep(sessions, range(1))
        seen: list[int] = []
        kept = 1
        for _ in range(100):
            more = chance.randint(0, 9)
            keep(sessions, range(kept, kept + more))
            kept += more
            watcher = watch(base, "/events", **{"Last-Event-ID": str(seen[-1] if seen else 0)})
            seen += [watcher.next()[0] for _ in range(chance.randint(0, kept - len(seen)))]
            watcher.close()
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 100


def test_only_what_is_asked_for_is_sent(sessions: Sessions, watch: Callable[..., Watcher]) -> None:
    keep(sessions, range(2))
    keep(sessions, range(2, 3), kind="wireroom.feed.gone.v1")
    keep(sessions, range(3, 4), language="en")
    with serving(sessions) as base:
        assert watch(base, "/events?after=0&language=en").next()[0] == 4
        assert watch(base, "/events?after=0&type=feed.*").next()[0] == 3
        assert watch(base, "/events?after=beginning&feed=1,2").next()[0] == 1


def test_a_position_beyond_the_newest_is_said_to_be_one(sessions: Sessions, watch: Callable[..., Watcher]) -> None:
    keep(sessions, range(3))
    with serving(sessions) as base:
        ahead = watch(base, "/events", **{"Last-Event-ID": "9"})
        assert ahead.block() == [": nothing comes until an event has a position after 9; the newest has 3"]
        keep(sessions, range(3, 10))
        assert ahead.next()[0] == 10


def test_what_is_past_retention_is_a_gap(sessions: Sessions, watch: Callable[..., Watcher]) -> None:
    keep(sessions, range(5))
    keep(sessions, range(5, 8), at=NOW + timedelta(days=40))
    with sessions.begin() as session:
        outbox.prune(session, NOW + timedelta(days=10))
    with serving(sessions) as base:
        watcher = watch(base, "/events", **{"Last-Event-ID": "2"})
        assert watcher.next() == (5, "gap", {"after": 2, "before": 6})
        assert watcher.next()[0] == 6
        assert [line.get("gap") or line["position"] for line in lines(base, "after=2")] == [
            {"after": 2, "before": 6},
            6,
            7,
            8,
        ]
        with pytest.raises(GapError, match="any more"):
            list(replay_over_http(base)(2, 9))
        assert watch(base, "/events?after=beginning").next()[0] == 6


def test_a_quiet_line_is_kept_open(sessions: Sessions, watch: Callable[..., Watcher]) -> None:
    with serving(sessions, heartbeat=0.05) as base:
        watcher = watch(base)
        assert watcher.block() == [": still here"]
        keep(sessions, range(1))
        assert watcher.next()[0] == 1


def lines(base: str, query: str = "", **headers: str) -> list[Any]:
    with urlopen(Request(f"{base}/events?{query}", headers=headers), timeout=20) as answer:
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        return [json.loads(line) for line in answer]


def test_events_are_replayed_as_lines(sessions: Sessions) -> None:
    keep(sessions, range(450))
    with serving(sessions) as base:
        everything = lines(base)
        assert [line["position"] for line in everything] == list(range(1, 451))
        assert everything[9]["event"]["id"] == "event-9"
        assert [line["position"] for line in lines(base, "after=10&before=14")] == [11, 12, 13]
        assert [line["position"] for line in lines(base, "after=440&limit=3")] == [441, 442, 443]
        assert lines(base, "after=450") == []
        assert lines(base, "type=feed.*") == []


def test_a_subscriber_fills_its_gap_over_http(
    sessions: Sessions, redis_url: str, watch: Callable[..., Watcher]
) -> None:
    keep(sessions, range(12), at=datetime.now(UTC))
    relay = Relay(sessions=sessions, redis_url=redis_url)
    while relay.step() is not State.IDLE:
        pass
    relay.close()
    with redis.Redis.from_url(redis_url) as client:
        client.xtrim("wireroom:events", minid="9-0", approximate=False)
    got: list[tuple[int, bool]] = []
    with serving(sessions, token="s3cret") as base:
        subscriber = Subscriber(
            redis_url, group="g", start=3, block=0.1, replay=replay_over_http(base, token="s3cret"), select=Select()
        )
        subscriber.run(lambda found: got.append((found.position, found.replayed)), until_idle=True)
    assert got == [(position, position < 9) for position in range(4, 13)]


def refused(base: str, path: str, **headers: str) -> int:
    with pytest.raises(HTTPError) as caught:
        urlopen(Request(base + path, headers=headers), timeout=20)
    with caught.value as error:
        return error.code


def test_a_token_is_asked_for_everywhere_but_health(sessions: Sessions) -> None:
    with serving(sessions, token="s3cret") as base:
        assert refused(base, "/events") == 401
        assert refused(base, "/events", Authorization="Bearer wrong") == 401
        assert refused(base, f"/articles/{UUID(int=1)}/revisions/1") == 401
        assert lines(base, Authorization="Bearer s3cret") == []
        with urlopen(f"{base}/health", timeout=20) as answer:
            assert json.load(answer) == {"first": 0, "last": 0, "waiting": 0}


def test_nonsense_is_refused_with_its_reason(sessions: Sessions) -> None:
    with serving(sessions) as base:
        assert refused(base, "/events", Accept="text/event-stream", **{"Last-Event-ID": "yesterday"}) == 400
        assert refused(base, "/events?feed=all") == 400
        for query in ("after=-1", "after=all", "before=%C2%B2", "limit=-5", "feed=%C2%B2"):
            assert refused(base, f"/events?{query}") == 400, query
        assert refused(base, "/articles/none/revisions/1") == 404
        assert refused(base, f"/articles/{UUID(int=5)}/revisions/1") == 404


def test_what_an_event_left_out_is_had_by_its_claim(sessions: Sessions) -> None:
    blocks = tuple(Block(kind=BlockKind.PARAGRAPH, text="ä" * 1000) for _ in range(60))
    clean = CleanArticle(headline="Waldbrand", teaser="Die Feuerwehr ist im Einsatz.", blocks=blocks)
    entry = Entry(position=0, guid="1", url="https://wire.example/1", headline="Waldbrand", published_at=NOW)
    article_id = UUID(int=1)
    derived = {"entry_sha256": "e", "content_sha256": "c", "normalizer": 1, "document_id": 1, "position": 0}
    with sessions.begin() as session:
        session.add(Feed(id=1, url="https://u:p@wire.example/rss", created_at=NOW, next_fetch_at=NOW))
        session.flush()
        session.add(Document(id=1, feed_id=1, sha256="x", url="https://wire.example/rss", fetched_at=NOW))
        session.add(
            Article(
                id=article_id,
                feed_id=1,
                revision=1,
                headline="Waldbrand",
                first_seen_at=NOW,
                revised_at=NOW,
                tagger="1",
                **derived,
            )
        )
        session.flush()
        content = content_of(entry, clean, language="de")
        session.add(
            Revision(article_id=article_id, number=1, created_at=NOW, cause=Cause.POLL, content=content, **derived)
        )
    with sessions() as session:
        told = article_created(stored_view(session, article_id, 1), cause=Cause.POLL, backfill=False, now=NOW)
    data = json.loads(told.body)["data"]
    assert data["article"]["body"] == []
    with serving(sessions) as base, urlopen(base + data["claim"]["href"], timeout=20) as answer:
        whole = json.load(answer)
    assert [block["text"] for block in whole["body"]] == ["ä" * 1000] * 60
    assert whole | {"body": []} == data["article"]
    assert "u:p@" not in json.dumps(whole)
