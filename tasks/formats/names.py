"""Namespaces as feeds spell them, brought to one short name per element."""

from __future__ import annotations

# Address of a namespace, lower case, without scheme and trailing slash or hash -> the prefix that we use for it.
_PREFIXES = {
    "www.w3.org/2005/atom": "atom",
    "purl.org/atom/ns": "atom",
    "purl.org/rss/1.0": "",
    "my.netscape.com/rdf/simple/0.9": "",
    "channel.netscape.com/rdf/simple/0.9": "",
    "purl.org/net/rss1.1": "",
    "backend.userland.com/rss": "",
    "backend.userland.com/rss2": "",
    "backend.userland.com/rss091": "",
    "blogs.law.harvard.edu/tech/rss": "",
    "purl.org/rss/1.0/modules/rss091": "",
    "purl.org/rss/2.0": "",
    "purl.org/rss/1.0/modules/content": "content",
    "purl.org/rss/1.0/modules/syndication": "sy",
    "purl.org/dc/elements/1.0": "dc",
    "purl.org/dc/elements/1.1": "dc",
    "purl.org/dc/terms": "dcterms",
    "search.yahoo.com/mrss": "media",
    "www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "www.w3.org/1999/xhtml": "xhtml",
    "www.w3.org/1999/02/22-rdf-syntax-ns": "rdf",
    "www.sitemaps.org/schemas/sitemap/0.9": "sitemap",
    "www.google.com/schemas/sitemap/0.84": "sitemap",
    "www.google.com/schemas/sitemap/0.9": "sitemap",
    "www.google.com/schemas/sitemap-news/0.9": "news",
    "www.google.com/schemas/sitemap-image/1.1": "image",
    "purl.org/atompub/tombstones/1.0": "at",
    "www.w3.org/xml/1998/namespace": "xml",
}
# Declared around items that stand alone, and where a feed uses a prefix that it forgot to declare.
KNOWN_PREFIXES = {
    "content": "http://purl.org/rss/1.0/modules/content/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "media": "http://search.yahoo.com/mrss/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "feedburner": "http://rssnamespace.org/feedburner/ext/1.0",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "atom": "http://www.w3.org/2005/Atom",
    "xhtml": "http://www.w3.org/1999/xhtml",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "news": "http://www.google.com/schemas/sitemap-news/0.9",
}
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_UNKNOWN = "?"
_cache: dict[str, str] = {}
_CACHE_MAX = 4_096  # names; a hostile feed invents more, and then the table starts anew


def short(tag: str) -> str:
    """Return `{http://purl.org/dc/elements/1.1/}creator` as `dc:creator`; RSS's own elements have no prefix.

    Foreign namespaces come out as `?:name`. Names are lower case: `pubdate` and `PubDate` are both out there.
    """
    known = _cache.get(tag)
    if known is None:
        known = _short(tag)
        if len(_cache) >= _CACHE_MAX:
            _cache.clear()
        _cache[tag] = known
    return known


def _short(tag: str) -> str:
    if not isinstance(tag, str):
        return _UNKNOWN  # lxml gives a function as the tag of what is no element
    if not tag.startswith("{"):
        return tag.lower()
    address, _, local = tag[1:].partition("}")
    key = address.lower().partition("://")[2].rstrip("/#") or address.lower()
    prefix = _PREFIXES.get(key, _UNKNOWN)
    return f"{prefix}:{local.lower()}" if prefix else local.lower()
