"""Draws the live view: from a scene to exactly as many lines as the terminal has, 80 by 24 or larger.

Lines are laid out by hand in fixed columns, so that it is known what fits: a tag too long gives way to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from storage.glance import ArticleLine, Counts, EventLine, FeedLine, Glance
from workers.logs import mask

# From this width on a line has room for the longer forms.
WIDE = 110
# Lines that are always there: head, two of counters, three headings.
FRAME = 6
# Feeds of the sample wire: where there are more, somebody has added one.
SAMPLE_FEEDS = 3
CLOCK, LANGUAGE, LINES, EVENT, WHEN = 8, 2, 10, 20, 9
EVENT_STYLES = {"article.created": "green", "article.revised": "yellow"}
DIM, WARN, BAD, GOOD, BOLD = "dim", "yellow", "bold red", "green", "bold"

Cell = tuple[str | Text, int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process of the wire room; `pid` stands while it runs."""

    name: str
    pid: int | None
    alive: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """Everything that is drawn, as of `now`.

    `database` and `redis` say in words where they are, `trouble` why the store could not be read, `notes` are the last
    warnings, `command` is how to call wireroom from here.
    """

    now: datetime
    uptime: timedelta
    database: str
    redis: str
    processes: Sequence[Process] = ()
    command: str = "wireroom"
    sampled: bool = False
    glance: Glance | None = None
    trouble: str | None = None
    notes: Sequence[str] = ()


def draw(scene: Scene, width: int, height: int) -> Text:
    """The whole view: `height` lines of `width` cells."""
    glance = scene.glance or Glance(counts=Counts())
    notices, feet = _notices(scene), _feet(scene, width)
    articles, events, feeds = _shares(height - FRAME - len(notices) - len(feet), glance)
    lines = [
        _head(scene, width),
        *_counters(glance.counts, width),
        *notices,
        *_articles(scene, glance.articles, width, articles),
        *_events(scene, glance.events, width, events),
        *_feeds(scene, glance.feeds, width, feeds),
        *feet,
    ]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines[:height])


