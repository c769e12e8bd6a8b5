"""The image is small, pinned and runs as nobody in particular: what its Dockerfile says without being built."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
JOINED = TEXT.replace("\\\n", " ")
STEPS = [tuple(line.split(maxsplit=1)) for line in JOINED.splitlines() if line and not line.startswith("#")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_base_has_a_version_and_builds_in_a_stage_that_is_left_behind() -> None:
    assert ("ARG", "PYTHON=python:3.13-slim") in STEPS
    assert [what for step, what in STEPS if step == "FROM"] == ["${PYTHON} AS build", "${PYTHON}"]


def test_every_tool_and_library_is_pinned() -> None:
    tools = re.search(r"pip install --no-cache-dir --disable-pip-version-check (.+)", TEXT)
    assert tools is not None
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", tool) for tool in tools[1].split())
    assert "--constraint requirements.lock --requirements pyproject.toml" in JOINED


def test_neither_the_tests_nor_the_embedded_redis_are_in_it() -> None:
    assert "[dev]" not in TEXT
    assert "[embedded]" not in TEXT
    # An extra only where whoever builds it asks for one.
    assert TEXT.count("--extra") == TEXT.count("${EXTRAS:+--extra $EXTRAS}") == 1
    assert ("ARG", "EXTRAS=") in STEPS


def test_it_does_not_run_as_root() -> None:
    assert [what for step, what in STEPS if step == "USER"] == ["10001:10001"]


def test_it_needs_no_buildkit() -> None:
    assert "--mount" not in TEXT
    assert "<<" not in TEXT
    assert "--chmod" not in TEXT
    assert not TEXT.startswith("# syntax")


def test_it_names_no_index_and_no_credential() -> None:
    assert "://" not in TEXT
    assert not re.search(r"(?i)index|password=|token", TEXT)


def test_its_version_is_the_projects() -> None:
    assert f'org.opencontainers.image.version="{PROJECT["version"]}"' in TEXT
    assert f'org.opencontainers.image.licenses="{PROJECT["license"]}"' in TEXT
    assert f'org.opencontainers.image.description="{PROJECT["description"]}"' in TEXT


def test_only_what_the_image_needs_goes_to_the_engine() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        word for step, what in STEPS if step == "COPY" and not what.startswith("--from") for word in what.split()[:-1]
    }
    assert {word.split("/")[0] for word in copied} == sent
    assert all((ROOT / word).exists() for word in copied)
