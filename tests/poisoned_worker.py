"""A worker that a document with the word GIFT kills, and its helper too: `python -m poisoned_worker worker`."""

from __future__ import annotations

import sys
from typing import Any

from dying_processes import die

from tasks import prepare
from workers import rooms
from workers.cli.root import main

_parse = prepare.parse_guarded


def parse_or_die(body: bytes, **how: Any) -> Any:
    """Read a document, unless it is poison."""
    return die() if b"GIFT" in body else _parse(body, **how)


if __name__ == "__main__":
    prepare.parse_guarded = parse_or_die
    rooms.ALONE = (sys.executable, "-m", "poisoned_worker", "ingest-alone")
    main()
