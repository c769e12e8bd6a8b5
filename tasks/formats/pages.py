"""From the page of an article to the article: the part of the page that is its text, as HTML for the normalizer.

readability-lxml finds it: of the extractors that are kept up it lost no page and most rarely took other text for the
article's (docs/polling.md has the figures). It knows nothing of repeats or boilerplate, which is the normalizer's work.
"""

from __future__ import annotations

import re

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
