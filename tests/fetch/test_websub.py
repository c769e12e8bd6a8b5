"""WebSub by the public conformance list: discovery 100-104, subscribing 200-205, distribution 300-302; then trust."""

from __future__ import annotations

import asyncio
import hmac
import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlmodel import col

from storage import feeds
from storage.db import Sessions
from storage.models import Document, Feed, FeedStatus, Parting, Push, PushState
from storage.records import Cause, FetchRequest
from tasks import push as verbs
from tasks.fetch import Fetcher, FetchPolicy, close, fetch_shard
from tasks.intake import take_in
from tasks.poll import poll_due
from tasks.room import Room
from tasks.subscribe import look
from tasks.websub import form, granted, in_document, in_header, in_page, retry_wait, signed
from workers.websub import Subscriber

from .conftest import Asked, Site, reply


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite here; `test_the_whole_way_on_postgres` asks for the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(sessions: Sessions, policy: FetchPolicy, clock: Clock) -> Iterator[Room]:
    yield Room(sessions=sessions, fetch=policy, clock=clock)
    close()


class Service:
    """The callback service on loopback, in its own thread and loop."""

    def __init__(self, room: Room) -> None:
        self.documents: list[int] = []
        self.subscriber = Subscriber(room, base="http://unset", deliver=self.documents.append)
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def begin() -> None:
            self._runner = web.AppRunner(self.subscriber.app(), access_log=None)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
            self.subscriber.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
            ready.set()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(begin())
            self._loop.run_forever()
            self._loop.run_until_complete(self._runner.cleanup())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def ask(self) -> int:
        """Ask the hubs that are due, as the service's loop does."""

        async def once() -> int:
            async with Fetcher(self.subscriber.room.fetch) as fetcher:
                return await self.subscriber.ask_hubs(fetcher)

        return asyncio.run(once())

    def call(self, method: str, url: str, **options: Any) -> tuple[int, str]:
        async def once() -> tuple[int, str]:
            async with aiohttp.ClientSession() as session, session.request(method, url, **options) as response:
                return response.status, await response.text()

        return asyncio.run(once())

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture
def service(room: Room) -> Iterator[Service]:
    running = Service(room)
    yield running
    running.stop()


def rss(*numbers: int, hub: str | None = None, topic: str | None = None, hours: float = 0.0) -> bytes:
    at = datetime(2026, 11, 23, 8, tzinfo=UTC) + timedelta(hours=hours)
    links = f'<atom:link rel="hub" href="{hub}"/>' if hub else ""
    links += f'<atom:link rel="self" href="{topic}"/>' if topic else ""
    items = "".join(
        f"<item><guid>{number}</guid><title>Meldung {number}</title><description>Der Rat tagte, {number}.</description>"
        f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        for number in numbers
    )
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>Stadt</title>{links}{items}</channel></rss>"
    ).encode()


def poll(room: Room) -> None:
    take_in(room, [document_id for document_id, _ in poll_due(room).documents])


def subscribe(room: Room, url: str) -> int:
    with room.sessions.begin() as session:
        feed = feeds.add(session, url=url, now=room.clock())
        session.flush()
        return feed.id


def push_of(room: Room, feed_id: int) -> Push:
    with room.sessions() as session:
        return session.get_one(Push, feed_id)


def feed_of(room: Room, feed_id: int) -> Feed:
    with room.sessions() as session:
        return session.get_one(Feed, feed_id)


def callback(service: Service, push: Push, **query: str) -> tuple[int, str]:
    """The hub's GET on our callback."""
    named = {f"hub.{name}": value for name, value in query.items()}
    return service.call("GET", f"{service.subscriber.base}/websub/{push.token}?{urlencode(named)}")


def verified(room: Room, service: Service, feed_id: int, **more: str) -> Push:
    push = push_of(room, feed_id)
    answer = callback(service, push, mode="subscribe", topic=push.topic, challenge="c-1", **more)
    assert answer == (200, "c-1")
    return push_of(room, feed_id)


def news(service: Service, push: Push, body: bytes, *, method: str = "sha256", secret: str | None = None) -> int:
    """The hub's POST to our callback, signed."""
    digest = hmac.new((secret or push.secret).encode(), body, method).hexdigest()
    headers = {"X-Hub-Signature": f"{method}={digest}", "Content-Type": "application/rss+xml"}
    return service.call("POST", f"{service.subscriber.base}/websub/{push.token}", data=body, headers=headers)[0]


