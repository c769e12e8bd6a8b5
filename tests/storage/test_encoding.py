"""A Postgres database that does not keep Unicode is refused with its remedy."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from storage import migrate
from storage.db import make_engine
from storage.errors import BadEncoding


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_unicode_is_refused(postgres: str, encoding: str) -> None:
    name = f"wireroom_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        engine = make_engine(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        with pytest.raises(BadEncoding, match=f"encoded as {encoding}.*CREATE DATABASE {name} ENCODING 'UTF8'"):
            migrate.upgrade(engine)
        engine.dispose()
        connection.execute(f"DROP DATABASE {name}")
