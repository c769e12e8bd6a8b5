"""JSON Feed 1.0 and 1.1 to entries (jsonfeed.org/version/1.1)."""

from __future__ import annotations

import json
from typing import Any

from storage.records import BadEntry, Entry, FeedHints, Media, ParsedDocument
from tasks.formats import sniff
from tasks.formats.drafts import Draft, Habits, entry
from tasks.formats.limits import MAX_ITEMS
from tasks.formats.links import web_link
from tasks.formats.text import storable
from tasks.formats.xmlfeed import ITEM_ERRORS, bad_entry


def read(text: str, url: str) -> ParsedDocument:
    """Read a JSON Feed; raises `NotAFeed` for any other JSON."""
    try:
        feed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise sniff.json_refusal(text) from error
    items = feed.get("items") if isinstance(feed, dict) else None
    version = str(feed.get("version") or "") if isinstance(feed, dict) else ""
    if not isinstance(items, list) or not ("jsonfeed.org/version/" in version or _alike(feed, items)):
        raise sniff.json_refusal(text)
    habits = Habits(language=_word(feed.get("language")))
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for position, item in enumerate(items[:MAX_ITEMS]):
        try:
            good.append(entry(_draft(item, position, url, feed), habits))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(position, error, json.dumps(item).encode()))
    return ParsedDocument(hints=_hints(feed, url, version), entries=tuple(good), bad=tuple(bad), reader="json")


def _alike(feed: dict[str, Any], items: list[Any]) -> bool:
    """Whether a document without a version is a JSON Feed all the same: titled, and its items look the part."""
    known = {"id", "url", "content_html", "content_text"}
    return "title" in feed and bool(items) and all(isinstance(one, dict) and known & one.keys() for one in items[:5])


def _draft(item: Any, position: int, url: str, feed: dict[str, Any]) -> Draft:
    if not isinstance(item, dict):
        raise TypeError(f"item is {type(item).__name__}, not an object")
    made = Draft(position=position, base=url)
    # 1.1 wants a string; numbers are written all the same and mean the same id.
    made.guid = _word(item.get("id"))
    made.link, made.fallback_link = _word(item.get("url")) or _word(item.get("external_url")), made.guid
    made.title, made.title_kind = _word(item.get("title")), "text"
    if html := _word(item.get("content_html")):
        made.content, made.content_kind = html, "html"
    else:
        made.content, made.content_kind = _word(item.get("content_text")), "text"
    made.teaser, made.teaser_kind = _word(item.get("summary")), "text"
    made.published, made.updated = _word(item.get("date_published")), _word(item.get("date_modified"))
    made.authors = _authors(item) or _authors(feed)
    made.categories = [(_word(tag), None, None) for tag in _list(item.get("tags"))]
    made.language = _word(item.get("language"))
    made.media = _media(item, url)
    made.extra = {"external_url": web_link(_word(item.get("external_url")), url) or ""}
    # Extensions of JSON Feed begin with an underscore; ninjs has the same word without.
    if status := _word(item.get("_pubstatus")) or _word(item.get("pubstatus")):
        made.extra["status"] = status
    return made


def _authors(holder: dict[str, Any]) -> list[str]:
    """Read `authors` (1.1) or `author` (1.0)."""
    people = [*_list(holder.get("authors")), holder.get("author")]
    return [name for one in people if isinstance(one, dict) and (name := _word(one.get("name")))]


def _media(item: dict[str, Any], url: str) -> list[Media]:
    made = []
    for one in _list(item.get("attachments")):
        address = web_link(_word(one.get("url")), url) if isinstance(one, dict) else None
        if address:
            size = one.get("size_in_bytes")
            title = _word(one.get("title"))
            made.append(
                Media(
                    url=address,
                    type=_word(one.get("mime_type")),
                    size=size if isinstance(size, int) else None,
                    title=title,
                )
            )
    pictures = [web_link(_word(item.get(key)), url) for key in ("image", "banner_image")]
    return made + [Media(url=address) for address in pictures if address]


def _hints(feed: dict[str, Any], url: str, version: str) -> FeedHints:
    hubs = [web_link(_word(hub.get("url")), url) for hub in _list(feed.get("hubs")) if isinstance(hub, dict)]
    return FeedHints(
        title=_word(feed.get("title")),
        site_url=web_link(_word(feed.get("home_page_url")), url),
        language=_word(feed.get("language")),
        format="json11" if version.rstrip("/").endswith("1.1") else "json1",
        hubs=tuple(hub for hub in hubs if hub),
        self_url=web_link(_word(feed.get("feed_url")), url),
    )


def _word(value: Any) -> str | None:
    """Return a string or a number as text; None for everything else. JSON can carry what no database keeps (NUL)."""
    if isinstance(value, str):
        return storable(value).strip() or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
