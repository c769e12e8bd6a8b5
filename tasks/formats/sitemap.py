"""News sitemaps to entries (sitemaps.org 0.9 with Google's news extension 0.9)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Sequence

from lxml import etree

from storage.records import BadEntry, Entry, FeedHints, Media, ParsedDocument
from tasks.formats import names, tree
from tasks.formats.delta import RawItem, sift
from tasks.formats.drafts import FINGERPRINT, Draft, Habits, entry
from tasks.formats.errors import LooksLike, NotAFeed
from tasks.formats.limits import MAX_ITEMS
from tasks.formats.links import web_link
from tasks.formats.slices import Slices
from tasks.formats.text import headline
from tasks.formats.tree import text_of
from tasks.formats.xmlfeed import ITEM_ERRORS, bad_entry, bytes_of, truncated

_ROOT = re.compile(r"<((?:[A-Za-z]{1,12}:)?urlset)[\s>][^>]{0,2000}>?")
_NAME = re.compile(r"<news:name>(?:<!\[CDATA\[)?([^<\]]{1,300})")


def read(root: etree._Element, url: str) -> ParsedDocument:
    """Read the tree of a news sitemap; raises `NotAFeed` for a sitemap that carries no news."""
    pages = _pages(root)
    if names.short(root.tag).endswith("sitemapindex"):
        raise NotAFeed(LooksLike.XML, "a sitemap index: subscribe to one of its sitemaps")
    if pages and not any(names.short(child.tag) == "news:news" for page in pages for child in page):
        raise NotAFeed(LooksLike.XML, "a sitemap without news: its pages have no headlines")
    good, bad = _read(pages[:MAX_ITEMS], None, url)
    hints = FeedHints(title=good[0].extra.get("publisher") if good else None, format="sitemap")
    return ParsedDocument(hints=hints, entries=tuple(good), bad=tuple(bad), reader="sitemap")


def is_sitemap(text: str) -> bool:
    """Whether a document begins as a sitemap does."""
    return _ROOT.search(text[:4_096]) is not None


def read_new(cut: Slices, url: str, seen: Container[str]) -> ParsedDocument | None:
    """Read the pages that are not in `seen`; None when slices and tree do not agree, or nothing in it is news."""
    first = cut.items[0].decode() if cut.items else ""
    root_tag, name = _ROOT.search(cut.head.decode()), _NAME.search(first)
    if root_tag is None or "<news:news" not in first:
        return None
    seal = hashlib.sha256(f"{FINGERPRINT}\n{url}\n{root_tag[0]}".encode("utf-8", "replace")).digest()
    fresh, skipped = sift(cut, seal, seen)
    try:
        closing = "" if cut.truncated is None else f"</{root_tag[1]}>"
        pages = _pages(tree.strict(cut.around([page.raw for page in fresh]) + closing.encode())) if fresh else []
    except tree.MalformedError:
        return None
    if len(pages) != len(fresh):
        return None
    good, bad = _read(pages, fresh, url)
    if cut.truncated is not None:
        bad.append(truncated(cut))
    hints = FeedHints(title=(headline(name[1]) or None) if name else None, format="sitemap")
    return ParsedDocument(hints=hints, entries=tuple(good), bad=tuple(bad), skipped=skipped, reader="sitemap")


def _pages(root: etree._Element) -> list[etree._Element]:
    return [child for child in root if names.short(child.tag).rpartition(":")[2] == "url"]


def _read(
    pages: Sequence[etree._Element], raw: Sequence[RawItem] | None, url: str
) -> tuple[list[Entry], list[BadEntry]]:
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for index, page in enumerate(pages):
        item = raw[index] if raw is not None else RawItem(index)
        try:
            draft = _draft(page, item.position, url)
            draft.raw_sha256 = item.sha256
            good.append(entry(draft, Habits()))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(item.position, error, item.raw or bytes_of(page), item.sha256))
    return good, bad


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
