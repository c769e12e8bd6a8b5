"""A worker that never asks Redis for a message: `DEAF=once python -m deaf_worker worker`.

`once` is cured by a new connection, `always` is not.
"""

from __future__ import annotations

import os
from typing import Any

from kombu.transport.redis import MultiChannelPoller

from workers import listening
from workers.cli.root import main

_ask = MultiChannelPoller._register_BRPOP  # deaf at the root
_first: list[Any] = []


def ask_or_not(poller: Any, channel: Any) -> None:
    """Ask for the next message, unless this is a channel that is deaf."""
    if not _first:
        _first.append(channel)
    if os.environ["DEAF"] == "once" and channel is not _first[0]:
        _ask(poller, channel)


if __name__ == "__main__":
    listening.EVERY, listening.DEAF = 0.5, 3.0  # type: ignore[misc]  # a test need not wait for a minute
    MultiChannelPoller._register_BRPOP = ask_or_not
    main()
