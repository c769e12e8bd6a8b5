"""A setting may be a file, as Docker and Kubernetes mount secrets; a variable wins over it, and neither is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.settings import SECRETS, Settings

URL = "postgresql://wireroom:hinterm-deich@db/wireroom"


@pytest.fixture
def from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Settings]:
    """Settings as they are where the folder of secrets is this one."""
    for name in ("WIREROOM_DATABASE_URL", "WIREROOM_EVENTS_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    class FromFiles(Settings):
        model_config = Settings.model_config | {"secrets_dir": tmp_path}

    return FromFiles


def test_a_secret_is_read_from_its_file(from_files: type[Settings], tmp_path: Path) -> None:
    (tmp_path / "wireroom_database_url").write_text(f"{URL}\n")  # editors end a file with a line break
    (tmp_path / "wireroom_events_token").write_text("geheimes-wort")
    chosen = from_files()
    assert chosen.database == URL
    assert chosen.events_token is not None
    assert chosen.events_token.get_secret_value() == "geheimes-wort"


def test_a_variable_goes_before_the_file(
    from_files: type[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wireroom_database_url").write_text(URL)
    monkeypatch.setenv("WIREROOM_DATABASE_URL", "sqlite:///elsewhere.db")
    assert from_files().database == "sqlite:///elsewhere.db"


def test_settings_that_are_printed_show_no_secret(from_files: type[Settings], tmp_path: Path) -> None:
    (tmp_path / "wireroom_database_url").write_text(URL)
    (tmp_path / "wireroom_redis_url").write_text("redis://:hinterm-deich@redis/0")
    chosen = from_files()
    assert "hinterm-deich" not in f"{chosen!r} {chosen} {chosen.model_dump()} {chosen.model_dump_json()}"


def test_the_folder_is_the_one_that_engines_mount() -> None:
    assert Path("/run/secrets") == SECRETS
