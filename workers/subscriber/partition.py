"""One partition being read: pending first, then new; in order per subject; what fails holds up only its own subject."""

from __future__ import annotations

import logging
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .events import Event, Gap, GapError, Malformed, Select, event_of, partition_of
from .replay import Replay
from .shelf import Entry, Shelf

log = logging.getLogger("wireroom.subscriber")
# Events held back behind a failing one of the same subject; past this the partition reads no more until some are done.
MAX_PARKED = 1000
LONGEST_REASON = 500
# How often dead letters that an operator wants tried again are looked for, in seconds.
AGAIN_EVERY = 1.0


class Interrupted(Exception):
    """The lease is gone or a stop was asked for: what is not acknowledged is somebody's to do again."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done with events; durations in seconds."""

    handle: Callable[[Event], object]
    select: Select
    max_tries: int
    retry_base: float
    retry_cap: float
    batch: int
    replay: Replay | None
    on_gap: Callable[[Gap], object] | None

    def delay(self, tries: int) -> float:
        """How long to wait after so many failed tries: doubling, capped, spread over the upper half."""
        longest = min(self.retry_cap, self.retry_base * 2.0 ** (tries - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, hides nothing


class Memory:
    """Ids of events handled by this process, the newest `size` of them: what an emptied Redis cannot forget."""

    def __init__(self, size: int) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._size = size

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add(self, name: str) -> None:
        """Remember one more."""
        self._ids[name] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)


@dataclass
class _Parked:
    """A subject whose first event failed: when to try again, and what waits, in order."""

    due: float
    waiting: deque[Event] = field(default_factory=deque)


class Partition:
    """The reader of one partition for as long as its lease is ours."""

    def __init__(self, shelf: Shelf, work: Work, memory: Memory, alive: Callable[[], bool]) -> None:
        self.shelf = shelf
        self.work = work
        self.memory = memory
        self.alive = alive
        self.parked: dict[str, _Parked] = {}
        shelf.take_over()
        # Up to here everything was received, and up to `_through` gone through: a group that is lost with its pending
        # entries must be made again at the latter.
        self.cursor = shelf.cursor()
        self.gaps = _merged(shelf.gaps())
        done = shelf.first_pending(self.cursor) - 1
        self._through = min(done, self.gaps[0].after) if self.gaps else done
        # None once everything pending was looked at.
        self._history: int | None = 0
        self._again_at = 0.0

    @property
    def full(self) -> bool:
        """Whether so much waits for retries that nothing more is read."""
        return sum(len(parked.waiting) for parked in self.parked.values()) >= MAX_PARKED

    @property
    def lowest(self) -> int:
        """The position up to which everything is done."""
        waiting = [event.position for parked in self.parked.values() for event in parked.waiting]
        return min([self._through, *(position - 1 for position in waiting)])

    def due_in(self) -> float | None:
        """Seconds until the next retry, None when nothing waits for one."""
        if not self.parked:
            return None
        return max(0.0, min(parked.due for parked in self.parked.values()) - time.monotonic())

    def turn(self) -> bool:
        """Retry what is due, then read and handle one batch; says whether there was anything to do."""
        worked = self._retry_due()
        if time.monotonic() >= self._again_at:
            self._again_at = time.monotonic() + AGAIN_EVERY
            worked = self._again() or worked
        if self.full:
            return worked
        if self._history is not None:
            return self._read_history()
        if entries := self.shelf.new(self.work.batch):
            self._take(entries, fresh=True)
            return True
        return worked

    def _read_history(self) -> bool:
        entries = self.shelf.history(self._history or 0, self.work.batch)
        if entries:
            self._history = entries[-1][0]
            self._take(entries, fresh=False)
        else:
            self._history = None
            self._fill_before(None)
            self._through = self.cursor
        return True

    def _take(self, entries: list[Entry], *, fresh: bool) -> None:
        """Note how far we are and what is missing, then go through a batch in order."""
        self._notice(entries)
        ids = [fields["id"] for _, fields in entries if fields.get("id")]
        seen = self.shelf.seen(ids)
        skipped: list[int] = []
        try:
            for position, fields in entries:
                self._fill_before(position)
                event = self._ours(position, fields, seen)
                if event is None:
                    skipped.append(position)
                elif event.subject in self.parked:
                    self.parked[event.subject].waiting.append(event)
                else:
                    self._attempt(event, counted=not fresh)
                self._through = max(self._through, position)
        finally:
            self.shelf.skip(skipped)

    def _notice(self, entries: list[Entry]) -> None:
        """Positions have no holes: one that is skipped, or whose entry is empty, was trimmed."""
        gaps = list(self.gaps)
        cursor = self.cursor
        if entries and entries[0][0] > cursor + 1:
            # Before anything is missed: the relay sets a group on that it knows to have been further.
            cursor = max(cursor, min(self.shelf.noted(), entries[0][0] - 1))
        for position, fields in entries:
            if position > cursor + 1:
                gaps.append(Gap(after=cursor, before=position))
            if not fields:
                gaps.append(Gap(after=position - 1, before=position + 1))
            cursor = max(cursor, position)
        if cursor > self.cursor or len(gaps) > len(self.gaps):
            self.gaps = _merged(gaps)
            self.shelf.note(cursor, self.gaps)
            self.cursor = cursor

    def _ours(self, position: int, fields: Mapping[str, str], seen: set[str]) -> Event | None:
        """The event to handle, or None for what is gone, another partition's, not wanted, or handled before."""
        if not fields:
            return None
        try:
            event = event_of(position, fields)
            if partition_of(event.subject, self.shelf.partitions) != self.shelf.index:
                return None
            return event if event.id not in seen and self._wanted(event) else None
        except Malformed as error:
            whole = {"id": "", "type": "", "subject": "", "ce": "", **fields, "feed": ""}
            self.shelf.bury(event_of(position, whole), reason=str(error), tries=0)
            return None

    def _wanted(self, event: Event) -> bool:
        return event.id not in self.memory and self.work.select(event)

    def _attempt(self, event: Event, *, counted: bool) -> bool:
        """Handle one event and say whether that is over with; a failure parks its subject, too many bury it.

        `counted`: a process may have died of it before, so the try is counted before it is made.
        """
        if not self.alive():
            raise Interrupted
        if counted:
            event = replace(event, tries=self.shelf.count_try(event) - 1)
            if event.tries >= self.work.max_tries:
                self._bury(event, "its consumer died with it again and again", event.tries)
                return True
        try:
            self.work.handle(event)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its verdict on the event
            return self._failed(event, error, counted=counted)
        self.memory.add(event.id)
        self.shelf.done(event)
        return True

    def _failed(self, event: Event, error: Exception, *, counted: bool) -> bool:
        tries = event.tries + 1 if counted else self.shelf.count_try(event)
        if tries >= self.work.max_tries:
            self._bury(event, f"{type(error).__name__}: {error}"[:LONGEST_REASON], tries)
            return True
        delay = self.work.delay(tries)
        log.warning("event %s failed, try %d, again in %.1f s: %r", event.id, tries, delay, error)
        parked = self.parked.setdefault(event.subject, _Parked(due=0.0))
        parked.due = time.monotonic() + delay
        if not parked.waiting or parked.waiting[0].id != event.id:
            parked.waiting.appendleft(event)
        return False

    def _bury(self, event: Event, reason: str, tries: int) -> None:
        log.error("event %s is a dead letter after %d tries: %s", event.id, tries, reason)
        self.shelf.bury(event, reason=reason, tries=tries)

    def _retry_due(self) -> bool:
        """Try parked subjects whose time has come, each as far as it goes."""
        now = time.monotonic()
        due = [subject for subject, parked in self.parked.items() if parked.due <= now]
        for subject in due:
            self._retry(subject)
        return bool(due)

    def _retry(self, subject: str) -> None:
        """Go through what waits for a subject until it fails again or nothing is left."""
        waiting = self.parked[subject].waiting
        while waiting and self._attempt(waiting[0], counted=True):
            waiting.popleft()
        if not waiting:
            del self.parked[subject]

    def _fill_before(self, position: int | None) -> None:
        """Deal with every open gap below a position (None: every one), in order."""
        while self.gaps and (position is None or self.gaps[0].after < position):
            self._fill(self.gaps[0])
            self.gaps = self.gaps[1:]
            self.shelf.keep_gaps(self.gaps)

    def _fill(self, gap: Gap) -> None:
        log.warning("events after %d and before %d are gone from %s", gap.after, gap.before, self.shelf.stream)
        if self.work.replay is not None:
            for event in self.work.replay(gap.after, gap.before):
                if partition_of(event.subject, self.shelf.partitions) == self.shelf.index and self._wanted(event):
                    self._replayed(event)
        elif self.work.on_gap is not None:
            self.work.on_gap(gap)
        else:
            raise GapError(
                f"events after position {gap.after} and before {gap.before} are gone from {self.shelf.stream} and "
                f"group {self.shelf.keys.group} has not read them: give `replay` to fetch them from the database, or "
                "`on_gap` to go on without them"
            )

    def _replayed(self, event: Event) -> None:
        """Handle an event out of the database now: it is in no list of pending ones, so nothing may overtake it."""
        while event.subject in self.parked:
            self._wait(self.parked[event.subject].due)
            self._retry(event.subject)
        self._attempt(event, counted=False)
        while event.subject in self.parked:
            self._wait(self.parked[event.subject].due)
            self._retry(event.subject)

    def _wait(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if not self.alive():
                raise Interrupted
            time.sleep(min(left, 0.2))

    def _again(self) -> bool:
        """Dead letters that are to be tried again, once each; they come after what their subject had meanwhile."""
        mine = [
            (number, event)
            for number, event in self.shelf.again()
            if partition_of(event.subject, self.shelf.partitions) == self.shelf.index
        ]
        for number, event in mine:
            if not self.alive():
                raise Interrupted
            try:
                self.work.handle(event)
            except Exception as error:  # noqa: BLE001 - as above
                self._bury(event, f"{type(error).__name__}: {error}"[:LONGEST_REASON], event.tries + 1)
            self.shelf.forget_again(number)
        return bool(mine)


def _merged(gaps: list[Gap]) -> list[Gap]:
    """Gaps in order, those that touch as one."""
    merged: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.after, gap.before)):
        if merged and gap.after < merged[-1].before:
            merged[-1] = Gap(after=merged[-1].after, before=max(gap.before, merged[-1].before))
        else:
            merged.append(gap)
    return merged
