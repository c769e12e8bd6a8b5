"""The sample wire in the wire room: subscribed to while there is nothing else, gone once there is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import structlog
from sqlmodel import Session

from storage import feeds
from storage.db import Sessions, reading
from storage.models import Feed, FeedStatus
from workers.sample import SampleWire

log = structlog.get_logger()

# Its mark in a feed's settings.
MARK = "sample"


def wanted(sessions: Sessions, wish: str) -> bool:
    """Whether to serve it: as wished, and on `auto` while no other feed is added. When not, its feeds are removed."""
    with sessions.begin() as session:
        held = feeds.listing(session)
        samples = [feed for feed in held if feed.settings.get(MARK)]
        serve = wish == "yes" or (wish == "auto" and len(samples) == len(held))
        if not serve:
            _remove(session, samples)
    return serve


def serve(sessions: Sessions, stop: threading.Event) -> None:
    """Serve until `stop`, asking for a poll of whatever changed, as a publisher's ping would."""
    wire = _started(sessions)
    urls = _subscribe(sessions, wire)
    log.info("sample.serving", feeds=sorted(urls))
    while not stop.wait(0.5):
        if changed := wire.changed():
            with sessions.begin() as session:
                feeds.ask(session, [urls[url] for url in changed if url in urls], now=datetime.now(UTC))
    wire.stop()


def _started(sessions: Sessions) -> SampleWire:
    """The wire on the port and with the times of the last run, so that its feeds and articles are the same ones.

    On a free port if that one is taken.
    """
    with reading(sessions) as session:
        samples = _samples(session)
    ports = [urlsplit(feed.url).port for feed in samples]
    started = min((feed.created_at for feed in samples), default=None)
    for port in (*ports[:1], 0):
        wire = SampleWire(port=port or 0, started=started)
        try:
            wire.start()
        except OSError:
            continue
        return wire
    raise OSError("no free port on 127.0.0.1 for the sample wire")


def _subscribe(sessions: Sessions, wire: SampleWire) -> dict[str, int]:
    """Add the wire's feeds, and remove those of an earlier port; URL → feed id."""
    urls = {}
    with sessions.begin() as session:
        present = {feed.url: feed for feed in _samples(session)}
        for url, title, publisher, language in wire.feeds:
            feed = present.pop(url, None) or feeds.add(
                session,
                url=url,
                now=datetime.now(UTC),
                title=title,
                publisher=publisher,
                language=language,
                settings={MARK: True},
            )
            session.flush()
            urls[url] = feed.id
        _remove(session, list(present.values()))
        feeds.ask(session, list(urls.values()), now=datetime.now(UTC))
    return urls


def _samples(session: Session) -> list[Feed]:
    return [feed for feed in feeds.listing(session) if feed.settings.get(MARK)]


def _remove(session: Session, samples: Sequence[Feed]) -> None:
    for feed in samples:
        feeds.set_status(session, feed, FeedStatus.REMOVED, now=datetime.now(UTC))
