"""Logging: structlog and every library's own lines through one formatter, JSON outside a terminal, secrets masked."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog

# user:password@ in any URL, values whose name says that they are secret, and what an Authorization header says.
USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
SECRET_QUERY = re.compile(
    r"(?i)((?:token|key|secret|password|passwd|pwd|auth|signature|sig|session|sid|jwt|credentials?)=)[^&\s\"']+"
)
SECRET_NAME = re.compile(r"(?i)authorization|(?:set-)?cookie|pass(?:word|wd)|secret|(?:x-)?api[-_]?key")
HEADER = re.compile(r"(?i)(authorization\W+(?:basic|bearer|digest)?\s*)[^\s\"',}]+")


def mask(text: str) -> str:
    """`text` with credentials in URLs, secret parameters and Authorization headers replaced."""
    if "@" in text:
        text = USERINFO.sub("***@", text)
    if "=" in text:
        text = SECRET_QUERY.sub(r"\1***", text)
    return HEADER.sub(r"\1***", text) if "uthorization" in text else text


def _masked(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in line.items():
        line[name] = _shown(name, value)
    return line


def _shown(name: str, value: Any) -> Any:
    """A named value, or nothing of it where its name says that it is secret."""
    return "***" if isinstance(value, str) and SECRET_NAME.fullmatch(name) else _without_secrets(value)


def _without_secrets(value: Any) -> Any:
    """The value as the renderer will show it, however deep a secret stands in it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(key)): _shown(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(inner) for inner in value]
    return mask(repr(value))


_as_json = False
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(*, form: Literal["auto", "json", "console"], level: str, process: str) -> None:
    """Send every log line of this process to standard output; `process` names it in each."""
    global _as_json  # a signal handler has no other way to it
    as_json = _as_json = form == "json" or (form == "auto" and not sys.stdout.isatty())
    # A plain trace: the pretty one prints local variables, and passwords among them.
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=coloured(sys.stdout), exception_formatter=structlog.dev.plain_traceback
        )
    )
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
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _masked,
            renderer,
        ],
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


def dumb() -> bool:
    """Whether the terminal can only print, as an editor's: nothing can be drawn in it."""
    return os.environ.get("TERM", "").lower() in {"dumb", "unknown"}


def coloured(stream: TextIO) -> bool:
    """Whether colours are seen as such there, and wanted (https://no-color.org)."""
    return stream.isatty() and not dumb() and not os.environ.get("NO_COLOR")


def say(text: str, *_: object) -> None:
    """Log a line from a signal handler, where no lock may be taken; Celery's words on stopping come this way."""
    line = {
        "said": text,
        "event": "worker.said",
        "process": "worker",
        "level": "info",
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    os.write(1, f"{json.dumps(line) if _as_json else text}\n".encode())


def quiet() -> None:
    """For a command that prints its own answer: only warnings, as text, on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _masked,
            structlog.dev.ConsoleRenderer(
                colors=coloured(sys.stderr), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        # Looked up at each line: where standard error was redirected for a while, it is not the one it was.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
