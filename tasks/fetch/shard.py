"""The door for synchronous callers: one event loop and one client per thread, kept from call to call."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

from storage.records import FetchRequest, FetchResult
from tasks.fetch.client import Fetcher
from tasks.fetch.policy import FetchPolicy

BATCH_BYTES = 8 * 1024 * 1024


class _Home(threading.local):
    """This thread's loop and client; connections and the TLS context live as long as it does."""

    runner: asyncio.Runner | None = None
    fetcher: Fetcher | None = None
    stack: AsyncExitStack | None = None
    pid: int = 0


_home = _Home()


def fetch_shard(policy: FetchPolicy, requests: Sequence[FetchRequest]) -> list[FetchResult]:
    """Fetch side by side and return one result per request, in order; never raises for a feed's fault."""
    by_number: dict[int, FetchResult] = {}
    for batch in _batches(policy, requests, seconds=None):
        by_number |= batch
    return [by_number[number] for number in range(len(requests))]


def fetch_batches(
    policy: FetchPolicy,
    requests: Sequence[FetchRequest],
    *,
    seconds: float = 1.0,
    max_bytes: int = BATCH_BYTES,
) -> Iterator[list[FetchResult]]:
    """Yield results as they come in, what `seconds` have brought at a time: the quick do not wait for the slow.

    A batch ends sooner when its documents come to `max_bytes`, so that a shard of large ones is never held in memory
    at once. The loop stands still while the caller is busy with a batch.
    """
    for batch in _batches(policy, requests, seconds=seconds, max_bytes=max_bytes):
        yield list(batch.values())


def _batches(
    policy: FetchPolicy, requests: Sequence[FetchRequest], *, seconds: float | None, max_bytes: int | None = None
) -> Iterator[dict[int, FetchResult]]:
    """Yield results by the number of their request."""
    if _home.pid != os.getpid() or _home.fetcher is None or _home.fetcher.policy != policy:
        _open(policy)
    runner, fetcher = _home.runner, _home.fetcher
    if runner is None or fetcher is None:
        raise RuntimeError("the loop was closed while a shard was fetched")
    try:
        coming = runner.run(_begin(fetcher, requests, max_bytes))
        while coming.pending:
            if done := runner.run(coming.gather(seconds)):
                yield done
                done.clear()  # else it stands beside the next batch in memory
    except BaseException:
        # A time limit or a signal broke into the loop: what it left half done must not go on in the next shard.
        close()
        raise


class _Coming:
    """The requests of a shard that are under way, and how much of what came was not taken yet."""

    def __init__(self, pending: set[asyncio.Task[FetchResult]], max_bytes: int | None) -> None:
        self.pending, self.max_bytes = pending, max_bytes
        self._left, self._bytes = len(pending), 0
        self._enough = asyncio.Event()
        for task in pending:
            task.add_done_callback(self._came)

    def _came(self, task: asyncio.Task[FetchResult]) -> None:
        self._left -= 1
        if not task.cancelled() and task.exception() is None:
            self._bytes += len(task.result().body or b"")
        if not self._left or (self.max_bytes is not None and self._bytes >= self.max_bytes):
            self._enough.set()

    async def gather(self, seconds: float | None) -> dict[int, FetchResult]:
        """What has come, by number: when all has, when it is enough or when the time is over. Raises as tasks do."""
        try:
            async with asyncio.timeout(seconds):
                await self._enough.wait()
        except TimeoutError:
            pass
        self._enough.clear()
        self._bytes = 0
        done = {task for task in self.pending if task.done()}
        self.pending -= done
        return {int(task.get_name()): task.result() for task in done}


def close() -> None:
    """Close this thread's client and loop; the next shard opens new ones. For worker shutdown and tests."""
    if _home.pid == os.getpid() and _home.runner is not None and _home.stack is not None:
        _home.runner.run(_home.stack.aclose())
        _home.runner.close()
    _home.runner = _home.fetcher = _home.stack = None


async def _begin(fetcher: Fetcher, requests: Sequence[FetchRequest], max_bytes: int | None) -> _Coming:
    # The loop stood still between shards: let it see which kept connections the servers have closed meanwhile.
    await asyncio.sleep(0)
    return _Coming(fetcher.start(requests), max_bytes)


def _open(policy: FetchPolicy) -> None:
    """Open loop and client; what a fork inherited belongs to the parent and is left alone."""
    close()
    _home.pid = os.getpid()
    _home.runner = asyncio.Runner()
    _home.runner.run(_enter(policy))


atexit.register(close)


async def _enter(policy: FetchPolicy) -> None:
    _home.stack = AsyncExitStack()
    _home.fetcher = await _home.stack.enter_async_context(Fetcher(policy))
