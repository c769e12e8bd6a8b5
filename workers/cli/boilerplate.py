"""`wireroom boilerplate`: the lines that a feed's articles have in common, and what to do with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.output import AsJson, Exit, fail, listing
from workers.cli.store import opened_store

if TYPE_CHECKING:
    from storage.models import SourceLines

app = typer.Typer(no_args_is_help=True, help="Lines that a feed's articles have in common.")
FeedArgument = Annotated[str, typer.Argument(help="The feed (id, URL or title).")]
LineArgument = Annotated[list[str], typer.Argument(help="The line as it stands in an article, or its key from `list`.")]
_KEY = re.compile(r"[0-9a-f]{16}")


@app.command("list")
def list_(
    feed: FeedArgument,
    *,
    least: Annotated[int, typer.Option(min=1, help="Only lines that so many articles held.")] = 2,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the lines a feed's articles have in common: those an operator judged first, then the most frequent.

    Example: `wireroom boilerplate list 3`
    """
    from storage import feeds, source_lines
    from storage.records import KnownLines

    with opened_store() as sessions, sessions() as session:
        row = source_lines.load(session, feeds.find(session, feed).id)
    seen_of = source_lines.seen(row, row.rulings)
    rows: list[dict[str, Any]] = [
        {"key": key, "state": state, "seen": seen_of[key], "line": sample}
        for key, (state, sample) in sorted(row.rulings.items())
    ]
    lines = dict(row.lines)
    if least == 1:
        lines.update((key, [1, 0, ""]) for keys in row.once.values() for key in keys.split())
    counted = sorted(lines.items(), key=lambda item: (-item[1][0], item[1][2]))
    rows += [
        {"key": key, "state": KnownLines.LEARNED, "seen": seen, "line": sample}
        for key, (seen, _, sample) in counted
        if seen >= least and key not in row.rulings
    ]
    shown = [
        {**line, "articles": row.articles, "line": line["line"] if as_json else line["line"][:90]}
        for line in rows[:limit]
    ]
    listing(shown, as_json=as_json, empty="Nothing in common yet: a line counts from the second article that holds it.")


@app.command()
def pin(feed: FeedArgument, lines: LineArgument) -> None:
    """Always remove these lines from the feed's articles.

    Example: `wireroom boilerplate pin 3 "Jetzt das E-Paper lesen"`
    """
    _judge(feed, lines, "pinned")


@app.command()
def forbid(feed: FeedArgument, lines: LineArgument) -> None:
    """Never remove these lines as boilerplate, however often they come.

    Example: `wireroom boilerplate forbid 3 91f2a0c4d5e6b783`
    """
    _judge(feed, lines, "forbidden")


@app.command()
def leave(feed: FeedArgument, lines: LineArgument) -> None:
    """Leave these lines to the count again.

    Example: `wireroom boilerplate leave 3 91f2a0c4d5e6b783`
    """
    _judge(feed, lines, "learned")


def _judge(feed: str, lines: list[str], state: str) -> None:
    from storage import feeds, source_lines
    from storage.records import KnownLines
    from tasks.normalize import key_of

    with opened_store() as sessions, sessions.begin() as session:
        found = feeds.find(session, feed)
        locked = feeds.lock(session, found.id)
        row = source_lines.load(session, locked.id)
        for line in lines:
            key, sample = (line, _sample(row, line)) if _KEY.fullmatch(line) else (key_of(line), line)
            if sample is None:
                fail(f"no line {line} here: `wireroom boilerplate list {feed} --least 1`", Exit.NOT_FOUND)
            source_lines.rule(row, key, KnownLines(state), sample)
        session.add(row)
    what = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    typer.echo(f"{what} {state}. `wireroom reingest --feed {feed}` applies it to the articles that are held.")


def _sample(row: SourceLines, key: str) -> str | None:
    if key in row.rulings:
        return row.rulings[key][1]
    return row.lines[key][2] if key in row.lines else None
