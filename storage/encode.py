"""JSON as it is kept and sent: no spaces, UTF-8, records as objects of their fields, times in RFC 3339, ids as text."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson


def to_json(value: Any) -> str:
    """The JSON text of values, records among them. Raises TypeError for what has no form in JSON."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        # Half of a surrogate pair, or an integer beyond 64 bits, such as a feed's idea of a size.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def json_bytes(value: Any) -> bytes:
    """The JSON text of values in UTF-8, as `to_json` gives it. Raises UnicodeEncodeError for half a surrogate pair."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return to_json(value).encode()


def encoded(value: Any) -> Any:
    """`value` for JSON that is written more than once: turned into its text now, and taken as it is from then on.

    What has no text that can be taken so stays as it is. In `canonical_json` its keys stay in the order they have.
    """
    try:
        return orjson.Fragment(orjson.dumps(value))
    except orjson.JSONEncodeError:
        return value


def canonical_json(value: Any) -> bytes:
    """The same bytes for the same value, whatever the order of its keys: what digests are made of."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
        return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    known = isinstance(value, orjson.Fragment | datetime | UUID)
    return json.loads(orjson.dumps(value)) if known else asdict(value)
