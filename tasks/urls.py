"""One address for one page: the canonical form of an article's URL, and the keys that an entry is known by.

Pure; shared by identify and stories. The canonical form is for comparing and is never fetched: it may leave out what
a server needs. The address as given stays in the entry.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import xxhash

from storage.records import Entry

# Parameters that say where a click came from, never which page is meant.
_TRACKING = frozenset(  # one text, because it is read and extended as a list of words
    """
    fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid ttclid igshid igsh li_fat_id epik srsltid
    mc_cid mc_eid mkt_tok vero_id vero_conv wickedid oly_anon_id oly_enc_id rb_clickid s_cid s_kwcid ef_id icid ncid
    cmpid cmp cid_source wt_mc wt_zmc wt.mc_id wt.tsrc xtor xtref at_medium at_campaign at_custom1 at_custom2
    at_custom3 at_custom4 at_link_id at_link_type at_link_origin at_format at_ptr_name at_bbc_team campaign_id
    campaignid ns_mchannel ns_source ns_campaign ns_linkname ns_fee ocid smid smtyp partner_id sr_share sharetype
    share_source sharecode fb_action_ids fb_action_types fb_source fb_ref ref_src ref_url referrer referer
    feature guccounter guce_referrer guce_referrer_sig soc_src soc_trk spm scm _ga _gl _hsenc _hsmi __hssc __hstc
    __hsfp hsctatracking cvid trk trkcampaign trkinfo mibextid rdt rss from_rss source_rss feedtype feedname
    sourcefeed via dicbo obref outputtype_amp tblci zanpid wprov echobox kwp_0 kwd aff_id affid affiliate
    stream_source source_id sref ranmid raneaid ransiteid amp_js_v usqp amp_gsa piano_t chartbeat sh_kit
    """.split()  # noqa: SIM905  as above
)
_TRACKING_START = (
    "utm_", "utm-", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "itm_", "int_cmp", "ga_", "stm_", "bsft_", "aolh_",
    "_branch_", "oft_", "trc_", "cm_mmc", "wt_mc", "wtrid", "xing_", "__tn__", "__cft__", "vgo_",
)  # fmt: skip
# Words that say "from the feed" in parameters which otherwise choose a page.
_FEED_WORDS = frozenset(
    """
    rss feed rssfeed rss-feed rss_feed atom feeds newsletter facebook twitter whatsapp telegram email mail social app
    share homescreen
    """.split()  # noqa: SIM905  as above
)
_SOURCE_PARAMETERS = frozenset(
    {"ref", "source", "src", "from", "partner", "cmpid", "origin", "medium", "channel", "xtor", "f", "s", "cid"}
)
_SHAPE = {"output": {"amp", "print", "rss"}, "outputtype": {"amp", "print"}, "amp": None, "print": None,
          "mobile": None, "view": {"amp", "print", "mobile"}, "mode": {"amp", "print"}, "format": {"amp", "print"},
          "m": {"1"}, "isamp": None, "nomobile": None}  # fmt: skip
_AMP_PATH = re.compile(r"(?:^/amp(?=/))|(?:/amp(?:/index\.html?|\.html?)?/?$)", re.IGNORECASE)
_AMP_SUFFIX = re.compile(r"(?:\.amp(?=\.html?$|$)|[-_.]amp(?=\.html?$))", re.IGNORECASE)
_PRINT_PATH = re.compile(
    r"/(?:print|druck|druckversion|drucken)/?$|(?<=\w)[-.](?:print|druck)(?=\.html?$)", re.IGNORECASE
)
_INDEX = re.compile(r"/(?:index|default|home)\.(?:html?|php|aspx?|jsp|cgi)$", re.IGNORECASE)
_PREFIX_HOST = re.compile(r"^(?:www\d?|m|mobile|mobil|amp|touch|wap)\.(?=[^.]+\.[^.]+)")
_SLASHES = re.compile(r"/{2,}")
_UNRESERVED = "-._~!$&'()*+,;=:@/"
_QUERY_SAFE = "-._~!$'()*,:@/"
_GOOGLE_AMP = re.compile(r"^/amp/(s/)?(?P<rest>[^/]+\..+)$")
_SIMPLE_PATH = re.compile(r"(?:/[A-Za-z0-9_\-][A-Za-z0-9_\-.~]*)+/?")
_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;?]*", re.IGNORECASE)
_ROUNDS = 20
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CACHE = re.compile(r"^/(?:[acivrx]|wp)/(s/)?(?P<rest>[^/]+\..+)$")
# An address on which no rule has anything to do but cut a host's prefix, a slash, "utm_" and a place in the page: most.
_UTM = r"utm_[A-Za-z0-9_]*=[A-Za-z0-9_.~%+:\-]*"
_ORDINARY = re.compile(
    r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)((?:/[\w\-][\w\-.~]*)+)/?"  # host and path
    rf"(?:\?{_UTM}(?:&{_UTM})*)?(?:#[\w\-]*)?"
)
# What the forms of a page and the shims of links have in them: the rules look closer where one of these stands.
_EXTRAORDINARY = (
    "/amp", ".amp", "-amp.", "_amp.", "/print", "-print.", ".print.", "/druck", "-druck.", ".druck.",
    "/index.", "/default.", "/home.", "google.", "ampproject.",
)  # fmt: skip


@lru_cache(maxsize=4_096)
def canonical(url: str) -> str:
    """Return the address that all spellings of one page share; idempotent. What is no web address comes back stripped.

    http and https are one, as are `www.`, `m.` and `amp.` hosts, AMP and print forms, a trailing slash, the order of
    parameters, and whatever tells where a click came from. A fragment is dropped unless it routes (`#!/…`).
    """
    text = url.strip()
    for _ in range(_ROUNDS):  # what a rule uncovers may need the rules again: an AMP cache around a print form
        text, again = _canonical(text)
        if not again:
            break
    return text


def _canonical(url: str) -> tuple[str, bool]:
    """Apply every rule once; also return whether the result may need them again."""
    if plain := _ORDINARY.fullmatch(url):
        host, path = plain.groups()
        place = f"{host}{path}".lower()
        if not any(word in place for word in _EXTRAORDINARY):
            return f"https://{_host(host)}{path if path.isascii() else quote(path, safe=_UNRESERVED)}", False
    try:
        parts = urlsplit(url)
        host, port = _host(parts.hostname or ""), parts.port
        url.encode()
    except ValueError:
        return url, False  # a bracket or a port out of place, or half of a surrogate pair
    if parts.scheme.lower() not in {"http", "https"} or not host:
        return url, False
    if inner := _unwrapped(host, parts.path, parts.query):
        return inner, True
    path, again = _path(parts.path)
    query = _query(parts.query)
    fragment = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    place = f"{host}:{port}" if port not in {None, 80, 443} else host
    return f"https://{place}{path}{'?' + query if query else ''}{fragment}", again


def _host(name: str) -> str:
    host = name.lower().rstrip(".")
    if not host.isascii():
        host = _ascii(host)
    while found := _PREFIX_HOST.match(host):
        host = host[found.end() :]
    return host


def _ascii(host: str) -> str:
    """Return the host as the network sees it (IDNA 2008 with UTS 46, as browsers do)."""
    import idna  # here, because its tables are big and few addresses need them

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return host


def _unwrapped(host: str, path: str, query: str) -> str | None:
    """Return the address inside an AMP cache's or a link shim's; None for an ordinary page."""
    found = None
    if host == "google.com" or host.startswith("google."):
        found = _GOOGLE_AMP.match(path)
    elif host.endswith((".cdn.ampproject.org", ".ampproject.net")) or host == "cdn.ampproject.org":
        found = _CACHE.match(path)
    return f"https://{found['rest']}{'?' + query if query else ''}" if found else None


def _path(raw: str) -> tuple[str, bool]:
    """Return the path in its plain form, and whether a form of the page was cut from it."""
    if _SIMPLE_PATH.fullmatch(raw):
        plain = raw
    else:
        plain = _SLASHES.sub("/", _escaped(raw))
        if "/." in plain:
            plain = _without_dots(plain)
    path = _SESSION.sub("", plain) if ";" in plain else plain
    path = _PRINT_PATH.sub("", _AMP_SUFFIX.sub("", _AMP_PATH.sub("", path)))
    path = _INDEX.sub("/", path)
    return path.rstrip("/") or "/", path != plain


def _escaped(raw: str) -> str:
    """Escape what must be and nothing else: `%7E` is `~` (RFC 3986 §6.2.2.2), but `%2F` is no `/`."""
    text = quote(raw, safe=_UNRESERVED + "%")
    return _ESCAPED.sub(lambda found: chr(code) if (code := int(found[1], 16)) in _PLAIN else found[0].upper(), text)


def _without_dots(path: str) -> str:
    """Resolve `.` and `..` (RFC 3986 §5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _query(raw: str) -> str:
    if not raw:
        return ""
    pairs = [(name.removeprefix("amp;"), value) for name, value in parse_qsl(raw, keep_blank_values=True)]
    kept = sorted((name, value) for name, value in pairs if _meaningful(name.lower(), value.lower()))
    return urlencode(kept, safe=_QUERY_SAFE, quote_via=quote)


def _meaningful(name: str, value: str) -> bool:
    if name in _TRACKING or name.startswith(_TRACKING_START):
        return False
    if name in _SHAPE:
        shapes = _SHAPE[name]
        return shapes is not None and value not in shapes
    # `?wt_zmc=…` and its like have names; `?ref=rss` and `?from=newsletter` have values that give them away.
    return not (name in _SOURCE_PARAMETERS and value in _FEED_WORDS)


# --- identity ----------------------------------------------------------------------------------------------------

Kind = Literal["guid", "guid_path", "url", "text"]
Key = tuple[Kind, str]
_BAD_SHARE = 0.05  # of a document's guids blank or used twice; above it the guids of the feed mean nothing
_BAD_LEAST = 2  # entries; one fault in a short document proves nothing


class DocumentKeys(tuple[tuple[Key, ...], ...]):
    """The keys of each entry of a document, in its order; `degraded` when guids were left out of account."""

    degraded: bool

    def __new__(cls, keys: Sequence[tuple[Key, ...]], *, degraded: bool) -> Self:
        """Make the tuple, with its mark."""
        made = super().__new__(cls, tuple(keys))
        made.degraded = degraded
        return made


def identity_keys(entry: Entry) -> tuple[Key, ...]:
    """Return the keys that `entry` is known by, strongest first, each a kind and 128 bits in hex; never empty.

    Keys hold within one feed. `guid` is verbatim; `guid_path` is a guid's address without scheme and host, so that a
    move to https or to another host keeps it; `url` is the canonical address unless that is only a front page;
    `text` (headline and text) stands alone, for an entry that has nothing else.
    """
    keys: list[Key] = []
    if entry.guid:
        keys.append(("guid", _hashed(entry.guid)))
        if path := _guid_path(entry.guid):
            keys.append(("guid_path", _hashed(path)))
    if address := _page(entry):
        keys.append(("url", _hashed(address)))
    return tuple(keys) or (("text", _text(entry)),)


def document_keys(entries: Sequence[Entry], *, degraded: bool = False, total: int | None = None) -> DocumentKeys:
    """Return the keys of each entry, with those left out that cannot tell the entries of this document apart.

    - A guid used twice becomes `guid|url` for each of its uses: which of them came first is no property of an entry.
    - A `guid_path` counts only where all guids of the document live on one host; an aggregator's guids collide.
    - An address shared by entries with other headlines (a live blog, a feed that links its front page) is no identity.
    - With more than 5 % of the guids blank or repeated (two entries at least) guids are not used at all. Hand the
      result's `degraded` back in from then on: a feed that changes its mind in turn would double every article.
      `total` is how many items the document had, where known ones were left out of `entries`.
    """
    uses: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.guid:
            uses.setdefault(entry.guid, []).append(entry)
    repeated = {guid for guid, users in uses.items() if len(users) > 1 and _differ(users)}
    faults = sum(1 for entry in entries if not entry.guid or entry.guid in repeated)
    degraded = degraded or (faults >= _BAD_LEAST and faults > _BAD_SHARE * max(total or 0, len(entries)))
    hosts = {host for guid in uses if (host := _guid_host(guid))}
    pages = [_page(entry) for entry in entries]
    shared = _shared(entries, pages)
    found = []
    for entry, address in zip(entries, pages, strict=True):
        keys: list[Key] = []
        if entry.guid and not degraded:
            if entry.guid in repeated:
                keys.append(("guid", _hashed(f"{entry.guid}|{entry.url or entry.headline}")))
            else:
                keys.append(("guid", _hashed(entry.guid)))
                path = _guid_path(entry.guid) if len(hosts) < 2 else None
                keys += [("guid_path", _hashed(path))] if path else []
        if address and address not in shared:
            keys.append(("url", _hashed(address)))
        found.append(tuple(keys) or (("text", _text(entry)),))
    return DocumentKeys(found, degraded=degraded)


def _differ(entries: list[Entry]) -> bool:
    """Whether entries that share a guid are more than one piece (the same item twice in a document is one)."""
    return len({(entry.url and canonical(entry.url), entry.headline) for entry in entries}) > 1


def _shared(entries: Sequence[Entry], pages: Sequence[str | None]) -> set[str]:
    """Return the addresses that entries with different headlines share."""
    often = {address for address, uses in Counter(pages).items() if address and uses > 1}
    headlines: dict[str, set[str]] = {}
    for entry, address in zip(entries, pages, strict=True) if often else ():
        if address in often:
            headlines.setdefault(address, set()).add(entry.headline.casefold())
    return {address for address, names in headlines.items() if len(names) > 1}


def _page(entry: Entry) -> str | None:
    """Return the canonical address of the entry's page; None for a front page, which is every article's and none's."""
    address = canonical(entry.url) if entry.url else None
    if address is None or (address.count("/") == 3 and address.endswith("/")):
        return None
    return address


def _guid_path(guid: str) -> str | None:
    if guid.startswith("/") and len(guid) > 1 and not guid.startswith("//"):
        return guid
    if not guid.startswith(("http://", "https://")):
        return None
    path = guid.partition("://")[2].partition("/")[2]
    return f"/{path}" if path else None


def _guid_host(guid: str) -> str | None:
    if not guid.startswith(("http://", "https://")):
        return None
    return _host(guid.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0])


def page_key(url: str) -> str:
    """Return what a page is kept under: its address as the feed gives it, since that is what is asked for."""
    return _hashed(url)


def _text(entry: Entry) -> str:
    words = entry.content or entry.teaser
    return _hashed(f"{entry.headline}\n{words.value if words else ''}")


def _hashed(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))
