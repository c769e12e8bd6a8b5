"""Logging: structlog and every library's own lines through one formatter, JSON outside a terminal, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

# user:password@ in any URL, and query values whose name says that they are secret.
USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
SECRET_QUERY = re.compile(r"(?i)((?:token|key|secret|password|passwd|auth|signature|sig)=)[^&\s\"']+")


def mask(text: str) -> str:
    """`text` with credentials in URLs replaced."""
    return SECRET_QUERY.sub(r"\1***", USERINFO.sub("***@", text))


def _masked(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in line.items():
        if isinstance(value, str) and ("=" in value or "@" in value):
            line[name] = mask(value)
    return line


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(*, form: Literal["auto", "json", "console"], level: str, process: str) -> None:
    """Send every log line of this process to standard output; `process` names it in each."""
    as_json = form == "json" or (form == "auto" and not sys.stdout.isatty())
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    tail: list[Any] = [structlog.processors.format_exc_info] if as_json else []
    structlog.configure(
        processors=[
            *SHARED,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*SHARED, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail, _masked, renderer],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their INFO lines tell of each task and each connection; ours tell what came of it.
    for noisy in ("celery", "kombu", "celery.app.trace", "alembic", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # What a library warns of is a log line too, not text between them.
    logging.captureWarnings(capture=True)
    structlog.contextvars.bind_contextvars(process=process)


def quiet() -> None:
    """For a command that prints its own answer: only warnings, as text, on standard error."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        # Looked up at each line: where standard error was redirected for a while, it is not the one it was.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
