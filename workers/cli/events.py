"""`wireroom events`: watch them, replay them, see who reads them, and deal with those that nobody could handle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.output import AsJson, Exit, explained, fail, listing, print_json
from workers.cli.store import opened_store
from workers.cli.times import moment
from workers.settings import Settings, settings

if TYPE_CHECKING:
    from redis import Redis

    from workers.subscriber import DeadLetter, Event, Select

app = typer.Typer(no_args_is_help=True, help="What happened, as it is told: follow it, replay it, see who reads it.")
dead = typer.Typer(no_args_is_help=True, help="Events that a subscriber could not handle, with the reason.")
app.add_typer(dead, name="dead")

Types = Annotated[list[str] | None, typer.Option("--type", help="Only these, globs allowed: `article.*`. Repeatable.")]
Feeds = Annotated[list[str] | None, typer.Option("--feed", help="Only of this feed (id, URL or title). Repeatable.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only with this tag: label or `kind:label`. Repeatable.")]
Languages = Annotated[list[str] | None, typer.Option("--language", help="Only in this language: `de`. Repeatable.")]
Since = Annotated[str | None, typer.Option(help="From this time on: `2h`, `7d` or `2026-11-23T10:00`.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many.")]
Letters = Annotated[list[str] | None, typer.Argument(help="Numbers of dead letters, as `dead list` shows them.")]
Everything = Annotated[bool, typer.Option("--all", help="All of them (of --group, when given).")]
OfGroup = Annotated[str | None, typer.Option("--group", help="Only of this group.")]
PAGE = 200
WAIT_MS = 1000


@app.command()
def tail(
    *,
    since: Since = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="From the oldest that the stream has.")] = False,
    types: Types = None,
    feeds: Feeds = None,
    tags: Tags = None,
    languages: Languages = None,
    limit: Limit = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for new ones, or end with the last.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show events as they are published; Ctrl-C ends it.

    Example: `wireroom events tail --since 1h --type 'article.*' --json`
    """
    from workers.subscriber.start import begin

    select = chosen_events(types, feeds, tags, languages, checked=False)
    with _stream() as (client, key):
        start: Any = "beginning" if from_start else moment(since, datetime.now(UTC)) if since is not None else "now"
        shown = 0
        try:
            for event in _following(client, key, begin(client, key, start), follow=follow):
                if select(event):
                    _show(event.position, event.ce, as_json=as_json)
                    shown += 1
                if limit is not None and shown >= limit:
                    return
        except KeyboardInterrupt:
            raise typer.Exit(Exit.OK) from None