# --- discovery: 100 to 104 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "hub", "topic"),
    [
        ('<https://hub.example/>; rel="hub", <https://a.example/f>; rel="self"', "https://hub.example/", "https://a.example/f"),
        ("<https://hub.example/>; rel=hub", "https://hub.example/", "https://a.example/feed"),
        ('</hub>; rel="hub self-ish", <f?a=b,c>;rel="self"', "https://a.example/hub", "https://a.example/f?a=b,c"),
        ('<https://one.example/>; rel="Hub", <https://two.example/>; rel="hub"', "https://one.example/", "https://a.example/feed"),
        ('<https://h.example/>; title="x; rel=no"; rel="hub"', "https://h.example/", "https://a.example/feed"),
    ],
)  # fmt: skip
def test_100_the_hub_is_found_in_http_headers(link: str, hub: str, topic: str) -> None:
    found = in_header(link, "https://a.example/feed")
    assert found is not None
    assert (found.hub, found.topic) == (hub, topic)


@pytest.mark.parametrize(
    "link", ["", '<https://a.example/f>; rel="self"', "nonsense", '<x>; rel="hubbub"', "<>;" * 500]
)
def test_headers_without_a_hub_name_none(link: str) -> None:
    assert in_header(link, "https://a.example/feed") is None


@given(st.text(alphabet='<>;,= "\\relhubsf/:.', max_size=200))
def test_no_link_header_breaks_the_reader(link: str) -> None:
    found = in_header(link, "https://a.example/feed")
    assert found is None or found.hub


HUB_PAGE = (
    '<!doctype html><html><head><title>Stadt</title><link rel="alternate" type="application/rss+xml" href="/feed">'
    "{links}</head><body>Stadt</body></html>"
)


@pytest.mark.parametrize(
    ("links", "hub"),
    [
        ('<link rel="hub" href="https://hub.example/">', "https://hub.example/"),
        ('<link rel="self hub-ish" href="/feed"><link REL=Hub href=/hub>', "/hub"),
        ('<base href="https://cdn.example/x/"><link rel="hub" href="hub">', "https://cdn.example/x/hub"),
        ('<link rel="hub" href="https://one.example/"><link rel="hub" href="https://two.example/">', "https://one.example/"),
        ('<link rel="self" href="/"><link rel="hub" href="https://hub.example/">', None),  # that is the page's own
        ('<link rel="hub" href="javascript:x()">', None),
        ("", None),
    ],
)  # fmt: skip
def test_101_the_hub_is_found_in_html_tags(site: Site, room: Room, links: str, hub: str | None) -> None:
    site.serve("/feed", reply(200, rss(1)))
    page = site.serve("/", reply(200, HUB_PAGE.format(links=links).encode(), Content_Type="text/html"))
    found = in_page(HUB_PAGE.format(links=links).encode(), page, site.url("/feed"))
    wanted = site.url(hub) if hub is not None and hub.startswith("/") else hub
    assert (found and found.hub) == wanted
    if "cdn" in links:
        return  # there the feed itself is elsewhere, too
    [candidate] = look(room, page)
    assert candidate.url == site.url("/feed")
    assert (candidate.hub and (candidate.hub.hub, candidate.hub.topic)) == (wanted and (wanted, candidate.url))


def test_102_and_103_the_hub_is_found_in_atom_and_rss(site: Site, room: Room) -> None:
    atom = (
        b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><id>a</id>'
        b'<updated>2026-11-23T08:00:00Z</updated><link rel="hub" href="https://hub.example/a"/>'
        b'<link rel="self" href="https://a.example/atom"/><entry><id>1</id><title>E</title>'
        b"<updated>2026-11-23T08:00:00Z</updated><content>Text.</content></entry></feed>"
    )
    of_atom = subscribe(room, site.serve("/atom", reply(200, atom)))
    of_rss = subscribe(
        room, site.serve("/rss", reply(200, rss(1, hub="https://hub.example/r", topic="https://a.example/rss")))
    )
    poll(room)
    assert (push_of(room, of_atom).hub, push_of(room, of_atom).topic) == (
        "https://hub.example/a",
        "https://a.example/atom",
    )
    assert (push_of(room, of_rss).hub, push_of(room, of_rss).topic) == (
        "https://hub.example/r",
        "https://a.example/rss",
    )


