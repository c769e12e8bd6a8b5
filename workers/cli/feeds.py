"""`wireroom feeds` and `wireroom poll`: what is polled, how it stands, and poll one now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.output import AsJson, Exit, fail, listing, print_json, short
from workers.cli.store import opened_room, opened_store

if TYPE_CHECKING:
    from storage.models import Feed

app = typer.Typer(no_args_is_help=True, help="The feeds that are polled.")
Reference = Annotated[str, typer.Argument(metavar="FEED", help="A feed's id, URL or title.")]


# What only the machine reads; `--json` leaves it out too.
HIDDEN = {"seen", "lease_token", "state"}


def add_to(root: typer.Typer) -> None:
    """Put `feeds` and `poll` under the root command."""
    root.add_typer(app, name="feeds")
    root.command("poll")(poll)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="A feed's URL, or a site's page: its feed is discovered.")],
    *,
    title: Annotated[str | None, typer.Option(help="What to call it; else what the feed calls itself.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Whose copy it is; re-ingestion can select by it.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of its copy (BCP 47), where the feed says none.")
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
                language=language,
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
    return {
        "id": feed.id,
        "title": feed.title,
        "status": feed.status,
        "health": f"failing ×{feed.failures}" if feed.failures else ("ok" if feed.last_success_at else "new"),
        "last_changed": feed.last_changed_at,
        "next_fetch": feed.next_fetch_at,
        "url": _masked(feed.url),
    }


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
        feed = feeds.find(session, reference)
        history = feeds.history(session, feed.id, attempts) if attempts else []
        facts = {name: value for name, value in feed.model_dump().items() if name not in HIDDEN}
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


@app.command("set")
def set_(
    reference: Reference,
    *,
    interval: Annotated[int | None, typer.Option(min=0, help="Least seconds between two polls; 0 for none.")] = None,
    weight: Annotated[
        float | None, typer.Option(min=0.01, max=100, help="What its entries matter against others' (1).")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="`Name: value` to send; `Name:` takes it back. User-Agent replaces ours.")
    ] = None,
    auth: Annotated[
        str | None, typer.Option(help="basic, bearer, header, query or none; the secret is asked for, never an option.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The user, header or query parameter that --auth needs.")] = None,
    proxy: Annotated[str | None, typer.Option(help="http://host:port; empty for none.")] = None,
    verify_tls: Annotated[bool | None, typer.Option(help="Whether its certificate must be valid.")] = None,
    pages: Annotated[
        bool | None, typer.Option(help="Whether the pages of its articles are fetched where it gives teasers only.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option(min=-100, max=100, help="By how many minutes its documents overtake others' (0).")
    ] = None,
) -> None:
    """Change how a feed is polled. A secret is read from the terminal, or from standard input.

    Example: `wireroom feeds set 3 --interval 1800 --auth header --name X-Api-Key`
    """
    from storage import feeds
    from tasks.access import BadAccess, asked_with, masked
    from tasks.fetch.policy import utc_now

    with opened_store() as sessions, sessions.begin() as session:
        feed = feeds.find(session, reference)
        changed = dict(feed.settings)
        if weight is not None:
            changed["weight"] = weight
        for line in header or ():
            title, _, value = line.partition(":")
            headers = {**changed.get("headers", {}), title.strip(): value.strip()}
            changed["headers"] = {each: text for each, text in headers.items() if text}
        if auth is not None:
            changed["auth"] = _secret(auth, name)
        if proxy is not None:
            changed["proxy"] = proxy
        if verify_tls is not None:
            changed["verify_tls"] = verify_tls
        # A feed that once had pages keeps those it has: its articles were made from them.
        if pages is not None and (pages or "pages" in changed):
            changed["pages"] = pages
        changed = {key: value for key, value in changed.items() if value not in (None, "", {})}
        try:
            asked_with(changed)
        except BadAccess as error:
            fail(str(error), Exit.USAGE)
        feed.settings = changed
        if interval is not None:
            feed.interval = interval or None
        if priority is not None:
            feed.priority = priority
        # The new way is tried at once, so that a wrong one is seen now.
        feeds.due_now(session, feed, now=utc_now(), reason="settings changed")
        typer.echo(f"feed {feed.id}: {short(masked(changed)) if changed else 'polled as by default'}")


def _secret(kind: str, name: str | None) -> dict[str, str]:
    """The credentials of this kind; what is secret of them is asked for without echo, or read from a pipe."""
    if kind == "none":
        return {}
    label = {"basic": "password", "bearer": "token"}.get(kind, "value")
    piped = None if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    secret = piped if piped is not None else typer.prompt(label.capitalize(), hide_input=True)
    named = {} if kind == "bearer" or name is None else {"user" if kind == "basic" else "name": name}
    return {"kind": kind, **named, label: str(secret)}


@app.command("test")
def try_out(
    url: Annotated[str, typer.Argument(help="A feed's URL, or the id of a feed to try with its own settings.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Fetch a feed, read it and explain, without keeping anything: hops, validators, format, entries, next poll.

    Example: `wireroom feeds test https://example.org/news.rss`
    """
    from tasks import explain

    with opened_room() as room:
        facts = explain.explain(room, url)
    if as_json:
        print_json(facts)
    else:
        for label, value in facts.items():
            if value not in (None, [], {}, ""):
                typer.echo(f"{label.replace('_', ' '):>18}  {short(value)}")
    raise typer.Exit(Exit.FAILED if facts["problem"] else Exit.OK)


