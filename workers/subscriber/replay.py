"""Events out of the database again, by position, for what the stream no longer has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from .events import Event, GapError, event_from_json

Replay = Callable[[int, int], Iterator[Event]]
PAGE = 500
TIMEOUT = 30.0


def replay_over_http(base: str, *, token: str | None = None) -> Replay:
    """A `replay` for Subscriber that asks the events server at `base` (`http://host:port`)."""

    def replay(after: int, before: int) -> Iterator[Event]:
        while after < before - 1:
            query = urlencode({"after": after, "before": before, "limit": PAGE})
            request = Request(f"{base.rstrip('/')}/events?{query}", headers={"Accept": "application/x-ndjson"})  # noqa: S310 - the operator's URL
            if token:
                request.add_header("Authorization", f"Bearer {token}")
            found = 0
            with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
                for line in answer:
                    told = json.loads(line)
                    if gap := told.get("gap"):
                        raise GapError(
                            f"the database has no events after {gap['after']} and before {gap['before']} any more"
                        )
                    after = told["position"]
                    found += 1
                    yield event_from_json(after, json.dumps(told["event"], ensure_ascii=False), replayed=True)
            if not found:
                return

    return replay
