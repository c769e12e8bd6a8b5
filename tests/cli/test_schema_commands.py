"""A database at another release's schema is said to be, and what to do about it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from storage.db import Sessions
from workers.cli.root import app


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def at(sessions: Sessions, in_force: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A database in force that says to be at this migration."""
    with sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :name"), {"name": request.param})
    return str(request.param)


@pytest.mark.parametrize("at", ["9999"], indirect=True)
@pytest.mark.parametrize("command", ["feeds list", "db upgrade", "poll 1"])
def test_a_database_that_a_later_release_migrated_is_left_alone(at: str, command: str) -> None:
    done = asked(*command.split())
    assert (done.exit_code, "of a later release" in done.stderr) == (5, True), done.output


@pytest.mark.parametrize("at", ["9999"], indirect=True)
def test_the_doctor_does_not_say_to_upgrade_what_is_newer(at: str) -> None:
    findings = {one["check"]: one for one in map(json.loads, asked("doctor", "--json").stdout.splitlines())}
    assert "later release" in findings["migrations"]["remedy"]


@pytest.mark.parametrize("at", ["0010"], indirect=True)
def test_an_older_one_is_said_to_be_upgraded(at: str) -> None:
    done = asked("feeds", "list")
    assert done.exit_code == 5
    assert "(at 0010, newest is " in done.stderr
    assert "`wireroom db upgrade`" in done.stderr
