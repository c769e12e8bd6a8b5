"""Liveness and readiness can fail: the parts that they speak of are stopped for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from processes import Shown
from redis.exceptions import ResponseError
from services import RedisServer, free_port, postgres_database, redis_server, wait_until
from sqlalchemy import text

from storage import migrate, schema
from storage.db import make_engine
from workers import metrics
from workers.health import EVERY_SECONDS
from workers.readiness import faults_of
from workers.settings import Settings


def here(folder: Path, database_url: str | None, redis_url: str) -> Settings:
    return Settings(data_dir=folder, database_url=database_url, redis_url=redis_url)  # type: ignore[arg-type]


def test_a_process_with_database_schema_and_redis_is_ready(tmp_path: Path, database_url: str, redis_url: str) -> None:
    assert faults_of(here(tmp_path, database_url, redis_url)) == {}


def test_a_stopped_redis_is_named(tmp_path: Path, database_url: str, own_redis: RedisServer) -> None:
    chosen = here(tmp_path, database_url, own_redis.url)
    own_redis.kill()
    assert faults_of(chosen) == {"redis": "does not answer (ConnectionError)"}


def test_a_frozen_redis_is_named_within_its_patience(tmp_path: Path, sqlite_url: str, own_redis: RedisServer) -> None:
    own_redis.freeze()
    assert faults_of(here(tmp_path, sqlite_url, own_redis.url)) == {"redis": "does not answer (TimeoutError)"}
    own_redis.thaw()


def test_a_full_redis_is_named(tmp_path: Path, sqlite_url: str, own_redis: RedisServer) -> None:
    own_redis.client().config_set("maxmemory", 1)
    found = faults_of(here(tmp_path, sqlite_url, own_redis.url))
    assert found == {"redis": "is full (maxmemory) and takes no writes"}


def test_a_redis_that_cannot_write_its_file_is_named(tmp_path: Path, sqlite_url: str) -> None:
    with redis_server(tmp_path / "redis", appendonly=True) as server:
        server.client().set("filler", "x")
        server.fill_disk()
        for _ in range(3):
            with suppress(ResponseError):
                server.client().set("filler", "x" * 100_000)
        wait_until(lambda: server.client().info("persistence")["aof_last_write_status"] == "err", what="the error")
        assert "is its disk full?" in faults_of(here(tmp_path, sqlite_url, server.url))["redis"]
        server.empty_disk()


def test_a_user_who_may_not_ask_is_no_fault_of_redis(tmp_path: Path, sqlite_url: str, own_redis: RedisServer) -> None:
    own_redis.client().acl_setuser("default", enabled=True, nopass=True, commands=["+@all", "-info"])
    assert faults_of(here(tmp_path, sqlite_url, own_redis.url)) == {}


def test_a_database_that_takes_no_writes_is_named(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET default_transaction_read_only = on')
    found = faults_of(here(tmp_path, postgres_url, redis_url))
    assert found == {"database": "takes no writes: it is a standby, or read-only"}


def test_a_database_out_of_reach_is_named(tmp_path: Path, redis_url: str) -> None:
    nowhere = "postgresql://wireroom@127.0.0.1:1/wireroom"
    assert faults_of(here(tmp_path, nowhere, redis_url)) == {"database": "does not answer (OperationalError)"}


def test_a_schema_that_is_behind_is_named_with_the_remedy(tmp_path: Path, database_url: str, redis_url: str) -> None:
    engine = make_engine(database_url)
    migrate.downgrade(engine, "-1")
    behind = migrate.status(engine).current
    engine.dispose()
    fault = faults_of(here(tmp_path, database_url, redis_url))["database"]
    assert str(behind) in fault
    assert "wireroom db upgrade" in fault


def test_what_this_version_needs_is_alembics_head(database_url: str) -> None:
    engine = make_engine(database_url)
    assert schema.newest() == migrate.status(engine).head == schema.revision(database_url)
    engine.dispose()


def test_a_database_without_a_schema_is_told_from_one_that_is_away(
    tmp_path: Path, postgres: str, redis_url: str
) -> None:
    file = tmp_path / "empty.db"
    file.touch()
    with postgres_database(postgres) as empty:
        for url in (f"sqlite:///{file}", empty):
            assert "its schema is at nothing" in faults_of(here(tmp_path, url, redis_url))["database"]


LIGHT = """
import sys
from workers.readiness import faults_of
from workers.settings import settings
assert faults_of(settings()) == {}
print([name for name in ("sqlalchemy", "alembic", "sqlmodel") if name in sys.modules])
"""


def test_a_workers_parent_needs_no_sqlalchemy_to_answer(tmp_path: Path, database_url: str, redis_url: str) -> None:
    env = os.environ | {
        "WIREROOM_DATABASE_URL": database_url, "WIREROOM_REDIS_URL": redis_url, "WIREROOM_DATA_DIR": str(tmp_path)
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", LIGHT], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_asking_makes_no_database_where_there_is_none(tmp_path: Path, redis_url: str) -> None:
    assert faults_of(here(tmp_path, None, redis_url)) == {"database": "its file is not there yet"}
    assert not (tmp_path / "wireroom.db").exists()


def test_asking_does_not_wait_for_sqlites_writer(tmp_path: Path, sqlite_url: str, redis_url: str) -> None:
    engine = make_engine(sqlite_url)
    with engine.begin() as writer:
        writer.execute(text("DELETE FROM feed"))
        assert faults_of(here(tmp_path, sqlite_url, redis_url)) == {}
    engine.dispose()


@pytest.mark.timeout(180)
def test_a_relay_tells_over_http_when_redis_is_gone_and_back(house: Shown) -> None:
    relay = house.start("relay")
    assert relay.get("/readyz") == (200, "ready\n")
    house.redis.kill()
    wait_until(lambda: relay.get("/readyz")[0] == 503, what="not ready")
    assert "redis: does not answer" in relay.get("/readyz")[1]
    assert relay.get("/healthz")[0] == 200  # a restart would bring Redis back for nobody
    house.redis.start()
    wait_until(lambda: relay.get("/readyz")[0] == 200, what="ready again")
    assert relay.get("/elsewhere")[0] == 404


def test_a_loop_that_hangs_is_not_alive_although_its_server_answers(house: Shown) -> None:
    relay = house.start("relay")
    (sign,) = (house.folder / "alive").glob("relay@*")
    engine = make_engine(house.database_url)
    with engine.begin() as writer:
        # The relay waits for SQLite's one writer to be done, and so gives no signs.
        writer.execute(text("DELETE FROM lease"))
        wait_until(lambda: time.time() - sign.stat().st_mtime > EVERY_SECONDS + 1, what="a relay that waits")
        os.utime(sign, (1, 1))
        status, said = relay.get("/healthz")
    engine.dispose()
    assert status == 503
    assert said.startswith("relay: gave its last sign of life")


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "command",
    [("beat",), ("worker", "--queues", "fetch", "--concurrency", "1"), ("webhooks", "run"), ("events", "serve"),
     ("websub",)],
    ids=lambda command: command[0],
)  # fmt: skip
def test_every_long_running_command_shows_itself_and_stops_when_asked(house: Shown, command: tuple[str, ...]) -> None:
    ports = {name: str(free_port()) for name in ("websub_port", "events_port")}
    own = {"websub_url": "https://push.example.org", **ports}
    process = house.start(*command, **own)
    assert process.get("/readyz") == (200, "ready\n")
    assert process.value("process_resident_memory_bytes") > 0
    # Its own metrics and no others. What a worker's children have not counted yet has no file, and so no line.
    mine = metrics.names("serve" if command[0] == "events" else command[0])
    assert process.families() == mine or (command[0] == "worker" and process.families() < mine)
    process.running.send_signal(signal.SIGTERM)
    assert process.running.wait(60) == 0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("command", [("beat",), ("worker", "--concurrency", "1")])
def test_a_process_that_starts_while_redis_is_away_is_alive_and_waits(house: Shown, command: tuple[str, ...]) -> None:
    house.redis.kill()
    process = house.start(*command)
    sign = wait_until(lambda: next(iter((house.folder / "alive").glob(f"{command[0]}*")), None), what="its first sign")
    for _ in range(2):  # it gives more of them, while it still waits
        os.utime(sign, (1, 1))
        wait_until(lambda: sign.stat().st_mtime > 1, seconds=60, what="another sign")
    assert process.get("/healthz") == (200, "alive\n")
    assert process.get("/readyz")[0] == 503
