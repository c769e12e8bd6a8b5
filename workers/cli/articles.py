"""`wireroom articles`: list, search, show with reasons, and clean any text or page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.output import AsJson, Exit, explained, fail, listing, print_json
from workers.cli.store import opened_store

if TYPE_CHECKING:
    from sqlmodel import Session

    from storage.articles import Key
    from storage.db import Sessions
    from storage.models import Article
    from storage.records import CleanArticle

app = typer.Typer(no_args_is_help=True, help="The articles that came in.")


@app.command("list")
def list_(
    *,
    feed: Annotated[str | None, typer.Option(help="Only of this feed (id, URL or title).")] = None,
    publisher: Annotated[str | None, typer.Option(help="Only of this publisher.")] = None,
    language: Annotated[str | None, typer.Option(help="Only in this language, as `de`.")] = None,
    tag: Annotated[
        str | None, typer.Option(help="Only with this tag: a label, or a code as `medtop:11000000`.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only first seen since: a time (UTC) or an age as 2h or 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only first seen before: a time (UTC) or an age.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List articles, newest first.

    Example: `wireroom articles list --tag Japan --since 2026-11-01`
    """
    _list(feed, publisher, language, tag, since, until, None, limit, as_json=as_json)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="All of them must stand in headline or teaser.")],
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find articles by words in headline and teaser, newest first.

    Example: `wireroom articles search Hochwasser Donau`
    """
    if not "".join(words).strip():
        raise typer.BadParameter("say a word to look for")
    _list(None, None, None, None, None, None, " ".join(words), limit, as_json=as_json)


def _list(
    feed: str | None,
    publisher: str | None,
    language: str | None,
    tag: str | None,
    since: str | None,
    until: str | None,
    words: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    from sqlmodel import col

    from storage import feeds
    from storage.articles import Selection, select_articles
    from storage.db import reading
    from storage.models import Article
    from workers.cli.times import span

    first, last = span(since, until, datetime.now(UTC))
    with opened_store() as sessions, reading(sessions) as session:
        chosen = Selection(
            feed_id=feeds.find(session, feed, removed=True).id if feed is not None else None,
            publisher=publisher,
            language=language,
            tag=tag,
            since=first,
            until=last,
            words=words,
        )
        query = select_articles(chosen).order_by(col(Article.first_seen_at).desc(), col(Article.id).desc()).limit(limit)
        listing(
            [
                {
                    "id": article.id,
                    "feed": article.feed_id,
                    "seen": article.first_seen_at,
                    "language": article.language,
                    "revision": article.revision,
                    "headline": article.headline,
                }
                | _withdrawn(article, as_json=as_json)
                | ({"teaser": article.teaser, "url": article.url, "published": article.published_at} if as_json else {})
                for article in session.scalars(query)
            ],
            as_json=as_json,
            empty="No article: is a feed added (`wireroom feeds list`) and the wire room running (`wireroom run`)?"
            if chosen.empty
            else "No article is like that.",
        )


@app.command()
def show(
    reference: Annotated[str, typer.Argument(metavar="ARTICLE", help="An article's id (or its beginning) or URL.")],
    *,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also every line that was removed, in place, and why.")
    ] = False,
    revision: Annotated[int | None, typer.Option(help="An earlier revision.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show an article as it was cleaned.

    Example: `wireroom articles show 0198c2d4 --explain`
    """
    from dataclasses import asdict

    from storage import articles, stories
    from storage.db import reading
    from tasks.content import clean_of

    with opened_store() as sessions, reading(sessions) as session:
        article = articles.find(session, reference, keys=keys_of(reference))
        versions = {row.number: row for row in articles.revisions(session, article.id)}
        row = versions.get(revision or article.revision)
        if row is None:
            fail(f"article {article.id} has revisions 1 to {article.revision}", Exit.NOT_FOUND)
        tags = articles.tags_of(session, [article.id])[article.id]
        story_id, duplicate_of = stories.stories_of(session, [article.id]).get(article.id, (None, None))
        facts = {
            "id": article.id,
            "feed": article.feed_id,
            "status": article.status,
            **({"withdrawn": _why(article)} if article.withdrawn_at else {}),
            "revision": row.number,
            "revisions": [
                {"number": v.number, "at": v.created_at, "cause": v.cause, "changed": v.changed}
                for v in versions.values()
            ],
            "first_seen_at": article.first_seen_at,
            "normalizer": row.normalizer,
            "document": row.document_id,
            "page": _page(session, article),
            "story": story_id,
            "duplicate_of": duplicate_of,
        }
        tag_facts = [asdict(tag) for tag in tags]
        if as_json:
            print_json(facts | row.content | {"tags": tag_facts})
            return
        from workers.cli.pages import article_page

        article_page(clean_of(row.content), facts=facts | _meta(row.content), tags=tag_facts, explain=explain)


def _page(session: Session, article: Article) -> str | None:
    """How it stands with the article's page, where its feed asks for pages."""
    from storage import pages
    from tasks.urls import page_key

    key = page_key(article.url or "")
    row = pages.known(session, article.feed_id, [key]).get(key)
    if row is None:
        return None
    return f"{row.state.value}: {row.error}" if row.error else row.state.value