def test_104_what_a_header_names_goes_before_what_the_document_names(site: Site, room: Room) -> None:
    document = rss(1, hub="https://body.example/", topic="https://body.example/feed")
    feed_id = subscribe(room, site.serve("/feed", reply(200, document, Link='<https://head.example/>; rel="hub"')))
    poll(room)
    assert push_of(room, feed_id).hub == "https://head.example/"
    assert push_of(room, feed_id).topic == site.url("/feed")


def test_a_document_without_a_hub_is_not_pushed(site: Site, room: Room) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1))))
    poll(room)
    with room.sessions() as session:
        assert session.get(Push, feed_id) is None
    assert in_document((), None, "https://a.example/") is None


# --- subscribing: 200 to 205 --------------------------------------------------------------------------------------


def asked_of(site: Site, path: str) -> dict[str, str]:
    """The form of the last POST to the hub, by the body that the site kept."""
    ask = next(asked for asked in reversed(site.asked) if asked.path == path and asked.method == "POST")
    return {name: values[0] for name, values in parse_qs(ask.body.decode()).items()}


def test_200_the_topic_is_what_the_feed_calls_itself(site: Site, room: Room, service: Service) -> None:
    hub = site.serve("/hub", reply(202))
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=hub, topic="https://a.example/canonical"))))
    poll(room)
    assert service.ask() == 1
    push, asked = push_of(room, feed_id), asked_of(site, "/hub")
    assert asked["hub.mode"] == "subscribe"
    assert asked["hub.topic"] == "https://a.example/canonical"
    assert asked["hub.callback"] == f"{service.subscriber.base}/websub/{push.token}"
    assert asked["hub.secret"] == push.secret
    assert int(asked["hub.lease_seconds"]) == 7 * 86400
    assert push.state is PushState.ASKED
    assert service.ask() == 0


@pytest.mark.parametrize("status", [302, 301])
def test_201_and_202_a_topic_that_redirects_is_subscribed_where_it_is(
    site: Site, room: Room, service: Service, status: int
) -> None:
    hub = site.serve("/hub", reply(202))
    feed_id = subscribe(room, site.serve("/old", reply(status, Location="/new")))
    site.serve("/new", reply(200, rss(1, hub=hub)))
    poll(room)
    service.ask()
    assert asked_of(site, "/hub")["hub.topic"] == site.url("/new")
    assert push_of(room, feed_id).state is PushState.ASKED


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_203_and_204_a_hub_that_redirects_is_followed(site: Site, room: Room, service: Service, status: int) -> None:
    hub = site.serve("/hub", reply(status, Location="/elsewhere"))
    site.serve("/elsewhere", reply(202))
    subscribe(room, site.serve("/feed", reply(200, rss(1, hub=hub))))
    poll(room)
    service.ask()
    assert asked_of(site, "/elsewhere") == asked_of(site, "/hub")


def test_205_only_what_was_asked_for_is_verified(site: Site, room: Room, service: Service) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.serve("/hub", reply(202))))))
    poll(room)
    push = push_of(room, feed_id)
    wrong = {"mode": "subscribe", "topic": "https://evil.example/", "challenge": "c"}
    assert callback(service, push, **wrong)[0] == 404
    assert callback(service, push, mode="unsubscribe", topic=push.topic, challenge="c")[0] == 404
    assert callback(service, push, mode="subscribe", topic=push.topic)[0] == 404
    push.token = "guessed"
    assert callback(service, push, mode="subscribe", topic=push.topic, challenge="c")[0] == 404
    assert push_of(room, feed_id).state is PushState.WANTED


def test_a_verified_subscription_is_renewed_at_half_its_lease_and_its_feed_looked_at_once(
    site: Site, room: Room, service: Service, clock: Clock
) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.serve("/hub", reply(202))))))
    poll(room)
    service.ask()
    push = verified(room, service, feed_id, lease_seconds="86400")
    assert push.state is PushState.ACTIVE
    assert push.lease_until == clock.now + timedelta(days=1)
    assert push.due_at == clock.now + timedelta(hours=12)
    assert feed_of(room, feed_id).next_fetch_at == clock.now
    clock.now += timedelta(hours=11)
    assert service.ask() == 0
    clock.now += timedelta(hours=2)
    assert service.ask() == 1
    # A renewal that is not verified is asked for again; the lease runs on meanwhile.
    assert push_of(room, feed_id).state is PushState.ACTIVE
    assert verified(room, service, feed_id).attempts == 0


