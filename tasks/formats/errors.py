"""What can go wrong between bytes and entries.

FormatError
├── NotAFeed        the document is something else: a page, a login form, an error in JSON, nothing at all
├── NoArticle       a page on which no article's text was found
└── ParseFailed     it is a feed, and no reader could make entries of it
    └── ParseKilled reading it took more CPU or memory than a document may; the child that read it is gone
"""

from __future__ import annotations

from enum import StrEnum


class LooksLike(StrEnum):
    """What a document that is no feed seems to be."""

    EMPTY = "empty"
    LOGIN = "login page"
    CHALLENGE = "bot challenge"
    HTML = "html page"
    JSON_ERROR = "json error"
    JSON = "json"
    XML = "other xml"
    BINARY = "binary"
    TEXT = "text"


class FormatError(ValueError):
    """A document that did not become entries."""


class NotAFeed(FormatError):
    """The document is not a feed in any format we read; `looks_like` says what it is instead."""

    def __init__(self, looks_like: LooksLike, detail: str = "") -> None:
        self.looks_like = looks_like
        self.detail = detail
        super().__init__(f"not a feed but {looks_like}{f': {detail}' if detail else ''}")

    def __reduce__(self) -> tuple[type[NotAFeed], tuple[LooksLike, str]]:
        """Cross a pipe whole: the parse child hands its error to the parent."""
        return NotAFeed, (self.looks_like, self.detail)


class NoArticle(FormatError):
    """No article's text was found on the page; the text says what is there instead."""


class ParseFailed(FormatError):
    """The document says that it is a feed, but no reader could read it."""


class ParseKilled(ParseFailed):
    """The parse child went over its limit of CPU seconds or memory and was ended."""
