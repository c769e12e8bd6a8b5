"""Try a document in a process of its own, to learn whether it is the document that kills its worker."""

from __future__ import annotations

import subprocess

from storage.models import Document
from tasks.room import Room

# What a process ends with that could not try: the database was away, or the lease gone (EX_TEMPFAIL, sysexits.h).
NOT_TRIED = 75
# What is kept of the reason that the process gave.
_LONGEST = 500


def fault(room: Room, document: Document) -> str | None:
    """How the document fails alone, as the end of a sentence; None when it was ingested, or could not be tried.

    A room without a command to try it with takes the suspicion for the fault.
    """
    if not room.alone:
        return "it would kill or hang its worker again"
    command = [*room.alone, str(document.id), document.lease_token or ""]
    try:
        done = subprocess.run(
            command, stderr=subprocess.PIPE, timeout=room.alone_seconds, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        # On a machine that is busy beyond measure a process is slow to start: that is seen again before it counts.
        return f"it takes longer than {room.alone_seconds:.0f} s" if document.attempts > 2 * room.poison_after else None
    if done.returncode in {0, NOT_TRIED}:
        return None
    if done.returncode < 0:
        return f"it kills its process (signal {-done.returncode})"
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"it fails: {said[-1] if said else f'exit code {done.returncode}'}"[:_LONGEST]
