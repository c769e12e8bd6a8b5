"""Subscription lists: OPML 1.0 and 2.0 in, OPML 2.0 out (opml.org/spec2.opml)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from tasks.formats import charset, mend, sniff, tree
from tasks.formats.errors import ParseFailed
from tasks.formats.limits import overloaded
from tasks.formats.links import web_link
from tasks.formats.text import headline, storable

_FOLDERS_MAX = 16  # nested deeper is a mistake or worse


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One feed of a list; `folders` is the way to it from the outside in."""

    url: str
    title: str | None = None
    site_url: str | None = None
    folders: tuple[str, ...] = ()


def parse(body: bytes) -> tuple[Subscription, ...]:
    """Read a list, each address once, in order; raises `NotAFeed` for what is no OPML."""
    text, _ = charset.decode(body, None)
    text = mend.without_doctype(mend.start_of(text))
    if overloaded(text):
        raise ParseFailed("more markup than a list of feeds can have")
    try:
        root: etree._Element | None = tree.strict(mend.mended(text)) if text else None
    except tree.MalformedError:
        root = tree.recovered(mend.mended(text))
    if root is None or tree.local(root).lower() != "opml":
        raise sniff.refusal(text, body, None if root is None else tree.local(root))
    found: dict[str, Subscription] = {}
    for outline in root:
        if tree.local(outline).lower() == "body":
            for subscription in _outlines(outline, ()):
                found.setdefault(subscription.url, subscription)
    return tuple(found.values())


def _outlines(parent: etree._Element, folders: tuple[str, ...]) -> Iterator[Subscription]:
    for outline in parent:
        if tree.local(outline).lower() != "outline":
            continue
        # Exporters spell the attributes as they like: xmlUrl, xmlurl, XMLURL.
        words = {str(name).lower(): str(value) for name, value in outline.attrib.items()}
        title = headline(words.get("title") or words.get("text") or "", literal=True) or None
        address = words.get("xmlurl") or (
            words.get("url") if words.get("type", "").lower() in {"rss", "atom"} else None
        )
        url = web_link(address, address) if address else None
        if url:
            site = words.get("htmlurl")
            yield Subscription(url=url, title=title, site_url=web_link(site, url) if site else None, folders=folders)
        elif len(folders) < _FOLDERS_MAX:
            yield from _outlines(outline, (*folders, title) if title else folders)


def render(subscriptions: Iterable[Subscription], *, title: str, created: datetime) -> bytes:
    """Write a list that every reader takes: one outline per feed, in its folders."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = storable(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(created)
    body = etree.SubElement(root, "body")
    places: dict[tuple[str, ...], etree._Element] = {(): body}
    for subscription in subscriptions:
        name = storable(subscription.title or subscription.url)
        outline = etree.SubElement(_place(places, subscription.folders), "outline", type="rss", text=name, title=name)
        outline.set("xmlUrl", subscription.url)
        if subscription.site_url:
            outline.set("htmlUrl", subscription.site_url)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _place(places: dict[tuple[str, ...], etree._Element], folders: tuple[str, ...]) -> etree._Element:
    """Return the outline of a folder, made with those around it when it is not there yet."""
    if folders not in places:
        name = storable(folders[-1])
        places[folders] = etree.SubElement(_place(places, folders[:-1]), "outline", text=name, title=name)
    return places[folders]
