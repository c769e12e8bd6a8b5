"""`wireroom feeds`: what is polled, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli import feed_settings, subscription_lists
from workers.cli.feed_settings import Reference, tag
from workers.cli.output import AsJson, Exit, fail, listing, print_json, short
from workers.cli.store import opened_room, opened_store

if TYPE_CHECKING:
    from storage.models import Feed

app = typer.Typer(no_args_is_help=True, help="The feeds that are polled.")


# What only the machine reads; `--json` leaves it out too.
HIDDEN = {"seen", "lease_token", "state"}


def add_to(root: typer.Typer) -> None:
    """Put `feeds` under the root command, with what has modules of its own."""
    root.add_typer(app, name="feeds")
    app.command("set")(feed_settings.set_)
    app.command("test")(feed_settings.try_out)
    app.command("import")(subscription_lists.import_)
    app.command("export")(subscription_lists.export)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="A feed's URL, or a site's page: its feed is discovered.")],
    *,
    title: Annotated[str | None, typer.Option(help="What to call it; else what the feed calls itself.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Whose copy it is; re-ingestion can select by it.")] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Language of its copy (BCP 47), as `de-AT`, where the feed says none.", callback=tag),
    ] = None,
    interval: Annotated[int | None, typer.Option(min=60, help="Least seconds between two polls.")] = None,
    priority: Annotated[
        int, typer.Option(min=-100, max=100, help="By how many minutes its documents overtake others'.")
    ] = 0,
    pages: Annotated[
        bool, typer.Option("--pages", help="Fetch its articles' pages where it gives teasers only.")
    ] = False,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Add it without a look at what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a feed; it is looked at once before, so that a wrong URL is told now and not tomorrow.

    Example: `wireroom feeds add https://example.org/news.rss --publisher "Example"`
    """
    from storage import feeds, outbox, pushes
    from tasks import poll as polling
    from tasks import subscribe

    with opened_room() as room:
        candidates: list[subscribe.Candidate] = []
        if not unchecked:
            try:
                candidates = subscribe.look(room, url)
            except subscribe.NothingThere as error:
                fail(str(error))
        else:
            _address(url)
        found = [candidate.url for candidate in candidates] or [url]
        if len(found) > 1:
            typer.echo(f"{url} offers {len(found)} feeds; the first is added. The others:", err=True)
            for other in found[1:]:
                typer.echo(f"  {other}", err=True)
        with room.sessions.begin() as session:
            feed = feeds.add(
                session,
                url=found[0],
                now=room.clock(),
                title=title,
                publisher=publisher,
                language=language or None,
                interval=interval,
                priority=priority,
                **({"settings": {"pages": True}} if pages else {}),
            )
            session.flush()
            if candidates and (hub := candidates[0].hub) is not None:
                pushes.want(session, feed.id, hub=hub.hub, topic=hub.topic, in_header=False, now=room.clock())
            outbox.record(session, [subscribe.added(feed, room.clock())])
            feed_id, facts = feed.id, {"id": feed.id, "url": feed.url}
        if candidates:
            polling.keep_first(room, feed_id, candidates[0].result)
    if as_json:
        print_json(facts)
    else:
        typer.echo(f"feed {facts['id']} added: {facts['url']}")


