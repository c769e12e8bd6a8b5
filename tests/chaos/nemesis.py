"""Does what the schedule says to the running house, and heals it at the end."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import redis
import structlog
from services import PostgresServer, RedisServer, wait_until
from sqlalchemy import select
from sqlmodel import col

from storage.db import Sessions
from storage.models import Document
from workers.app import make_app
from workers.settings import Settings

from .house import House, Managed
from .press import TROUBLES, Press
from .schedule import Fault

log = structlog.get_logger()


@dataclass
class Nemesis:
    """Everything that faults may be done to."""

    house: House
    press: Press
    redis: RedisServer
    postgres: PostgresServer | None
    sessions: Sessions
    settings: Settings
    done: Counter[str] = field(default_factory=Counter)
    _undo: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _beside: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._app = make_app(self.settings)

    def run(self, faults: Sequence[Fault], *, seconds: float) -> None:
        """Do each fault at its time and undo it at its end; returns when the time is up and all is healed."""
        began = time.monotonic()
        left = list(faults)
        while (now := time.monotonic() - began) < seconds:
            for due, heal in [one for one in self._undo if one[0] <= now]:
                self._undo.remove((due, heal))
                heal()
            if left and left[0].at <= now:
                self._do(left.pop(0), now)
            time.sleep(0.05)
        for _, heal in self._undo:
            heal()
        self.redis.thaw()
        wait_until(self._redis_has_room, what="a Redis with room")
        for thread in self._beside:
            thread.join(130)

    def _do(self, fault: Fault, now: float) -> None:
        log.info("fault", kind=fault.kind, at=fault.at, late=round(now - fault.at, 1), seconds=fault.seconds)
        self.done[fault.kind] += 1
        heal = _DEEDS[fault.kind](self, fault)
        if heal is not None:
            self._undo.append((now + fault.seconds, heal))

    def _one(self, kind: str, fault: Fault) -> Managed:
        called = self.house.called(kind)
        return called[int(fault.pick * len(called))]

    def _aside(self, work: Callable[[], Any]) -> None:
        """What may take long or hang on a dead service, out of the way of the schedule."""

        def quietly() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - it is there to suffer from the faults
                log.info("beside", error=repr(error)[:200])

        thread = threading.Thread(target=quietly, daemon=True)
        thread.start()
        self._beside.append(thread)

    # --- deeds ----------------------------------------------------------------------------------------------------

    def kill(self, kind: str, fault: Fault) -> None:
        self._one(kind, fault).crash(whole=True)

    def orphan_pool(self, fault: Fault) -> None:
        self._one("worker", fault).crash(whole=False)

    def stop(self, kind: str, fault: Fault) -> None:
        """As an operator stops it: it ends by itself and is started again."""
        self._one(kind, fault).signal(signal.SIGTERM)

    def kill_pool_child(self, fault: Fault) -> None:
        children = self._one("worker", fault).children
        if children:
            with suppress(psutil.NoSuchProcess):
                children[int(fault.how * len(children))].kill()

    def freeze_pool_child(self, fault: Fault) -> Callable[[], None] | None:
        children = self._one("worker", fault).children
        if not children:
            return None
        child = children[int(fault.how * len(children))]
        with suppress(psutil.NoSuchProcess):
            child.suspend()

        def thaw() -> None:
            with suppress(psutil.NoSuchProcess):
                child.resume()

        return thaw

    def freeze(self, kind: str, fault: Fault) -> Callable[[], None]:
        """Stop it in its tracks, with what it has started; it goes on as a zombie after its leases have run out."""
        managed = self._one(kind, fault)
        frozen = [psutil.Process(managed.process.pid)] if managed.process is not None else []
        for process in (*frozen, *managed.children):
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                frozen.append(process)

        def thaw() -> None:
            for process in frozen:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

        return thaw

    def kill_redis(self, _fault: Fault) -> None:
        self.redis.restart()

    def empty_redis(self, _fault: Fault) -> None:
        self.redis.restart(empty=True)

    def flush_redis(self, _fault: Fault) -> None:
        with suppress(redis.RedisError):
            self.redis.client().flushall()

    def freeze_redis(self, _fault: Fault) -> Callable[[], None]:
        server = self.redis.process
        self.redis.freeze()

        def thaw() -> None:
            # Unless it was killed meanwhile, and another one runs.
            if self.redis.process is server:
                self.redis.thaw()

        return thaw

    def fill_redis(self, _fault: Fault) -> Callable[[], None]:
        """No room for anything more, and nothing is evicted."""
        self._limit_redis(1)

        def widen() -> None:
            self._limit_redis(0)

        return widen

    def _limit_redis(self, limit: int) -> bool:
        try:
            return bool(self.redis.client().config_set("maxmemory", limit))
        except redis.RedisError:
            return False

    def _redis_has_room(self) -> bool:
        return self._limit_redis(0)

    def kill_postgres(self, _fault: Fault) -> None:
        if self.postgres is not None:
            self.postgres.restart()

    def deliver_twice(self, _fault: Fault) -> None:
        """Tasks that were done, or are being done, are delivered three times more, at the same time."""

        def send() -> None:
            with self.sessions() as session:
                newest = session.scalars(select(col(Document.id)).order_by(col(Document.id).desc()).limit(10)).all()
            for _ in range(3):
                self._app.send_task("wireroom.ingest_documents", args=[list(newest)], queue="ingest", retry=False)
                self._app.send_task("wireroom.poll_due", queue="fetch", retry=False)
                self._app.send_task("wireroom.sweep", queue="fetch", retry=False)

        self._aside(send)

    def reingest(self, fault: Fault) -> None:
        """An operator has everything ingested again while it is coming in."""
        since = datetime.now(UTC) - timedelta(seconds=30 + fault.how * 300)
        self._aside(lambda: self.house.run("reingest", "--since", since.isoformat()))

    def second_beat(self, _fault: Fault) -> Callable[[], None]:
        """Another beat beside the first."""
        with (self.house.folder / "second-beat.log").open("ab") as out:
            command = [*self.house.called("beat")[0].command]
            beat = subprocess.Popen(command, env=self.house.env, stdout=out, stderr=out, start_new_session=True)

        def end() -> None:
            beat.terminate()
            try:
                beat.wait(20)
            except subprocess.TimeoutExpired:
                beat.kill()
                beat.wait()

        return end

    def bad_feed(self, fault: Fault) -> Callable[[], None]:
        """A publisher serves badly for a while."""
        names = list(self.press.items)
        name = names[int(fault.pick * len(names))]
        trouble = list(TROUBLES)[int(fault.how * len(TROUBLES))]
        self.press.trouble[name] = trouble
        self.done[f"bad feed: {trouble}"] += 1

        def heal() -> None:
            if self.press.trouble.get(name) == trouble:
                del self.press.trouble[name]

        return heal


def _killing(kind: str) -> Callable[[Nemesis, Fault], None]:
    return lambda nemesis, fault: nemesis.kill(kind, fault)


def _stopping(kind: str) -> Callable[[Nemesis, Fault], None]:
    return lambda nemesis, fault: nemesis.stop(kind, fault)


def _freezing(kind: str) -> Callable[[Nemesis, Fault], Callable[[], None]]:
    return lambda nemesis, fault: nemesis.freeze(kind, fault)


_DEEDS: dict[str, Callable[[Nemesis, Fault], Callable[[], None] | None]] = {
    **{f"kill {kind}": _killing(kind) for kind in ("worker", "beat", "relay", "reader", "sender")},
    **{f"stop {kind}": _stopping(kind) for kind in ("worker", "relay", "reader")},
    **{f"freeze {kind}": _freezing(kind) for kind in ("worker", "relay", "reader", "sender")},
    "orphan pool": Nemesis.orphan_pool,
    "kill pool child": Nemesis.kill_pool_child,
    "freeze pool child": Nemesis.freeze_pool_child,
    "kill redis": Nemesis.kill_redis,
    "empty redis": Nemesis.empty_redis,
    "flush redis": Nemesis.flush_redis,
    "freeze redis": Nemesis.freeze_redis,
    "fill redis": Nemesis.fill_redis,
    "kill postgres": Nemesis.kill_postgres,
    "deliver twice": Nemesis.deliver_twice,
    "reingest": Nemesis.reingest,
    "second beat": Nemesis.second_beat,
    "bad feed": Nemesis.bad_feed,
}
