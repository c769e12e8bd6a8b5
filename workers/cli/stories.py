"""`wireroom stories`: which articles are copies of one text, why, and how to undo a wrong join."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from workers.cli.output import AsJson, Exit, console_of, fail, listing, print_json
from workers.cli.store import opened_store

if TYPE_CHECKING:
    from sqlmodel import Session

    from storage.stories import Copy
    from tasks.stories.desk import Shown
    from tasks.stories.passages import Difference

app = typer.Typer(no_args_is_help=True, help="Stories: copies of one text from several publishers, and what differs.")
Reference = Annotated[str, typer.Argument(help="The story's id or its beginning, or an article that is in it.")]
Articles = Annotated[list[str], typer.Argument(help="Articles: id, the beginning of it, or URL.")]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]

WORDS_SHOWN = 12
"""Words of an equal passage that are printed at its beginning and end."""


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List stories, the one that changed last first.

    Example: `wireroom stories list --limit 10`
    """
    from storage import stories

    with opened_store() as sessions, sessions() as session:
        rows = stories.listing(session, limit=limit)
        listing(
            [
                {
                    "story": row.id,
                    "copies": row.copies,
                    "usable": row.usable,
                    "publishers": row.publishers,
                    "opened": row.opened_at,
                    "changed": row.changed_at,
                    "headline": row.headline,
                }
                for row in rows
            ],
            as_json=as_json,
            empty="No article has a copy yet.",
        )


@app.command()
def show(
    story: Reference,
    *,
    differences: Annotated[bool, typer.Option(help="Print the passages that differ, side by side.")] = True,
    as_json: AsJson = False,
) -> None:
    """Show a story's members, who was first, the fullest version, and the passages that differ.

    Example: `wireroom stories show 019a2f33`
    """
    from tasks.stories import desk

    with opened_store() as sessions, sessions() as session:
        shown = desk.show(session, _story(session, story))
        of = {copy.article_id: copy for copy in shown.copies}
        pairs = [(copy, of[copy.joined_by]) for copy in shown.copies if copy.joined_by in of] if differences else []
        beside = [(copy, other, desk.beside(session, other, copy)) for copy, other in pairs]
        if as_json:
            print_json(_facts(shown, beside))
            return
        _print_members(shown)
        for copy, other, passages in beside:
            _print_beside(copy, other, passages)


@app.command()
def split(story: Reference, articles: Articles, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Take articles out of a story into one of their own. Remembered: they are not joined again.

    Example: `wireroom stories split 019a2f33 019a2f35 --reason "another accident"`
    """
    from storage import outbox
    from tasks.fetch.policy import utc_now
    from tasks.stories import desk, told

    now = utc_now()
    with opened_store() as sessions, sessions.begin() as session:
        story_id = _story(session, story)
        try:
            done = desk.split(session, story_id, _articles(session, articles), now=now, reason=reason)
        except desk.NothingToSplit as error:
            fail(str(error), Exit.CONFLICT)
        outbox.record(session, told.of_split(done, now=now))
    left = [copy.article_id for copy in done.articles]
    if as_json:
        print_json({"story": done.story_id, "into": done.into, "articles": left, "remaining": done.remaining})
        return
    typer.echo(f"{len(left)} of story {done.story_id} are story {done.into} now, {len(done.remaining)} remain")


@app.command()
def join(story: Reference, articles: Articles, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Put articles, with the stories they are in, into a story. Remembered: it undoes a split.

    Example: `wireroom stories join 019a2f33 019a2f35`
    """
    from storage import outbox
    from tasks.fetch.policy import utc_now
    from tasks.stories import desk, told

    now = utc_now()
    with opened_store() as sessions, sessions.begin() as session:
        story_id = _story(session, story)
        done = desk.join(session, story_id, _articles(session, articles), now=now, reason=reason)
        outbox.record(session, told.of_joined(done, now=now))
    joined = [copy.article_id for copy in done.articles]
    if as_json:
        print_json({"story": done.story_id, "articles": joined, "merged": done.merged})
        return
    typer.echo(f"{len(joined)} joined story {done.story_id}")


def _story(session: Session, reference: str) -> UUID:
    """The story by its own id, or that of the article the reference names."""
    from storage import articles, stories
    from storage.errors import UnknownArticle, UnknownStory

    try:
        return stories.find(session, reference)
    except UnknownStory as unknown:
        try:
            article_id = articles.find(session, reference).id
        except UnknownArticle:
            raise unknown from None
        own = stories.stories_of(session, [article_id]).get(article_id)
        if own is None:
            raise UnknownStory(f"article {article_id} has no copies, so it is in no story") from None
        return own[0]


def _articles(session: Session, references: list[str]) -> list[UUID]:
    from storage import articles

    return [articles.find(session, reference).id for reference in references]


def _facts(shown: Shown, beside: list[tuple[Copy, Copy, list[Difference]]]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "story": shown.story_id,
        "first": shown.first.article_id if shown.first else None,
        "fullest": shown.fullest.article_id if shown.fullest else None,
        "copies": [asdict(copy) for copy in shown.copies],
        "differences": [
            {
                "article": copy.article_id,
                "against": other.article_id,
                "passages": [asdict(passage) for passage in passages if passage.kind != "same"],
            }
            for copy, other, passages in beside
        ],
    }


def _print_members(shown: Shown) -> None:
    typer.echo(f"story {shown.story_id}, {len(shown.copies)} copies")
    for name, copy in (("first", shown.first), ("fullest", shown.fullest)):
        if copy is not None:
            typer.echo(f"{name:>9}  {copy.article_id}  {copy.publisher or f'feed {copy.feed_id}'}: {copy.headline}")
    listing(
        [
            {
                "article": copy.article_id,
                "publisher": copy.publisher or f"feed {copy.feed_id}",
                "status": copy.status,
                "relation": copy.relation,
                "similarity": f"{copy.similarity:.2f}",
                "words": copy.words,
                "first seen": copy.first_seen_at,
                "headline": copy.headline,
                "reason": copy.reason,
            }
            for copy in shown.copies
        ],
        as_json=False,
        empty="Its articles were purged.",
    )


def _print_beside(copy: Copy, other: Copy, passages: list[Difference]) -> None:
    from rich.table import Table
    from rich.text import Text

    differing = sum(passage.kind != "same" for passage in passages)
    typer.echo(f"\n{copy.article_id} {copy.relation.value} {other.article_id}: {differing} passages differ")
    if not differing:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"))
    for name in (other, copy):
        table.add_column(Text(name.publisher or f"feed {name.feed_id}"), ratio=1, overflow="fold")
    for passage in passages:
        if passage.kind == "same":
            table.add_row(Text(_shortened(passage.ours)), Text(_shortened(passage.theirs)))
        else:
            table.add_row(Text(passage.ours.strip() or "–"), Text(passage.theirs.strip() or "–"))
    console_of(width=160).print(table)


def _shortened(passage: str) -> str:
    words = passage.split()
    if len(words) > 2 * WORDS_SHOWN:
        left_out = len(words) - 2 * WORDS_SHOWN
        words = [*words[:WORDS_SHOWN], f"… {left_out} words the same …", *words[-WORDS_SHOWN:]]
    return " ".join(words)
