"""One item element of RSS 0.9 to 2.0, RSS 1.0 or Atom to a `Draft`: which element is headline, teaser, body, date."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from lxml import etree

from storage.records import Media
from tasks.formats import names
from tasks.formats.drafts import Draft
from tasks.formats.links import base_of, web_link
from tasks.formats.tree import inner, text_of

_Grouped = dict[str, list[etree._Element]]  # noqa: SLF001  lxml has no other name for the class

_ALTERNATE = {"alternate", "http://www.iana.org/assignments/relation/alternate"}
_ATOM_KINDS = {
    "text": "text", "text/plain": "text", "plain": "text",
    "html": "html", "text/html": "html", "xhtml": "html", "application/xhtml+xml": "html",
}  # fmt: skip
_MEDIA_SCHEME = "http://search.yahoo.com/mrss/category_schema"
_ITUNES_SCHEME = "http://www.itunes.com/"
# The body, then the teaser: the first element that has text wins. media:description describes a picture, and
# itunes:summary repeats the podcast's blurb, so both speak only where the item says nothing itself.
_TITLES = ("title", "atom:title", "dc:title", "media:title", "itunes:title")
_BODIES = ("content:encoded", "atom:content", "fullitem", "xhtml:body", "body", "xhtml:div", "content")
_TEASERS = ("description", "atom:summary", "summary", "abstract", "dc:description", "dcterms:abstract")
_LAST_TEASERS = ("itunes:summary", "itunes:subtitle", "media:description")
_PUBLISHED = ("pubdate", "atom:published", "atom:issued", "published", "dcterms:issued", "dcterms:available", "issued")
_UPDATED = ("atom:updated", "atom:modified", "dcterms:modified", "updated", "modified", "dc:date", "date")
_EXTRA = {
    "source": "source", "rights": "rights", "atom:rights": "rights", "dc:rights": "rights", "media:copyright": "rights",
    "copyright": "rights", "dc:publisher": "publisher", "media:credit": "credit", "news:genres": "genres",
    "news:stock_tickers": "tickers", "media:description": "media_description",
    "pubstatus": "status", "?:pubstatus": "status", "status": "status",
}  # fmt: skip
_EXTRA_NAMES = {*_EXTRA, "atom:source"}
_CATEGORY_NAMES = {
    "category", "atom:category", "dc:subject", "media:category", "itunes:category", "itunes:keywords",
    "media:keywords", "news:keywords",
}  # fmt: skip
_MEDIA_NAMES = {"enclosure", "atom:link", "media:content", "media:thumbnail"}


def draft(item: etree._Element, position: int, base: str, language: str | None, *, atom: bool) -> Draft:
    """Read `item`; `base` and `language` are those in force around it."""
    found = _group(item)
    made = Draft(position=position, base=base_of(base, item.get(names.XML_BASE)))
    made.language = _first(found, ("dc:language", "language")) or _language(found, item) or language
    made.guid = _first(found, ("guid", "atom:id", "id")) or item.get(names.RDF_ABOUT)
    made.link, made.fallback_link = _link(found, made, item)
    _texts(found, made, atom=atom)
    made.published, made.updated = _first(found, _PUBLISHED), _first(found, _UPDATED)
    if not atom and made.published is None and ("dc:date" in found or "date" in found):
        made.published = _first(found, ("dc:date", "date"))
    made.authors = _authors(found)
    # Most items have few of these elements: one look at the names says which of the rest is worth asking for.
    if not _CATEGORY_NAMES.isdisjoint(found):
        made.categories = _categories(found)
    if not _MEDIA_NAMES.isdisjoint(found):
        made.media = _media(found, made.base)
    if not _EXTRA_NAMES.isdisjoint(found):
        made.extra = _extra(found, made.base)
    return made


def _group(item: etree._Element) -> _Grouped:
    found: _Grouped = {}
    for child in item:
        name = names.short(child.tag)
        found.setdefault(name, []).append(child)
        if name == "media:group":
            for inner_child in child:
                found.setdefault(names.short(inner_child.tag), []).append(inner_child)
    return found


def _first(found: _Grouped, wanted: Iterable[str]) -> str | None:
    for name in wanted:
        for element in found.get(name, ()):
            value = text_of(element)
            if value:
                return value
    return None


def _link(found: _Grouped, made: Draft, item: etree._Element) -> tuple[str | None, str | None]:
    """Return the item's address and the one to fall back to: original over proxy, element over attribute over guid."""
    permalink = all(_is_permalink(guid) for guid in found.get("guid", ()))
    fallback = made.guid if permalink else item.get(names.RDF_ABOUT)
    original = _first(found, ("feedburner:origlink",))
    if original and original.startswith(("http://", "https://")):
        return original, fallback
    for element in found.get("link", ()):
        value = text_of(element) or element.get("href")
        if value:
            return value, fallback
    return _alternate(found.get("atom:link", ()), made.base) or _out_of_line(found), fallback