def test_a_hub_that_verifies_while_it_is_asked_is_understood(site: Site, room: Room, service: Service) -> None:
    def hub(asked: Asked) -> bytes:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        query = urlencode({"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "now"})
        assert service.call("GET", f"{form['hub.callback']}?{query}") == (200, "now")
        return reply(202)

    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.url("/hub")))))
    site.routes["/hub"] = hub
    poll(room)
    site.in_thread.add("/hub")
    service.ask()
    push = push_of(room, feed_id)
    assert push.state is PushState.ACTIVE
    assert push.due_at is not None
    assert push.due_at > room.clock() + timedelta(days=3)


def test_a_hub_that_fails_is_asked_ever_more_seldom_and_its_reason_kept(
    site: Site, room: Room, service: Service, clock: Clock
) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.serve("/hub", reply(500, b"no room"))))))
    poll(room)
    waits = []
    for _ in range(4):
        assert service.ask() == 1
        push = push_of(room, feed_id)
        assert push.due_at is not None
        waits.append((push.due_at - clock.now).total_seconds())
        clock.now = push.due_at
    assert waits == [600, 1200, 2400, 4800]
    assert push.error == "HTTP 500: no room"
    assert retry_wait(500) == 86400


def test_a_hub_on_a_private_network_is_not_asked(site: Site, room: Room, service: Service) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub="http://10.0.0.1/hub"))))
    poll(room)
    service.ask()
    assert "blocked" in (push_of(room, feed_id).error or "")


def test_a_denied_subscription_rests_for_a_week(site: Site, room: Room, service: Service, clock: Clock) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.serve("/hub", reply(202))))))
    poll(room)
    service.ask()
    push = push_of(room, feed_id)
    assert callback(service, push, mode="denied", topic=push.topic, reason="not for you")[0] == 200
    push = push_of(room, feed_id)
    assert (push.state, push.error) == (PushState.DENIED, "denied: not for you")
    assert push.due_at == clock.now + timedelta(days=7)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("600", 3600), ("86400", 86400), ("999999999", 14 * 86400), ("x", 7 * 86400), ("", 7 * 86400)],
)
def test_a_lease_is_between_an_hour_and_two_weeks(asked: str, seconds: float) -> None:
    query = {"hub.mode": "subscribe", "hub.topic": "t", "hub.challenge": "c", "hub.lease_seconds": asked}
    assert granted(query, topic="t") == seconds


def test_to_leave_a_hub_no_secret_is_needed() -> None:
    asked = form("unsubscribe", callback="https://a.example/cb", topic="t", secret="s")
    assert asked == {"hub.mode": "unsubscribe", "hub.callback": "https://a.example/cb", "hub.topic": "t"}


# --- leaving a hub --------------------------------------------------------------------------------------------------


def leaves(room: Room, feed_id: int, status: FeedStatus) -> None:
    with room.sessions.begin() as session:
        feeds.set_status(session, session.get_one(Feed, feed_id), status, now=room.clock())


def partings(room: Room) -> list[Parting]:
    with room.sessions() as session:
        return list(session.scalars(select(Parting)))


@pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("status", [FeedStatus.PAUSED, FeedStatus.REMOVED])
def test_the_hub_of_a_feed_that_is_no_longer_polled_is_told_to_stop(
    site: Site, room: Room, service: Service, pushed: int, status: FeedStatus
) -> None:
    before = push_of(room, pushed)
    leaves(room, pushed, status)
    assert service.ask() == 1
    asked = asked_of(site, "/hub")
    assert asked == {
        "hub.mode": "unsubscribe",
        "hub.topic": before.topic,
        "hub.callback": f"{service.subscriber.base}/websub/{before.token}",
    }
    assert news(service, before, rss(2)) == 410
    assert callback(service, before, mode="unsubscribe", topic="https://evil.example/", challenge="c")[0] == 404
    assert callback(service, before, mode="subscribe", topic=before.topic, challenge="c")[0] == 404
    assert callback(service, before, mode="unsubscribe", topic=before.topic, challenge="c-9") == (200, "c-9")
    assert callback(service, before, mode="unsubscribe", topic=before.topic, challenge="c-9")[0] == 404
    assert partings(room) == []
    assert service.ask() == 0


