"""What a connection asks of Postgres."""

from __future__ import annotations

from sqlalchemy import text

from storage.db import make_engine


def test_no_statement_is_compiled_and_nothing_is_waited_for_without_end(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    with engine.connect() as connection:
        names = ("jit", "lock_timeout", "timezone", "idle_in_transaction_session_timeout")
        shown = [connection.scalar(text(f"SHOW {name}")) for name in names]
    engine.dispose()
    assert shown == ["off", "20s", "UTC", "1min"]
