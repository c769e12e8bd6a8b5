"""Publishers as the feed-reader behaviour scores emulate them: each handles validators in its own way, some wrongly.

Pure: an answer follows from the request's conditional headers and the simulated time. Each keeps a ledger of what a
well-behaved reader would have sent, against which every request is judged.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

START = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = timedelta(days=30)


@dataclass
class Ledger:
    """What a publisher saw of one reader."""

    requests: int = 0
    unconditional: int = 0
    audits: int = 0
    needless: int = 0
    wrong_validators: int = 0
    not_modified: int = 0
    delays: list[timedelta] = field(default_factory=list)
    extras: set[str] = field(default_factory=set)


@dataclass
class Publisher:
    """One feed with its changes over the month.

    `style(publisher, version, now)` returns the validators of a 200; `agrees` judges the request's against them;
    `on_304` returns those that a 304 carries.
    """

    name: str
    style: Callable[[Publisher, int, datetime], dict[str, str]]
    agrees: Callable[[dict[str, str], dict[str, str]], bool] | None = None
    on_304: Callable[[Publisher, int, datetime], dict[str, str]] | None = None
    seed: int = 1
    honest: bool = True
    changes: list[datetime] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    given: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    delivered: int = -1

    def __post_init__(self) -> None:
        rng = random.Random(f"{self.name}{self.seed}")
        moment = START
        while moment < START + MONTH:
            self.changes.append(moment)
            moment += timedelta(hours=rng.expovariate(1 / 7.0))

    def version(self, now: datetime) -> int:
        """The number of the version that stands at `now`."""
        return sum(1 for change in self.changes if change <= now) - 1

    def body(self, version: int) -> bytes:
        """The document of a version: its ten newest items."""
        items = "".join(
            f"<item><guid>{number}</guid><title>Meldung {number}</title>"
            f"<pubDate>{format_datetime(self.changes[number], usegmt=True)}</pubDate></item>"
            for number in range(version, max(version - 10, -1), -1)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()

    def answer(self, headers: dict[str, str], now: datetime, *, audit: bool) -> tuple[int, dict[str, str], bytes]:
        """Answer one request and enter it into the ledger; `audit` says that the reader meant to ask without.

        A conditional request within an audit only tests the server: what it is answered is not the reader's to keep.
        """
        version = self.version(now)
        fresh = self.style(self, version, now)
        asked = {name: headers[name] for name in ("if-none-match", "if-modified-since") if name in headers}
        self._judge(asked, headers, now, audit=audit)
        agrees = self.agrees or _agrees
        if audit and asked:
            return (304, {}, b"") if agrees(asked, fresh) else (200, fresh, self.body(version))
        if asked and agrees(asked, fresh):
            self.ledger.not_modified += 1
            update = self.on_304(self, version, now) if self.on_304 else {}
            self.given |= update
            return 304, update, b""
        self.before, self.given = self.given, fresh
        for number in range(self.delivered + 1, version + 1):
            self.ledger.delays.append(now - self.changes[number])
        self.delivered = version
        return 200, fresh, self.body(version)

    def _judge(self, asked: dict[str, str], headers: dict[str, str], now: datetime, *, audit: bool) -> None:
        ledger = self.ledger
        ledger.requests += 1
        ledger.extras |= {"cookie", "referer", "cache-control", "pragma"} & headers.keys()
        given = self.before if audit and asked else self.given
        expected = {
            name: given[source]
            for name, source in (("if-none-match", "ETag"), ("if-modified-since", "Last-Modified"))
            if source in given
        }
        if not asked:
            ledger.unconditional += 1
            ledger.audits += audit
            ledger.needless += bool(expected) and not audit
        elif asked != expected:
            ledger.wrong_validators += 1


def _agrees(asked: dict[str, str], fresh: dict[str, str]) -> bool:
    """RFC 9110 §13.2.2: If-None-Match decides where it is sent, else If-Modified-Since (compared as text here)."""
    if "if-none-match" in asked:
        return asked["if-none-match"] == fresh.get("ETag")
    return asked.get("if-modified-since") == fresh.get("Last-Modified")


def _changed_at(publisher: Publisher, version: int) -> str:
    return format_datetime(publisher.changes[version], usegmt=True)


def _etag(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"ETag": f'"v{version}"'}


def _both(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"ETag": f'W/"v{version}-{publisher.name}"', "Last-Modified": _changed_at(publisher, version)}


def _modified(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"Last-Modified": _changed_at(publisher, version)}


def _odd(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"ETag": f"v{version} unquoted; ü", "Last-Modified": publisher.changes[version].isoformat()}


def _touched(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    hour = now.replace(minute=0, second=0)
    return {"ETag": f'"{hour:%d%H}-{version}"', "Last-Modified": format_datetime(hour, usegmt=True)}


def _touched_etag(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"ETag": f'"{now:%d%H}-{version}"', "Last-Modified": _changed_at(publisher, version)}


def _touched_modified(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"ETag": f'"v{version}"', "Last-Modified": _touched(publisher, version, now)["Last-Modified"]}


def _either(asked: dict[str, str], fresh: dict[str, str]) -> bool:
    """A server that wants every validator it is sent to be the newest."""
    etag = asked.get("if-none-match", fresh.get("ETag"))
    return etag == fresh.get("ETag") and asked.get("if-modified-since", "") == fresh.get("Last-Modified", "")


def _drops(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    """Validators on even days only, ETag alone on every fourth."""
    both = _both(publisher, version, now)
    if now.day % 4 == 0:
        return {"ETag": both["ETag"]}
    return both if now.day % 2 == 0 else {}


def _two_machines(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    """Two machines behind one name, each with its own tag for the same file."""
    return {"ETag": f'"{publisher.ledger.requests % 2}-{version}"', "Last-Modified": _changed_at(publisher, version)}


def _renewed(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    """The tag moves with the day although the content does not; the 304 brings it."""
    return {"ETag": f'"{version}-{now:%d}"'}


def _same_version(asked: dict[str, str], fresh: dict[str, str]) -> bool:
    return asked.get("if-none-match", "").split("-")[0] == fresh["ETag"].split("-")[0]


def _frozen(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {"ETag": '"frozen"', "Last-Modified": format_datetime(START, usegmt=True)}


def _none(publisher: Publisher, version: int, now: datetime) -> dict[str, str]:
    return {}


def publishers() -> list[Publisher]:
    """All of them, anew."""
    return [
        Publisher("etag only", _etag),
        Publisher("last-modified only", _modified),
        Publisher("both, weak tag", _both),
        Publisher("both, odd spelling", _odd),
        Publisher("touched hourly without change", _touched),
        Publisher("etag changes hourly", _touched_etag),
        Publisher("last-modified changes hourly", _touched_modified, agrees=_either),
        Publisher("drops validators", _drops),
        Publisher("two machines, two tags", _two_machines),
        Publisher("304 brings a new tag", _renewed, agrees=_same_version, on_304=_renewed),
        Publisher("no validators at all", _none),
        Publisher("lies: frozen tag", _frozen, honest=False),
        Publisher("lies: 304 to any condition", _both, agrees=lambda asked, fresh: True, honest=False),
    ]