def _language(found: _Grouped, item: etree._Element) -> str | None:
    """Return the language that the item declares; what its headline declares goes before (RFC 4287 §2)."""
    titles = found.get("title") or found.get("atom:title") or ()
    return next((value for title in titles if (value := title.get(names.XML_LANG))), None) or item.get(names.XML_LANG)


def _is_permalink(guid: etree._Element) -> bool:
    """Whether a guid is an address too; RSS 2.0 takes it for one unless `isPermaLink` says false."""
    flag = next((value for name, value in guid.attrib.items() if str(name).lower() == "ispermalink"), "true")
    return str(flag).strip().lower() != "false"


def _alternate(links: Iterable[etree._Element], base: str) -> str | None:
    second = None
    for link in links:
        href = link.get("href")
        if not href or (link.get("rel") or "alternate").lower() not in _ALTERNATE:
            continue
        href = web_link(href, base_of(base, link.get(names.XML_BASE))) or href
        if (link.get("type") or "text/html").lower() in {"text/html", "html", "application/xhtml+xml"}:
            return href
        second = second or href
    return second


def _out_of_line(found: _Grouped) -> str | None:
    return next((src for one in found.get("atom:content", ()) if (src := one.get("src"))), None)


def _texts(found: _Grouped, made: Draft, *, atom: bool) -> None:
    made.title, made.title_kind = _pick(found, _TITLES, atom=atom)
    made.content, made.content_kind = _pick(found, _BODIES, atom=atom)
    made.teaser, made.teaser_kind = _pick(found, _TEASERS, atom=atom)
    described = found.get("description", ())
    if made.content is None and len(described) > 1:
        made.content, made.content_kind = text_of(described[1]), "guess"
    if made.teaser is None:
        made.teaser, made.teaser_kind = _pick(found, _LAST_TEASERS, atom=atom)


def _pick(found: _Grouped, wanted: Iterable[str], *, atom: bool) -> tuple[str | None, str]:
    for name in wanted:
        for element in found.get(name, ()):
            value, kind = _construct(element, atom=atom and name.startswith("atom:"))
            if value:
                return value, kind
    return None, "guess"


def _construct(element: etree._Element, *, atom: bool) -> tuple[str | None, str]:
    """Read a text construct (RFC 4287 §3.1) or an RSS element, which never says whether it is HTML."""
    declared = (element.get("type") or "").strip().lower()
    if not atom:
        return text_of(element), _ATOM_KINDS.get(declared, "guess") if declared.startswith("text/html") else "guess"
    kind = _ATOM_KINDS.get(declared or "text")
    if declared in {"xhtml", "application/xhtml+xml"}:
        div = element[0] if len(element) == 1 and names.short(element[0].tag) == "xhtml:div" else element
        return inner(div).strip() or None, "html"
    if kind is None and not declared.startswith("text/"):
        return None, "guess"  # a picture or a document inside an entry is no text
    if kind == "html" and len(element) == 1 and not len(element[0]) and names.short(element[0].tag) == "xhtml:div":
        return text_of(element[0]), kind  # escaped markup inside a real `div`, as a big blog host wrote it for years
    value = text_of(element)
    if value and element.get("mode") == "base64":
        return _from_base64(value), kind or "text"
    return value, "html" if len(element) else kind or "text"


