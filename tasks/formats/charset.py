"""Which characters a document is written in: BOM, then HTTP, then prolog, then UTF-8, then detection.

RFC 7303 §3 gives the order of the first three. UTF-8 that is declared is not given up for one bad byte: the byte
becomes U+FFFD and the rest stays right. It is given up only when nothing in the document but ASCII is UTF-8.
Latin-1 that is declared gives way to bytes that are UTF-8 all through.
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# How `<` and the next character look in the wide encodings when no BOM is there (XML 1.0 appendix F).
_WIDE = ((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
# Labels mean what they mean in a browser (WHATWG Encoding §4.2): the superset that people truly write in.
_AS_BROWSERS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}
_HABITS = frozenset({"cp1252", "iso8859-15"})  # declared out of habit, whatever the bytes are
# Codecs that decode text to other text, or that hide markup from whoever checks it.
_REFUSED = {"utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_PROLOG = re.compile(rb"""^\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z0-9._:\-]{1,40})["']""")
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9._:\-]{1,40})""", re.IGNORECASE)
_HTTP = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:\-]{1,40})""", re.IGNORECASE)
_SAMPLE = 16_384  # bytes; detection reads no more than this much of the passages that are not ASCII


def decode(body: bytes, content_type: str | None) -> tuple[str, str]:
    """Return the document as text and the encoding it was read in (`utf-8+replaced` when some bytes were bad)."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace"), name
    for start, name in _WIDE:
        if body.startswith(start):
            return body.decode(name, "replace"), name
    http, prolog = _declared_http(content_type), _declared_prolog(body)
    declared = http or prolog
    if declared in {None, "utf-8"} or prolog == "utf-8":
        # HTTP says Latin-1 out of habit (old server defaults) while the prolog says UTF-8 and the bytes agree.
        return _utf8(body, declared)
    assert declared is not None  # noqa: S101  narrowed by the branch above
    if declared in _HABITS and not body.isascii():
        # A template says Latin-1 and the system behind it writes UTF-8: Latin-1 is never UTF-8 by chance.
        return _utf8(body, declared)
    return body.decode(declared, "replace"), declared


def decode_page(body: bytes, content_type: str | None) -> tuple[str, str]:
    """Do the same for an HTML page, which says in `<meta>` what a feed says in its prolog."""
    if _declared_http(content_type) is None and (declared := _META.search(body[:4_096])):
        content_type = f"charset={declared[1].decode('ascii')}"
    return decode(body, content_type)


def _utf8(body: bytes, declared: str | None) -> tuple[str, str]:
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if declared not in {None, "utf-8"}:
        assert declared is not None  # noqa: S101  None is in the set above
        return body.decode(declared, "replace"), declared
    text = body.decode("utf-8", "replace")
    sound = len(text.encode("ascii", "ignore")) + text.count("\ufffd") < len(text)
    if sound:
        return text, "utf-8+replaced"
    name = _detect(body)
    return body.decode(name, "replace"), name


def _detect(body: bytes) -> str:
    """Guess a legacy encoding from the passages that are not ASCII; Windows-1252 when there is too little to go by."""
    sample = b" ".join(re.findall(rb"[^\x00-\x7f<>]?[^<>]{0,60}[\x80-\xff][^<>]{0,60}", body[: _SAMPLE * 8]))[:_SAMPLE]
    if len(re.findall(rb"[\x80-\xff]", sample)) < 8:
        return "cp1252"
    from charset_normalizer import from_bytes  # here, because it is 7 MB and hardly ever needed

    best = from_bytes(sample).best()
    return _usable(best.encoding) or "cp1252" if best else "cp1252"


def _declared_http(content_type: str | None) -> str | None:
    found = _HTTP.search(content_type or "")
    return _usable(found[1]) if found else None


def _declared_prolog(body: bytes) -> str | None:
    found = _PROLOG.match(body[:1024])
    name = _usable(found[1].decode("ascii")) if found else None
    # A prolog that can be read as ASCII cannot be in a wide encoding, whatever it says.
    return "utf-8" if name and name.startswith(("utf-16", "utf-32")) else name


def _usable(label: str) -> str | None:
    try:
        info = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    if info.name in _REFUSED or not info._is_text_encoding:  # noqa: SLF001  the only place Python keeps that fact
        return None
    return _AS_BROWSERS.get(info.name, info.name)
