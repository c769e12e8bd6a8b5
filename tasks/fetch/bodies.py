"""A first look at a body: is it a page instead of a feed, and is it the document that we hold already?"""

from __future__ import annotations

import re
from hashlib import sha256

_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_PROLOG = re.compile(rb"\s*(?:<\?[^>]{0,500}>\s*|<!--.{0,2000}?-->\s*)*", re.DOTALL)
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|div|meta)[\s>]", re.IGNORECASE)
_FEED = re.compile(rb"<(?:[a-z0-9]{1,20}:)?(?:rss|feed|rdf|urlset|channel|newsml|newsitem|nitf)[\s>]", re.IGNORECASE)
# Tags in the head of a feed that say when the file was made, not what is in it.
_VOLATILE = re.compile(
    rb"<(lastBuildDate|pubDate|updated|dc:date|atom:updated|generator)\b[^>]{0,200}>[^<]{0,200}</\1\s*>",
    re.IGNORECASE,
)
_FIRST_ITEM = re.compile(rb"<(?:[A-Za-z0-9]{1,20}:)?(?:item|entry)[\s>]")
_LAST_COMMENT = re.compile(rb"(?:\s*<!--[^<]{0,500}-->)+\s*\Z")


def is_page(body: bytes) -> bool:
    """Say whether `body` is an HTML page (a login form, a placeholder) that was served where a feed should be."""
    head = body[:8192]
    for bom in _BOMS[1:]:
        if head.startswith(bom):
            head = head.replace(b"\x00", b"")
    head = head.removeprefix(_BOMS[0])
    match = _PROLOG.match(head)
    start = head[match.end() if match else 0 :]
    return _PAGE.match(start) is not None and _FEED.search(head) is None


def digest(body: bytes) -> str:
    """Return the sha256 (hex) of `body` without what changes on every request.

    Only the part before the first item loses its build dates, and the end its comments ("served in 0.2 s"): inside
    an item a date is content.
    """
    first = _FIRST_ITEM.search(body)
    start = first.start() if first else 0
    end = _LAST_COMMENT.search(body, max(start, len(body) - 2048))
    whole = sha256(_VOLATILE.sub(b"", body[:start]))
    whole.update(memoryview(body)[start : end.start() if end else len(body)])
    return whole.hexdigest()
