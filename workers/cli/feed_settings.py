"""`wireroom feeds set` and `feeds test`: what a feed is called, how it is asked, and what comes of it."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from workers.cli.output import AsJson, Exit, fail, print_json, short
from workers.cli.store import opened_room, opened_store

Reference = Annotated[str, typer.Argument(metavar="FEED", help="A feed's id, URL or title.")]


# A tag of any length (RFC 5646): its language, then what it says more.
_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def tag(language: str | None) -> str | None:
    """A language as articles have it (`de-AT`), nothing as it is; raises typer.BadParameter for what is no tag."""
    from tasks.formats.drafts import language_tag

    if not (language and language.strip()):
        return language
    found = language_tag(language) if _TAG.fullmatch(language.strip()) else None
    if found is None:
        raise typer.BadParameter(f"{language!r} is no language tag (BCP 47), as `de` or `de-AT`")
    return found


def set_(
    reference: Reference,
    *,
    title: Annotated[str | None, typer.Option(help="What to call it; empty for what it calls itself.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Whose copy it is; empty for nobody's.")] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Language of its copy (BCP 47), as `de-AT`; empty for what it says itself.", callback=tag),
    ] = None,
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
    """Change what a feed is called and how it is polled. A secret is read from the terminal, or from standard input.

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
            field, colon, value = line.partition(":")
            if not colon:
                fail(f"{line!r} is no header: say `Name: value`, or `Name:` to take it back", Exit.USAGE)
            headers = {**changed.get("headers", {}), field.strip(): value.strip()}
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
        for column, said in (("title", title), ("publisher", publisher), ("language", language)):
            if said is not None:
                setattr(feed, column, said.strip() or None)
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
