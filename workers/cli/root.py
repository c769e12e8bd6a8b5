"""The operator's commands. Each module adds its own; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import typer

from workers.cli import (
    articles,
    boilerplate,
    database,
    doctor,
    events,
    feeds,
    lag,
    polling,
    processes,
    quarantine,
    reingest,
    rules,
    stories,
    webhooks,
)

EXIT_CODES = """
Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not found · 4 conflict · 5 database or Redis out of reach.
"""

app = typer.Typer(
    name="wireroom",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Wireroom: feeds in, clean articles and ordered events out.\n\n`wireroom run` runs it all on this machine."
    + EXIT_CODES,
)
processes.add_to(app)
feeds.add_to(app)
polling.add_to(app)
app.add_typer(articles.app, name="articles")
app.add_typer(events.app, name="events")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(stories.app, name="stories")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(boilerplate.app, name="boilerplate")
app.add_typer(database.app, name="db")
reingest.add_to(app)
lag.add_to(app)
rules.add_to(app)
doctor.add_to(app)


def main() -> None:
    """The `wireroom` command."""
    app()
