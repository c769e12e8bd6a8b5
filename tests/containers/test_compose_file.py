"""The compose file keeps its promises: checks that need no engine; `.ci/containers` brings it up for real."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from workers.health import EVERY_SECONDS, STALE_SECONDS
from workers.relay import Limits
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"keys", "migrate", "cli"}
# Started on request only, by their profile.
ON_REQUEST = {"webhooks", "serve", "websub", "cli"}
# Others' images that look at the wire room from outside, together under one profile.
OBSERVERS = {"prometheus", "grafana"}
LASTING = sorted(SERVICES.keys() - ONCE)
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("wireroom"))
WORKERS = ["fetch", "ingest"]
UNITS = {"s": 1, "m": 60, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}


def default(value: str) -> str:
    """The value that holds when the variable in it is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def seconds(value: str) -> int:
    return int(value[:-1]) * UNITS[value[-1]]


def size(value: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mg])b?", default(value)).groups()  # type: ignore[union-attr]
    return int(number) * UNITS[f"{unit}b"]


def test_the_services_of_the_wire_room_are_there() -> None:
    always = {"keys", "postgres", "redis", "migrate", "beat", "fetch", "ingest", "relay"}
    assert set(SERVICES) == always | ON_REQUEST | OBSERVERS
    assert {name for name, service in SERVICES.items() if service.get("profiles") == [name]} == ON_REQUEST
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["observe"]} == OBSERVERS


@pytest.mark.parametrize("name", sorted(SERVICES))
class TestEveryService:
    def test_writes_nowhere_but_to_volumes_and_memory(self, name: str) -> None:
        assert SERVICES[name]["read_only"] is True

    def test_has_no_capability_and_gains_none(self, name: str) -> None:
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
        assert ("cap_add" in SERVICES[name]) == (name == "postgres")
        assert not SERVICES[name].get("privileged", False)

    def test_does_not_run_as_root(self, name: str) -> None:
        # Postgres' image becomes `postgres` by itself, which is what its added capabilities are for.
        assert name == "postgres" or SERVICES[name]["user"] in {"10001:10001", "redis", "65534:65534", "472:0"}

    def test_has_limits_for_memory_processes_and_logs(self, name: str) -> None:
        service = SERVICES[name]
        assert size(service["mem_limit"]) >= 64 << 20
        assert service["pids_limit"] <= 512
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}

    def test_has_time_to_stop_and_a_word_on_restarting(self, name: str) -> None:
        assert seconds(SERVICES[name]["stop_grace_period"]) >= 5
        assert SERVICES[name]["restart"] == ("no" if name in ONCE else "unless-stopped")

    def test_can_be_scaled(self, name: str) -> None:
        assert SERVICES[name].keys().isdisjoint({"container_name", "hostname"})

    def test_listens_on_this_machine_only_if_at_all(self, name: str) -> None:
        ports = [default(port) for port in SERVICES[name].get("ports", [])]
        assert all(port.startswith("127.0.0.1:") for port in ports)
        assert bool(ports) == (name in {"serve", "websub"} | OBSERVERS)

    def test_sees_the_engine_and_the_host_through_no_mount(self, name: str) -> None:
        mounts = {mount.partition(":")[0]: mount for mount in SERVICES[name]["volumes"]}
        own = mounts.keys() - COMPOSE["volumes"].keys()
        # Their configuration is this repository's, and they cannot write it.
        assert all(path.startswith("./containers/observe/") and name in OBSERVERS for path in own)
        assert all(mounts[path].endswith(":ro") and (ROOT / path).exists() for path in own)

    def test_reads_passwords_from_files_that_it_cannot_write(self, name: str) -> None:
        keys = [mount for mount in SERVICES[name]["volumes"] if mount.startswith("keys")]
        assert keys or name == "prometheus"
        assert name == "keys" or all(mount.endswith(":ro") for mount in keys)


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert check["test"][1:] not in ([], ["true"])
    assert seconds(check["timeout"]) <= seconds(check["interval"])
    assert check["retries"] >= 2


