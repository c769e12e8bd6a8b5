"""Addresses as feeds give them, made absolute and safe to keep."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_REFERENCE = re.compile(r"&amp;", re.IGNORECASE)
# What is nearly every link: plain, absolute, nothing to put right. Latin letters with accents stand in many a path.
_PLAIN = re.compile(
    r"https?://(?:[A-Za-z0-9\-]{1,63}\.){1,20}[A-Za-z0-9\-]{1,63}"
    r"(?:/[A-Za-z0-9\-._~!$'()*+,;=:@/?%#&\u00c0-\u024f]{0,2000})?"
)
_MAX = 4_096  # characters; no server takes more


def web_link(raw: str | None, base: str) -> str | None:
    """Return `raw` joined to `base` when that is an http or https address with a host; None for anything else.

    Line breaks and tabs inside are dropped as browsers do, other blanks are quoted: an address is later written into
    headers and logs, where a line break would start a line of its own.
    """
    if not raw:
        return None
    if _PLAIN.fullmatch(raw) and "&amp;" not in raw:
        return raw
    text = re.sub(r"[\r\n\t]", "", raw.strip())
    if not text or len(text) > _MAX:
        return None
    if "&amp;" in text:
        text = _REFERENCE.sub("&", text)  # escaped once too often, by far the most common fault in a link
    try:
        joined = text if text.startswith(("http://", "https://")) else urljoin(base, text)
        parts = urlsplit(joined)
        joined.encode()
        if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
            return None
    except ValueError:
        return None  # http://[::1 and its like, or half of a surrogate pair
    return _UNSAFE.sub(lambda found: quote(found[0]), joined) if _UNSAFE.search(joined) else joined


def base_of(url: str, xml_base: str | None) -> str:
    """Return the base that `xml:base` sets below `url`; a base that is no web address is ignored."""
    return web_link(xml_base, url) or url if xml_base else url
