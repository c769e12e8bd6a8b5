"""The doctor looks at the data folder's disk only where something is kept there."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from workers.cli.doctor import _disk
from workers.settings import Settings


def test_the_disk_is_looked_at_where_database_or_redis_are_in_the_data_folder(tmp_path: Path) -> None:
    database, redis = SecretStr("postgresql://db/wireroom"), SecretStr("redis://broker/0")
    for chosen in (
        Settings(data_dir=tmp_path),
        Settings(data_dir=tmp_path, database_url=database),
        Settings(data_dir=tmp_path, redis_url=redis),
    ):
        assert [finding.check for finding in _disk(chosen)] == ["disk"]


def test_a_small_data_folder_is_no_fault_where_both_are_elsewhere(tmp_path: Path) -> None:
    chosen = Settings(
        data_dir=tmp_path,
        database_url=SecretStr("postgresql://db/wireroom"),
        redis_url=SecretStr("redis://broker/0"),
    )
    assert list(_disk(chosen)) == []