@app.command("list")
def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also removed ones.")] = False,
    publisher: Annotated[str | None, typer.Option(help="Only this publisher's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List feeds with their state and when they are polled next.

    Example: `wireroom feeds list --json | jq -r .url`
    """
    from storage import feeds
    from storage.db import reading
    from storage.models import FeedStatus

    with opened_store() as sessions, reading(sessions) as session:
        rows = list(feeds.listing(session, publisher=publisher))
        if everything:
            rows += feeds.listing(session, status=FeedStatus.REMOVED, publisher=publisher)
        listing(
            [_line(feed) for feed in rows],
            as_json=as_json,
            empty="No feed yet: `wireroom feeds add URL`",
        )


def _line(feed: Feed) -> dict[str, Any]:
    from storage.models import FeedStatus

    return {
        "id": feed.id,
        "title": feed.title,
        "status": feed.status,
        "health": f"failing ×{feed.failures}" if feed.failures else ("ok" if feed.last_success_at else "new"),
        "last_changed": feed.last_changed_at,
        # One that rests is not polled, whenever it would have been.
        "next_fetch": feed.next_fetch_at if feed.status is FeedStatus.ACTIVE else None,
        "url": _masked(feed.url),
    }


def _address(url: str) -> None:
    """End with what is wrong of an address that nobody could ever poll."""
    from tasks.fetch.guard import Blocked, check_url

    try:
        check_url(url)
    except Blocked as error:
        fail(f"{url} is no address of a feed: {error.target} ({error.why})", Exit.USAGE)


def _masked(url: str) -> str:
    from workers.logs import mask

    return mask(url)


@app.command()
def show(
    reference: Reference,
    *,
    attempts: Annotated[int, typer.Option(min=0, help="How many of the last attempts.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show a feed: how it stands, when it is polled next and why then, and its last attempts.

    Example: `wireroom feeds show 3 --attempts 50`
    """
    from storage import feeds, pages
    from storage.db import reading
    from tasks.access import masked
    from tasks.cadence import Rhythm
    from tasks.fetch.policy import utc_now

    with opened_store() as sessions, reading(sessions) as session:
        feed = feeds.find(session, reference, removed=True)
        history = feeds.history(session, feed.id, attempts) if attempts else []
        facts = {name: getattr(feed, name) for name in type(feed).model_fields if name not in HIDDEN}
        facts["url"] = _masked(feed.url)
        facts["settings"] = masked(feed.settings)
        facts["pages"] = pages.counts(session, feed.id)
        facts["page_error"] = pages.last_error(session, feed.id)
        rhythm = Rhythm.from_json(feed.rhythm)
        facts["rhythm"] = (
            {"entries_a_day": round(rhythm.rate(utc_now()), 2), "window": rhythm.window} if rhythm.at else None
        )
        rows = [
            {
                "at": row.started_at,
                "outcome": row.outcome,
                "status": row.status,
                "bytes": row.wire_bytes,
                "ms": round(row.duration_ms),
                "document": row.document_id,
                "next": row.next_fetch_at,
                "because": row.next_fetch_reason,
                "error": row.error,
            }
            | ({"details": row.details} if as_json else {})
            for row in history
        ]
        if as_json:
            print_json(facts | {"attempts": rows})
            return
        for name, value in facts.items():
            if value not in (None, {}, [], 0, False):
                typer.echo(f"{name:>18}  {short(value)}")
        typer.echo()
        listing(rows, as_json=False, empty="Never fetched yet.")


def _set_status(reference: str, status: str, said: str, *, reason: str | None = None) -> None:
    from storage import feeds, outbox
    from storage.models import FeedStatus
    from tasks import subscribe
    from tasks.fetch.policy import utc_now

    with opened_store() as sessions, sessions.begin() as session:
        feed = feeds.find(session, reference)
        now, before, told = utc_now(), feed.status, feed.state.get("told")
        feeds.set_status(session, feed, FeedStatus(status), now=now)
        outbox.record(session, subscribe.changed(feed, before, told, now, reason=reason))
        typer.echo(f"feed {feed.id} {said}")


@app.command()
def pause(
    reference: Reference,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for those who subscribe to events.")] = None,
) -> None:
    """Stop polling a feed until `resume`, and tell subscribers so.

    Example: `wireroom feeds pause 3 --reason "licence ended"`
    """
    _set_status(reference, "paused", "paused", reason=reason)


@app.command()
def resume(reference: Reference) -> None:
    """Poll a paused, failing or gone feed again, at once.

    Example: `wireroom feeds resume 3`
    """
    _set_status(reference, "active", "is due now")


@app.command()
def remove(reference: Reference) -> None:
    """Stop polling a feed and leave it out of listings; its articles stay, and adding it again goes on from there.

    Example: `wireroom feeds remove 3`
    """
    _set_status(reference, "removed", "removed; its articles stay")