def test_each_process_is_asked_for_its_own_sign_of_life() -> None:
    signs = {
        name: SERVICES[name]["healthcheck"]["test"][1:]
        for name in ("beat", "relay", "webhooks", "serve", "websub", *WORKERS)
    }
    assert signs == {
        "beat": ["wireroom-alive", "beat"],
        "relay": ["wireroom-alive", "relay"],
        "webhooks": ["wireroom-alive", "webhooks"],
        "serve": ["wireroom-alive", "serve"],
        "websub": ["wireroom-alive", "websub"],
        "fetch": ["wireroom-alive", "worker-fetch"],
        "ingest": ["wireroom-alive", "worker-ingest"],
    }
    assert EVERY_SECONDS * 3 < STALE_SECONDS == 60


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_time_to_finish_or_give_back_its_task(name: str) -> None:
    assert seconds(SERVICES[name]["stop_grace_period"]) >= Settings.model_fields["stop_seconds"].default + 10


def test_everything_waits_for_what_it_needs() -> None:
    done, well = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    for name in ("postgres", "redis"):
        assert SERVICES[name]["depends_on"] == {"keys": done}
    assert SERVICES["migrate"]["depends_on"] == {"postgres": well}
    for name in ("beat", "relay", *WORKERS):
        # Postgres is named although migrate waits for it: what is depended on is stopped last.
        assert SERVICES[name]["depends_on"] == {"migrate": done, "postgres": well, "redis": well}


def test_redis_keeps_what_it_was_given() -> None:
    command = default(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    room = re.search(r"--maxmemory (\w+)", command)
    assert room is not None
    assert Limits().stream_bytes < size(room[1]) <= size(SERVICES["redis"]["mem_limit"]) // 2


def test_only_fetching_reaches_the_outside() -> None:
    assert COMPOSE["networks"]["line"] == {"internal": True}
    outside = {name for name, service in SERVICES.items() if "outside" in service.get("networks", [])}
    assert outside == {"fetch"} | ON_REQUEST
    assert SERVICES["keys"]["network_mode"] == "none"


def test_every_setting_can_be_set_from_outside() -> None:
    # Handed through as it is, so that its own default holds where nobody sets it. What the containers' own shape
    # decides has a value: the memory limits are for two children, and the ports are where the engine looks for them.
    listens = {f"{name}_{part}" for name in ("EVENTS", "METRICS", "WEBSUB") for part in ("HOST", "PORT")}
    fixed = {"CONCURRENCY", *listens}
    handed = {name.removeprefix("WIREROOM_"): value for name, value in SERVICES["ingest"]["environment"].items()}
    assert handed.keys() == {name.upper() for name in Settings.model_fields} - {"DATA_DIR"}
    assert {name for name, value in handed.items() if value is not None} == fixed
    assert f"127.0.0.1:{handed['EVENTS_PORT']}" in default(SERVICES["serve"]["ports"][0])
    assert f"127.0.0.1:{handed['WEBSUB_PORT']}" in default(SERVICES["websub"]["ports"][0])


@pytest.mark.parametrize("file", ["docker-compose.yml", "Dockerfile", "docs/containers.md", "containers/keys"])
def test_every_setting_that_is_named_exists(file: str) -> None:
    text = (ROOT / file).read_text()
    named = {name.lower() for name in re.findall(r"\bWIREROOM_([A-Z_]+)", text)}
    if file == "containers/keys":
        files = set(re.findall(r"wireroom/wireroom_([a-z_]+)", text))
        assert files == {"database_url", "redis_url"}
        named |= files
    assert named <= Settings.model_fields.keys()


def test_no_password_is_written_down() -> None:
    for file in ("docker-compose.yml", "Dockerfile", "containers/keys"):
        text = (ROOT / file).read_text()
        assert not re.search(r"(?i)(password|secret|token)[ \t]*[:=][ \t]*[\"']?[a-z0-9]{4,}", text), file


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_has_a_version(name: str) -> None:
    image, _, tag = default(SERVICES[name]["image"]).rpartition(":")
    assert image
    assert re.fullmatch(r"v?\d[\w.-]*", tag) if name in {"postgres", "redis"} | OBSERVERS else tag == "local"


def test_the_image_is_built_by_the_service_that_all_others_wait_for() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["keys"]
    assert all(SERVICES[name]["pull_policy"] == "never" for name in OURS)
