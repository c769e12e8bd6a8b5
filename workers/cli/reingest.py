"""`wireroom reingest`: stored documents through the same code once more, seen beforehand, watched, resumable."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from workers.cli.output import AsJson, Exit, fail, listing, print_json
from workers.cli.store import check_rules, opened_room
from workers.settings import settings

if TYPE_CHECKING:
    from sqlmodel import Session

    from storage.articles import Selection
    from storage.models import ReingestRun
    from tasks.reingest import Difference
    from tasks.room import Room


def add_to(root: typer.Typer) -> None:
    """Put `reingest` under the root command."""
    root.command("reingest")(reingest)


def reingest(
    articles: Annotated[
        list[str] | None, typer.Option("--article", help="This article: id, its beginning, or URL (repeatable).")
    ] = None,
    *,
    feed: Annotated[str | None, typer.Option(help="All articles of this feed (id, URL or title).")] = None,
    publisher: Annotated[str | None, typer.Option(help="All articles of this publisher.")] = None,
    since: Annotated[str | None, typer.Option(help="First seen since: a time (UTC) or an age as 2h or 7d.")] = None,
    until: Annotated[str | None, typer.Option(help="First seen before: a time (UTC) or an age.")] = None,
    normalized_before: Annotated[
        int | None, typer.Option(help="Cleaned by a normalizer older than this version; 0 means the present one.")
    ] = None,
    tagged_otherwise: Annotated[
        bool, typer.Option("--tagged-otherwise", help="Tagged by other enrichers or rules than today's.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything; must be said.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, article by article.")] = False,
    refetch: Annotated[bool, typer.Option("--refetch", help="Poll the sources again instead.")] = False,
    resume: Annotated[int | None, typer.Option(help="Go on with this interrupted run.")] = None,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs so far.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ingest stored articles again; subscribers hear only of what changed, marked as re-ingestion.

    Examples:

    `wireroom reingest --feed 3 --since 7d --dry-run` shows what would change.

    `wireroom reingest --normalized-before 0` redoes all that an older normalizer made.

    `wireroom reingest --tagged-otherwise --dry-run` shows what a changed rules file would do to stored articles.

    `wireroom reingest --resume 4` goes on with run 4 where it was interrupted.
    """
    from storage.articles import Selection
    from storage.db import reading
    from tasks import reingest as verb
    from tasks.normalize import VERSION

    asked = {
        "a selection": bool(articles or tagged_otherwise or everything)
        or any(said is not None for said in (feed, publisher, since, until, normalized_before)),
        "--dry-run": dry_run,
        "--refetch": refetch,
        "--resume": resume is not None,
    }
    alone = "--runs" if runs else "--resume" if resume is not None else None
    if alone and (others := [name for name, given in asked.items() if given and name != alone]):
        raise typer.BadParameter(f"{alone} stands alone, without {' and '.join(others)}")
    with opened_room() as room:
        if runs:
            with reading(room.sessions) as session:
                listing(_runs(session, room.clock()), as_json=as_json, empty="No re-ingestion yet.")
            return
        check_rules(settings())
        if resume is not None:
            _run(room, verb.resume_run(room, resume), as_json=as_json)
            return
        with reading(room.sessions) as session:
            chosen = _selection(session, room, articles, feed, publisher, since, until)
            if normalized_before is not None:
                chosen = Selection(**{**_fields(chosen), "normalized_before": normalized_before or VERSION})
            if tagged_otherwise:
                chosen = Selection(**{**_fields(chosen), "tagged_before": room.enrichers.version})
            if chosen.empty and not everything:
                fail(
                    "say which articles: --article, --feed, --publisher, --since, --normalized-before, "
                    "--tagged-otherwise, or --all",
                    Exit.USAGE,
                )
            total = verb.count(session, chosen)
        if refetch:
            _refetch(room, chosen, dry_run=dry_run, as_json=as_json)
        elif dry_run:
            _preview(room, chosen, total, as_json=as_json)
        else:
            _run(room, verb.open_run(room, chosen), as_json=as_json)


def _fields(selection: Selection) -> dict[str, Any]:
    return {name: getattr(selection, name) for name in selection.__dataclass_fields__}


def _selection(
    session: Session,
    room: Room,
    articles: list[str] | None,
    feed: str | None,
    publisher: str | None,
    since: str | None,
    until: str | None,
) -> Selection:
    from storage import articles as store
    from storage import feeds
    from storage.articles import Selection
    from workers.cli.articles import keys_of
    from workers.cli.times import span

    first, last = span(since, until, room.clock())
    ids: tuple[UUID, ...] = tuple(
        store.find(session, reference, keys=keys_of(reference)).id for reference in articles or ()
    )
    return Selection(
        article_ids=ids,
        feed_id=feeds.find(session, feed, removed=True).id if feed is not None else None,
        publisher=publisher,
        since=first,
        until=last,
    )


