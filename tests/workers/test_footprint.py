"""What a process loads: a library that it does not use costs every process of the house its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

UNUSED = ("rich", "pygments", "prompt_toolkit", "celery.bin", "numpy", "lxml", "aiohttp", "alembic")
# Each command as it is called, up to where it would begin to work.
PROCESSES = {
    "worker": ("celery.apps.worker", "Worker.start"),
    "relay": ("workers.relay", "Relay.run"),
    "beat": ("celery.apps.beat", "Beat.run"),
}


def loaded_by(code: str, folder: Path) -> set[str]:
    env = os.environ | {"WIREROOM_DATA_DIR": str(folder)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return set(shown.stdout.split())


@pytest.mark.parametrize("command", PROCESSES)
def test_a_process_loads_nothing_that_it_does_not_use(command: str, tmp_path: Path) -> None:
    module, method = PROCESSES[command]
    code = f"""
import sys, workers.cli.root, {module} as module
module.{method} = lambda *_, **__: sys.exit(print(*sys.modules))
sys.argv[1:] = ["{command}"]
workers.cli.root.main()
"""
    loaded = loaded_by(code, tmp_path)
    assert "celery.app" in loaded or command == "relay"
    assert loaded.isdisjoint(UNUSED)


def test_what_wants_rich_still_has_it(tmp_path: Path) -> None:
    assert {"rich.console", "structlog.dev"} <= loaded_by("import sys, workers.view; print(*sys.modules)", tmp_path)


def test_memory_that_a_task_freed_goes_back_to_the_machine() -> None:
    script = """
import os
from workers.app import give_back

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

made = [bytes(1000) for _ in range(60_000)]
last = bytes(1000)  # what stands above the hole keeps the heap from shrinking by itself
made.clear()
before = resident()
give_back()
print(before - resident())
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 40