def _set_status(reference: str, status: str, said: str) -> None:
    from storage import feeds
    from storage.models import FeedStatus
    from tasks.fetch.policy import utc_now

    with opened_store() as sessions, sessions.begin() as session:
        feed = feeds.find(session, reference)
        feeds.set_status(session, feed, FeedStatus(status), now=utc_now())
        typer.echo(f"feed {feed.id} {said}")


@app.command()
def pause(reference: Reference) -> None:
    """Stop polling a feed until `resume`.

    Example: `wireroom feeds pause 3`
    """
    _set_status(reference, "paused", "paused")


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


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An OPML file, or - for standard input.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Add every feed of an OPML file; those that are there already are left alone.

    Example: `wireroom feeds import subscriptions.opml`
    """
    from storage import feeds
    from storage.errors import DuplicateFeed
    from tasks.fetch.policy import utc_now
    from tasks.formats import FormatError, opml

    data = sys.stdin.buffer.read() if str(file) == "-" else _read(file)
    try:
        outlines = opml.parse(data)
    except FormatError as error:
        fail(str(error), Exit.USAGE)
    counts = {"added": 0, "known": 0}
    with opened_store() as sessions, sessions.begin() as session:
        for outline in outlines:
            try:
                feeds.add(
                    session,
                    url=outline.url,
                    now=utc_now(),
                    title=outline.title,
                    publisher=outline.folders[-1] if outline.folders else None,
                )
                counts["added"] += 1
            except DuplicateFeed:
                counts["known"] += 1
    if as_json:
        print_json(counts)
    else:
        typer.echo(f"{counts['added']} added, {counts['known']} were there already")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", Exit.NOT_FOUND)


@app.command()
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
        file.write_bytes(data)
        typer.echo(f"{len(outlines)} feeds written to {file}")


def poll(
    reference: Reference,
    *,
    as_json: AsJson = False,
) -> None:
    """Poll one feed now, in this process, and say what happened; the feed's own schedule goes on from there.

    Example: `wireroom poll https://example.org/news.rss`
    """
    from storage import documents, feeds
    from storage.db import reading
    from tasks import poll as polling
    from tasks.intake import take_in
    from tasks.pages import fetch_due

    with opened_room() as room:
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
        failed = fetched.outcome.failed or (ingested and ingested[0].error)
        raise typer.Exit(Exit.FAILED if failed else Exit.OK)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
