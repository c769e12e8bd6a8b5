"""What a document is that is no feed: said in a word the operator understands."""

from __future__ import annotations

import json
import re

from tasks.formats.errors import LooksLike, NotAFeed

_LOGIN = re.compile(
    r"""type\s*=\s*["']?password|<title>[^<]{0,80}\b(?:log\s?in|sign\s?in|anmelden|anmeldung|einloggen)\b""",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"cf-challenge|challenge-platform|just a moment\.\.\.|attention required|captcha|enable javascript and cookies"
    r"|_incapsula_|datadome",
    re.IGNORECASE,
)
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|script)\b",
    re.IGNORECASE | re.DOTALL,
)
_SIGNATURES = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"RIFF",
    b"\x28\xb5\x2f\xfd",
    b"OggS",
    b"ID3",
)
_HEAD = 65_536  # characters looked at


def is_page(text: str) -> bool:
    """Whether `text` begins as an HTML page does."""
    return _HTML.match(text[:4_096]) is not None


def refusal(text: str, body: bytes, root: str | None = None) -> NotAFeed:
    """Return the error that says what the document is; `root` is the name of its root element where there is one."""
    if not body.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        return NotAFeed(LooksLike.EMPTY)
    if body.startswith(_SIGNATURES) or body[:512].count(0) > 16:
        return NotAFeed(LooksLike.BINARY)
    head = text[:_HEAD]
    if root == "html" or is_page(head) or re.search(r"</(?:html|body|head)>", head, re.IGNORECASE):
        return _page(head)
    if root or head.lstrip().startswith("<?xml"):
        return NotAFeed(LooksLike.XML, f"root element <{root[:80]}>" if root else "")
    if head.lstrip()[:1] in {"{", "["}:
        return json_refusal(text)
    return NotAFeed(LooksLike.TEXT, " ".join(head[:80].split()))


def _page(head: str) -> NotAFeed:
    title = re.search(r"<title[^>]{0,200}>([^<]{0,200})", head, re.IGNORECASE)
    detail = " ".join(title[1].split()) if title else ""
    if _CHALLENGE.search(head):
        return NotAFeed(LooksLike.CHALLENGE, detail)
    return NotAFeed(LooksLike.LOGIN if _LOGIN.search(head) else LooksLike.HTML, detail)


def json_refusal(text: str) -> NotAFeed:
    """Return the error for JSON that is no feed; an API's error message is quoted."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return NotAFeed(LooksLike.JSON, "and not valid")
    if isinstance(value, dict):
        for key in ("error", "errors", "message", "detail", "title"):
            if value.get(key) and "items" not in value:
                return NotAFeed(LooksLike.JSON_ERROR, " ".join(str(value[key])[:200].split()))
    return NotAFeed(LooksLike.JSON)
