"""From a site's page to the feeds it has: those that it declares, those that it links, and where feeds usually are.

Declared ones are found as browsers did it (`<link rel="alternate" type="…">`, rssboard.org/rss-autodiscovery). Nothing
is fetched here: whoever asks tries the candidates in the order given and takes those that `parse` accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from tasks.formats import charset, text
from tasks.formats.links import web_link

_TYPES = {
    "application/rss+xml": "rss", "application/atom+xml": "atom", "application/feed+json": "json",
    "application/rdf+xml": "rss", "application/x.atom+xml": "atom", "application/x-atom+xml": "atom",
    "text/rss+xml": "rss", "text/atom+xml": "atom",
}  # fmt: skip
# Types that also serve other things: taken when the link says `rel="feed"`, or its address or title looks like a feed.
_VAGUE = {"text/xml": "rss", "application/xml": "rss", "application/json": "json", "text/x-opml": ""}
_FEEDISH = re.compile(
    r"(?:^|[/._?&=\-])(?:rss2?|atom|feeds?|rdf|newsfeed)(?:$|[/._?&=\-\d])|\.(?:rss|atom|rdf)$", re.IGNORECASE
)
_FEED_FILE = re.compile(
    r"(?:^|[/._?&=\-])(?:rss2?|atom|feeds?|rdf|newsfeed)(?:$|[/._?&=\-\d]).*\.(?:xml|json|rss|atom|rdf|php)$",
    re.IGNORECASE,
)
_FEED_WORDS = re.compile(r"\b(?:rss|atom|news-?feeds?|feeds?|xml)\b", re.IGNORECASE)
_COMMENTS = re.compile(r"comments?|kommentare?", re.IGNORECASE)
_NO_FEED = re.compile(r"\.(?:html?|pdf|jpe?g|png|gif|svg|css|js|zip|mp[34])$", re.IGNORECASE)
_READERS = re.compile(
    r"(?:feedly\.com|inoreader\.com|netvibes\.com|newsblur\.com|theoldreader\.com|subtome\.com)", re.IGNORECASE
)
_INNER = re.compile(r"https?(?:://|%3A%2F%2F).+$", re.IGNORECASE)
# Where the systems that most sites run on put their feeds, the most common first.
_USUAL = (
    "feed",
    "rss",
    "rss.xml",
    "feed.xml",
    "atom.xml",
    "index.xml",
    "feeds",
    "feed.json",
    "index.rdf",
    "?feed=rss2",
)
_PAGE_MAX = 2_000_000  # bytes looked at; a page declares its feeds at its head
_LINKS_MAX = 5_000
_MOST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A feed that a page may have. `how` says why it is here: `declared` is nearly certain, `guessed` is a try."""

    url: str
    title: str | None
    type: str | None
    how: Literal["declared", "linked", "guessed"]


def links_of(html: bytes, url: str) -> list[tuple[str, str]]:
    """Return what the `<link>`s in a page's head relate it to, as (relation in lower case, absolute address)."""
    tree, base = _tree(html, url)
    found: list[tuple[str, str]] = []
    for link in tree.css("link[rel][href]")[:_LINKS_MAX]:
        address = web_link(link.attributes.get("href"), base)
        if address is not None:
            found += [(relation, address) for relation in (link.attributes.get("rel") or "").lower().split()]
    return found


def discover(html: bytes, url: str) -> tuple[Candidate, ...]:
    """Return the feeds that the page at `url` may have, best first, each address once."""
    tree, base = _tree(html, url)
    found: dict[str, Candidate] = {}
    for candidate in (*_declared(tree, base), *_linked(tree, base), *_guessed(url)):
        found.setdefault(candidate.url, candidate)
    ranked = sorted(found.values(), key=_rank)
    return tuple(ranked[:_MOST])


def _tree(html: bytes, url: str) -> tuple[LexborHTMLParser, str]:
    """Return the page as a tree, and the address that its links are relative to."""
    content, _ = charset.decode_page(html[:_PAGE_MAX], None)
    tree = LexborHTMLParser(content)
    base = tree.css_first("base[href]")
    return tree, (web_link(base.attributes.get("href"), url) if base else None) or url


def _rank(candidate: Candidate) -> tuple[int, bool]:
    """Sort by certainty; a feed of the comments comes after the feed of the articles."""
    about = f"{candidate.url} {candidate.title or ''}"
    return ("declared", "linked", "guessed").index(candidate.how), _COMMENTS.search(about) is not None


def _declared(tree: LexborHTMLParser, base: str) -> Iterator[Candidate]:
    for link in tree.css("link[href]")[:_LINKS_MAX]:
        relations = (link.attributes.get("rel") or "").lower().split()
        declared = (link.attributes.get("type") or "").split(";")[0].strip().lower()
        title = _title(link.attributes.get("title"))
        address = _address(link.attributes.get("href"), base)
        if address is None or not ({"alternate", "feed"} & set(relations)):
            continue
        certain = declared in _TYPES or "feed" in relations
        if certain or (declared in _VAGUE and _looks_like_feed(address, title or "")):
            kind = _TYPES.get(declared) or _VAGUE.get(declared)
            yield Candidate(url=address, title=title, type=kind or None, how="declared")


def _linked(tree: LexborHTMLParser, base: str) -> Iterator[Candidate]:
    for anchor in tree.css("a[href]")[:_LINKS_MAX]:
        address = _address(anchor.attributes.get("href"), base)
        if address is None:
            continue
        words = _words(anchor)
        if _looks_like_feed(address, words):
            yield Candidate(url=address, title=_title(words), type=_type_of(address), how="linked")


def _guessed(url: str) -> Iterator[Candidate]:
    for place in dict.fromkeys((urljoin(url, "/"), urljoin(url, "."))):
        for usual in _USUAL:
            address = web_link(urljoin(place, usual), url)
            if address:
                yield Candidate(url=address, title=None, type=_type_of(address), how="guessed")


def _address(href: str | None, base: str) -> str | None:
    """Return the feed's own address out of `feed:` links and the subscribe buttons of feed readers."""
    raw = (href or "").strip()
    if raw.lower().startswith("feed:"):
        raw = raw[5:] if raw[5:].lower().startswith("http") else "https:" + raw[5:]
    if _READERS.search(raw[:60]) and (inner := _INNER.search(raw, 8)):
        raw = unquote(inner[0])
    address = web_link(raw, base)
    return address.split("#")[0] if address else None


def _looks_like_feed(address: str, words: str) -> bool:
    parts = urlsplit(address)
    place = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if _NO_FEED.search(parts.path):
        return False
    if _FEEDISH.search(place) or _FEED_FILE.search(place):
        return True
    return parts.path.endswith(".xml") and _FEED_WORDS.search(words) is not None


def _words(anchor: LexborNode) -> str:
    pictures = (image.attributes.get("alt") or "" for image in anchor.css("img[alt]"))
    return " ".join([anchor.text(), anchor.attributes.get("title") or "", *pictures])[:200]


def _title(words: str | None) -> str | None:
    return text.headline(words, literal=True)[:200] or None if words else None


def _type_of(address: str) -> str | None:
    low = address.lower()
    return "json" if low.endswith(".json") else "atom" if "atom" in low else "rss" if "rss" in low else None