def _from_base64(value: str) -> str:
    """Decode what Atom 0.3 could carry; what does not decode stays as it is."""
    try:
        return base64.b64decode(value, validate=False).decode("utf-8").strip()
    except ValueError:
        return value


def _authors(found: _Grouped) -> list[str]:
    people = []
    for element in found.get("atom:author", ()) or found.get("author", ()):
        named = {names.short(child.tag).rpartition(":")[2]: child for child in element}
        person = named.get("name") if named.get("name") is not None else named.get("email")
        value = text_of(person) if person is not None else text_of(element) if not len(element) else None
        if value:
            people.append(value)
    for name in ("dc:creator", "dc:author"):
        people += [value for element in found.get(name, ()) if (value := text_of(element))]
    return people or [value for element in found.get("itunes:author", ()) if (value := text_of(element))]


def _categories(found: _Grouped) -> list[tuple[str | None, str | None, str | None]]:
    made = [
        (text_of(element) or element.get("term"), element.get("domain") or element.get("scheme"), element.get("label"))
        for element in found.get("category", ())
    ]
    made += [
        (one.get("term") or text_of(one), one.get("scheme"), one.get("label")) for one in found.get("atom:category", ())
    ]
    made += [(text_of(element), None, None) for element in found.get("dc:subject", ())]
    made += [
        (text_of(element), element.get("scheme") or _MEDIA_SCHEME, element.get("label"))
        for element in found.get("media:category", ())
    ]
    made += [(element.get("text"), _ITUNES_SCHEME, None) for element in found.get("itunes:category", ())]
    for name, scheme in (("itunes:keywords", _ITUNES_SCHEME), ("media:keywords", None), ("news:keywords", None)):
        for element in found.get(name, ()):
            made += [(word.strip(), scheme, None) for word in (text_of(element) or "").split(",") if word.strip()]
    return made


def _media(found: _Grouped, base: str) -> list[Media]:
    made = [
        _medium(one, base, one.get("url") or one.get("href"), one.get("length")) for one in found.get("enclosure", ())
    ]
    made += [
        _medium(one, base, one.get("href"), one.get("length"))
        for one in found.get("atom:link", ())
        if (one.get("rel") or "").lower() == "enclosure"
    ]
    made += [
        _medium(one, base, one.get("url"), one.get("fileSize") or one.get("filesize"), found)
        for one in found.get("media:content", ())
    ]
    kept = [one for one in made if one]
    if not kept:
        thumbnails = [_medium(one, base, one.get("url"), None, found) for one in found.get("media:thumbnail", ())]
        kept = [one for one in thumbnails if one]
    return kept


def _medium(
    element: etree._Element, base: str, url: str | None, size: str | None, around: _Grouped | None = None
) -> Media | None:
    address = web_link(url, base)
    if address is None:
        return None
    inside = _group(element) if len(element) else {}
    outside = around or {}
    credit = _first(inside, ("media:credit",)) or _first(outside, ("media:credit",))
    title = _first(inside, ("media:title", "media:description")) or element.get("title")
    return Media(url=address, type=element.get("type"), size=whole(size), title=title, credit=credit)


def whole(value: str | None) -> int | None:
    """Return a count that a feed wrote; None for what is none (`1.2 MB`, `-1`) or fits no database's integer."""
    digits = (value or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def _extra(found: _Grouped, base: str) -> dict[str, str]:
    extra: dict[str, str] = {}
    for name, key in _EXTRA.items():
        if name in found and key not in extra:
            value = _first(found, (name,))
            if value:
                extra[key] = value
    for source in found.get("source", ()):
        if address := web_link(source.get("url"), base):
            extra.setdefault("source_url", address)
    for source in found.get("atom:source", ()):
        inside = _group(source)
        if title := _first(inside, ("atom:title",)):
            extra.setdefault("source", title)
        if address := web_link(_alternate(inside.get("atom:link", ()), base), base):
            extra.setdefault("source_url", address)
    return extra
