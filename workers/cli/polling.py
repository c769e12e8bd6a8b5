"""`wireroom poll`: poll one feed now and say what happened."""

from __future__ import annotations

import typer

from workers.cli.feed_settings import Reference
from workers.cli.output import AsJson, Exit, fail, print_json, short
from workers.cli.store import check_rules, opened_room
from workers.settings import settings


def add_to(root: typer.Typer) -> None:
    """Put `poll` under the root command."""
    root.command("poll")(poll)


def poll(
    reference: Reference,
    *,
    as_json: AsJson = False,
) -> None:
    """Poll one feed now, in this process, and say what happened; the feed's own schedule goes on from there.

    Exits with 1 when fetching failed or something of what came was put into quarantine.

    Example: `wireroom poll https://example.org/news.rss`
    """
    from storage import documents, feeds
    from storage.db import reading
    from tasks import poll as polling
    from tasks.intake import take_in
    from tasks.pages import fetch_due

    with opened_room() as room:
        check_rules(settings())
        with reading(room.sessions) as session:
            feed_id = feeds.find(session, reference).id
        try:
            report = polling.poll_one(room, feed_id)
        except polling.Busy as error:
            fail(str(error), Exit.CONFLICT)
        fetched = report.fetched[0]
        ids = [document_id for document_id, _ in report.documents]
        if not ids:  # nothing new, but something may wait: the document that `feeds add` brought
            with reading(room.sessions) as session:
                ids = list(documents.next_in_line(session, {feed_id}, now=room.clock()))
        ingested = take_in(room, ids)
        while any(result.awaited for result in ingested) and (got := fetch_due(room)).held + got.failed:
            ingested = take_in(room, ids) or ingested
        counts = dict(ingested[0].outcomes) if ingested else {}
        facts = {
            "feed": feed_id,
            "outcome": fetched.outcome,
            "status": fetched.status,
            "ms": round(fetched.duration_ms),
            "bytes": fetched.wire_bytes,
            "error": fetched.error,
            "entries": counts,
            "quarantined": ingested[0].quarantined if ingested else 0,
            "events": ingested[0].events if ingested else 0,
            "lines_removed": ingested[0].removed_lines if ingested else 0,
            "next_fetch": report.next_at[feed_id],
            "because": report.reasons[feed_id],
        }
        if as_json:
            print_json(facts)
        else:
            for name, value in facts.items():
                if value not in (None, {}, 0):
                    typer.echo(f"{name:>14}  {_counts(value) if isinstance(value, dict) else short(value)}")
        # As `reingest` does: what a script asked for did not come whole.
        failed = fetched.outcome.failed or any(result.error or result.quarantined for result in ingested)
        raise typer.Exit(Exit.FAILED if failed else Exit.OK)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
