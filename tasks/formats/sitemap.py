"""News sitemaps to entries (sitemaps.org 0.9 with Google's news extension 0.9)."""

from __future__ import annotations

from lxml import etree

from storage.records import BadEntry, Entry, FeedHints, Media, ParsedDocument
from tasks.formats import names
from tasks.formats.drafts import Draft, Habits, entry
from tasks.formats.errors import LooksLike, NotAFeed
from tasks.formats.limits import MAX_ITEMS
from tasks.formats.links import web_link
from tasks.formats.tree import text_of
from tasks.formats.xmlfeed import ITEM_ERRORS, bad_entry, bytes_of


def read(root: etree._Element, url: str) -> ParsedDocument:
    """Read the tree of a news sitemap; raises `NotAFeed` for a sitemap that carries no news."""
    pages = [child for child in root if names.short(child.tag).rpartition(":")[2] == "url"]
    if names.short(root.tag).endswith("sitemapindex"):
        raise NotAFeed(LooksLike.XML, "a sitemap index: subscribe to one of its sitemaps")
    if pages and not any(names.short(child.tag) == "news:news" for page in pages for child in page):
        raise NotAFeed(LooksLike.XML, "a sitemap without news: its pages have no headlines")
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for position, page in enumerate(pages[:MAX_ITEMS]):
        try:
            good.append(entry(_draft(page, position, url), Habits()))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(position, error, bytes_of(page)))
    hints = FeedHints(title=good[0].extra.get("publisher") if good else None, format="sitemap")
    return ParsedDocument(hints=hints, entries=tuple(good), bad=tuple(bad), reader="sitemap")


def _draft(page: etree._Element, position: int, url: str) -> Draft:
    words: dict[str, str] = {}
    images = []
    for element in page.iter(etree.Element):
        name = names.short(element.tag)
        value = None if len(element) else text_of(element)
        if value and name == "image:loc" and (address := web_link(value, url)):
            images.append(Media(url=address, type=None))
        elif value:
            words.setdefault(name.rpartition(":")[2] if name.startswith("sitemap:") else name, value)
    made = Draft(position=position, base=url)
    # A sitemap has no guid; the address is the identity, and identify takes it from `url`.
    made.link = words.get("loc")
    made.title, made.title_kind = words.get("news:title"), "guess"
    made.published, made.updated = words.get("news:publication_date"), words.get("lastmod")
    made.language = words.get("news:language")
    made.categories = [(word.strip(), None, None) for word in words.get("news:keywords", "").split(",") if word.strip()]
    made.media = images
    made.extra = {
        "publisher": words.get("news:name", ""),
        "genres": words.get("news:genres", ""),
        "tickers": words.get("news:stock_tickers", ""),
        "access": words.get("news:access", ""),
    }
    return made
