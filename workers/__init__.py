"""Processes: what is started."""

import sys

# structlog loads rich, if it can, for tracebacks that this project never prints: 65 modules, 6 MB in each process.
# Whoever wants rich (the live view, the tables) imports it afterwards.
if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]  # what makes an import of it fail
    try:
        import structlog  # noqa: F401
    finally:
        del sys.modules["rich"]
