"""What the rule for the next poll reads and leaves: the operator's wishes, the feed's memory, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from storage.records import FeedHints, aware
from tasks.cadence.rhythm import Rhythm

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class CadencePolicy:
    """The operator's rules for all feeds; durations in seconds.

    `stretch` is the interval of a feed that publishes one entry a day; a feed with four is polled twice as often.
    The budget loop sets it so that all feeds together stay within the requests per minute that are granted.
    """

    stretch: float = 45 * MINUTE
    floor: float = 5 * MINUTE
    ceiling: float = 24 * HOUR
    fresh_cap: float = 6 * HOUR
    retry_after_cap: float = 24 * HOUR
    pushed: float = 12 * HOUR
    jitter: float = 0.10


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A permanent redirect under observation: where it leads, since when, and in how many polls it led there.

    `same` says that the document there was at first the very one that we held from here.
    """

    target: str
    since: datetime
    polls: int = 1
    same: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What one poll leaves for the next; stored as JSON beside the feed, written by polling alone.

    `failing_as` is the outcome that the present row of failures ended with. `told` is the kind of the last incident
    that was told of it. `validators_url` is the address that the held validators belong to. `polls` counts the 304s
    since the last document (at `audited_at`), `audits` and `lies` what asking without validators has shown.
    """

    failures: int = 0
    failing_since: datetime | None = None
    failing_as: str | None = None
    told: str | None = None
    gone: int = 0
    gone_since: datetime | None = None
    sought_at: datetime | None = None
    move: Move | None = None
    validators_url: str | None = None
    polls: int = 0
    audited_at: datetime | None = None
    audits: int = 0
    lies: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; times as ISO 8601, what is at its default left out."""
        plain = _plain(asdict(self))
        default = _plain(asdict(Memory()))
        return {name: value for name, value in plain.items() if value != default[name]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Self:
        """Read what `to_json` wrote; names that this version does not know are left aside."""
        known = {name: value for name, value in (stored or {}).items() if name in cls.__slots__}
        for name in ("failing_since", "gone_since", "sought_at", "audited_at"):
            if known.get(name):
                known[name] = datetime.fromisoformat(known[name])
        if known.get("move"):
            move = known["move"]
            known["move"] = Move(**{**move, "since": datetime.fromisoformat(move["since"])})
        return cls(**known)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedState:
    """One feed as the rule sees it; `floor` is the operator's own minimum for it, in seconds.

    `weight` is how much an entry of this feed matters against another's. `rhythm` and `unread` come from ingestion:
    how it publishes, and the error for which its newest document could not be read; so does `kin`, the address whose
    first document held entries that were known from here. `pushed_until` is set while a proven hub pushes it.
    """

    feed_id: int
    floor: float | None = None
    weight: float = 1.0
    hints: FeedHints = field(default_factory=FeedHints)
    rhythm: Rhythm = field(default_factory=Rhythm)
    unread: str | None = None
    kin: str | None = None
    pushed_until: datetime | None = None
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        aware("pushed_until", self.pushed_until)


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """Something to tell downstream, due once: `kind` is the event's type, `details` its payload beyond the feed.

    `since` is when it began; it names the incident, so a `feed.recovered` has that of its `feed.failing`.
    """

    kind: str
    since: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class NextPoll:
    """When to poll next and why; `memory` is to be stored with it.

    `audit` asks for the next request to go without validators. `moved_to` is the address to poll from now on. `pull`
    is the root of the feed's weighted rate: its share of the budget, and its interval is the stretch divided by it.
    `seek` asks to look for the feed on its site's page, since it is no longer at its address.
    """

    at: datetime
    reason: str
    interval: float
    memory: Memory
    pull: float = 0.0
    audit: bool = False
    moved_to: str | None = None
    seek: bool = False
    incidents: tuple[Incident, ...] = ()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value
