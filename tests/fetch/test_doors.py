"""Whatever goes out is guarded alike: feeds, articles' pages, hubs, webhooks refuse all forms of private addresses."""

from __future__ import annotations

import asyncio
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from storage.db import Sessions
from storage.records import FetchOutcome, FetchRequest
from storage.webhook_models import Webhook
from tasks.fetch import Fetcher, FetchPolicy, Unanswered
from workers.webhooks import Sender, post_once

from .conftest import FEED, Site, reply
from .test_guard import PASSED_TEXT, REFUSED_TEXT, SPELLINGS_TEXT

# As they stand in an address; a zone cannot.
TEXTS = [text for text in (*REFUSED_TEXT.split(), *SPELLINGS_TEXT.split()) if "%" not in text]
FORMS = [f"[{text}]" if ":" in text else text for text in TEXTS]
Door = Callable[[FetchPolicy, str], str]


def feed(policy: FetchPolicy, url: str) -> str:
    return _fetched(policy, FetchRequest(feed_id=1, url=url))


def page(policy: FetchPolicy, url: str) -> str:
    return _fetched(policy, FetchRequest(feed_id=1, url=url, page=True))


def _fetched(policy: FetchPolicy, request: FetchRequest) -> str:
    async def main() -> str:
        async with Fetcher(policy) as fetcher:
            result = await fetcher.fetch(request)
            assert (result.outcome is FetchOutcome.BLOCKED) is ("blocked" in (result.error or ""))
            return result.error or ""

    return asyncio.run(main())


def hub(policy: FetchPolicy, url: str) -> str:
    async def main() -> str:
        async with Fetcher(policy) as fetcher:
            try:
                return str(await fetcher.post(url, {"hub.mode": "subscribe"}))
            except Unanswered as error:
                return str(error)

    return asyncio.run(main())


def webhook(policy: FetchPolicy, url: str) -> str:
    sender = Sender(sessions=Sessions(), allow=policy.allow)
    secret = {"secret": "whsec_" + b64encode(bytes(32)).decode(), "until": None}
    row = Webhook(id=1, url=url, secrets=[secret], position=0)
    return str(asyncio.run(post_once(sender, row, "msg_1", b"{}")).error or "")


DOORS = [feed, page, hub, webhook]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_no_form_of_a_private_address_is_connected_to(
    door: Door, site: Site, policy: FetchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[Any] = []
    real = BaseSelectorEventLoop.sock_connect

    async def connecting(loop: BaseSelectorEventLoop, sock: socket.socket, address: Any) -> None:
        connected.append(address)
        await real(loop, sock, address)

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", connecting)
    door(policy, site.serve("/feed", reply(200, FEED)))
    assert len(connected) == 1  # what is let in is seen here
    connected.clear()
    assert len(FORMS) > 60
    closed = replace(policy, allow=())
    let_in = [form for form in FORMS if "blocked" not in door(closed, f"http://{form}/feed")]
    assert let_in == []
    assert connected == []


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(
    door: Door, site: Site, policy: FetchPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def inside(host: Any, *rest: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == "inside.example" else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", inside)
    assert "blocked" in door(replace(policy, allow=()), site.url(host="inside.example"))
    assert site.connections == 0


@pytest.mark.parametrize("door", DOORS[:3], ids=lambda door: door.__name__)
def test_a_redirect_to_a_private_address_is_not_followed(door: Door, site: Site, policy: FetchPolicy) -> None:
    private = ("http://10.0.0.1/", "http://[::ffff:169.254.169.254]/latest", "http://2130706433/", "file:///etc/passwd")
    for target in private:
        url = site.serve("/feed", reply(307, Location=target))
        assert "blocked" in door(replace(policy, allow=("127.0.0.1/32",)), url)


def test_a_webhook_follows_no_redirect_at_all(site: Site, policy: FetchPolicy) -> None:
    url = site.serve("/feed", reply(307, Location="/elsewhere"))
    site.serve("/elsewhere", reply(200, FEED))
    assert webhook(policy, url) == ""
    assert [asked.path for asked in site.asked] == ["/feed"]


def test_public_addresses_are_not_refused_by_their_form() -> None:
    from tasks.fetch.guard import check_url

    for form in PASSED_TEXT.split():
        check_url(f"http://[{form}]/feed" if ":" in form else f"http://{form}/feed")
