"""A Redis of today: the rights of a subscriber need what Redis 7 brought, and the bundled one may be a 6.2."""

from __future__ import annotations

import pytest
from services import modern_redis

# Without one, `.ci/containers` shows the same on the Redis of the compose file.
collect_ignore = [] if modern_redis() else ["test_subscriber_rights.py"]


@pytest.fixture(scope="session")
def redis_executable() -> str:
    """The binary."""
    found = modern_redis()
    assert found is not None
    return found
