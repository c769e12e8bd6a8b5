"""`wireroom feeds import` and `feeds export`: feeds by the list, as OPML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import AsJson, Exit, explained, fail, print_json
from workers.cli.store import opened_store


def import_(
    file: Annotated[Path, typer.Argument(help="An OPML file, or - for standard input.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Add every feed of an OPML file; those that are there already are left alone.

    Example: `wireroom feeds import subscriptions.opml`
    """
    from storage import feeds, outbox
    from storage.errors import DuplicateFeed
    from tasks import subscribe
    from tasks.fetch.policy import utc_now
    from tasks.formats import FormatError, opml

    data = sys.stdin.buffer.read() if str(file) == "-" else _read(file)
    try:
        outlines = opml.parse(data)
    except FormatError as error:
        fail(str(error), Exit.USAGE)
    counts = {"added": 0, "known": 0}
    now = utc_now()
    with opened_store() as sessions, sessions.begin() as session:
        new = []
        for outline in outlines:
            try:
                feed = feeds.add(
                    session,
                    url=outline.url,
                    now=now,
                    title=outline.title,
                    publisher=outline.folders[-1] if outline.folders else None,
                )
                new.append(feed)
            except DuplicateFeed:
                counts["known"] += 1
        session.flush()
        outbox.record(session, [subscribe.added(feed, now) for feed in new])
        counts["added"] = len(new)
    if as_json:
        print_json(counts)
    else:
        typer.echo(f"{counts['added']} added, {counts['known']} were there already")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", Exit.NOT_FOUND)


def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output when left out.")] = None,
) -> None:
    """Write all feeds as OPML.

    Example: `wireroom feeds export subscriptions.opml`
    """
    from storage import feeds
    from storage.db import reading
    from tasks.fetch.policy import utc_now
    from tasks.formats import opml

    with opened_store() as sessions, reading(sessions) as session:
        outlines = [
            opml.Subscription(
                url=feed.url,
                title=feed.title,
                site_url=feed.site_url,
                folders=(feed.publisher,) if feed.publisher else (),
            )
            for feed in feeds.listing(session)
        ]
    data = opml.render(outlines, title="Wireroom feeds", created=utc_now())
    if file is None:
        sys.stdout.buffer.write(data)
    else:
        with explained():
            file.write_bytes(data)
        typer.echo(f"{len(outlines)} feeds written to {file}")
