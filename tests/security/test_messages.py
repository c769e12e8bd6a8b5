"""Nothing that is read can run code: messages are JSON, and what crosses the pipe of the parse child are values."""

from __future__ import annotations

import ast
import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from kombu import Connection
from services import RedisServer, wait_until

from storage.records import Cause
from tasks.formats import child, guarded
from tasks.formats.errors import LooksLike, NotAFeed, ParseKilled
from workers.app import configuration
from workers.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.file),)


def test_celery_is_told_to_take_json_only() -> None:
    conf = configuration(Settings())
    assert conf["accept_content"] == ["json"]
    assert conf["task_serializer"] == "json"
    assert "result_backend" not in conf


@pytest.mark.timeout(120)
def test_a_pickled_message_is_not_opened_and_the_worker_goes_on(
    tmp_path: Path, sqlite_url: str, own_redis: RedisServer
) -> None:
    file = tmp_path / "made-by-a-message"
    env = os.environ | {
        "WIREROOM_DATABASE_URL": sqlite_url,
        "WIREROOM_REDIS_URL": own_redis.url,
        "WIREROOM_DATA_DIR": str(tmp_path),
        "WIREROOM_LOG_FORMAT": "json",
    }
    with Connection(own_redis.url, transport_options={"global_keyprefix": "wireroom:"}) as connection:
        headers = {"task": "wireroom.sweep", "id": "00000000-0000-0000-0000-000000000001", "lang": "py"}
        producer = connection.Producer(serializer="pickle")
        queue = connection.SimpleQueue("fetch").queue
        producer.publish(
            ((Bomb(file),), {}, {}), routing_key="fetch", declare=[queue], headers=headers, serializer="pickle"
        )
    with closing(own_redis.client()) as client:
        assert client.llen("wireroom:fetch") == 1
        log = (tmp_path / "worker.log").open("wb")
        worker = subprocess.Popen(
            [sys.executable, "-m", "workers", "worker", "--concurrency", "1"],
            env=env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            wait_until(lambda: client.llen("wireroom:fetch") == 0, seconds=60, what="the message taken")
            time.sleep(1)
            assert worker.poll() is None
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            log.close()
    assert not file.exists()
    assert "ContentDisallowed" in (tmp_path / "worker.log").read_text()


def framed(value: object) -> io.BytesIO:
    data = pickle.dumps(value)
    return io.BytesIO(struct.pack(">Q", len(data)) + data)


def test_what_the_parse_child_answers_cannot_call_anything(tmp_path: Path) -> None:
    file = tmp_path / "made-by-an-answer"
    with pytest.raises(pickle.UnpicklingError, match=r"posix\.mkdir"):
        child.received(framed(Bomb(file)))
    with pytest.raises(pickle.UnpicklingError, match="no value"):
        child.received(framed(subprocess.Popen))
    with pytest.raises(pickle.UnpicklingError, match="no value"):
        child.received(framed(child.main))
    assert not file.exists()


def test_what_it_may_answer_is_read() -> None:
    for value in (Cause.PUSH, child.Answer(result=NotAFeed(LooksLike.HTML, "a page"), cpu_seconds=1.0)):
        assert repr(child.received(framed(value))) == repr(value)


def test_a_child_that_answers_otherwise_is_ended_and_its_document_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "made-by-a-child"
    data = pickle.dumps(Bomb(file))
    code = f"import sys; sys.stdout.buffer.write({struct.pack('>Q', len(data)) + data!r}); sys.stdout.flush(); input()"
    started = subprocess.Popen

    def taken_over(_command: list[str], **options: object) -> subprocess.Popen[bytes]:
        return started([sys.executable, "-c", code], **options)  # type: ignore[call-overload, no-any-return]

    guarded.stop()
    monkeypatch.setattr(subprocess, "Popen", taken_over)
    job = child.Job(work=child.Document(body=b"<rss/>", content_type=None, url="x", seen=frozenset()), cpu_seconds=1.0)
    with pytest.raises(ParseKilled, match="did not answer"):
        guarded._keeper.ask(job, guarded.MEMORY_BYTES)
    guarded.stop()
    assert not file.exists()


def test_nothing_else_unpickles_or_evaluates() -> None:
    found = set()
    for room in ("workers", "tasks", "storage"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                imported = isinstance(node, ast.Import | ast.ImportFrom)
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)} if imported else set()
                called = getattr(getattr(node, "func", None), "id", None) if isinstance(node, ast.Call) else None
                if names & {"pickle", "marshal", "shelve", "dill"} or called in {"eval", "exec"}:
                    found.add(str(file.relative_to(ROOT)))
    assert found == {"tasks/formats/child.py", "tasks/formats/guarded.py"}
