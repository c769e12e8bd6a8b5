"""`wireroom quarantine`: what could not be ingested, why, and what to do with it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from workers.cli.output import AsJson, Exit, fail, listing, print_json, visible
from workers.cli.store import check_rules, opened_room, opened_store
from workers.settings import settings

app = typer.Typer(no_args_is_help=True, help="Entries and documents that could not be ingested, with their reason.")
Number = Annotated[int, typer.Argument(help="Number of the quarantined thing, as `list` shows it.")]


@app.command("list")
def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what was released or discarded.")] = False,
    feed: Annotated[str | None, typer.Option(help="Only of this feed (id, URL or title).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what is held, newest first.

    Example: `wireroom quarantine list --feed 3`
    """
    from storage import feeds, quarantine
    from storage.models import QuarantineState

    with opened_store() as sessions, sessions() as session:
        feed_id = feeds.find(session, feed, removed=True).id if feed is not None else None
        state = None if everything else QuarantineState.HELD
        rows = quarantine.listing(session, state=state, feed_id=feed_id, limit=limit)
        listing(
            [
                {
                    "number": row.id,
                    "feed": row.feed_id,
                    "document": row.document_id,
                    "entry": row.position,
                    "reason": row.reason,
                    "since": row.created_at,
                    "state": row.state,
                    "error": row.error if as_json else row.error[:100],
                }
                for row in rows
            ],
            as_json=as_json,
            empty="The quarantine is empty.",
        )


@app.command()
def show(
    number: Number,
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Write the bytes as they came to standard output.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one quarantined thing with its bytes.

    Example: `wireroom quarantine show 12 --raw > entry.xml`
    """
    from storage import quarantine
    from storage.models import Quarantined

    with opened_store() as sessions, sessions() as session:
        row = session.get(Quarantined, number)
        if row is None:
            fail(f"nothing numbered {number} in quarantine: `wireroom quarantine list --all`", Exit.NOT_FOUND)
        content = quarantine.raw(row)
        if raw:
            sys.stdout.buffer.write(content)
            return
        facts = {
            "number": row.id,
            "feed": row.feed_id,
            "document": row.document_id,
            "entry": row.position,
            "reason": row.reason,
            "error": row.error,
            "since": row.created_at,
            "state": row.state,
            "bytes": len(content),
        }
        if as_json:
            print_json(facts | {"raw": content.decode("utf-8", "backslashreplace")})
            return
        for name, value in facts.items():
            typer.echo(f"{name:>9}  {visible(str(value))}")
        typer.echo(visible(content[:4000].decode("utf-8", "backslashreplace")))


@app.command()
def retry(number: Number) -> None:
    """Ingest its document again, now; what still fails goes back to quarantine.

    Example: `wireroom quarantine retry 12`
    """
    from storage import documents, quarantine
    from storage.models import Document, DocumentState, Quarantined, QuarantineState
    from tasks.intake import take_in

    with opened_room() as room:
        check_rules(settings())
        with room.sessions.begin() as session:
            row = session.get(Quarantined, number)
            document = session.get(Document, row.document_id) if row else None
            if row is None or document is None:
                fail(f"nothing numbered {number} whose document is still kept", Exit.NOT_FOUND)
            quarantine.decide(session, row, QuarantineState.RELEASED, room.clock())
            documents.requeue(session, document.id, now=room.clock())
        results = take_in(room, [document.id])
        if not results:
            fail("the document could not be ingested; the warnings above say why, and it is tried again later")
        result = results[0]
        counts = ", ".join(f"{count} {name}" for name, count in result.outcomes.items()) or "no entries"
        typer.echo(f"document {document.id}: {counts}, {result.quarantined} back in quarantine")
        raise typer.Exit(Exit.FAILED if result.quarantined or result.state is DocumentState.QUARANTINED else Exit.OK)


@app.command()
def discard(number: Number) -> None:
    """Put it aside for good; the bytes stay to be looked at, and the same bytes are not held again.

    Example: `wireroom quarantine discard 12`
    """
    from storage import quarantine
    from storage.models import Quarantined, QuarantineState
    from tasks.fetch.policy import utc_now

    with opened_store() as sessions, sessions.begin() as session:
        row = session.get(Quarantined, number)
        if row is None:
            fail(f"nothing numbered {number} in quarantine: `wireroom quarantine list`", Exit.NOT_FOUND)
        quarantine.decide(session, row, QuarantineState.DISCARDED, utc_now())
    typer.echo(f"{number} discarded")
