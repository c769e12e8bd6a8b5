"""Redis and Postgres over TLS with passwords: who they are is checked, and the whole line runs so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis.exceptions
from publisher import Piece, Publisher
from services import RedisServer, redis_server, wait_until
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import OperationalError
from tls import Authority, TlsFront

from storage import feeds
from storage.db import make_engine, make_sessions
from storage.models import Article
from workers.settings import Settings
from workers.stream import connect

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "hinter/dem Deich?"  # what must be escaped in a URL
ESCAPED = "hinter%2Fdem%20Deich%3F"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def locked_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server that asks for a password."""
    server = RedisServer(folder=tmp_path / "redis", arguments=("--requirepass", PASSWORD))
    server.folder.mkdir()
    server.client = lambda: redis.Redis(port=server.port, password=PASSWORD, decode_responses=True)  # type: ignore[method-assign]
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_front(authority: Authority, locked_redis: RedisServer) -> Iterator[TlsFront]:
    with closing(TlsFront(authority.context("localhost"), locked_redis.port)) as front:
        yield front


def url_of(front: TlsFront, *, host: str = "localhost", password: str = ESCAPED) -> str:
    return f"rediss://:{password}@{host}:{front.port}/0"


def chosen(url: str, ca: Path | None) -> Settings:
    return Settings(redis_url=url, redis_ca=ca)  # type: ignore[arg-type]


def test_a_redis_whose_certificate_is_trusted_is_spoken_to(authority: Authority, redis_front: TlsFront) -> None:
    with closing(connect(chosen(url_of(redis_front), authority.file).redis)) as client:
        assert client.ping()
    assert redis_front.handshakes == 1


def test_a_redis_that_others_vouch_for_is_not(redis_front: TlsFront, tmp_path: Path) -> None:
    others = Authority(tmp_path / "others")
    for ca in (others.file, None):
        with (
            closing(connect(chosen(url_of(redis_front), ca).redis)) as client,
            pytest.raises(redis.exceptions.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.ping()
    assert redis_front.handshakes == 0


def test_a_certificate_for_another_host_is_not_enough(authority: Authority, redis_front: TlsFront) -> None:
    with (
        closing(connect(chosen(url_of(redis_front, host="127.0.0.1"), authority.file).redis)) as client,
        pytest.raises(redis.exceptions.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.ping()


def test_a_wrong_password_is_refused(authority: Authority, redis_front: TlsFront) -> None:
    with (
        closing(connect(chosen(url_of(redis_front, password="x"), authority.file).redis)) as client,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        client.ping()


def test_what_an_operator_says_in_the_url_himself_stays(authority: Authority, redis_front: TlsFront) -> None:
    url = url_of(redis_front, host="127.0.0.1") + f"?ssl_check_hostname=false&ssl_ca_certs={authority.file}"
    with closing(connect(chosen(url, None).redis)) as client:
        assert client.ping()


def test_a_plain_url_is_left_as_it_is(authority: Authority) -> None:
    assert chosen("redis://redis:6379/0", authority.file).redis == "redis://redis:6379/0"


@pytest.fixture
def postgres_front(authority: Authority, postgres_url: str) -> Iterator[TlsFront]:
    folder = make_url(postgres_url).query["host"]
    with closing(TlsFront(authority.context("localhost"), f"{folder}/.s.PGSQL.5432", postgres=True)) as front:
        yield front


def postgres_over(front: TlsFront, postgres_url: str, *, host: str = "localhost", **query: str) -> str:
    url = make_url(postgres_url)
    return url.set(host=host, port=front.port, query=query).render_as_string(hide_password=False)


def ask(url: str) -> int:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            one: int = connection.execute(text("SELECT 1")).scalar_one()
            return one
    finally:
        engine.dispose()


def test_a_postgres_whose_certificate_is_trusted_is_spoken_to(
    authority: Authority, postgres_front: TlsFront, postgres_url: str
) -> None:
    strict = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
    assert ask(postgres_over(postgres_front, postgres_url, **strict)) == 1
    assert postgres_front.handshakes == 1


def test_a_postgres_that_others_vouch_for_or_under_another_name_is_not(
    authority: Authority, postgres_front: TlsFront, postgres_url: str, tmp_path: Path
) -> None:
    others = {"sslmode": "verify-full", "sslrootcert": str(Authority(tmp_path / "others").file)}
    with pytest.raises(OperationalError, match="certificate verify failed"):
        ask(postgres_over(postgres_front, postgres_url, **others))
    ours = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
    with pytest.raises(OperationalError, match="does not match host name"):
        ask(postgres_over(postgres_front, postgres_url, host="127.0.0.1", **ours))


@pytest.mark.timeout(180)
def test_the_whole_line_runs_over_tls_with_passwords(
    authority: Authority,
    redis_front: TlsFront,
    postgres_front: TlsFront,
    postgres_url: str,
    locked_redis: RedisServer,
    tmp_path: Path,
) -> None:
    database = postgres_over(postgres_front, postgres_url, sslmode="verify-full", sslrootcert=str(authority.file))
    env = os.environ | {
        "WIREROOM_DATABASE_URL": database,
        "WIREROOM_REDIS_URL": url_of(redis_front),
        "WIREROOM_REDIS_CA": str(authority.file),
        "WIREROOM_DATA_DIR": str(tmp_path),
        "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32",
        "WIREROOM_TICK": "0.5",
        "WIREROOM_LOG_FORMAT": "json",
    }
    engine = make_engine(postgres_url)
    sessions = make_sessions(engine)
    commands = (("worker", "--concurrency", "1"), ("beat",), ("relay",))
    with Publisher(feeds={"deich": [Piece(guid="1", headline="Der Deich hält")]}) as publisher:
        with sessions.begin() as session:
            feeds.add(session, url=publisher.url("deich"), now=datetime.now(UTC))
        log = (tmp_path / "line.log").open("wb")
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "workers", *command], env=env, cwd=ROOT, stdout=log, stderr=log,
                start_new_session=True,
            )
            for command in commands
        ]  # fmt: skip
        try:
            with closing(locked_redis.client()) as client:
                wait_until(lambda: client.xlen("wireroom:events"), seconds=90, what="the event in the stream")
            with sessions() as session:
                assert session.scalar(select(func.count()).select_from(Article)) == 1
        finally:
            for process in running:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.close()
            engine.dispose()
    said = (tmp_path / "line.log").read_text()
    assert PASSWORD not in said
    assert ESCAPED not in said


def test_the_server_without_its_front_asks_for_the_password(locked_redis: RedisServer, tmp_path: Path) -> None:
    with redis_server(tmp_path / "open") as open_server:
        assert open_server.client().ping()
    with closing(redis.Redis(port=locked_redis.port)) as stranger, pytest.raises(redis.exceptions.AuthenticationError):
        stranger.ping()
