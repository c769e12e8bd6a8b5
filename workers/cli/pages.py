"""An article on the terminal: the clean copy, and on demand every removed line in its place with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import unified_diff
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from storage.records import BlockKind, CleanArticle, Removal
from tasks.normalize.explain import in_place
from tasks.reingest import Difference
from workers.cli.output import console_of, short

STYLE = {
    BlockKind.SUBHEAD: "bold",
    BlockKind.QUOTE: "italic",
    BlockKind.CAPTION: "dim",
    BlockKind.EMBED: "dim",
}
LEAD = {BlockKind.LIST_ITEM: "• ", BlockKind.QUOTE: "│ ", BlockKind.CAPTION: "[caption] ", BlockKind.EMBED: "[embed] "}
FURNITURE = ("byline", "dateline", "credit", "correction", "embargo")


def article_page(
    article: CleanArticle, *, facts: Mapping[str, Any], tags: Sequence[Mapping[str, Any]], explain: bool
) -> None:
    """Print the article; with `explain` also what was taken out, struck through, each with its rule and reason."""
    console = console_of(width=120, highlight=False)
    console.print(f"[bold]{escape(article.headline)}[/bold]")
    if article.teaser:
        console.print(f"[italic]{escape(article.teaser)}[/italic]")
    console.print()
    for name in FURNITURE:
        if value := getattr(article, name):
            console.print(f"[dim]{name}:[/dim] {escape(value)}")
    for part in in_place(article) if explain else article.blocks:
        if isinstance(part, Removal):
            _removal(console, part)
            continue
        style = STYLE.get(part.kind, "")
        text = escape(LEAD.get(part.kind, "") + part.text)
        console.print(f"[{style}]{text}[/{style}]" if style else text)
        console.print()
    if article.sources:
        console.print(f"[dim]sources:[/dim] {', '.join(dict.fromkeys(s.name for s in article.sources))}")
    named = _by_kind(tags)
    for kind, names in named.items():
        console.print(f"[dim]{escape(kind)}:[/dim] {escape(', '.join(names))}")
    for name, value in facts.items():
        if name != "revisions" and name not in named and value not in (None, [], ""):
            console.print(f"[dim]{name}:[/dim] {escape(short(value))}")
    if len(facts.get("revisions", ())) > 1:
        for one in facts["revisions"]:
            what = f": {', '.join(one['changed'])}" if one["changed"] else ""
            console.print(f"[dim]revision {one['number']}:[/dim] {short(one['at'])}, {one['cause']}{escape(what)}")
    gone = sum(removal.removed for removal in article.removals)
    if gone and not explain:
        console.print(f"[dim]{gone} lines removed; --explain shows each with its reason[/dim]")


def _by_kind(tags: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The tags of each kind, with the code of those that have one beside their name."""
    found: dict[str, list[str]] = {}
    for tag in tags:
        coded = tag["code"] and tag["code"] != tag["label"]
        found.setdefault(tag["kind"], []).append(f"{tag['label']} ({tag['code']})" if coded else tag["label"])
    return found


def _removal(console: Console, removal: Removal) -> None:
    """A line that went, struck through, or one that was only marked and follows as a block; with the reason."""
    word = "removed" if removal.removed else "marked, kept"
    evidence = f"; seen in {removal.seen} other articles" if removal.seen else ""
    if removal.removed:
        console.print(f"[red]−[/red] [strike dim]{escape(removal.line)}[/strike dim]")
    why = f"{word}: {removal.rule} ({removal.confidence:.2f}): {removal.reason}{evidence}"
    console.print(Padding(f"[dim]{escape(why)}[/dim]", (0, 0, 0, 2), expand=False))
    console.print()


def difference_page(difference: Difference) -> None:
    """What re-ingestion would change in one article: field by field, before and after."""
    console = console_of(width=160, highlight=False)
    console.print(f"[bold]{escape(str(difference.article_id))}[/bold] {escape(difference.headline)}")
    if difference.error:
        console.print(f"  [red]cannot be read:[/red] {escape(difference.error)}")
    for name, (before, after) in difference.changed.items():
        lines = unified_diff(_lines(before), _lines(after), lineterm="", n=0)
        console.print(f"  [dim]{name}[/dim]")
        for line in list(lines)[2:]:
            if not line.startswith("@@"):
                colour = "green" if line.startswith("+") else "red"
                console.print(f"    [{colour}]{escape(line)}[/{colour}]")
    for sign, colour, tags in (("+", "green", difference.tags_added), ("-", "red", difference.tags_removed)):
        for tag in tags:
            console.print(f"  [dim]tags[/dim] [{colour}]{sign}{escape(tag)}[/{colour}]")


def _lines(value: Any) -> list[str]:
    """A field's value as lines to compare."""
    if value in (None, "", []):
        return []
    if isinstance(value, list):
        return [
            part.get("text") or part.get("name") or str(part) if isinstance(part, dict) else str(part) for part in value
        ]
    return [str(value)]


@contextmanager
def progress(what: str, *, total: int, quiet: bool, done: int = 0) -> Iterator[Callable[[int], None]]:
    """A bar with count and estimate in a terminal, a line now and then elsewhere, nothing when `quiet`.

    `done` is what was done before: it counts, but says nothing of how long the rest will take.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if quiet:
        yield lambda _done: None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        step = max(total // 10, 1)
        last = done

        def tell(done: int) -> None:
            nonlocal last
            if done - last >= step:
                last = done
                console.print(f"{what}: {done} of {total}")

        yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda done: bar.update(task, completed=done)