def _runs(session: Session, now: datetime) -> list[dict[str, Any]]:
    """The runs as they stand; one whose process was killed still says of itself that it runs."""
    from storage.models import RunState
    from storage.runs import carried_on, newest

    at_work = carried_on(session, now)
    dead = {"state": RunState.INTERRUPTED}
    return [
        _facts(run) | (dead if run.state is RunState.RUNNING and run.id not in at_work else {})
        for run in newest(session)
    ]


def _facts(run: ReingestRun) -> dict[str, Any]:
    return {
        "run": run.id,
        "state": run.state,
        "started": run.started_at,
        "finished": run.finished_at,
        "total": run.total,
        "done": run.done,
        "changed": run.changed,
        "failed": run.failed,
        "selection": run.selection,
    }


def _preview(room: Room, chosen: Selection, total: int, *, as_json: bool) -> None:
    from dataclasses import asdict

    from tasks import reingest as verb
    from workers.cli.pages import difference_page

    counts: Counter[str] = Counter()
    for difference in verb.preview(room, chosen):
        counts[_fate(difference)] += 1
        if not difference.differs and difference.error is None:
            continue
        if as_json:
            print_json(asdict(difference))
        else:
            difference_page(difference)
    if not as_json:
        typer.echo(f"{total} articles: " + (", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none"))
        typer.echo("Nothing was written (--dry-run).")


def _fate(difference: Difference) -> str:
    if difference.error is not None:
        return "cannot be read"
    return "would change" if difference.differs else "stay as they are"


def _run(room: Room, run: ReingestRun, *, as_json: bool) -> None:
    from contextlib import closing

    from storage.models import RunState
    from tasks import reingest as verb
    from workers.cli.pages import progress

    with progress("re-ingesting", done=run.done, total=run.total, quiet=as_json) as advance, _interruptible() as asked:
        steps = verb.proceed(room, run)
        with closing(steps):
            for current, _ in steps:
                run = current
                advance(run.done)
                if asked:
                    break
    finished = run.state is RunState.FINISHED
    if as_json:
        print_json(_facts(run) | ({} if finished else {"state": "interrupted"}))
    else:
        typer.echo(f"run {run.id}: {run.done} of {run.total} articles done, {run.changed} changed, {run.failed} failed")
        if not finished:
            typer.echo(f"interrupted; `wireroom reingest --resume {run.id}` goes on from here")
    raise typer.Exit(Exit.OK if finished and not run.failed else Exit.FAILED)


@contextmanager
def _interruptible() -> Iterator[list[bool]]:
    """Let the document at hand be finished when Ctrl-C or SIGTERM comes; a second one breaks off at once."""
    asked: list[bool] = []

    def ask(_number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)
        typer.echo("finishing the document at hand …", err=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refetch(room: Room, chosen: Selection, *, dry_run: bool, as_json: bool) -> None:
    """Make the feeds of the selection due at once, asking for the whole document; or say which they would be.

    Those that are paused, gone or removed stay so; one that is being fetched this moment is asked for again later.
    """
    from storage import feeds
    from storage.db import reading
    from storage.models import FeedStatus
    from storage.runs import feeds_of

    now = room.clock()
    with reading(room.sessions) if dry_run else room.sessions.begin() as session:
        # Locked in the order in which workers do it: what is changed in any other could wait for them as they for it.
        held = feeds.several if dry_run else feeds.lock_several
        chosen_feeds = sorted(held(session, feeds_of(session, chosen)).items())
        active = [(number, feed) for number, feed in chosen_feeds if feed.status is FeedStatus.ACTIVE]
        resting = [number for number, feed in chosen_feeds if feed.status is not FeedStatus.ACTIVE]
        # What is fetched right now may come as "not modified", and writes its validators back whatever is done here.
        busy = [number for number, feed in active if feed.lease_token is not None and feed.next_fetch_at > now]
        ids = [number for number, _ in active if number not in set(busy)]
        if not dry_run:
            feeds.forget_validators(session, ids)
            feeds.ask(session, ids, now=now)
    if as_json:
        print_json({"feeds": ids, "resting": resting, "busy": busy, "dry_run": dry_run})
        return
    if resting:
        typer.echo(f"{len(resting)} feeds rest and are left alone: {', '.join(map(str, resting))}", err=True)
    if busy:
        numbers = ", ".join(map(str, busy))
        typer.echo(f"{len(busy)} feeds are being fetched this moment; ask for them again: {numbers}", err=True)
    if dry_run:
        typer.echo(f"{len(ids)} feeds would be fetched whole: {', '.join(map(str, ids)) or 'none'}")
        typer.echo("Nothing was written (--dry-run).")
    else:
        typer.echo(f"{len(ids)} feeds are due now and will be fetched whole; `wireroom events tail` shows what changes")
