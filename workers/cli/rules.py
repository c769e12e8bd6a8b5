"""`wireroom rules`: which cleaning rules a feed goes by, and how sure a finding must be to take a line out."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.cli.output import AsJson, Exit, fail, listing
from workers.cli.store import opened_store


def add_to(app: typer.Typer) -> None:
    """Hang the command into the root."""
    app.command("rules")(rules)


def rules(
    reference: Annotated[str, typer.Argument(metavar="FEED", help="The feed (id, URL or title).")],
    *,
    off: Annotated[list[str] | None, typer.Option(help="Turn this rule off for the feed (repeatable).")] = None,
    on: Annotated[list[str] | None, typer.Option(help="Turn this rule on again (repeatable).")] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Confidence below which a line is only marked (WIREROOM_THRESHOLD)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the cleaning rules of a feed, or turn some off and on; `reingest --feed` cleans held articles anew.

    Example: `wireroom rules 3 --off contents --threshold 0.8`
    """
    from storage import feeds
    from tasks.normalize.rules import RULES

    unknown = sorted({*(off or ()), *(on or ())} - RULES.keys())
    if unknown:
        fail(f"no rule is called {', '.join(unknown)}; the rules are: {', '.join(RULES)}", Exit.USAGE)
    with opened_store() as sessions, sessions.begin() as session:
        feed = feeds.find(session, reference)
        changed = dict(feed.settings)
        resting = {*changed.get("rules_off", ()), *(off or ())} - {*(on or ())}
        if off or on:
            changed["rules_off"] = sorted(resting)
        if threshold is not None:
            changed["threshold"] = threshold
        if changed != feed.settings:
            feed.settings = {key: value for key, value in changed.items() if value != []}
        at = changed.get("threshold")
    rows = [{"rule": name, "on": name not in resting, "the line goes because": text} for name, text in RULES.items()]
    listing(rows, as_json=as_json, empty="")
    if at is not None and not as_json:
        typer.echo(f"A line is only marked below a confidence of {at:g}.")
