"""Feeds as hypothesis writes them: every shape of RSS and Atom item that newsrooms send, well-formed."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
)
WORDS = st.lists(
    st.sampled_from(
        ["Rat", "beschließt", "Brücke", "AT&T", "„Zitat“", "3 < 5", "naïve", "–", "x&amp;y", "新闻", "Straße"]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)
MARKUP = st.lists(
    st.sampled_from(
        ["<p>Der Bau beginnt.</p>", "<b>fett</b>", "Text & mehr", "<br/>", "<ul><li>eins</li></ul>", "&nbsp;"]
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
DATES = st.sampled_from(["Mon, 02 Mar 2026 05:58:00 +0100", "2026-03-02T05:58:00Z", "gestern", "02.03.2026 06:00 MEZ"])
NUMBERS = st.integers(0, 40)


@dataclass(frozen=True)
class Item:
    """One item: its number tells it from others, the rest is drawn."""

    number: int
    title: str
    teaser: str | None
    body: str | None
    date: str | None
    authors: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    cdata: bool = False
    picture: bool = False


ITEMS = st.builds(
    Item,
    number=NUMBERS,
    title=WORDS,
    teaser=st.none() | WORDS | MARKUP,
    body=st.none() | MARKUP,
    date=st.none() | DATES,
    authors=st.lists(st.sampled_from(["Ada Holm", "Bo Lind"]), max_size=2, unique=True),
    categories=st.lists(st.sampled_from(["Stadt", "Sport & Spiel", "Wetter"]), max_size=3, unique=True),
    cdata=st.booleans(),
    picture=st.booleans(),
)
FEEDS = st.lists(ITEMS, max_size=6, unique_by=lambda item: item.number)


def rss_item(item: Item) -> str:
    def quoted(value: str) -> str:
        return f"<![CDATA[{value}]]>" if item.cdata else escape(value)

    parts = [
        f"<title>{escape(item.title)}</title>",
        f"<link>https://paper.example/{item.number}?a=1&amp;b=2</link>",
        f'<guid isPermaLink="false">p-{item.number}</guid>',
        f"<description>{quoted(item.teaser)}</description>" if item.teaser else "",
        f"<content:encoded>{quoted(item.body)}</content:encoded>" if item.body else "",
        f"<pubDate>{item.date}</pubDate>" if item.date else "",
        *(f"<dc:creator>{name}</dc:creator>" for name in item.authors),
        *(f"<category>{escape(name)}</category>" for name in item.categories),
        '<media:content url="/b.jpg" type="image/jpeg" fileSize="7"/>' if item.picture else "",
        '<enclosure url="https://paper.example/a.mp3" type="audio/mpeg" length="12"/>' if item.picture else "",
    ]
    return f"<item>{''.join(parts)}</item>"


def atom_entry(item: Item) -> str:
    parts = [
        f"<title>{escape(item.title)}</title><id>tag:paper.example,2026:{item.number}</id>",
        f"<link href={quoteattr(f'https://paper.example/{item.number}?a=1&b=2')}/>",
        f"<summary>{escape(item.teaser)}</summary>" if item.teaser else "",
        f'<content type="html">{escape(item.body)}</content>' if item.body else "",
        f"<published>{item.date}</published><updated>{item.date}</updated>" if item.date else "",
        *(f"<author><name>{name}</name></author>" for name in item.authors),
        *(f"<category term={quoteattr(name)}/>" for name in item.categories),
        '<link rel="enclosure" type="audio/mpeg" length="12" href="/a.mp3"/>' if item.picture else "",
    ]
    return f"<entry>{''.join(parts)}</entry>"


def rss(items: list[Item], *, built: str = "Mon, 02 Mar 2026 06:00:00 +0100") -> bytes:
    """Write an RSS 2.0 document; `built` changes with every poll and means nothing."""
    body = "\n".join(rss_item(item) for item in items)
    head = f"<title>Paper</title><language>de</language><lastBuildDate>{built}</lastBuildDate>"
    return f'<?xml version="1.0"?>\n<rss version="2.0" {NAMESPACES}><channel>{head}\n{body}</channel></rss>'.encode()


def atom(items: list[Item], *, built: str = "2026-03-02T06:00:00+01:00") -> bytes:
    """Write an Atom document."""
    body = "\n".join(atom_entry(item) for item in items)
    head = f"<title>Paper</title><updated>{built}</updated>"
    return f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de">{head}\n{body}</feed>'.encode()
