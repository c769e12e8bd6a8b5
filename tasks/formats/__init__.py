"""Bytes to entries, pure: RSS 0.9 to 2.0, RSS 1.0, Atom, JSON Feed, news sitemaps. feedparser lives only in `loose`."""

from tasks.formats.documents import parse
from tasks.formats.errors import FormatError, LooksLike, NoArticle, NotAFeed, ParseFailed, ParseKilled
from tasks.formats.guarded import article_guarded, parse_guarded

__all__ = [
    "FormatError",
    "LooksLike",
    "NoArticle",
    "NotAFeed",
    "ParseFailed",
    "ParseKilled",
    "article_guarded",
    "parse",
    "parse_guarded",
]
