"""What is malformed beyond mending, read by feedparser: the one place in the project that knows it.

feedparser is given bytes in a `BytesIO` (a `bytes` argument that happens to be a path opens that file), one constant
address as base (its ids and links depend on the base, and without one `xml:base` leaks from an item into the next),
and text in which the elements that it confuses have other names: `guid` and `id` are resolved against the base,
`media:description` overwrites the body, `itunes:summary` the teaser.
"""

from __future__ import annotations

import io
import re
from typing import Any

import feedparser

from storage.records import BadEntry, Entry, FeedHints, Media, ParsedDocument
from tasks.formats.drafts import Draft, Habits, entry
from tasks.formats.items import whole
from tasks.formats.links import web_link
from tasks.formats.xmlfeed import ITEM_ERRORS, bad_entry

_HOST = "http://feed.invalid"
_BASE = f"{_HOST}/~1/~2/~3/"
_STEPS = ((_BASE, ""), (f"{_HOST}/~1/~2/", "../"), (f"{_HOST}/~1/", "../../"), (f"{_HOST}/", "/"))
_HEADERS = {"content-location": _BASE, "content-type": "application/xml; charset=utf-8"}
_RENAMED = re.compile(
    r"<(/?)(?:(guid)|(id)|(media:description)|(itunes:summary)|(itunes:subtitle))(\s[^<>]{0,500})?>", re.IGNORECASE
)
_NAMES = {2: "wrguid", 3: "wrid", 4: "wrmediadescription", 5: "wrsummary", 6: "wrsubtitle"}
_NOT_PERMALINK = re.compile(r"""ispermalink\s*=\s*["']?\s*false""", re.IGNORECASE)
# feedparser's expression for an author's address takes time quadratic in the length of the text.
_LONG_AUTHOR = re.compile(
    r"(<((?:[A-Za-z0-9]{1,20}:)?(?:author|creator|managingEditor|webMaster|name|publisher|owner|email))\b[^<>]{0,200}>)"
    r"([^<]{512})[^<]*",
    re.IGNORECASE,
)
_KINDS = {"text/plain": "text", "text/html": "html", "application/xhtml+xml": "html"}


def read(text: str, url: str, *, habits: Habits | None = None, raw: tuple[bytes, ...] = ()) -> ParsedDocument:
    """Read `text` with feedparser; `raw` are the bytes of its items, in order, for the quarantine."""
    found = feedparser.parse(
        io.BytesIO(_renamed(_LONG_AUTHOR.sub(r"\1\3", text)).encode("utf-8", "replace")),
        response_headers=_HEADERS,
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    version = str(found.get("version") or "")
    habits = habits or Habits(language=found.feed.get("language"))
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for position, one in enumerate(found.entries):
        try:
            good.append(entry(_draft(one, position, url, rss=not version.startswith("atom")), habits))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(position, error, raw[position] if position < len(raw) else b""))
    return ParsedDocument(
        hints=_hints(found.feed, url, version), entries=tuple(good), bad=tuple(bad), reader="feedparser"
    )


def _renamed(text: str) -> str:
    return _RENAMED.sub(_rename, text)


def _rename(found: re.Match[str]) -> str:
    name = next(new for group, new in _NAMES.items() if found[group])
    if found[2] and not found[1] and _NOT_PERMALINK.search(found[7] or ""):
        # The flag travels as an element of its own: an element with attributes keeps no text in feedparser.
        return f"<wrnolink>1</wrnolink><{name}>"
    return f"<{found[1]}{name}>"


def _draft(one: Any, position: int, url: str, *, rss: bool) -> Draft:
    made = Draft(position=position, base=url)
    made.guid = one.get("wrguid") or one.get("wrid") or _relative(one.get("id"))
    made.link = _relative(one.get("feedburner_origlink") or one.get("link"))
    made.fallback_link = None if one.get("wrnolink") else made.guid
    made.title, made.title_kind = _kinded(one.get("title_detail"), one.get("title"), guess=rss)
    teaser = one.get("summary_detail")
    made.teaser, made.teaser_kind = _kinded(teaser, one.get("summary"), guess=rss)
    contents = one.get("content") or []
    if contents:
        made.content, made.content_kind = _kinded(contents[0], contents[0].get("value"), guess=rss)
        if made.teaser == made.content and not teaser:
            made.teaser = None  # feedparser copies the body into a missing summary
    if not made.teaser:
        made.teaser = one.get("wrsummary") or one.get("wrsubtitle") or one.get("wrmediadescription")
        made.teaser_kind = "guess"
    made.published = one.get("published")
    # `.get` falls back from updated to published by itself, so ask first whether it is there.
    made.updated = one.get("updated") if "updated" in one else None
    if rss and not made.published:
        made.published = made.updated
    made.authors = [name for author in one.get("authors") or [] if (name := author.get("name") or author.get("email"))]
    if not made.authors and one.get("author"):
        made.authors = [one["author"]]
    made.categories = [(tag.get("term"), tag.get("scheme"), tag.get("label")) for tag in one.get("tags") or []]
    made.media = _media(one, url)
    made.language = (one.get("title_detail") or {}).get("language")
    made.extra = _extra(one, url)
    return made


def _kinded(detail: Any, value: str | None, *, guess: bool) -> tuple[str | None, str]:
    kind = _KINDS.get((detail or {}).get("type", ""), "guess")
    # RSS never says what its text is; feedparser's own guess would differ from ours.
    return value or None, "guess" if (guess and kind != "html") or not detail else kind


def _relative(value: str | None) -> str | None:
    """Take the constant base off again."""
    if value and value.startswith(_HOST):
        for base, step in _STEPS:
            if value.startswith(base):
                return step + value[len(base) :]
    return value


def _media(one: Any, url: str) -> list[Media]:
    credit = next((who["content"] for who in one.get("media_credit") or [] if who.get("content")), None)
    made = [
        Media(url=address, type=found.get("type"), size=whole(found.get("length")))
        for found in one.get("enclosures") or []
        if (address := web_link(_relative(found.get("href")), url))
    ]
    contents = one.get("media_content") or ([] if made else one.get("media_thumbnail") or [])
    made += [
        Media(url=address, type=found.get("type"), size=whole(found.get("filesize")), credit=credit)
        for found in contents
        if (address := web_link(_relative(found.get("url")), url))
    ]
    return made


def _extra(one: Any, url: str) -> dict[str, str]:
    source = one.get("source") or {}
    extra = {
        "rights": one.get("rights"),
        "source": source.get("title") or source.get("value"),
        "source_url": web_link(_relative(source.get("href") or source.get("link")), url),
        "publisher": one.get("publisher"),
        "media_description": one.get("wrmediadescription"),
    }
    return {name: str(value) for name, value in extra.items() if value}


def _hints(feed: Any, url: str, version: str) -> FeedHints:
    """Make hints of what feedparser found, without skipped hours: it keeps only the last of many."""
    ttl = whole(str(feed.get("ttl") or ""))
    hubs = [_relative(link.get("href")) for link in feed.get("links") or [] if link.get("rel") == "hub"]
    return FeedHints(
        title=feed.get("title") or None,
        site_url=web_link(_relative(feed.get("link")), url),
        language=feed.get("language"),
        format=version or None,
        ttl=ttl * 60 if ttl else None,
        hubs=tuple(address for hub in hubs if (address := web_link(hub, url))),
    )
