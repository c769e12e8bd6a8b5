"""What the verbs need at hand in one process: the store, the clock, the policies, the enrichers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

from storage.db import Sessions
from tasks.cadence import CadencePolicy
from tasks.enrich import Enrichers
from tasks.fetch import FetchPolicy
from tasks.fetch.policy import utc_now


@dataclass(kw_only=True)
class Room:
    """Made once per process after the fork, handed to every verb.

    A lease is short and extended while its holder is at work; the token that comes with it keeps a former holder from
    writing. `alone` is the command that tries a document in a process of its own, for `alone_seconds` at the most.
    `grace` is how long a stored document may wait for its message before the sweep sends another. `threshold`
    is the confidence (0 to 1) below which a line is marked instead of removed. `polls_per_minute` is the budget of
    requests; when it was last shared out stands in `shared_out_at`. `page_wait` is how long a document of teasers waits
    for its articles' pages. `delta_audit` is the share of documents that are read whole as well. `keep_articles` is how
    long an article is kept after its last change, for ever when None.
    """

    sessions: Sessions
    fetch: FetchPolicy = field(default_factory=FetchPolicy)
    cadence: CadencePolicy = field(default_factory=CadencePolicy)
    polls_per_minute: float | None = None
    shared_out_at: datetime | None = None
    clock: Callable[[], datetime] = utc_now
    rules: Path | None = None
    payload: Literal["full", "ids"] = "full"
    threshold: float = 0.5
    shard: int = 100
    lease: timedelta = timedelta(seconds=30)
    alone: tuple[str, ...] = ()
    alone_seconds: float = 60.0
    grace: timedelta = timedelta(seconds=20)
    poison_after: int = 3
    delta_audit: float = 0.01
    story_window: timedelta = timedelta(days=7)
    page_wait: timedelta = timedelta(seconds=120)
    traced: bool = False
    keep_documents: timedelta = timedelta(days=30)
    keep_articles: timedelta | None = None

    def __post_init__(self) -> None:
        self.fetch = replace(self.fetch, clock=self.clock)

    @cached_property
    def enrichers(self) -> Enrichers:
        """The registered enrichers with the operator's rules; loading their word lists takes a moment, so once."""
        return Enrichers.load(self.rules)
