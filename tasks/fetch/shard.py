"""The door for synchronous callers: one event loop and one client per thread, kept from call to call."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack

from storage.records import FetchRequest, FetchResult
from tasks.fetch.client import Fetcher
from tasks.fetch.policy import FetchPolicy


class _Home(threading.local):
    """This thread's loop and client; connections and the TLS context live as long as it does."""

    runner: asyncio.Runner | None = None
    fetcher: Fetcher | None = None
    stack: AsyncExitStack | None = None
    pid: int = 0


_home = _Home()


def fetch_shard(policy: FetchPolicy, requests: Sequence[FetchRequest]) -> list[FetchResult]:
    """Fetch side by side and return one result per request, in order; never raises for a feed's fault."""
    if _home.pid != os.getpid() or _home.fetcher is None or _home.fetcher.policy != policy:
        _open(policy)
    if _home.runner is None or _home.fetcher is None:
        raise RuntimeError("the loop was closed while a shard was fetched")
    try:
        return _home.runner.run(_fetch(_home.fetcher, requests))
    except BaseException:
        # A time limit or a signal broke into the loop: what it left half done must not go on in the next shard.
        close()
        raise


def close() -> None:
    """Close this thread's client and loop; the next shard opens new ones. For worker shutdown and tests."""
    if _home.pid == os.getpid() and _home.runner is not None and _home.stack is not None:
        _home.runner.run(_home.stack.aclose())
        _home.runner.close()
    _home.runner = _home.fetcher = _home.stack = None


async def _fetch(fetcher: Fetcher, requests: Sequence[FetchRequest]) -> list[FetchResult]:
    # The loop stood still between shards: let it see which kept connections the servers have closed meanwhile.
    await asyncio.sleep(0)
    return await fetcher.fetch_all(requests)


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
