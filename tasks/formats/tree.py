"""XML text to a tree by libxml2: strict or recovering, never a DTD, never the network, never an entity of its own."""

from __future__ import annotations

import re

from lxml import etree

from tasks.formats import names

_PROLOG = re.compile(rb"\s*<\?xml[^>]{0,300}\?>")
# Half a surrogate pair by number: recovery writes it out as bytes that no one can decode. In decimals a few more go.
_SURROGATE = re.compile(r"&#(?:[xX]0{0,9}[dD][89a-fA-F][0-9a-fA-F]{2}|0{0,9}5[5-7]\d{3});")


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", recover=recover, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip


_STRICT, _RECOVER = _parser(recover=False), _parser(recover=True)


class MalformedError(ValueError):
    """The text is not well-formed XML; the message says where."""


def strict(text: str | bytes) -> etree._Element:
    """Return the root of well-formed `text`, or of its bytes in UTF-8; raises `MalformedError`."""
    try:
        return etree.fromstring(_bytes(text), _STRICT)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedError(str(error)) from error


def recovered(text: str) -> etree._Element | None:
    """Return whatever tree libxml2 makes of `text`; None when there is nothing to make one of."""
    try:
        root: etree._Element | None = etree.fromstring(_bytes(_SURROGATE.sub("", text)), _RECOVER)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return root


def _bytes(text: str | bytes) -> bytes:
    whole = text if isinstance(text, bytes) else text.lstrip().encode("utf-8", "replace")
    prolog = _PROLOG.match(whole)
    return whole[prolog.end() :] if prolog else whole.lstrip()


def text_of(element: etree._Element) -> str | None:
    """Return the text of `element`; markup that stands unescaped inside comes out as markup. None when it is empty."""
    if len(element):
        return inner(element).strip() or None
    value = element.text
    if value is None:
        return None
    return value.strip() or None


def inner(element: etree._Element) -> str:
    """Return what stands inside `element` as HTML, without the namespace declarations that XML would add."""
    pieces = [_escaped(element.text)]
    for child in element:
        if not isinstance(child.tag, str):  # a reference that recovery left standing
            pieces += [child.text or "", _escaped(child.tail)]
            continue
        pieces.append(_open_tag(child))
        if len(child) or child.text or local(child) not in _VOID:
            pieces.append(f"{inner(child)}</{local(child)}>")
        pieces.append(_escaped(child.tail))
    return "".join(pieces)


_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}


def _open_tag(element: etree._Element) -> str:
    attributes = "".join(
        f' {_local(str(name))}="{_escaped(str(value)).replace(chr(34), "&quot;")}"'
        for name, value in element.attrib.items()
    )
    return f"<{local(element)}{attributes}>"


def _escaped(value: str | None) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if value else ""


def local(element: etree._Element) -> str:
    """Return the name of `element` without its namespace."""
    return _local(element.tag) if isinstance(element.tag, str) else ""


def _local(name: str) -> str:
    return name.rpartition("}")[2]  # not lxml's QName: recovery makes names that it refuses


def base_of(element: etree._Element) -> str | None:
    """Return the nearest `xml:base` value on `element` itself."""
    return element.get(names.XML_BASE)