def test_a_feed_that_is_resumed_is_subscribed_anew_under_another_path_and_secret(
    site: Site, room: Room, service: Service, pushed: int
) -> None:
    before = push_of(room, pushed)
    leaves(room, pushed, FeedStatus.PAUSED)
    leaves(room, pushed, FeedStatus.ACTIVE)
    assert service.ask() == 2  # the old one ends, the new one begins
    after = push_of(room, pushed)
    assert (after.hub, after.topic, after.state) == (before.hub, before.topic, PushState.ASKED)
    assert after.token != before.token
    assert after.secret != before.secret
    assert verified(room, service, pushed).state is PushState.ACTIVE


def test_a_hub_that_was_never_asked_is_told_nothing(site: Site, room: Room, service: Service) -> None:
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.serve("/hub", reply(202))))))
    poll(room)
    leaves(room, feed_id, FeedStatus.REMOVED)
    assert (partings(room), service.ask()) == ([], 0)


def test_a_denied_subscription_needs_no_end(site: Site, room: Room, service: Service, pushed: int) -> None:
    push = push_of(room, pushed)
    callback(service, push, mode="denied", topic=push.topic)
    leaves(room, pushed, FeedStatus.PAUSED)
    assert partings(room) == []


def test_a_feed_that_goes_to_another_hub_leaves_the_old_one(
    site: Site, room: Room, service: Service, pushed: int, clock: Clock
) -> None:
    before = push_of(room, pushed)
    site.serve("/feed", reply(200, rss(1, 2, hub=site.serve("/hub2", reply(202)))))
    clock.now = feed_of(room, pushed).next_fetch_at
    poll(room)
    assert service.ask() == 2
    assert asked_of(site, "/hub")["hub.mode"] == "unsubscribe"
    assert asked_of(site, "/hub2")["hub.mode"] == "subscribe"
    assert [one.token for one in partings(room)] == [before.token]


def test_a_feed_that_is_gone_leaves_its_hub(
    site: Site, room: Room, service: Service, pushed: int, clock: Clock
) -> None:
    site.serve("/feed", reply(410))
    for _ in range(6):
        clock.now = max(clock.now, feed_of(room, pushed).next_fetch_at)
        poll(room)
    assert feed_of(room, pushed).status is FeedStatus.GONE
    assert len(partings(room)) == 1


def test_a_hub_that_never_confirms_is_left_to_the_end_of_its_lease(
    site: Site, room: Room, service: Service, pushed: int, clock: Clock
) -> None:
    site.serve("/hub", reply(500))
    leaves(room, pushed, FeedStatus.REMOVED)
    asked = 0
    for _ in range(100):
        asked += service.ask()
        clock.now += timedelta(hours=1)
    assert asked == 5
    assert partings(room) == []


# --- distribution: 300 to 302 -------------------------------------------------------------------------------------


@pytest.fixture
def pushed(site: Site, room: Room, service: Service, clock: Clock) -> int:
    """A feed of one entry whose subscription is verified; its first poll is done."""
    feed_id = subscribe(room, site.serve("/feed", reply(200, rss(1, hub=site.serve("/hub", reply(202))), ETag='"1"')))
    poll(room)
    service.ask()
    verified(room, service, feed_id)
    site.serve("/feed", lambda asked: reply(304))
    poll(room)
    return feed_id


def documents(room: Room) -> list[Document]:
    with room.sessions() as session:
        return list(session.scalars(select(Document).order_by(col(Document.id))))


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_300_signed_news_is_taken_and_ingested_at_once(room: Room, service: Service, pushed: int, method: str) -> None:
    push = push_of(room, pushed)
    assert 200 <= news(service, push, rss(2), method=method) < 300
    assert len(service.documents) == 1
    (ingested,) = take_in(room, service.documents)
    assert ingested.outcomes == {"created": 1}
    assert documents(room)[-1].cause is Cause.PUSH
    assert push_of(room, pushed).pushes == 1


def test_301_and_302_unsigned_or_wrongly_signed_news_is_forgotten(room: Room, service: Service, pushed: int) -> None:
    push = push_of(room, pushed)
    held = len(documents(room))
    assert news(service, push, rss(2), secret="guessed") == 202
    url = f"{service.subscriber.base}/websub/{push.token}"
    assert service.call("POST", url, data=rss(2))[0] == 202
    assert service.call("POST", url, data=rss(2), headers={"X-Hub-Signature": "sha256"})[0] == 202
    assert len(documents(room)) == held
    assert service.documents == []


@pytest.mark.parametrize("signature", [None, "", "md5=00", "sha256=", "sha256=zz", "=", "sha256=ü", "sha256"])
def test_no_odd_signature_is_one(signature: str | None) -> None:
    assert not signed(b"body", signature, "secret")


