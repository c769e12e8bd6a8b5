"""How a feed wants to be asked: its own headers, credentials, proxy and TLS, as its settings keep them.

headers      {name: value}, sent as they are (a `User-Agent` replaces ours)
auth         {"kind": "basic", "user", "password"} | {"kind": "bearer", "token"}
             | {"kind": "header", "name", "value"} | {"kind": "query", "name", "value"}
proxy        URL of an HTTP proxy; it resolves the feed's host, so the guard sees only the proxy
verify_tls   false accepts any certificate
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

MASK = "***"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110 §5.6.2
_FIELDS = {"basic": ("user", "password"), "bearer": ("token",), "header": ("name", "value"), "query": ("name", "value")}
# Headers that are the client's own affair.
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "if-none-match"}
    | {"if-modified-since", "cookie", "referer", "authorization", "proxy-authorization", "range", "te", "upgrade"}
)


class BadAccess(ValueError):
    """A setting of how to ask a feed cannot be used; the text says which and why."""


def asked_with(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `FetchRequest` that the settings decide; raises BadAccess."""
    fields: dict[str, Any] = {}
    if headers := settings.get("headers"):
        fields["headers"] = {_name(name): _value(name, value) for name, value in headers.items()}
    auth = settings.get("auth") or {}
    if auth:
        fields |= _credentials(auth)
    if proxy := settings.get("proxy"):
        fields["proxy"] = _proxy(proxy)
    if settings.get("verify_tls") is False:
        fields["verify_tls"] = False
    return fields


def asked_at(settings: Mapping[str, Any], url: str, *, home: str) -> dict[str, Any]:
    """Return the same for another address than the feed's: its secrets only where both are one host; raises BadAccess.

    The userinfo of the feed's own address is such a secret, too.
    """
    from tasks.fetch.addresses import read  # here, because listings need the masks below and no HTTP client

    fields = asked_with(settings)
    try:
        theirs, ours = read(url), read(home)
    except OSError:  # refused whatever it resolves to, as fetching will say
        return {name: value for name, value in fields.items() if not name.startswith("secret")}
    if not theirs.trusted_like(ours):
        return {name: value for name, value in fields.items() if not name.startswith("secret")}
    if ours.authorization is not None:
        fields["secret_headers"] = {"Authorization": ours.authorization} | dict(fields.get("secret_headers", {}))
    return fields


def _credentials(auth: Mapping[str, Any]) -> dict[str, Any]:
    kind = auth.get("kind")
    wanted = _FIELDS.get(str(kind))
    if wanted is None:
        raise BadAccess(f"auth of kind {kind!r}: it is one of {', '.join(_FIELDS)}")
    missing = [name for name in wanted if not isinstance(auth.get(name), str) or not auth[name]]
    if missing:
        raise BadAccess(f"auth of kind {kind} lacks {' and '.join(missing)}")
    if kind == "basic":
        packed = base64.b64encode(f"{auth['user']}:{auth['password']}".encode()).decode("ascii")
        return {"secret_headers": {"Authorization": f"Basic {packed}"}}
    if kind == "bearer":
        return {"secret_headers": {"Authorization": f"Bearer {_value('token', auth['token'])}"}}
    if kind == "header":
        name = auth["name"]
        if not _TOKEN.fullmatch(name):
            raise BadAccess(f"{name!r} is not the name of a header")
        return {"secret_headers": {name: _value(name, auth["value"])}}
    return {"secret_query": (auth["name"], auth["value"])}


def _name(name: str) -> str:
    if not _TOKEN.fullmatch(name) or name.lower() in _OURS:
        raise BadAccess(f"{name!r} is not a header that a feed can set")
    return name


def _value(name: str, value: object) -> str:
    if not isinstance(value, str) or any(char in value for char in "\r\n\0"):
        raise BadAccess(f"the value of {name} is not one line of text")
    return value


def _proxy(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port is not None
    except ValueError:
        usable = False
    if not usable:
        raise BadAccess("a proxy is given as http://host:port")
    return url


def masked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as they may be shown: which credentials there are, and none of what is in them."""
    shown = dict(settings)
    if auth := settings.get("auth"):
        open_to_all = {"kind", "user"} if auth.get("kind") == "basic" else {"kind", "name"}
        shown["auth"] = {name: value if name in open_to_all else MASK for name, value in auth.items()}
    if headers := settings.get("headers"):
        shown["headers"] = {
            name: value if name.lower() in {"user-agent", "accept", "accept-language", "from"} else MASK
            for name, value in headers.items()
        }
    if proxy := settings.get("proxy"):
        shown["proxy"] = re.sub(r"//[^/@]*@", f"//{MASK}@", proxy)
    return shown
