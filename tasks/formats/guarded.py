"""`parse` for bytes from the open internet: what could hang or swell the worker happens in a child process.

Well-formed documents of ordinary size are read here; libxml2 takes time linear in their size. feedparser does not, so
every text that needs it goes to the child, and so does a document of unusual size as a whole. The child is a plain
subprocess (a Celery prefork process is daemonic and may have no `multiprocessing` children), started when first needed,
kept for the next text, replaced when it dies.
"""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import sys
import threading
from collections.abc import Collection
from pickle import UnpicklingError

from storage.records import ParsedDocument
from tasks.formats import child
from tasks.formats.documents import parse
from tasks.formats.drafts import Habits
from tasks.formats.errors import ParseKilled
from tasks.formats.limits import heavy

CPU_SECONDS = 5.0  # per document; the slowest real feed of 200 took a fifth of that in feedparser
MEMORY_BYTES = 512 * 1024 * 1024  # on top of the child's own
_PATIENCE = 4.0  # wall seconds per CPU second; the machine may be busy
_GRACE = 10.0  # wall seconds on top, for the start of the child


def parse_guarded(
    body: bytes,
    *,
    content_type: str | None,
    url: str,
    seen: Collection[str] = (),
    cpu_seconds: float = CPU_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> ParsedDocument:
    """Do what `documents.parse` does within `cpu_seconds` and `memory_bytes`; raises `ParseKilled` beyond them.

    An item that feedparser may not finish is read by libxml2's recovery instead, so one such item costs its document
    nothing but time.
    """
    budget = _Budget(cpu_seconds, memory_bytes)
    if heavy(body):
        return budget.spend(child.Document(body=body, content_type=content_type, url=url, seen=frozenset(seen)))
    return parse(body, content_type=content_type, url=url, seen=seen, loosely=budget.loosely)


def article_guarded(
    body: bytes,
    *,
    content_type: str | None,
    cpu_seconds: float = CPU_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> str:
    """Do what `pages.article_html` does within `cpu_seconds` and `memory_bytes`; raises `ParseKilled` beyond them."""
    found = _Budget(cpu_seconds, memory_bytes).ask(child.Page(body=body, content_type=content_type))
    assert isinstance(found, str)  # noqa: S101  a page gives a text
    return found


class _Budget:
    """The CPU seconds that one document has in the child; used up, or once killed, it gives nothing more."""

    def __init__(self, cpu_seconds: float, memory_bytes: int) -> None:
        self._left = cpu_seconds
        self._memory_bytes = memory_bytes

    def loosely(self, text: str, url: str, habits: Habits | None) -> ParsedDocument:
        return self.spend(child.Loosely(text=text, url=url, habits=habits))

    def spend(self, work: child.Loosely | child.Document) -> ParsedDocument:
        found = self.ask(work)
        assert isinstance(found, ParsedDocument)  # noqa: S101  a feed gives entries
        return found

    def ask(self, work: child.Loosely | child.Document | child.Page) -> ParsedDocument | str:
        if self._left <= 0:
            raise ParseKilled("the document has used up its time")
        try:
            answer = _keeper.ask(child.Job(work=work, cpu_seconds=self._left), self._memory_bytes)
        except ParseKilled:
            self._left = 0
            _keeper.killed += 1
            raise
        self._left -= answer.cpu_seconds
        if isinstance(answer.result, Exception):
            if isinstance(answer.result, ParseKilled):
                self._left = 0
                _keeper.killed += 1
            raise answer.result
        return answer.result


class _Keeper:
    """The one child of this process. It belongs to the process that started it: after a fork there is none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._memory_bytes = 0
        self.killed = 0

    def ask(self, job: child.Job, memory_bytes: int) -> child.Answer:
        """Have the child do `job`; raises `ParseKilled` when that ended it."""
        with self._lock:
            for _ in range(2):
                process = self._running(memory_bytes)
                try:
                    return self._answer(process, job)
                except (EOFError, BrokenPipeError):
                    self._end(process)
                    if process.returncode != 0:
                        raise ParseKilled(_cause(process.returncode)) from None
                    # It left by itself, being idle, in the moment that the job was sent: start another.
            raise ParseKilled("the parse child does not stay up")

    def _answer(self, process: subprocess.Popen[bytes], job: child.Job) -> child.Answer:
        assert process.stdin is not None  # noqa: S101  both are pipes, see `_running`
        assert process.stdout is not None  # noqa: S101  as above
        child.send(process.stdin, job)
        if not select.select([process.stdout], [], [], job.cpu_seconds * _PATIENCE + _GRACE)[0]:
            self._end(process)
            raise ParseKilled("reading it takes longer than a document may")
        try:
            answer = child.received(process.stdout)
        except UnpicklingError as error:
            self._end(process)
            raise ParseKilled(f"the parse child did not answer with what it was asked for: {error}") from error
        assert isinstance(answer, child.Answer)  # noqa: S101  the child sends nothing else
        if isinstance(answer.result, ParseKilled):
            self._end(process)  # what ran out of memory once is full of holes
        return answer

    def _running(self, memory_bytes: int) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():
            self._disown()
        process = self._process
        if process is not None and (process.poll() is not None or self._memory_bytes != memory_bytes):
            self._end(process)
            process = None
        if process is None:
            process = subprocess.Popen(
                [sys.executable, "-c", f"from {child.__name__} import main; main({memory_bytes})"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment(), start_new_session=True,
            )  # fmt: skip
            self._process, self._owner, self._memory_bytes = process, os.getpid(), memory_bytes
        return process

    def _disown(self) -> None:
        """Let go of a child that a fork of this process inherited: its owner still talks to it."""
        if self._process is None:
            return
        nowhere = os.open(os.devnull, os.O_RDWR)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                os.dup2(nowhere, pipe.fileno())  # what the owner had not yet sent must not be sent twice
                pipe.close()
        os.close(nowhere)
        self._process.returncode = 0  # else it would be waited for, and it is no child of this process
        self._process = None

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.communicate()
        self._process = None

    def stop(self) -> None:
        """End the child, if there is one; the next text starts another."""
        with self._lock:
            if self._process is not None and self._owner == os.getpid():
                self._end(self._process)


def killed_since_asked() -> int:
    """How many parses were ended for their CPU time, memory or duration since this was last called."""
    killed, _keeper.killed = _keeper.killed, 0
    return killed


def _environment() -> dict[str, str]:
    """Return what the child needs to start, and none of the settings and secrets that the worker has."""
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ", "TMPDIR") if name in os.environ
    }
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"}


def _cause(returncode: int) -> str:
    if returncode == -24:  # SIGXCPU
        return "reading it takes more CPU seconds than a document may"
    return f"the parse child ended with {returncode}"


_keeper = _Keeper()
stop = _keeper.stop
atexit.register(stop)
