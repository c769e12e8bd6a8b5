"""Webhooks: signed by the standard, tried again by its table, one dead endpoint beside living ones."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from storage import outbox, webhooks
from storage.db import Sessions, make_engine, make_sessions
from storage.records import Event
from storage.webhook_models import Webhook, WebhookState
from tasks import webhooks as rules
from tasks.webhooks import SCHEDULE, Answer, Verdict
from workers.cli.root import app as wireroom
from workers.settings import settings
from workers.webhooks import Limits, Sender

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LOOPBACK = ("127.0.0.0/8",)


# --- the rules ---------------------------------------------------------------------------------------------------


def test_a_message_is_signed_as_the_specification_has_it() -> None:
    headers = rules.sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1614265330, UTC),
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_changed_secret_signs_beside_the_former_one_for_a_while() -> None:
    kept = [{"secret": "whsec_b2xk", "until": None}]
    after = rules.rotated(kept, "whsec_bmV3", until=NOW + timedelta(hours=24))
    assert rules.valid_secrets(after, NOW) == ["whsec_bmV3", "whsec_b2xk"]
    assert rules.valid_secrets(after, NOW + timedelta(hours=24)) == ["whsec_bmV3"]
    headers = rules.sign(rules.valid_secrets(after, NOW), message_id="m", at=NOW, body=b"{}")
    assert len(headers["webhook-signature"].split(" ")) == 2
    again = rules.rotated(after, "whsec_bmV3ZXI=", until=NOW + timedelta(hours=48))
    assert rules.valid_secrets(again, NOW + timedelta(hours=25)) == ["whsec_bmV3ZXI=", "whsec_bmV3"]


def answer(status: int | None = None, **told: Any) -> Answer:
    return Answer(at=NOW, milliseconds=1, status=status, **told)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (301, Verdict.RETRY),
        (400, Verdict.RETRY),
        (410, Verdict.DISABLE),
        (500, Verdict.RETRY),
        (None, Verdict.RETRY),
    ],
)
def test_only_a_two_hundred_is_delivered_and_only_a_410_is_the_end(status: int | None, verdict: Verdict) -> None:
    assert rules.judge(answer(status)) is verdict


def test_attempts_are_spread_over_three_days_and_then_end() -> None:
    waits = [rules.next_attempt(attempts, answer(500), chance=0.5) for attempts in range(1, 11)]
    assert [(wait - NOW).total_seconds() for wait in waits if wait] == list(SCHEDULE[1:])
    assert waits[-1] is None
    assert timedelta(days=3) < timedelta(seconds=sum(SCHEDULE)) < timedelta(days=4)
    early, late = (rules.next_attempt(2, answer(500), chance=chance) for chance in (0.0, 1.0))
    assert (early, late) == (NOW + timedelta(seconds=270), NOW + timedelta(seconds=330))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("3", 5),
        ("Mon, 23 Nov 2026 08:10:00 GMT", 600),
        ("Mon, 23 Nov 2026 07:00:00 GMT", 5),
        ("999999", 86_400),
        ("soon", 5),
        ("9" * 400, 5),
        (None, 5),
    ],
)
def test_a_receiver_may_ask_for_more_time_but_not_for_less_nor_for_ever(header: str | None, seconds: int) -> None:
    due = rules.next_attempt(1, answer(503, retry_after=header), chance=0.5)
    assert due == NOW + timedelta(seconds=seconds)


# --- sending -----------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Receiver:
    """An endpoint on loopback that answers as it is told, and then 204."""

    answers: list[Any] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    release: asyncio.Event = field(default_factory=asyncio.Event)
    want: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        if len(self.got) == self.want:
            self.enough.set()
        told = self.answers.pop(0) if self.answers else 204
        if told == "hang":
            await self.release.wait()
            return web.Response(status=204)
        if told == "cut":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, headers = told if isinstance(told, tuple) else (told, {})
        return web.Response(status=status, headers=headers)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@asynccontextmanager
async def receiving(*receivers: Receiver) -> Any:
    runners = []
    for receiver in receivers:
        application = web.Application()
        application.router.add_post("/{path:.*}", receiver.take)
        runner = web.AppRunner(application, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        runners.append(runner)
    yield
    for receiver in receivers:
        receiver.release.set()
    for runner in runners:
        await runner.cleanup()


def event(number: int, *, kind: str = "wireroom.article.created.v1") -> Event:
    ce = {"id": f"event-{number}", "source": "/feeds/1", "type": kind, "subject": "a", "data": {}}
    return Event(id=f"event-{number}", type=kind, subject="a", feed_id=1, time=NOW, body=json.dumps(ce).encode())


def keep(sessions: Sessions, numbers: range, **options: Any) -> None:
    with sessions.begin() as session:
        outbox.record(session, [event(number, **options) for number in numbers])


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def endpoint(sessions: Sessions, url: str, **filters: Any) -> int:
    with sessions.begin() as session:
        webhook = webhooks.add(
            session, url=url, secret=SECRET, filters=filters, position=outbox.last_position(session), now=NOW
        )
        return webhook.id


def sender(sessions: Sessions, clock: Clock | None = None, **limits: Any) -> Sender:
    return Sender(
        sessions=sessions,
        allow=LOOPBACK,
        limits=Limits(**({"timeout": 5.0, "poll": 0.02} | limits)),
        clock=clock or Clock(),
        chance=lambda: 0.5,
    )


async def steps(one: Sender) -> None:
    """Until nothing is due at this moment of the clock."""
    async with one.client() as client:
        for _ in range(200):
            busy = await one.step(client)
            await one.settled()
            if not busy:
                return
    raise AssertionError("the sender does not come to rest")


def states(sessions: Sessions, number: int) -> list[tuple[int, str, int]]:
    with sessions() as session:
        rows = webhooks.deliveries(session, number)
        return [(row.position, row.state.value, row.attempts) for row in reversed(rows)]


def state_of(sessions: Sessions, number: int) -> Webhook:
    with sessions() as session:
        return webhooks.find(session, number)


def test_events_are_posted_signed_and_once(sessions: Sessions) -> None:
    async def scene() -> None:
        receiver = Receiver()
        async with receiving(receiver):
            keep(sessions, range(2))
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(2, 6))
            one = sender(sessions)
            await steps(one)
            await steps(sender(sessions))
            assert sorted(receiver.ids) == ["event-2", "event-3", "event-4", "event-5"]
            assert states(sessions, number) == [(position, "delivered", 1) for position in (3, 4, 5, 6)]
        for headers, body in receiver.got:
            assert headers["content-type"] == "application/cloudevents+json"
            assert json.loads(body)["id"] == headers["webhook-id"]
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            expected = base64.b64encode(hmac.digest(key, signed, sha256)).decode()
            assert headers["webhook-signature"] == f"v1,{expected}"

    asyncio.run(scene())


def test_an_endpoint_gets_what_it_chose(sessions: Sessions) -> None:
    async def scene() -> None:
        receiver = Receiver()
        async with receiving(receiver):
            endpoint(sessions, receiver.url, types=["feed.*"])
            keep(sessions, range(3))
            keep(sessions, range(3, 5), kind="wireroom.feed.gone.v1")
            await steps(sender(sessions))
        assert sorted(receiver.ids) == ["event-3", "event-4"]

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "status"), [(500, 500), ((301, {"Location": "http://127.0.0.1:1/"}), 301), ("cut", None)]
)
def test_what_fails_is_tried_again_by_the_table_under_the_same_id(
    sessions: Sessions, fault: Any, status: int | None
) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver(answers=[fault, fault])
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(1))
            one = sender(sessions, clock)
            await steps(one)
            assert states(sessions, number) == [(1, "pending", 1)]
            clock.now += timedelta(seconds=4)
            await steps(one)
            assert len(receiver.got) == 1
            clock.now += timedelta(seconds=2)
            await steps(one)
            assert states(sessions, number) == [(1, "pending", 2)]
            clock.now += timedelta(minutes=6)
            await steps(one)
            assert states(sessions, number) == [(1, "delivered", 3)]
            assert set(receiver.ids) == {"event-0"}
            assert state_of(sessions, number).failures == 0
        with sessions() as session:
            (row,) = webhooks.deliveries(session, number)
        assert [attempt["status"] for attempt in row.log] == [204, status, status]

    with capture_logs() as said:
        asyncio.run(scene())
    failed = [line for line in said if line["event"] == "webhooks.failed"]
    assert [(line["event_id"], line["status"]) for line in failed] == [("event-0", status)] * 2


def test_after_the_last_attempt_a_delivery_failed_and_can_be_sent_again(sessions: Sessions) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver(answers=[500] * len(SCHEDULE))
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(1))
            one = sender(sessions, clock)
            for _ in range(len(SCHEDULE) + 3):
                await steps(one)
                clock.now += timedelta(hours=11)
                clock.now += timedelta(hours=20) if len(receiver.got) > 6 else timedelta(0)
                with sessions.begin() as session:
                    webhooks.healthy(session, number)  # other events get through meanwhile
            assert states(sessions, number) == [(1, "failed", len(SCHEDULE))]
            assert len(receiver.got) == len(SCHEDULE)
            with sessions.begin() as session:
                assert webhooks.resend(session, number, now=clock.now) == 1
            await steps(one)
            assert states(sessions, number) == [(1, "delivered", 1)]
            assert set(receiver.ids) == {"event-0"}

    asyncio.run(scene())


@pytest.mark.parametrize("how", ["enable", "resend"])
def test_an_operator_who_mended_an_endpoint_does_not_wait_for_the_next_attempt(sessions: Sessions, how: str) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver(answers=[500, 500])
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(1))
            one = sender(sessions, clock)
            await steps(one)
            clock.now += timedelta(seconds=10)
            await steps(one)
            assert states(sessions, number) == [(1, "pending", 2)]
            await steps(one)
            assert len(receiver.got) == 2, "the next attempt is minutes away"
            with sessions.begin() as session:
                if how == "enable":
                    webhooks.enable(session, webhooks.find(session, number), now=clock.now)
                else:
                    assert webhooks.resend(session, number, now=clock.now) == 1
            await steps(one)
            assert [state for _, state, _ in states(sessions, number)] == ["delivered"]

    asyncio.run(scene())


def test_a_receiver_that_is_gone_is_sent_nothing_more(sessions: Sessions) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver(answers=[410])
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(1))
            one = sender(sessions, clock)
            await steps(one)
            keep(sessions, range(1, 3))
            clock.now += timedelta(days=1)
            await steps(one)
            assert len(receiver.got) == 1
            assert state_of(sessions, number).state is WebhookState.DISABLED
            assert state_of(sessions, number).reason == "the receiver answered 410 Gone"
            with sessions.begin() as session:
                webhooks.enable(session, webhooks.find(session, number), now=clock.now)
            await steps(one)
            assert sorted(set(receiver.ids)) == ["event-0", "event-1", "event-2"]

    asyncio.run(scene())


def test_an_endpoint_that_only_fails_is_disabled_in_the_end(sessions: Sessions) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver(answers=[500] * 100)
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(30))
            one = sender(sessions, clock)
            for _ in range(60):
                await steps(one)
                clock.now += timedelta(hours=3)
            assert state_of(sessions, number).state is WebhookState.DISABLED
            assert "nothing but failures since" in (state_of(sessions, number).reason or "")

    asyncio.run(scene())


def test_an_endpoint_that_asks_for_time_is_left_alone_for_so_long(sessions: Sessions) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver(answers=[(503, {"Retry-After": "600"})])
        async with receiving(receiver):
            endpoint(sessions, receiver.url)
            keep(sessions, range(1))
            one = sender(sessions, clock)
            await steps(one)
            keep(sessions, range(1, 2))
            clock.now += timedelta(seconds=599)
            await steps(one)
            assert receiver.ids == ["event-0"]
            clock.now += timedelta(seconds=2)
            await steps(one)
            assert sorted(receiver.ids) == ["event-0", "event-0", "event-1"]

    asyncio.run(scene())


def test_an_endpoint_that_hangs_delays_no_other(sessions: Sessions) -> None:
    async def scene() -> None:
        dead, living = Receiver(answers=["hang"] * 1000), Receiver(want=60)
        async with receiving(dead, living):
            endpoint(sessions, dead.url)
            endpoint(sessions, living.url)
            keep(sessions, range(60))
            one = sender(sessions, timeout=30.0)
            stop = asyncio.Event()
            running = asyncio.create_task(one.run(stop))
            async with asyncio.timeout(20):
                await living.enough.wait()
            assert len(dead.got) <= one.limits.per_endpoint
            stop.set()
            dead.answers.clear()
            dead.release.set()
            await running
        assert sorted(living.ids) == sorted(f"event-{number}" for number in range(60))

    asyncio.run(scene())


def test_a_sender_that_died_with_a_delivery_in_hand_leaves_it_to_the_next(sessions: Sessions) -> None:
    async def scene() -> None:
        clock = Clock()
        receiver = Receiver()
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(1))
            died = sender(sessions, clock)
            died._fan_out()
            ((webhook, [(delivery, stored)]),) = died._claim()
            await steps(sender(sessions, clock))
            assert receiver.got == []
            clock.now += timedelta(seconds=61)
            await steps(sender(sessions, clock))
            assert states(sessions, number) == [(1, "delivered", 2)]
            # The dead one comes back to life and reports a failure: nobody listens.
            died._settle(webhook, delivery, Answer(at=clock.now, milliseconds=1, status=500))
            assert states(sessions, number) == [(1, "delivered", 2)]
            assert stored is not None

    asyncio.run(scene())


def test_two_senders_share_the_work_and_post_nothing_twice(sessions: Sessions) -> None:
    async def scene() -> None:
        receiver = Receiver(want=80)
        async with receiving(receiver):
            endpoint(sessions, receiver.url)
            keep(sessions, range(80))
            stop = asyncio.Event()
            running = [asyncio.create_task(sender(sessions).run(stop)) for _ in range(2)]
            async with asyncio.timeout(30):
                await receiver.enough.wait()
            stop.set()
            await asyncio.gather(*running)
        assert sorted(receiver.ids) == sorted(f"event-{number}" for number in range(80))

    asyncio.run(scene())


def test_a_private_address_is_not_posted_to_unless_it_is_allowed(sessions: Sessions) -> None:
    async def scene() -> None:
        receiver = Receiver()
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            named = endpoint(sessions, receiver.url.replace("127.0.0.1", "localhost"))
            keep(sessions, range(1))
            strict = sender(sessions)
            strict.allow = ()
            await steps(strict)
            assert receiver.got == []
            for webhook in (number, named):
                with sessions() as session:
                    (row,) = webhooks.deliveries(session, webhook)
                assert "blocked" in row.log[0]["error"]

    asyncio.run(scene())


def test_settled_deliveries_are_pruned_and_open_ones_are_not(sessions: Sessions) -> None:
    async def scene() -> None:
        receiver = Receiver(answers=[204, 500])
        async with receiving(receiver):
            number = endpoint(sessions, receiver.url)
            keep(sessions, range(2))
            one = sender(sessions, per_endpoint=1)
            await steps(one)
            with sessions.begin() as session:
                assert webhooks.prune(session, NOW + timedelta(days=1)) == 1
            assert states(sessions, number) == [(2, "pending", 1)]

    asyncio.run(scene())


# --- the command line --------------------------------------------------------------------------------------------


@pytest.fixture
def command(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    monkeypatch.setenv("WIREROOM_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("WIREROOM_ALLOW_NETWORKS", "127.0.0.0/8")
    settings.cache_clear()
    runner = CliRunner()
    yield lambda *arguments: runner.invoke(wireroom, ["webhooks", *arguments])
    settings.cache_clear()


@contextmanager
def receiver_thread() -> Iterator[Receiver]:
    """A receiver on a thread of its own, for commands that run their own loop."""
    import threading

    receiver = Receiver()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    up = threading.Event()

    async def serve() -> None:
        async with receiving(receiver):
            up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert up.wait(10)
    yield receiver
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_an_operator_adds_tests_watches_and_removes_a_webhook(command: Callable[..., Result], sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    sessions = make_sessions(engine)
    with receiver_thread() as receiver:
        added = json.loads(command("add", receiver.url, "--type", "article.*", "--json").stdout)
        assert added["webhook"] == 1
        assert added["secret"].startswith("whsec_")
        assert command("test", "1").stdout.startswith("204 after")
        assert receiver.ids[0].startswith("test-")
        receiver.answers.append(500)
        assert command("test", "1").exit_code == 1
        assert "Nothing was sent" in command("attempts", "1").stdout
        keep(sessions, range(2))
        asyncio.run(steps(Sender(sessions=sessions, allow=LOOPBACK, limits=Limits(poll=0.02))))
        rows = [json.loads(line) for line in command("attempts", "1", "--json").stdout.splitlines()]
        assert [(row["position"], row["state"], row["last"]) for row in rows] == [
            (2, "delivered", 204),
            (1, "delivered", 204),
        ]
        assert command("resend", "1", "--event", "event-0").stdout == "1 will be sent again\n"
        assert command("resend", "1", "--event", "unheard-of").exit_code == 3
        (listed,) = [json.loads(line) for line in command("list", "--json").stdout.splitlines()]
        assert (listed["state"], listed["pending"], listed["filters"]) == ("active", 1, {"types": ["article.*"]})
        assert added["secret"] not in command("list", "--json").stdout
    assert command("rotate", "1").stdout.startswith("secret: whsec_")
    assert command("disable", "1").exit_code == 0
    assert json.loads(command("list", "--json").stdout)["state"] == "disabled"
    assert command("enable", "1").exit_code == 0
    assert command("remove", "1").stdout == "webhook 1 is gone\n"
    assert command("test", "1").exit_code == 3
    engine.dispose()


@pytest.mark.parametrize("url", ["ftp://example.org/", "https://u:p@example.org/", "https://example.org:6379/", "x"])
def test_an_address_that_cannot_be_posted_to_is_refused_at_once(command: Callable[..., Result], url: str) -> None:
    refused = command("add", url)
    assert refused.exit_code == 2
    assert "cannot be posted to" in refused.stderr
