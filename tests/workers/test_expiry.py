"""No queued poll outlives its time: a worker that comes back finds no backlog of stale ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks import jobs, poll
from tasks.poll import PollReport
from tasks.room import Room
from workers.app import make_app
from workers.schedule import Ticker, beat_schedule
from workers.settings import Settings, settings


@pytest.mark.parametrize("tick", [0.2, 5.0, 60.0])
def test_whatever_beat_sends_expires_with_its_tick(tick: float) -> None:
    table = beat_schedule(tick)
    assert set(table) >= {"poll-due", "sweep", "prune"}
    for name, entry in table.items():
        expires = entry["options"]["expires"]
        every = entry["schedule"] if isinstance(entry["schedule"], float) else 3600
        assert 0 < expires <= max(every, 2.0), name


def test_a_poll_that_asks_for_the_next_shard_lets_that_expire_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, float | None]] = []

    def full(_room: Room, _deliver: object, more: object) -> PollReport:
        assert callable(more)
        more()
        return PollReport(full=True, lost=[7])

    def send(task: object, *args: Sequence[object], expires: float | None = None) -> None:
        sent.append((getattr(task, "name", ""), expires))

    monkeypatch.setattr(poll, "poll_due", full)
    monkeypatch.setattr(jobs, "_send", send)
    monkeypatch.setattr(jobs, "_room", object())
    jobs.poll_due()
    assert sent == [("wireroom.poll_due", jobs._STALE), ("wireroom.seek_feed", None)]
    assert jobs._STALE <= 60


class Beat(Ticker):
    """Beat that notes what it would send, by a clock that the test holds."""

    producer = None  # beat's own connects

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[str] = []
        super().__init__(*args, **kwargs)

    def apply_async(self, entry: Any, **_: Any) -> None:
        self.sent.append(entry.name)
        self.reserve(entry)


def test_a_clock_that_is_set_back_does_not_silence_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREROOM_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    app = make_app(Settings(redis_url="redis://127.0.0.1:1/0"))  # type: ignore[call-arg,arg-type]
    moment = [datetime(2026, 11, 23, 10, 30, tzinfo=UTC)]
    monkeypatch.setattr(app, "now", lambda: moment[0])
    beat = Beat(app)

    def sends(after: timedelta) -> set[str]:
        moment[0] += after
        beat.sent.clear()
        for _ in range(4):  # each turn sends one of them
            beat.tick()
        return set(beat.sent)

    assert sends(timedelta(0)) == {"poll-due", "sweep"}
    assert sends(-timedelta(hours=1)) == set()
    assert sends(timedelta(seconds=16)) == {"poll-due", "sweep"}
    settings.cache_clear()
