"""Whether a process could do its work now: database and Redis answer, and the schema is the one it knows.

Each look opens connections of its own and closes them: a worker's parent forks, and an open connection that a child
inherits is closed for both when the child lets go of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.settings import Settings

# Seconds that Redis may take to answer.
PATIENCE = 3.0


def faults_of(chosen: Settings) -> dict[str, str]:
    """What is wrong, by the part that is; empty when all is well."""
    found = {"database": _database(chosen), "redis": _redis(chosen)}
    return {part: fault for part, fault in found.items() if fault is not None}


def _database(chosen: Settings) -> str | None:
    from storage import schema

    try:
        current, wanted = schema.revision(chosen.database), schema.newest()
    except schema.Unreachable as error:
        return str(error)
    if current == wanted:
        return None
    return f"its schema is at {current or 'nothing'}, this version needs {wanted}: `wireroom db upgrade`"


def _redis(chosen: Settings) -> str | None:
    from redis import Redis, RedisError
    from redis.backoff import NoBackoff
    from redis.exceptions import NoPermissionError
    from redis.retry import Retry

    client = Redis.from_url(
        chosen.redis, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
    try:
        info: dict[str, Any] = client.info()
    except NoPermissionError:
        return None  # it answers, and its user may not know more
    except (RedisError, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    finally:
        client.close()
    return no_writes(info)


def no_writes(info: Mapping[str, Any]) -> str | None:
    """Why a Redis that says this of itself (INFO) takes no writes; None where it does."""
    limit = int(info.get("maxmemory", 0))
    if limit and info.get("maxmemory_policy") == "noeviction" and int(info["used_memory"]) >= limit:
        return "is full (maxmemory) and takes no writes"
    if info.get("aof_enabled") and info.get("aof_last_write_status", "ok") != "ok":
        return "cannot write its append-only file and takes no writes: is its disk full?"
    if info.get("role") == "slave":
        return "is a replica and takes no writes"
    return None