@app.command()
def replay(
    *,
    since: Since = None,
    after: Annotated[int, typer.Option(min=0, help="After this position.")] = 0,
    after_id: Annotated[str | None, typer.Option(help="After the event with this id.")] = None,
    before: Annotated[int | None, typer.Option(min=1, help="Before this position.")] = None,
    types: Types = None,
    feeds: Feeds = None,
    tags: Tags = None,
    languages: Languages = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Tell events again from the database, under their own ids, in their own order.

    With `--json` each line is `{"position": …, "event": …}`.

    Example: `wireroom events replay --since 7d --type article.created --json > week.jsonl`
    """
    from storage import outbox
    from storage.db import reading
    from workers.subscriber.events import event_from_json

    select = chosen_events(types, feeds, tags, languages)
    with opened_store() as sessions:
        with reading(sessions) as session:
            if after_id is not None:
                found = outbox.position_of(session, after_id)
                if found is None:
                    fail(f"no event has the id {after_id}", Exit.NOT_FOUND)
                after = found
            if since is not None:
                first = outbox.first_since(session, moment(since, datetime.now(UTC)))
                after = outbox.last_position(session) if first is None else max(after, first - 1)
        shown = 0
        while True:
            with reading(sessions) as session:
                page = outbox.read_after(session, after, limit=PAGE, before=before)
            for stored in page:
                if select(event_from_json(stored.position, stored.body, replayed=True)):
                    _show(stored.position, json.loads(stored.body), as_json=as_json, positions=True)
                    shown += 1
                    if limit is not None and shown >= limit:
                        return
            if not page:
                return
            after = page[-1].position


@app.command()
def groups(
    *,
    remove: Annotated[
        str | None, typer.Option(help="Give this group up: the stream keeps nothing for it then.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List who reads the stream, how far each is, and how much waits for him.

    Example: `wireroom events groups`
    """
    from workers.stream import Stream
    from workers.subscriber.keys import Keys

    with _stream() as (client, key):
        stream = Stream(client, key)
        tip = stream.tip()
        found: dict[str, list[Any]] = {}
        for group in stream.groups():
            found.setdefault(group.name.partition("/")[0], []).append(group)
        if remove is not None:
            if remove not in found:
                fail(f"no group {remove!r}: `wireroom events groups`", Exit.NOT_FOUND)
            for group in found[remove]:
                client.xgroup_destroy(key, group.name)
            keys = Keys(key, remove)
            client.delete(keys.config, keys.members, keys.wants, keys.cursors, keys.gaps)
            client.delete(keys.tries, keys.seen, keys.again)
            typer.echo(f"group {remove} is gone")
            return
        letters = _letters_by_group(client, key)
        listing(
            [
                {
                    "group": name,
                    "partitions": len(parts),
                    "done_up_to": min(part.acknowledged for part in parts),
                    "behind": max(0, tip.position - min(part.acknowledged for part in parts)),
                    "pending": sum(part.pending for part in parts),
                    "consumers": client.zcard(Keys(key, name).members) or max(part.consumers for part in parts),
                    "gaps": client.hlen(Keys(key, name).gaps),
                    "dead_letters": letters.get(name, 0),
                }
                for name, parts in sorted(found.items())
            ],
            as_json=as_json,
            empty="Nobody reads the stream as a group. docs/events.md shows how to.",
        )


@app.command()
def serve() -> None:
    """Serve events over HTTP: server-sent events, replay as JSON lines, and articles too long for an event.

    Example: `WIREROOM_EVENTS_PORT=8787 wireroom events serve`
    """
    with opened_store() as sessions:
        from aiohttp import web

        from workers import health, logs
        from workers.observe import observed
        from workers.serve import make_server

        chosen = settings()
        logs.configure(form=chosen.log_format, level=chosen.log_level, process="events")
        token = chosen.events_token.get_secret_value() if chosen.events_token else None
        server = make_server(
            sessions,
            stream=chosen.stream,
            token=token,
            pulse=health.Pulse(chosen, "serve"),
            counted=_counting(chosen),
        )
        with observed(chosen, "serve"):
            web.run_app(server, host=chosen.events_host, port=chosen.events_port, access_log=None, print=None)
        health.gone(chosen, "serve")


def _counting(chosen: Settings) -> Callable[[str], None]:
    """Counts what watchers do; does nothing where metrics are off."""
    if not chosen.metrics_port:
        return lambda _what: None
    from workers import metrics

    def count(what: str) -> None:
        if what == "sent":
            metrics.SSE_EVENTS.inc()
        else:
            metrics.WATCHERS.inc(1 if what == "came" else -1)

    return count


@app.command()
def schema(
    name: Annotated[
        str | None, typer.Argument(help="An event, such as `article.created`; without it: list all.")
    ] = None,
    *,
    write: Annotated[
        Path | None,
        typer.Option(help="Write all schemas and the AsyncAPI document below this folder.", file_okay=False),
    ] = None,
) -> None:
    """Print the JSON Schema of an event's data, or write all of them.

    Example: `wireroom events schema article.revised`
    """
    from tasks.events.contracts import EVENTS
    from tasks.events.schemas import data_schema

    if write is not None:
        _write_schemas(write)
        return
    if name is None:
        for known, version in sorted(EVENTS):
            typer.echo(f"{known}  v{version}")
        return
    versions = [version for known, version in EVENTS if known == name]
    if not versions:
        fail(f"no event is called {name!r}: `wireroom events schema` lists them", Exit.NOT_FOUND)
    print_json(data_schema(name, max(versions)))


@dead.command("list")
def dead_list(*, group: OfGroup = None, limit: Limit = None, as_json: AsJson = False) -> None:
    """List events that were given up, oldest first.

    Example: `wireroom events dead list --group search`
    """
    from workers.subscriber import dead_letters

    with _stream() as (client, key):
        rows: list[Mapping[str, Any]] = []
        for letter in dead_letters(client, key, group=group):
            if limit is not None and len(rows) >= limit:
                break
            rows.append(
                {
                    "number": letter.number,
                    "group": letter.group,
                    "position": letter.event.position,
                    "type": letter.event.type,
                    "subject": letter.event.subject,
                    "tries": letter.tries,
                    "since": letter.at,
                    "reason": letter.reason,
                }
                | ({"event": letter.event.ce} if as_json else {})
            )
        listing(rows, as_json=as_json, empty="No dead letters.")


@dead.command("retry")
def dead_retry(numbers: Letters = None, *, everything: Everything = False, group: OfGroup = None) -> None:
    """Have the group's subscriber handle them once more.

    Example: `wireroom events dead retry 1764000000000-0`
    """
    from workers.subscriber import retry

    with _stream() as (client, key):
        chosen = _chosen(client, key, numbers, group, everything=everything)
        for letter in chosen:
            retry(client, key, letter)
        typer.echo(f"{len(chosen)} will be tried again")


@dead.command("drop")
def dead_drop(numbers: Letters = None, *, everything: Everything = False, group: OfGroup = None) -> None:
    """Forget them; the events themselves stay in the database.

    Example: `wireroom events dead drop --all --group search`
    """
    from workers.subscriber import drop

    with _stream() as (client, key):
        chosen = _chosen(client, key, numbers, group, everything=everything)
        for letter in chosen:
            drop(client, key, letter)
        typer.echo(f"{len(chosen)} dropped")


@contextmanager
def _stream() -> Iterator[tuple[Redis, str]]:
    """A client and the stream's key, as the settings have them."""
    from workers.stream import connect

    with explained():
        chosen = settings()
        with closing(connect(chosen.redis)) as client:
            yield client, chosen.stream


def chosen_events(
    types: list[str] | None,
    feeds: list[str] | None,
    tags: list[str] | None,
    languages: list[str] | None,
    *,
    checked: bool = True,
) -> Select:
    """The options of a command as a choice; a feed may be named by URL or title, and must be one where `checked`.

    Raises typer.BadParameter for a type that no event has.
    """
    from storage import feeds as known
    from workers.subscriber import Select

    for glob in types or ():
        _some_type(glob)
    # Whoever has Redis only may follow the stream all the same: an id is not looked for unless the database is at hand.
    looked_for = [feed for feed in feeds or () if checked or not known.is_id(feed)]
    numbers = {int(feed) for feed in feeds or () if feed not in looked_for}
    if looked_for:
        with opened_store() as sessions, sessions() as session:
            numbers |= {known.find(session, feed, removed=True).id for feed in looked_for}
    return Select(
        types=tuple(types or ()), feeds=frozenset(numbers), tags=tuple(tags or ()), languages=tuple(languages or ())
    )


def _some_type(glob: str) -> None:
    from tasks.events.contracts import EVENTS
    from tasks.events.envelope import type_of
    from workers.subscriber import Select

    if not any(Select(types=(glob,)).wants_type(type_of(name, version)) for name, version in EVENTS):
        known = ", ".join(sorted({name for name, _ in EVENTS}))
        raise typer.BadParameter(f"no event has a type like {glob!r}; there are {known}", param_hint="--type")


def _following(client: Redis, key: str, after: int, *, follow: bool) -> Iterator[Event]:
    """Events after a position, for ever or up to the stream's end."""
    from workers.stream import position_of
    from workers.subscriber.events import event_of

    while True:
        reply: Any = client.xread({key: f"{after}-0"}, count=PAGE, block=WAIT_MS if follow else None)
        for entry_id, fields in reply[0][1] if reply else ():
            after = position_of(entry_id)
            yield event_of(after, fields)
        if not reply and not follow:
            return


def _show(position: int, ce: Mapping[str, Any], *, as_json: bool, positions: bool = False) -> None:
    if as_json:
        print_json({"position": position, "event": ce} if positions else ce)
        return
    data = ce["data"]
    article = data.get("article") or {}
    kind = ce["type"].removeprefix("wireroom.").rpartition(".v")[0]
    told = article.get("headline") or article.get("url") or (data.get("feed") or {}).get("url") or ce["subject"]
    flags = " (backfill)" if data.get("backfill") else ""
    typer.echo(f"{position:>8}  {ce['time'][:19].replace('T', ' ')}  {kind:<22} {ce['source']:<12} {told}{flags}")


def _letters_by_group(client: Redis, key: str) -> dict[str, int]:
    from collections import Counter

    from workers.subscriber import dead_letters

    return Counter(letter.group for letter in dead_letters(client, key))


def _chosen(
    client: Redis, key: str, numbers: list[str] | None, group: str | None, *, everything: bool
) -> list[DeadLetter]:
    from workers.subscriber import dead_letters

    if bool(numbers) == everything:
        raise typer.BadParameter("name the dead letters, or say --all")
    wanted = set(numbers or ())
    chosen = [letter for letter in dead_letters(client, key, group=group) if everything or letter.number in wanted]
    if missing := sorted(wanted - {letter.number for letter in chosen}):
        fail(f"no dead letter {', '.join(missing)}: `wireroom events dead list`", Exit.NOT_FOUND)
    return chosen


def _write_schemas(folder: Path) -> None:
    """Write every generated document, unless one breaks what was published under the same version."""
    from importlib.metadata import version

    from tasks.events.compatibility import breaks
    from tasks.events.schemas import documents

    files = documents(version("wireroom"))
    for name, content in files.items():
        path = folder / name
        if path.suffix == ".json" and path.exists():
            faults = breaks(json.loads(path.read_text(encoding="utf-8")), json.loads(content))
            if faults:
                fail(f"{name} breaks what was published, give it a new version: {'; '.join(faults)}", Exit.CONFLICT)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    typer.echo(f"{len(files)} documents written below {folder}")
