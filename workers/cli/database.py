"""`wireroom db`: bring the schema up, and say where it stands."""

from __future__ import annotations

import typer

from workers.cli.output import AsJson, Exit, explained, print_json
from workers.settings import settings

app = typer.Typer(no_args_is_help=True, help="The database schema.")


@app.command()
def upgrade() -> None:
    """Run the migrations that are missing; several may start this at once.

    Example: `wireroom db upgrade`
    """
    from storage import migrate
    from storage.db import opened

    with explained():
        chosen = settings()
        if chosen.database_url is None:
            chosen.data_dir.mkdir(parents=True, exist_ok=True)
        with opened(chosen.database) as engine:
            before = migrate.status(engine)
            after = migrate.upgrade(engine)
    word = "is at" if before.current == after.current else "brought to"
    typer.echo(f"schema {word} {after.current}")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Say which migration the database is at; exits with 1 when it is not the newest.

    Example: `wireroom db status`
    """
    from storage import migrate
    from storage.db import opened

    with explained(), opened(settings().database) as engine:
        found = migrate.status(engine)
    if as_json:
        print_json({"current": found.current, "head": found.head, "up_to_date": found.up_to_date})
    else:
        typer.echo(str(found))
    raise typer.Exit(Exit.OK if found.up_to_date else Exit.FAILED)
