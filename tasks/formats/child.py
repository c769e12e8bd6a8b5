"""The process in which hostile bytes are read: limits on CPU and memory, no secrets, nothing to lose.

Started by `guarded`. Jobs come on standard input and answers leave on standard output, each a pickle with its length
before it; both ends are this project's own code. Whoever took the child over by its bytes still could not run anything
in the worker: `received` makes values of ours, and calls nothing. A job that goes over its CPU
seconds ends the process (SIGXCPU), which is the answer. Without a job for a while it leaves by itself.
"""

from __future__ import annotations

import io
import os
import pickle
import resource
import select
import struct
import sys
import time
from dataclasses import dataclass, is_dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any

from storage.records import ParsedDocument
from tasks.formats.documents import parse
from tasks.formats.drafts import Habits
from tasks.formats.errors import FormatError, ParseKilled
from tasks.formats.loose import read
from tasks.formats.pages import article_html

IDLE_SECONDS = 30  # then the process gives its 35 MB back
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loosely:
    """A text for feedparser."""

    text: str
    url: str
    habits: Habits | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole document, too big to be read in the worker itself."""

    body: bytes
    content_type: str | None
    url: str
    seen: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page of an article."""

    body: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to read, and the CPU seconds that it may take."""

    work: Loosely | Document | Page
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a job, and the CPU seconds that it took."""

    result: ParsedDocument | str | FormatError
    cpu_seconds: float


def send(pipe: IO[bytes], value: Job | Answer) -> None:
    """Write `value` with its length before it."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def received(pipe: IO[bytes]) -> Any:
    """Read what `send` wrote; raises `EOFError` when the other side is gone, `UnpicklingError` for what is no value."""
    head = pipe.read(_LENGTH.size)
    data = pipe.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    if not data:
        raise EOFError
    return _Values(io.BytesIO(data)).load()


class _Values(pickle.Unpickler):
    """Makes dates, and the frozen values, enumerations and errors of ours, and nothing else."""

    _FROM = ("storage.records", "tasks.formats", "datetime")

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name; raises UnpicklingError for a function, and for what is not from here."""
        if "." not in name and (module in self._FROM or module.startswith("tasks.formats.")):
            found = super().find_class(module, name)
            made_here = isinstance(found, type) and found.__module__ == module
            if made_here and (module == "datetime" or is_dataclass(found) or issubclass(found, Enum | FormatError)):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value that crosses this pipe")


def main(memory_bytes: int) -> None:
    """Do jobs until there are none for a while or the worker is gone."""
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not get between the answers
    _limit_memory(memory_bytes)
    while select.select([jobs], [], [], IDLE_SECONDS)[0]:
        try:
            job = received(jobs)
        except EOFError:
            return
        started = time.process_time()
        _limit_cpu(started + job.cpu_seconds)
        try:
            result = _done(job.work)
        except MemoryError:
            result = ParseKilled("reading it takes more memory than a document may")
        send(answers, Answer(result=result, cpu_seconds=time.process_time() - started))


def _done(work: Loosely | Document | Page) -> ParsedDocument | str | FormatError:
    try:
        if isinstance(work, Page):
            return article_html(work.body, work.content_type)
        if isinstance(work, Loosely):
            return read(work.text, work.url, work.habits)
        return parse(work.body, content_type=work.content_type, url=work.url, seen=work.seen)
    except FormatError as error:
        return error


def _limit_cpu(until: float) -> None:
    """Let the kernel end this process when it has used `until` CPU seconds in all."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(until) + 1, hard))


def _limit_memory(memory_bytes: int) -> None:
    """Limit the address space to what there is now and `memory_bytes` more, where the system can (Linux)."""
    try:
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory_bytes, now + memory_bytes))
    except (OSError, ValueError):
        pass  # macOS has neither; the CPU limit and the worker's patience hold there too
