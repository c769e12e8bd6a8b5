"""The audit fails on a known vulnerability, and says plainly when it could ask nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from services import free_port

ROOT = Path(__file__).resolve().parents[2]
FAULT = {
    "id": "PYSEC-2026-1",
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "aliases": ["CVE-2026-1"],
    "summary": "a planted one",
    "details": "a planted one",
    "affected": [
        {
            "package": {"name": "structlog", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}],
        }
    ],
}


@contextmanager
def osv(vulnerable: str | None) -> Iterator[str]:
    """A source that speaks OSV's protocol and knows of one vulnerable library, or of none; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = asked["package"]["name"] == vulnerable
            body = json.dumps({"vulns": [FAULT]} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def audit(url: str) -> tuple[int, str]:
    command = [sys.executable, ROOT / ".ci" / "audit", "--vulnerability-service", "osv", "--osv-url", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_known_vulnerability_of_what_is_locked_fails_the_audit_and_is_named() -> None:
    with osv("structlog") as url:
        code, said = audit(url)
    assert code == 1
    assert "PYSEC-2026-1, mended in 999.1" in said
    assert "1 of " in said


def test_a_lock_of_which_nothing_is_known_passes() -> None:
    with osv(None) as url:
        code, said = audit(url)
    assert code == 0
    assert said.startswith("0 of ")


def test_a_source_that_does_not_answer_is_no_clean_bill() -> None:
    code, said = audit(f"http://127.0.0.1:{free_port()}/v1/query")
    assert code == 3
    assert said.startswith("NOTHING WAS AUDITED: ")


def test_ci_fails_on_a_vulnerability_and_goes_on_when_nobody_could_be_asked() -> None:
    line = next(line for line in (ROOT / ".ci" / "run").read_text().splitlines() if ".ci/audit" in line)
    ends = {}
    for code in (0, 1, 2, 3):
        script = f"set -euo pipefail\n{line.replace('.venv/bin/python .ci/audit', f'(exit {code})')}\n"
        ends[code] = subprocess.run(["bash", "-c", script], check=False).returncode
    assert ends == {0: 0, 1: 1, 2: 1, 3: 0}