def _shares(lines: int, glance: Glance) -> tuple[int, int, int]:
    """How many lines the articles, events and feeds get: the feeds what they need at most, articles the most."""
    lines = max(lines, 3)
    feeds = min(max(len(glance.feeds), 1), max(lines // 4, 1))
    events = max((lines - feeds) * 2 // 5, 1)
    return max(lines - feeds - events, 1), events, feeds


def _head(scene: Scene, width: int) -> Text:
    up = [process.name for process in scene.processes if process.alive]
    down = [process.name for process in scene.processes if not process.alive]
    text = Text.assemble((" wireroom ", "bold reverse"), f" up {_duration(scene.uptime)}  ")
    text.append(f"{len(up)} process{'' if len(up) == 1 else 'es'}", GOOD if not down else "")
    if down:
        text.append(f", down: {', '.join(down)}", BAD)
    elif width >= WIDE and up:
        text.append(f" ({', '.join(up)})", DIM)
    text.append(f"  {scene.database} · Redis {scene.redis}", DIM)
    return text


def _counters(counts: Counts, width: int) -> list[Text]:
    cells = [
        ("feeds", counts.feeds, f"{counts.failing} failing" if counts.failing else ""),
        ("documents", counts.documents, f"{counts.documents_waiting} waiting" if counts.documents_waiting else ""),
        ("articles", counts.articles, ""),
        ("revisions", counts.revisions, ""),
        ("lines removed" if counts.tallied_all else "removed now", counts.lines_removed, ""),
        ("events out", counts.events, f"{counts.events_waiting} waiting" if counts.events_waiting else ""),
        ("quarantine", counts.quarantined, ""),
    ]
    sizes = [max(cell_len(name), cell_len(f"{value:,} {aside}")) for name, value, aside in cells]
    room = max((width - sum(sizes)) // len(cells), 1)
    values, names = Text(), Text()
    for (name, value, aside), size in zip(cells, sizes, strict=True):
        alarm = WARN if aside or (name == "quarantine" and value) else ""
        value_text = Text.assemble((f"{value:,}", f"{BOLD} {alarm}"), (f" {aside}" if aside else "", WARN))
        value_text.align("center", size + room)
        name_text = Text(name, DIM)
        name_text.align("center", size + room)
        values.append_text(value_text)
        names.append_text(name_text)
    return [values, names]


def _notices(scene: Scene) -> list[Text]:
    """Lines that are there only when there is something to say."""
    lines = []
    if scene.trouble is not None:
        lines.append(Text(f" {plain(mask(scene.trouble))}", BAD))
    if scene.sampled:
        own = scene.glance is not None and scene.glance.counts.feeds > SAMPLE_FEEDS
        words = "beside your own feeds" if own else "no feed added yet"
        lines.append(Text(f" sample wire: {words}. Its papers, people and stories are invented.", "cyan"))
    return lines + [Text(f" {plain(mask(note))}", WARN) for note in scene.notes[-2:]]


def _feet(scene: Scene, width: int) -> list[Text]:
    """What to do next."""
    add = Text.assemble((" Add a feed: ", DIM), (f"{scene.command} feeds add URL", BOLD))
    see = Text.assemble((" Read: ", DIM), (f"{scene.command} articles list", BOLD))
    end = Text.assemble("   ", ("Ctrl-C stops", BOLD))
    return [Text.assemble(add, "  ", see, end)] if width >= WIDE else [add, Text.assemble(see, end)]


def _articles(scene: Scene, lines: Sequence[ArticleLine], width: int, height: int) -> list[Text]:
    wide = width >= WIDE
    publisher = 20 if wide else 11
    rest = width - CLOCK - LANGUAGE - publisher - LINES - 6
    tags = rest * 2 // 5 if wide else rest // 3
    headline = rest - tags
    left = CLOCK + LANGUAGE + publisher + headline + 4
    rows = [_heading(("newest articles", left), ("removed", LINES + 1), ("tags", tags + 1))]
    if not lines:
        return _filled([*rows, _empty(scene, "none yet: the first poll brings them")], height)
    for line in lines[:height]:
        title = f"rev {line.revision}: {line.headline}" if line.revision > 1 else line.headline
        rows.append(
            _row(
                (_clock(line.at), CLOCK, DIM),
                (line.language or "–", LANGUAGE, ""),
                (line.publisher, publisher, "cyan"),
                (title, headline, WARN if line.revision > 1 else ""),
                (_removed(line.removed), LINES, "magenta" if line.removed else DIM),
                (_fitting(line.tags, tags), tags, DIM),
            )
        )
    return _filled(rows, height)


def _removed(count: int) -> str:
    return f"−{count} line{'' if count == 1 else 's'}" if count else "–"


def _fitting(tags: Sequence[str], width: int) -> str:
    """As many tags as the column holds, in their order; one that is too long gives way to the next."""
    said = ""
    for tag in tags:
        longer = f"{said}, {tag}" if said else tag
        if cell_len(longer) <= width:
            said = longer
    return said or next(iter(tags), "–")


def _events(scene: Scene, lines: Sequence[EventLine], width: int, height: int) -> list[Text]:
    about = width - CLOCK - EVENT - 4
    rows = [_heading(("last events out", CLOCK + EVENT + 3), ("about", about + 1))]
    if not lines:
        return _filled([*rows, _empty(scene, "none yet: each new article goes out as article.created")], height)
    rows += [
        _row(
            (_clock(line.at), CLOCK, DIM),
            (line.type, EVENT, EVENT_STYLES.get(line.type, "")),
            (line.about, about, ""),
        )
        for line in lines[:height]
    ]
    return _filled(rows, height)


def _feeds(scene: Scene, lines: Sequence[FeedLine], width: int, height: int) -> list[Text]:
    name = width * 2 // 5
    why = width - name - WHEN - 4
    more = len(lines) - height
    rows = [_heading(("next polls", name + 1), ("when", WHEN + 2), ("why then", why + 1))]
    if not lines:
        return _filled([*rows, _empty(scene, f"no feed yet: {scene.command} feeds add URL")], height)
    for n, line in enumerate(lines[:height]):
        reason = f"failing ({line.failing_as}): {line.reason}" if line.failing_as else line.reason
        if n == height - 1 and more > 0:
            reason += f"  (and {scene.glance.counts.feeds - height if scene.glance else more} feeds more)"
        rows.append(
            _row(
                (mask(line.name), name, ""),
                (_when(line, scene.now), WHEN, GOOD if line.busy else ""),
                (reason, why, BAD if line.failing_as else DIM),
            )
        )
    return _filled(rows, height)


def _when(line: FeedLine, now: datetime) -> str:
    if line.busy:
        return "now"
    left = line.next_at - now
    return "due" if left <= timedelta() else f"in {_short(left)}"


def _row(*cells: Cell) -> Text:
    """Cells of (text, width, style), a space before each; what is too long ends in an ellipsis."""
    row = Text()
    for text, width, style in cells:
        row.append(" ")
        row.append(_fit(plain(str(text)), width), style)
    return row


def _fit(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def _heading(*columns: tuple[str, int]) -> Text:
    """The first column names the list; a rule runs through all of them."""
    row = Text(style=DIM)
    for n, (name, width) in enumerate(columns):
        row.append(f" {name} ", f"not dim {BOLD}" if n == 0 else "")
        row.append("─" * max(width - cell_len(name) - 2, 0))
    return row


def _filled(rows: list[Text], height: int) -> list[Text]:
    """A heading and `height` lines, however many rows there are: nothing jumps when rows come in."""
    return rows + [Text() for _ in range(height + 1 - len(rows))]


def _empty(scene: Scene, words: str) -> Text:
    return Text(f" {words if scene.glance is not None else 'reading the database …'}", DIM)


def plain(text: str) -> str:
    """`text` without what would move the cursor, colour the screen or turn the direction of writing."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _clock(moment: datetime) -> str:
    """Local time: what the clock on the wall says."""
    return moment.astimezone().strftime("%H:%M:%S")


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _short(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
