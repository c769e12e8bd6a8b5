"""The README is run as a newcomer would: every command in it, in its order, against a wire room that runs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from publisher import Publisher
from wire import bath

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a test cannot run as it stands: the two make targets (run below, and what runs this), and Docker's engine
# (tests/containers checks those lines against the compose file; .ci/containers runs them).
MAKE, DOCKER = "make ", "docker compose "


def commands() -> list[str]:
    """Every shell line of the README, without its comment."""
    lines = [line for kind, block in BLOCK.findall(README) if kind == "sh" for line in block.splitlines() if line]
    return [re.sub(r"\s+#.*$", "", line) for line in lines]


@dataclass
class Newcomer:
    """Somebody in a fresh folder with the README, and a publisher where it says example.org."""

    folder: Path
    publisher: Publisher

    @property
    def env(self) -> dict[str, str]:
        return os.environ | {
            "WIREROOM_DATA_DIR": str(self.folder / "data"),
            "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32",
            "WIREROOM_TICK": "1",
            "COLUMNS": "200",
        }

    def does(self, line: str) -> str:
        """Run a line of the README; its output. Fails when it fails."""
        line = line.replace("https://example.org/news.rss", self.publisher.url("stadt"))
        line = line.replace(".venv/bin/wireroom", f"{shlex.quote(sys.executable)} -m workers")
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.env | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    with Publisher(feeds={"stadt": [bath()]}) as publisher:
        yield Newcomer(tmp_path_factory.mktemp("newcomer"), publisher)


def alive(folder: Path) -> list[str]:
    """Processes whose command or environment names the newcomer's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if str(folder).encode() in words and state != "Z":
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.timeout(300)
def test_every_command_of_the_readme_works_in_its_order(newcomer: Newcomer) -> None:
    """One test, since each step stands on those before it."""
    said: dict[str, str] = {}
    lines = commands()
    assert lines[:2] == ["make run", "make test"]
    log = newcomer.folder / "run.log"
    with log.open("wb") as out:
        # `make run` as the README has it; the environment stands already, so it only starts the wire room.
        running = subprocess.Popen(
            ["make", "--directory", str(ROOT), "run"],
            env=newcomer.env,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        _until(lambda: "document.ingested" in log.read_text(), 120, log, "the sample wire's articles")
        for line in lines[2:]:
            if not line.startswith(DOCKER):
                said[line] = newcomer.does(line)
        _reads_as_the_readme_says(said)
        _the_python_block_hears_of_the_article(newcomer)
    finally:
        os.killpg(running.pid, signal.SIGINT)
        code = running.wait(90)
    assert code in {0, 2, -signal.SIGINT}, log.read_text()[-3000:]  # make's own word for an interrupted recipe is 2
    assert "wireroom.stopped" in log.read_text()
    assert alive(newcomer.folder) == []


def _until(seen: object, seconds: float, log: Path, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not seen():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"{what} did not come:\n{log.read_text()[-3000:]}"
        time.sleep(0.2)


def _reads_as_the_readme_says(said: dict[str, str]) -> None:
    def of(beginning: str) -> str:
        [text] = [text for line, text in said.items() if line.startswith(f".venv/bin/wireroom {beginning}")]
        return text

    assert "added" in of("feeds add")
    assert "1 created" in of("poll") or "not_modified" in of("poll")  # a worker may have been there first
    assert "Altenbrück bekommt ein neues Hallenbad" in of("articles search")
    explained = of("articles show")
    assert explained.count("removed: ") == 6
    assert "is the teaser" in explained or "says the teaser again" in explained
    cleaned = of("articles clean")
    assert "removed: " in cleaned
    assert "Mit 21 zu 9 Stimmen" in cleaned
    assert "article.created" in of("events tail")
    assert "Nothing was written" in of("reingest --since 7d --dry-run")
    assert "finished" in of("reingest --runs")
    assert "FAIL" not in of("doctor")
    assert "empty" in of("quarantine list")


def _the_python_block_hears_of_the_article(newcomer: Newcomer) -> None:
    [program] = [block for kind, block in BLOCK.findall(README) if kind == "python"]
    script = newcomer.folder / "subscribe.py"
    script.write_text(program)
    # A shell has what it starts in the background ignore SIGINT, this suite perhaps, and a child would go on doing so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reader = subprocess.Popen(
        [sys.executable, "-u", str(script)],
        env=newcomer.env | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    newcomer.publisher.feeds["stadt"].append(bath().edited(guid="bad-2", headline="Hallenbad: Bau beginnt im Mai"))
    time.sleep(1)
    newcomer.does(".venv/bin/wireroom poll https://example.org/news.rss")
    heard = ""
    deadline = time.monotonic() + 60
    assert reader.stdout is not None
    try:
        while "Bau beginnt im Mai" not in heard:
            assert time.monotonic() < deadline, heard
            heard += reader.stdout.readline()
    finally:
        reader.send_signal(signal.SIGINT)
        reader.wait(30)
        reader.stdout.close()
    assert "wireroom.article.created.v1 Hallenbad: Bau beginnt im Mai" in heard


def test_the_first_screen_names_both_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:24])
    assert "make run" in first_screen
    assert "make test" in first_screen


def test_make_has_what_the_readme_names() -> None:
    for target in ("install", "run", "test"):
        done = subprocess.run(["make", "--dry-run", "--directory", str(ROOT), target], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_every_page_that_is_named_is_there() -> None:
    named = re.findall(r"`(docs/[\w./-]+)`", README)
    assert named
    assert [page for page in named if not (ROOT / page).exists()] == []
