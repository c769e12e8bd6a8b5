"""Every line that a running wire room logs is JSON, says what it is about, and has no secret in it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from publisher import Piece, Publisher
from services import RedisServer, wait_until
from sqlmodel import col, select

from storage import feeds
from storage.db import make_engine, make_sessions
from storage.models import Article, Document, OutboxEvent
from workers import logs

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("hinterm-deich", "s3cr3t-token", "geheimes-wort")


@pytest.mark.timeout(180)
def test_a_run_logs_json_with_ids_throughout_and_no_secret(
    tmp_path: Path, sqlite_url: str, own_redis: RedisServer
) -> None:
    engine = make_engine(sqlite_url)
    sessions = make_sessions(engine)
    env = os.environ | {
        "WIREROOM_DATABASE_URL": sqlite_url,
        "WIREROOM_REDIS_URL": own_redis.url.replace("redis://", "redis://default:geheimes-wort@"),
        "WIREROOM_DATA_DIR": str(tmp_path),
        "WIREROOM_ALLOW_NETWORKS": "127.0.0.1/32",
        "WIREROOM_TICK": "0.5",
        "WIREROOM_LOG_FORMAT": "json",
        "WIREROOM_LOG_LEVEL": "DEBUG",
    }
    with own_redis.client() as client:
        client.config_set("requirepass", "geheimes-wort")
    pieces = {"deich": [Piece(guid=str(n), headline=f"Der Deich hält {n}") for n in range(3)]}
    running: list[subprocess.Popen[bytes]] = []
    files = {}
    with Publisher(feeds=pieces) as publisher:
        good = publisher.url("deich").replace("http://", "http://leserin:hinterm-deich@")
        gone = good.replace("deich.xml", "weg.xml") + "?token=s3cr3t-token"
        broken = f"http://leserin:hinterm-deich@127.0.0.1:1/x.xml?api_key={SECRETS[1]}"
        with sessions.begin() as session:
            for url in (good, gone, broken):
                feeds.add(session, url=url, now=datetime.now(UTC))
        for command in (("worker", "--concurrency", "1"), ("beat",), ("relay",)):
            files[command[0]] = tmp_path / f"{command[0]}.log"
            with files[command[0]].open("wb") as out:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "workers", *command],
                        env=env, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                    )
                )  # fmt: skip
        try:
            wait_until(
                lambda: (
                    "feed.failed" in files["worker"].read_text()
                    and files["relay"].read_text().count("event.published") >= 3
                ),
                seconds=90,
                what="articles, events and failures",
            )
            for process in running:
                process.send_signal(signal.SIGTERM)
            for process in running:
                process.wait(60)
        finally:
            for process in running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
    text = "".join(file.read_text() for file in files.values())
    assert [secret for secret in SECRETS if secret in text] == []
    lines = [json.loads(line) for line in text.splitlines() if line]
    assert all({"event", "level", "timestamp", "process"} <= line.keys() for line in lines)

    by_event: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        by_event[line["event"]].append(line)
    with sessions() as session:
        (document,) = session.exec(select(Document)).all()
        articles = {str(article.id) for article in session.exec(select(Article)).all()}
        events = {row.event_id: row for row in session.exec(select(OutboxEvent).where(col(OutboxEvent.position) > 0))}
    engine.dispose()
    (ingested,) = by_event["document.ingested"]
    assert (ingested["document_id"], ingested["feed_id"]) == (document.id, document.feed_id)
    assert ingested["task"] == "ingest_documents"
    assert {line["feed_id"] for line in by_event["feed.failed"]} == {2, 3}
    assert all(line["task_id"] for line in by_event["feed.failed"] + by_event["shard.polled"])
    recorded = {line["event_id"]: line for line in by_event["event.recorded"]}
    assert recorded.keys() == {line["event_id"] for line in by_event["event.published"]} == events.keys()
    assert {line["subject"] for line in recorded.values() if "article" in line["type"]} == articles
    assert {line["document_id"] for line in recorded.values()} == {document.id}


@contextmanager
def logging_to(form: str) -> Iterator[structlog.stdlib.BoundLogger]:
    """A logger as a process has it; afterwards the root logger is as it was."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    logs.configure(form=form, level="INFO", process="test")  # type: ignore[arg-type]
    try:
        yield structlog.get_logger("a-logger-of-its-own")
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_is_masked_however_deep_it_stands(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    class Thing:
        def __repr__(self) -> str:
            return "Thing(url='https://u:hinterm-deich@blatt.example')"

    def fails(_password: str) -> None:
        raise ValueError("no answer from https://u:hinterm-deich@blatt.example/?key=s3cr3t-token")

    with logging_to(form) as log:
        log.info(
            "tried",
            hops=[[301, "https://blatt.example/?sig=s3cr3t-token&page=2"]],
            about={"headers": {"Authorization": "Bearer geheimes-wort"}},
            thing=Thing(),
            text="Authorization: Basic geheimes-wort",
        )
        logging.getLogger("others").warning("GET %s", "https://x.example/?jwt=geheimes-wort")
        try:
            fails(SECRETS[2])
        except ValueError:
            log.exception("failed")
    said = capsys.readouterr().out
    assert [secret for secret in SECRETS if secret in said] == []
    assert "ValueError: no answer from" in said
    assert "page=2" in said


def test_what_is_no_secret_is_left_as_it_is() -> None:
    for text in ("a@b.example wrote", "page=2&sort=up", "https://blatt.example/a?id=7", "2026-11-25 = Mittwoch"):
        assert logs.mask(text) == text
