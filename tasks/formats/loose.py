"""What is malformed beyond mending, read by feedparser: the one place in the project that knows it.

feedparser is given bytes in a `BytesIO` (a `bytes` argument that happens to be a path opens that file), one constant
address as base (its ids and links depend on the base, and without one `xml:base` leaks from an item into the next),
and text in which the elements that it confuses have other names: `guid` and `id` are resolved against the base,
`media:description` overwrites the body, `itunes:summary` the teaser.
"""

from __future__ import annotations

import html
import io
import re
from datetime import UTC, tzinfo
from typing import Any

from storage.records import BadEntry, Entry, FeedHints, Media, ParsedDocument
from tasks.formats import dates
from tasks.formats.drafts import Draft, Habits, entry
from tasks.formats.errors import ParseFailed
from tasks.formats.items import whole
from tasks.formats.limits import MAX_ITEMS, fit_for_feedparser
from tasks.formats.links import web_link
from tasks.formats.text import headline, storable
from tasks.formats.xmlfeed import ITEM_ERRORS, bad_entry

_HOST = "https://feed.invalid"
_BASE = f"{_HOST}/~1/~2/~3/"
_STEPS = ((_BASE, ""), (f"{_HOST}/~1/~2/", "../"), (f"{_HOST}/~1/", "../../"), (f"{_HOST}/", "/"))
_HEADERS = {"content-location": _BASE, "content-type": "application/xml; charset=utf-8"}
# The elements that get other names: attributes go, because feedparser keeps no text of an unknown element with any.
_RENAMED = re.compile(
    r"<(/?)(?:[A-Za-z]{1,12}:)?(?:(guid)|(id)|(?<=media:)(description)|(?<=itunes:)(summary)|(?<=itunes:)(subtitle)"
    r"|(?<=dc:)(date))(\s[^<>]{0,500})?>",
    re.IGNORECASE,
)
_NAMES = {2: "wrguid", 3: "wrid", 4: "wrmediadescription", 5: "wrsummary", 6: "wrsubtitle", 7: "wrdate"}
_NOT_PERMALINK = re.compile(r"""ispermalink\s*=\s*["']?\s*false""", re.IGNORECASE)
# Authors with text inside, one after the other. Their number makes each a name of its own, so that none is overwritten:
# feedparser's expression for an address takes quadratic time and eats half of `desk@paper.example`.
_AUTHOR = re.compile(
    r"<((?:dc:creator|dc:author|(itunes:author)|author|(managingEditor|webMaster|publisher|dc:publisher)))(?:\s[^<>]{0,200})?>"
    r"(?=\s{0,20}(?:[^<\s]|<!\[CDATA\[))([^<]{0,512})",
    re.IGNORECASE,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*)\]\]>", re.DOTALL)
_NAME_MAX = 512  # characters of an author
_VOID_END = re.compile(r"></(?:area|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)>")
_KINDS = {"text/plain": "text", "text/html": "html", "application/xhtml+xml": "html"}


