"""No queued poll outlives its time: a worker that comes back finds no backlog of stale ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tasks import jobs, poll
from tasks.poll import PollReport
from tasks.room import Room
from workers.schedule import beat_schedule


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
