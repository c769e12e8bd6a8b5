"""Whether a process could do its work now: database and Redis answer, and the schema is the one it knows.

Each look opens connections of its own and closes them: a worker's parent forks, and an open connection that a child
inherits is closed for both when the child lets go of it.
"""

from __future__ import annotations

from pathlib import Path

from workers.settings import Settings

# Seconds that Redis may take to answer; Postgres has its own limit for connecting (storage/db.py).
PATIENCE = 3.0


def faults_of(chosen: Settings) -> dict[str, str]:
    """What is wrong, by the part that is; empty when all is well."""
    found = {"database": _database(chosen), "redis": _redis(chosen)}
    return {part: fault for part, fault in found.items() if fault is not None}


def _database(chosen: Settings) -> str | None:
    from sqlalchemy.exc import SQLAlchemyError

    from storage import migrate
    from storage.db import make_engine

    engine = make_engine(chosen.database)
    file = engine.url.database
    if engine.dialect.name == "sqlite" and not (file and Path(file).exists()):
        return "its file is not there yet"  # connecting would make it
    try:
        status = migrate.status(engine.execution_options(readonly=True))
    except SQLAlchemyError as error:
        return f"does not answer ({type(error).__name__})"
    finally:
        engine.dispose()
    if status.up_to_date:
        return None
    return f"its schema is at {status.current or 'nothing'}, this version needs {status.head}: `wireroom db upgrade`"


def _redis(chosen: Settings) -> str | None:
    from redis import Redis, RedisError
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = Redis.from_url(
        chosen.redis, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
    try:
        client.ping()
    except (RedisError, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    finally:
        client.close()
    return None