def read(text: str, url: str, habits: Habits | None = None) -> ParsedDocument:
    """Read `text` with feedparser; raises `ParseFailed` for what it trips over, or would take too long about."""
    if not fit_for_feedparser(text):
        raise ParseFailed("too much for feedparser")
    import feedparser  # here, because most processes never meet a malformed item

    try:
        found = feedparser.parse(
            io.BytesIO(_renamed(text).encode("utf-8", "replace")),
            response_headers=_HEADERS,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:  # what hostile bytes may raise in there, nobody has listed (AssertionError was one)
        raise ParseFailed(f"feedparser: {type(error).__name__}: {error}"[:500]) from error
    version = str(found.get("version") or "")
    habits = habits or Habits(zone=_zone(found.feed), language=found.feed.get("language"))
    good: list[Entry] = []
    bad: list[BadEntry] = []
    for position, one in enumerate(found.entries[:MAX_ITEMS]):
        try:
            good.append(entry(_draft(one, position, url, rss=not version.startswith("atom")), habits))
        except ITEM_ERRORS as error:
            bad.append(bad_entry(position, error, b""))
    return ParsedDocument(
        hints=_hints(found.feed, url, version), entries=tuple(good), bad=tuple(bad), reader="feedparser"
    )


def _renamed(text: str) -> str:
    return _RENAMED.sub(_rename, _authors_numbered(text))


def _rename(found: re.Match[str]) -> str:
    name = next(new for group, new in _NAMES.items() if found[group])
    flag = "<wrnolink>1</wrnolink>" if found[2] and _NOT_PERMALINK.search(found[8] or "") else ""
    return f"{flag}<{found[1]}{name}>"


def _authors_numbered(text: str) -> str:
    """Give each author element that holds plain text a name with a number in it, and cut what is longer than a name."""
    pieces, at = [], 0
    unclosed: set[str] = set()  # what has no end tag from here on has none further on either: one look is enough
    for number, found in enumerate(_AUTHOR.finditer(text)):
        if found.start() < at or found[1] in unclosed:
            continue
        end = re.compile(rf"</{re.escape(found[1])}\s{{0,9}}>", re.IGNORECASE).search(text, found.end())
        if end is None:
            unclosed.add(found[1])
            continue
        name = f"wr{'show' if found[2] else 'desk' if found[3] else 'author'}{number}"
        inside = text[found.end(1) : end.start()].partition(">")[2].strip()
        quoted = _CDATA.fullmatch(inside)
        value = html.escape(quoted[1][:_NAME_MAX], quote=False) if quoted else inside[:_NAME_MAX]
        pieces += [text[at : found.start()], f"<{name}>{value}</{name}>"]
        at = end.end()
    return "".join([*pieces, text[at:]])


def _draft(one: Any, position: int, url: str, *, rss: bool) -> Draft:
    made = Draft(position=position, base=url)
    made.guid = one.get("wrguid") or one.get("wrid") or _relative(one.get("id"))
    made.link = _relative(one.get("feedburner_origlink") or one.get("link"))
    made.fallback_link = None if one.get("wrnolink") else made.guid
    made.title, made.title_kind = _kinded(one.get("title_detail"), one.get("title"), rss=rss)
    _texts(one, made, rss=rss)
    # `.get` falls back from updated to published by itself, so ask first whether it is there.
    made.updated = (one.get("updated") if "updated" in one else None) or one.get("wrdate")
    made.published = one.get("published") or (one.get("wrdate") if rss else None)
    made.authors = _people(one)
    made.categories = [
        (storable(tag.get("term") or ""), tag.get("scheme"), storable(tag.get("label") or ""))
        for tag in one.get("tags") or []
    ]
    made.media = _media(one, url)
    made.language = (one.get("title_detail") or {}).get("language")
    made.extra = {name: storable(value) for name, value in _extra(one, url).items()}
    return made


def _texts(one: Any, made: Draft, *, rss: bool) -> None:
    teaser = one.get("summary_detail")
    made.teaser, made.teaser_kind = _kinded(teaser, one.get("summary"), rss=rss)
    content = next(iter(one.get("content") or []), None)
    if content is not None:
        made.content, made.content_kind = _kinded(content, content.get("value"), rss=rss)
        made.link = made.link or _relative(content.get("src"))
        if not teaser:
            made.teaser = None  # feedparser copies the body into a missing summary
    if not made.teaser:
        made.teaser = storable(one.get("wrsummary") or one.get("wrsubtitle") or one.get("wrmediadescription") or "")
        made.teaser_kind = "guess"


def _people(one: Any) -> list[str]:
    """Return the authors in the order they stood; the show of a podcast only where there is no other."""
    for start in ("wrauthor", "wrshow"):
        found = sorted((int(name[len(start) :]), value) for name, value in one.items() if _numbered(name, start))
        if found:
            return [storable(value) for _, value in found]
    return [
        storable(name) for author in one.get("authors") or [] if (name := author.get("name") or author.get("email"))
    ]


def _numbered(name: str, start: str) -> bool:
    return name.startswith(start) and name[len(start) :].isdigit()


def _kinded(detail: Any, value: str | None, *, rss: bool) -> tuple[str | None, str]:
    """Return a text with its kind; RSS never says what its text is, and feedparser's guess would differ from ours."""
    declared = (detail or {}).get("type") or "text/plain"
    if declared not in _KINDS:
        return None, "guess"  # a picture or a document inside an entry is no text
    text = _unwrapped(_VOID_END.sub(">", value)) if value and declared.endswith("xhtml+xml") else value
    return storable(text) if text else None, "guess" if rss else _KINDS[declared]


def _unwrapped(value: str) -> str:
    """Take off the one `div` that Atom puts around XHTML and that is no part of it (RFC 4287 §3.1.1.3)."""
    only = value.startswith("<div") and value.endswith("</div>") and value.count("<div") == 1
    return value.partition(">")[2].removesuffix("</div>").strip() if only else value


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
        "status": one.get("pubstatus") or one.get("status"),
        "media_description": one.get("wrmediadescription"),
    }
    return {name: str(value) for name, value in extra.items() if value}


def _zone(feed: Any) -> tzinfo:
    stamps = (feed.get("published"), feed.get("updated") if "updated" in feed else None)
    readings = (dates.read(stamp) for stamp in stamps)
    return next((one.offset for one in readings if one and one.offset and not one.assumed), UTC)


def _hints(feed: Any, url: str, version: str) -> FeedHints:
    """Make hints of what feedparser found, without skipped hours: it keeps only the last of many."""
    ttl = whole(str(feed.get("ttl") or ""))
    hubs = [_relative(link.get("href")) for link in feed.get("links") or [] if link.get("rel") == "hub"]
    return FeedHints(
        title=headline(feed.get("title") or "") or None,
        site_url=web_link(_relative(feed.get("link")), url),
        language=feed.get("language"),
        format=version or None,
        ttl=ttl * 60 if ttl else None,
        hubs=tuple(address for hub in hubs if (address := web_link(hub, url))),
    )
