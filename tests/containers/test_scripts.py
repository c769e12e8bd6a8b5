"""The image's two scripts: the health check says what the processes say, and passwords are made once."""

from __future__ import annotations

import os
import subprocess
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from workers import health
from workers.settings import Settings

SCRIPTS = Path(__file__).parents[2] / "containers"
FOLDERS = ("own", "postgres", "redis", "wireroom", "subscriber", "grafana")


def alive(folder: Path, process: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"WIREROOM_DATA_DIR": str(folder)}
    return subprocess.run([SCRIPTS / "alive", process], env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_a_process_that_has_just_signed_is_healthy(here: Settings) -> None:
    health.sign(here, "relay")
    assert alive(here.data_dir, "relay").returncode == 0


def test_a_process_that_never_signed_is_not(here: Settings) -> None:
    health.sign(here, "relay")
    answer = alive(here.data_dir, "beat")
    assert answer.returncode == 1
    assert "no sign of life" in answer.stdout


@pytest.mark.parametrize(("age", "code"), [(health.STALE_SECONDS - 15, 0), (health.STALE_SECONDS + 1, 1)])
def test_a_process_whose_sign_has_grown_old_is_not(here: Settings, age: float, code: int) -> None:
    health.sign(here, "worker-fetch")
    (file,) = health.folder(here).iterdir()
    then = time.time() - age
    os.utime(file, (then, then))
    assert alive(here.data_dir, "worker-fetch").returncode == code


def test_a_process_that_ended_properly_is_not_taken_for_a_living_one(here: Settings) -> None:
    health.sign(here, "relay")
    health.gone(here, "relay")
    assert alive(here.data_dir, "relay").returncode == 1


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in FOLDERS:
        (tmp_path / name).mkdir()
    return tmp_path


def make(folder: Path) -> dict[str, str]:
    subprocess.run([SCRIPTS / "keys", folder], check=True, capture_output=True)
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_passwords_are_made_once_and_stay(keys: Path) -> None:
    made = make(keys)
    assert make(keys) == made
    passwords = {made[f"own/{name}"] for name in ("postgres", "redis", "subscriber", "grafana")}
    assert len(passwords) == 4
    assert all(len(password) == 48 for password in passwords)


def test_passwords_differ_between_installations(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    for name in FOLDERS:
        (other / name).mkdir()
    assert make(keys)["own/redis"] != make(other)["own/redis"]


def test_each_service_finds_the_password_that_it_needs_and_no_other(keys: Path) -> None:
    made = make(keys)
    assert made["postgres/password"] == made["own/postgres"]
    assert urlsplit(made["wireroom/wireroom_database_url"]).password == made["own/postgres"]
    assert urlsplit(made["wireroom/wireroom_redis_url"]).password == made["own/redis"]
    assert urlsplit(made["subscriber/redis_url"]).password == made["own/subscriber"]
    assert made["grafana/password"] == made["own/grafana"]
    for name in ("postgres", "redis", "subscriber", "grafana"):
        holders = {file for file, text in made.items() if made[f"own/{name}"] in text and not file.startswith("own/")}
        assert {holder.split("/")[0] for holder in holders} <= {"wireroom", name}


def test_redis_is_told_only_hashes_and_nobody_but_the_wire_room_may_write_the_stream(keys: Path) -> None:
    made = make(keys)
    users = dict(line.removeprefix("user ").split(" ", 1) for line in made["redis/users.acl"].splitlines())
    assert set(users) == {"default", "wireroom", "subscriber"}
    for user, password in (("wireroom", "own/redis"), ("subscriber", "own/subscriber")):
        assert f"#{sha256(made[password].encode()).hexdigest()}" in users[user]
    assert users["default"].endswith("-@all +ping")
    for rights in users["subscriber"].split("("):
        assert "~wireroom:events)" not in rights or not {"+xadd", "+@stream", "+@write", "+xtrim"} & set(rights.split())


def test_settings_are_read_from_the_files_that_the_script_lays(keys: Path) -> None:
    made = make(keys)

    class FromFiles(Settings):
        model_config = Settings.model_config | {"secrets_dir": keys / "wireroom"}

    read = FromFiles()
    assert read.database == made["wireroom/wireroom_database_url"]
    assert read.redis == made["wireroom/wireroom_redis_url"]
    assert not read.embedded_redis