@given(body=st.binary(max_size=200), secret=st.text(min_size=1, max_size=20))
def test_only_the_body_that_was_signed_passes(body: bytes, secret: str) -> None:
    good = "sha512=" + hmac.new(secret.encode(), body, "sha512").hexdigest()
    assert signed(body, good, secret)
    assert signed(body, good.upper().replace("SHA512", "sha512"), secret)
    assert not signed(body + b" ", good, secret)
    assert not signed(body, good, secret + "x")


def test_an_empty_ping_makes_the_feed_due(room: Room, service: Service, pushed: int, clock: Clock) -> None:
    clock.now += timedelta(minutes=1)
    assert news(service, push_of(room, pushed), b"") == 202
    assert feed_of(room, pushed).next_fetch_at == clock.now


def test_a_body_beyond_the_cap_is_refused(service: Service, room: Room, pushed: int) -> None:
    push = push_of(room, pushed)
    url = f"{service.subscriber.base}/websub/{push.token}"
    assert service.call("POST", url, data=io.BytesIO(b"x" * (9 << 20)))[0] == 413


def test_a_feed_that_was_removed_tells_its_hub_to_stop(room: Room, service: Service, pushed: int) -> None:
    push = push_of(room, pushed)
    with room.sessions.begin() as session:
        feeds.find(session, str(pushed)).status = feeds.FeedStatus.REMOVED
    assert news(service, push, rss(2)) == 410


# --- trust --------------------------------------------------------------------------------------------------------


def wait_of(room: Room, feed_id: int) -> timedelta:
    return feed_of(room, feed_id).next_fetch_at - room.clock()


def test_a_feed_is_polled_rarely_once_its_hub_has_pushed(
    site: Site, room: Room, service: Service, pushed: int, clock: Clock
) -> None:
    assert wait_of(room, pushed) < timedelta(hours=3)
    news(service, push_of(room, pushed), rss(2))
    take_in(room, service.documents)
    clock.now = feed_of(room, pushed).next_fetch_at
    poll(room)
    assert wait_of(room, pushed) >= timedelta(hours=12)
    assert feed_of(room, pushed).next_fetch_reason == "its hub pushes"


def test_a_hub_that_misses_what_a_poll_finds_loses_its_trust(
    site: Site, room: Room, service: Service, pushed: int, clock: Clock
) -> None:
    news(service, push_of(room, pushed), rss(2))
    take_in(room, service.documents)
    clock.now = feed_of(room, pushed).next_fetch_at
    poll(room)
    clock.now = feed_of(room, pushed).next_fetch_at
    site.serve("/feed", reply(200, rss(1, 2, 3, hub=site.url("/hub"), hours=1)))
    poll(room)
    push = push_of(room, pushed)
    assert push.misses == 1
    assert push.distrusted_until == clock.now + timedelta(days=7)
    clock.now = feed_of(room, pushed).next_fetch_at
    poll(room)
    assert wait_of(room, pushed) < timedelta(hours=6)


def test_what_a_hub_pushes_does_not_shrink_what_the_feeds_document_is_known_to_hold(
    site: Site, room: Room, service: Service, pushed: int
) -> None:
    before = feed_of(room, pushed)
    news(service, push_of(room, pushed), rss(2))
    take_in(room, service.documents)
    after = feed_of(room, pushed)
    assert before.seen.keys() < after.seen.keys()
    assert after.hints == before.hints
    assert after.rhythm["window"] == before.rhythm["window"]


def test_the_callback_path_tells_nothing_of_the_feed(room: Room, pushed: int) -> None:
    push = push_of(room, pushed)
    assert len(push.token) >= 32
    assert len(push.secret) >= 43
    assert urlsplit(push.topic).netloc not in push.token
    assert verbs.due(room) == []
    assert fetch_shard(room.fetch, [FetchRequest(feed_id=1, url="http://127.0.0.1:9/")])[0].outcome.failed


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_the_whole_way_on_postgres(site: Site, room: Room, service: Service, pushed: int, clock: Clock) -> None:
    assert 200 <= news(service, push_of(room, pushed), rss(2)) < 300
    take_in(room, service.documents)
    clock.now = feed_of(room, pushed).next_fetch_at
    poll(room)
    assert feed_of(room, pushed).next_fetch_reason == "its hub pushes"
