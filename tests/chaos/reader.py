"""A downstream service as a process: `python -m chaos.reader REDIS_URL EFFECTS`."""

from __future__ import annotations

import sys

from event_consumer import serve

if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