def _why(article: Article) -> str:
    return (
        f"{article.withdrawn_at:%Y-%m-%d %H:%M} by {article.withdrawn_cause}: {article.withdrawn_reason or 'no reason'}"
    )


def _withdrawn(article: Article, *, as_json: bool) -> dict[str, Any]:
    """That an article is withdrawn, beside its headline; when, by whom and why, for programs."""
    if not as_json:
        return {"headline": f"[withdrawn] {article.headline}"} if article.withdrawn_at else {}
    return {
        "status": article.status,
        "withdrawn_at": article.withdrawn_at,
        "withdrawn_cause": article.withdrawn_cause,
        "withdrawn_reason": article.withdrawn_reason,
    }


@app.command()
def withdraw(
    reference: Annotated[str, typer.Argument(metavar="ARTICLE", help="An article's id (or its beginning) or URL.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; subscribers are told so.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the article and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw an article: it is kept, marked, and subscribers are told to stop showing it.

    Example: `wireroom articles withdraw 0198c2d4 --reason "Sperrvermerk des Gerichts"`
    """
    from tasks import withdraw as verb
    from workers.cli.store import opened_room

    with opened_room() as room:
        article = _found(room.sessions, reference)
        if article.withdrawn_at is not None:
            fail(f"article {article.id} is withdrawn already: {article.withdrawn_reason}", Exit.CONFLICT)
        if not dry_run:
            verb.withdraw_by_hand(room, article.id, reason=reason)
    said = {"article": article.id, "headline": article.headline, "reason": reason, "withdrawn": not dry_run}
    if as_json:
        print_json(said)
    else:
        typer.echo(f"{'Would withdraw' if dry_run else 'Withdrew'} {article.id}: {article.headline}")


@app.command()
def restore(
    reference: Annotated[str, typer.Argument(metavar="ARTICLE", help="An article's id (or its beginning) or URL.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make a withdrawn article usable again; subscribers are told by a new revision with the same text.

    Example: `wireroom articles restore 0198c2d4`
    """
    from tasks import withdraw as verb
    from workers.cli.store import opened_room

    with opened_room() as room:
        article = _found(room.sessions, reference)
        if article.withdrawn_at is None:
            fail(f"article {article.id} is not withdrawn", Exit.CONFLICT)
        verb.restore_by_hand(room, article.id)
    if as_json:
        print_json({"article": article.id, "headline": article.headline, "revision": article.revision + 1})
    else:
        typer.echo(f"Restored {article.id}: {article.headline}")


def _found(sessions: Sessions, reference: str) -> Article:
    from storage import articles
    from storage.db import reading

    with reading(sessions) as session:
        return articles.find(session, reference, keys=keys_of(reference))


def keys_of(reference: str) -> Sequence[Key]:
    """What an article may be known by, where the reference is a URL."""
    from storage.records import Entry
    from tasks.urls import identity_keys

    return identity_keys(Entry(position=0, guid=None, url=reference, headline="")) if "://" in reference else ()


def _meta(content: dict[str, Any]) -> dict[str, Any]:
    names = ("url", "language", "published_at", "published_raw", "authors")
    return {name: content[name] for name in names if name in content}


@app.command()
def clean(
    file: Annotated[Path, typer.Argument(help="A text or HTML file, or - for standard input.")],
    *,
    headline: Annotated[str | None, typer.Option(help="The headline, if known; else it is found.")] = None,
    teaser: Annotated[str | None, typer.Option(help="The teaser, if known; else it is found by its copies.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Also what went, in place, and why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Clean a text or a saved page as an article would be cleaned, and store nothing.

    Example: `wireroom articles clean copy.txt --explain`
    """
    from dataclasses import asdict

    from tasks.enrich import Enrichers, EnrichInput
    from tasks.formats.pages import copy_of_page
    from tasks.normalize import clean_copy
    from workers.settings import settings

    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}", Exit.NOT_FOUND)
    with explained():
        chosen = settings()
        enrichers = Enrichers.load(chosen.rules)
        page = copy_of_page(data)
        article: CleanArticle = clean_copy(
            page.html if page else decoded(data),
            headline=headline or (page.headline if page else None),
            teaser=teaser or (page.teaser if page else None),
            threshold=chosen.threshold,
            publisher=page.publisher if page else None,
        )
        tagging = enrichers.tag(EnrichInput.of(article, feed_language=page.language if page else None))
        tags = [asdict(tag) for tag in tagging.tags]
        if as_json:
            shown = asdict(article)
            shown["body"] = shown.pop("blocks")
            print_json(shown | {"language": tagging.language, "tags": tags})
            return
        from workers.cli.pages import article_page

        article_page(article, facts={"language": tagging.language}, tags=tags, explain=explain)


def decoded(data: bytes) -> str:
    """The text of a file: by its BOM or as UTF-8, else as what its bytes look like."""
    for encoding in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    return str(best) if best is not None else data.decode("utf-8", "replace")
