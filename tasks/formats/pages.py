"""From the page of an article to the article: the part of the page that is its text, as HTML for the normalizer.

readability-lxml finds it: of the extractors that are kept up it lost no page and most rarely took other text for the
article's (docs/polling.md has the figures). It knows nothing of repeats or boilerplate, which is the normalizer's work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from storage.records import Entry, Markup
from tasks.formats import charset, mend
from tasks.formats.errors import NoArticle
from tasks.formats.limits import overloaded

# Raise it whenever the same page would give another text: what is held of an article is compared by it.
VERSION = "1"
# Characters from which an entry is taken for the whole piece: teasers run to some hundred, a short report to 1,500.
FULL_TEXT = 1500
# Characters below which what was found is a caption or a cookie notice.
_LEAST = 200
# Bytes of a page that are read: the longest of 28 news pages measured had 2.9 MB, nearly all of it scripts.
_PAGE_MAX = 8_000_000
_TAG = re.compile(r"<[^<>]*>")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_FROM_THE_TOP = 2_000  # bytes within which a page says that it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCopy:
    """An article as its page gives it: headline, teaser, language and publisher that the page names, and its text."""

    headline: str | None
    teaser: str | None
    language: str | None
    publisher: str | None
    html: str


def copy_of_page(body: bytes) -> PageCopy | None:
    """Return the article of a page that somebody saved; None where the bytes are no whole page.

    The headline is the page's only `h1`, else what it tells link previews (`og:title`), else its title; the teaser is
    what it tells previews or search engines. Costs time as `article_html` does; where that finds no article, all of
    the page is its text.
    """
    if not _PAGE.search(body[:_FROM_THE_TOP]):
        return None
    text, _ = charset.decode_page(body[:_PAGE_MAX], None)
    tree = LexborHTMLParser(text)
    heads = [head for node in tree.css("h1") if (head := " ".join(node.text().split()))]
    title = tree.css_first("title")
    root = tree.root
    try:
        html = article_html(body, None)
    except NoArticle:
        html = text
    return PageCopy(
        headline=(heads[0] if len(heads) == 1 else None)
        or _said(tree, "og:title", "twitter:title")
        or (" ".join(title.text().split()) if title is not None else None)
        or None,
        teaser=_said(tree, "og:description", "description"),
        language=(root.attributes.get("lang") or None) if root is not None else None,
        publisher=_said(tree, "og:site_name", "application-name"),
        html=html,
    )


def _said(tree: LexborHTMLParser, *names: str) -> str | None:
    """What the page's head says under the first of these names that it has."""
    for name in names:
        for node in tree.css(f'meta[property="{name}"], meta[name="{name}"]'):
            if value := " ".join((node.attributes.get("content") or "").split()):
                return value
    return None


def article_html(body: bytes, content_type: str | None) -> str:
    """Return the article's part of a page; raises `NoArticle` where there is none.

    Costs time quadratic in a tag's attributes: hostile bytes go through `guarded.article_guarded`.
    """
    from readability import Document  # here, because only feeds of teasers need it

    text, _ = charset.decode_page(body[:_PAGE_MAX], content_type)
    text = _DECLARATION.sub("", mend.start_of(text), count=1)
    if "\0" in text[:1000]:
        raise NoArticle("no page but something binary")
    if not text or overloaded(text):
        raise NoArticle("an empty page" if not text else "more markup than a page can have")
    try:
        found = Document(text).summary(html_partial=True)
    except Exception as error:  # noqa: BLE001  # it raises what lxml raises, and classes of its own
        raise NoArticle(f"the page cannot be read: {type(error).__name__}") from None
    if visible(found) < _LEAST:
        raise NoArticle("no article's text on the page")
    return str(found)


def visible(html: str) -> int:
    """Return how many characters of HTML a reader sees, nearly; linear in its length, whatever the bytes are."""
    return len(" ".join(_TAG.sub(" ", html).split()))


def own_text(entry: Entry) -> int:
    """Return how many characters of text the entry itself brings."""
    return max((visible(part.value) for part in (entry.content, entry.teaser) if part is not None), default=0)


def is_teaser(entry: Entry) -> bool:
    """Say whether the entry has a page and is not the whole piece."""
    return entry.url is not None and own_text(entry) < FULL_TEXT


def content_of_page(html: str) -> Markup:
    """Return the text of a page as an entry's content."""
    return Markup(value=html, kind="html")
