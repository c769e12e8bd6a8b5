"""Bring a database from any revision to the newest, and say where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from storage.errors import BadEncoding, NewerSchema

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, kw_only=True)
class SchemaStatus:
    """`current` is None on an empty database; `known` is whether this version has that migration."""

    current: str | None
    head: str
    known: bool = True

    def __str__(self) -> str:
        return f"at {self.current or 'nothing'}, newest is {self.head}"

    @property
    def up_to_date(self) -> bool:
        """Whether every migration has run."""
        return self.current == self.head


def status(engine: Engine) -> SchemaStatus:
    """Where the database behind `engine` stands; raises SQLAlchemy's OperationalError when it is out of reach."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory(str(MIGRATIONS))
    head = scripts.get_current_head()
    if head is None:
        raise RuntimeError(f"no migration under {MIGRATIONS}: the installation is incomplete, install wireroom again")
    known = current in {None, head} or any(script.revision == current for script in scripts.walk_revisions())
    return SchemaStatus(current=current, head=head, known=known)


def upgrade(engine: Engine, revision: str = "head") -> SchemaStatus:
    """Run the migrations up to `revision`; several processes may call this at once. Raises BadEncoding, NewerSchema."""
    _check_encoding(engine)
    if not (now := status(engine)).known:
        raise NewerSchema(f"the database is at migration {now.current} of a later release, this one knows {now.head}")
    _run(engine, command.upgrade, revision)
    return status(engine)


def downgrade(engine: Engine, revision: str) -> SchemaStatus:
    """Undo migrations down to `revision` (`base` for all)."""
    _run(engine, command.downgrade, revision)
    return status(engine)


def _check_encoding(engine: Engine) -> None:
    """Refuse a Postgres database that does not keep Unicode: some headline would be the first that it cannot keep."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != "UTF8":
        name = engine.url.database
        raise BadEncoding(
            f"the database {name!r} is encoded as {encoding}, which does not keep every text; make it anew with "
            f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"
        )


def _run(engine: Engine, action: object, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        action(config, revision)  # type: ignore[operator]
