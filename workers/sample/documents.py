"""Writes a sample feed as the publisher's system would: RSS with HTML, Atom with HTML, RSS with plain text.

What repeats here (headlines, teasers, boxes, tails) repeats on purpose: it is what the wire room takes out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape

from workers.sample.stories import Part, SampleFeed, Story

CONTENT_TYPES = {
    "rss-html": "application/rss+xml; charset=utf-8",
    "atom-html": "application/atom+xml; charset=utf-8",
    "rss-text": "application/rss+xml; charset=utf-8",
}
# Characters of a teaser that a system lets through before it puts an ellipsis.
CUT = 90


def document(feed: SampleFeed, seconds: float, started: datetime) -> bytes:
    """The feed's document at a moment: the same bytes whenever it is asked, until a story comes in or changes."""
    changed = started + timedelta(seconds=max(moment for moment in feed.moments if moment <= seconds))
    stories = feed.at(seconds)
    write = {"rss-html": _rss_html, "atom-html": _atom, "rss-text": _rss_text}[feed.shape]
    return write(feed, stories, started, changed).encode()


def front_page(feeds: Sequence[SampleFeed]) -> bytes:
    """A site's page that leads to the feeds, as a reader or `wireroom feeds add` finds them."""
    links = "\n".join(
        f'<link rel="alternate" type="{CONTENT_TYPES[feed.shape].partition(";")[0]}" '
        f'title="{escape(feed.title)}" href="/{feed.name}">'
        for feed in feeds
    )
    items = "\n".join(f'<li><a href="/{feed.name}">{escape(feed.title)}</a></li>' for feed in feeds)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Sample wire</title>\n{links}\n</head>\n'
        f"<body><h1>Sample wire</h1>\n<ul>\n{items}\n</ul></body></html>\n"
    ).encode()


def _rss(feed: SampleFeed, items: Sequence[str], changed: datetime) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">\n<channel>\n'
        f"<title>{escape(feed.title)}</title>\n<link>{feed.site}/</link>\n"
        f"<description>{escape(feed.title)}</description>\n<language>{feed.language}</language>\n"
        f"<lastBuildDate>{format_datetime(changed)}</lastBuildDate>\n" + "".join(items) + "</channel>\n</rss>\n"
    )


def _rss_item(feed: SampleFeed, story: Story, started: datetime, text: str) -> str:
    published = format_datetime(started + timedelta(seconds=story.published))
    author = f"<dc:creator>{escape(story.author)}</dc:creator>\n" if story.author else ""
    return (
        f"<item>\n<title>{escape(story.headline)}</title>\n<link>{_link(feed, story)}</link>\n"
        f'<guid isPermaLink="false">{feed.name}:{story.slug}</guid>\n<pubDate>{published}</pubDate>\n{author}'
        f"<category>{escape(story.section)}</category>\n{text}</item>\n"
    )


def _rss_html(feed: SampleFeed, stories: Sequence[Story], started: datetime, changed: datetime) -> str:
    items = []
    for story in stories:
        headline, teaser = escape(story.headline), escape(story.teaser)
        content = (
            f"<h1>{headline}</h1>\n<p>Transparenz: Redaktionell erstellt und geprüft.<br>\nVeröffentlicht am</p>\n"
            f"<p>{teaser}</p>\n<p>{teaser}<br>\n{teaser}</p>\n<h1>{headline}</h1>\n{_html(story.body, 'h2')}"
        )
        text = f"<description>{teaser}</description>\n<content:encoded><![CDATA[\n{content}]]></content:encoded>\n"
        items.append(_rss_item(feed, story, started, text))
    return _rss(feed, items, changed)


def _rss_text(feed: SampleFeed, stories: Sequence[Story], started: datetime, changed: datetime) -> str:
    items = []
    for story in stories:
        copy = "\n\n".join(line for part in story.body for line in part.lines)
        text = f"{story.headline}\n\n{story.teaser}\n{story.teaser}\n\n{story.place} ({feed.name}) – {copy}"
        items.append(_rss_item(feed, story, started, f"<description>{escape(text)}</description>\n"))
    return _rss(feed, items, changed)


def _atom(feed: SampleFeed, stories: Sequence[Story], started: datetime, changed: datetime) -> str:
    entries = "".join(_atom_entry(feed, story, started, stories) for story in stories)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{feed.language}">\n'
        f"<id>{feed.site}/</id>\n<title>{escape(feed.title)}</title>\n"
        f'<link rel="alternate" href="{feed.site}/"/>\n<updated>{_instant(changed)}</updated>\n{entries}</feed>\n'
    )


def _atom_entry(feed: SampleFeed, story: Story, started: datetime, others: Sequence[Story]) -> str:
    cut = f"{story.teaser[:CUT].rsplit(' ', 1)[0]}…"
    half = 1 + len(story.body) // 2
    related = next(other.headline for other in (*others[::-1], story) if other.slug != story.slug or len(others) == 1)
    content = (
        f"<p><strong>Breaking: {escape(story.headline)}</strong></p>\n<p>{escape(story.teaser)}</p>\n"
        f"<p>{escape(cut)}</p>\n{_html(story.body[:half], 'h3')}"
        "<div><p>Sign up for our newsletter</p><p>Subscribe now</p></div>\n"
        f"{_html(story.body[half:], 'h3')}<p>Read more: {escape(related)}</p>\n"
        f"<p>© {started.year} {escape(feed.publisher)}</p>\n<p>All rights reserved.</p>\n"
    )
    return (
        f"<entry>\n<id>tag:harbourledger.example,2026:{story.slug}</id>\n"
        f"<title>{escape(f'{story.headline} | {feed.publisher}')}</title>\n"
        f'<link rel="alternate" href="{_link(feed, story)}"/>\n'
        f"<published>{_instant(started + timedelta(seconds=story.published))}</published>\n"
        f"<updated>{_instant(started + timedelta(seconds=story.updated))}</updated>\n"
        f"<author><name>{escape(story.author or feed.publisher)}</name></author>\n"
        f'<category term="{escape(story.section.lower())}" label="{escape(story.section)}"/>\n'
        f'<summary type="text">{escape(story.teaser)}</summary>\n'
        f'<content type="html">{escape(content)}</content>\n</entry>\n'
    )


def _html(body: Sequence[Part], head: str) -> str:
    return "".join(_part_html(part, head) for part in body)


def _part_html(part: Part, head: str) -> str:
    if part.kind == "list":
        return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in part.lines) + "</ul>\n"
    tag = {"paragraph": "p", "head": head, "quote": "blockquote"}[part.kind]
    return f"<{tag}>{escape(part.text)}</{tag}>\n"


def _link(feed: SampleFeed, story: Story) -> str:
    return f"{feed.site}/{story.section.lower()}/{story.slug}"


def _instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
