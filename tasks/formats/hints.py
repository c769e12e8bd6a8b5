"""What a feed says of itself: names, languages, how often to call, which hubs push it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo

from lxml import etree

from storage.records import FeedHints, Tombstone
from tasks.formats import dates, names, text
from tasks.formats.items import whole
from tasks.formats.limits import MAX_ITEMS
from tasks.formats.links import base_of, web_link
from tasks.formats.tree import text_of

_DAYS = {
    day: number
    for number, days in enumerate(
        ("monday montag mon mo", "tuesday dienstag tue di", "wednesday mittwoch wed mi", "thursday donnerstag thu do",
         "friday freitag fri fr", "saturday samstag sonnabend sat sa", "sunday sonntag sun so")
    )
    for day in days.split()
}  # fmt: skip
# sy:updatePeriod in seconds (RSS 1.0 syndication module), with the spellings that feeds use.
_PERIODS = {
    "always": 300, "hourly": 3_600, "hour": 3_600, "daily": 86_400, "dayly": 86_400, "day": 86_400,
    "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000,
}  # fmt: skip
_LONGEST = 31 * 86_400  # seconds; a ttl above a month is a unit gone wrong
_LONGEST_COMMENT = 400
_ITEMS = {"item", "atom:entry", "entry", "items"}


def gather(root: etree._Element) -> list[etree._Element]:
    """Return the elements that describe the feed itself, channel and root together, items left out."""
    found = [child for child in root if names.short(child.tag) not in _ITEMS | {"channel"}]
    for channel in root:
        if names.short(channel.tag) == "channel":
            found += [child for child in channel if names.short(child.tag) not in _ITEMS]
    return found


def hints(about: list[etree._Element], url: str, *, format_name: str, language: str | None) -> FeedHints:
    """Make the hints out of what `gather` found; addresses are absolute against `url`."""
    words: dict[str, list[etree._Element]] = {}
    for element in about:
        words.setdefault(names.short(element.tag), []).append(element)
    title = _first(words, ("title", "atom:title", "dc:title"))
    links = [*words.get("atom:link", ()), *(one for one in words.get("link", ()) if one.get("href"))]
    ttl = whole(_first(words, ("ttl",)))
    return FeedHints(
        title=(text.headline(title) or None) if title else None,
        site_url=web_link(_first(words, ("link",)), url) or next(iter(_related(links, "alternate", url)), None),
        language=language,
        format=format_name,
        ttl=min(ttl * 60, _LONGEST) if ttl else None,
        update_period=_period(_first(words, ("sy:updateperiod",)), _first(words, ("sy:updatefrequency",))),
        skip_hours=frozenset(_hours(words.get("skiphours", ()))),
        skip_days=frozenset(_days(words.get("skipdays", ()))),
        hubs=tuple(dict.fromkeys(_related(links, "hub", url))),
        self_url=next(iter(_related(links, "self", url)), None),
        deleted=tuple(_tombstones(words.get("at:deleted-entry", ()))),
    )


def _tombstones(elements: Iterable[etree._Element]) -> Iterable[Tombstone]:
    """Read what the feed says it has deleted (RFC 6721 §3), the first so many."""
    for element in list(elements)[:MAX_ITEMS]:
        if ref := text.storable((element.get("ref") or "").strip()):
            comments = [text_of(child) for child in element if names.short(child.tag) == "at:comment"]
            when = dates.read(element.get("when"))
            reason = next((text.mend(one)[:_LONGEST_COMMENT] for one in comments if one), None)
            yield Tombstone(guid=ref, deleted_at=when.at if when else None, reason=reason)


def language_of(root: etree._Element, about: list[etree._Element]) -> str | None:
    """Return the language that the feed declares for all its items."""
    for element in about:
        if names.short(element.tag) in {"language", "dc:language"} and text_of(element):
            return text_of(element)
    return root.get(names.XML_LANG)


def zone_of(about: list[etree._Element]) -> tzinfo:
    """Return the zone that the feed's own dates are in; items that name no zone are read in it."""
    for element in about:
        if names.short(element.tag) in {"pubdate", "lastbuilddate", "atom:updated", "dc:date"}:
            reading = dates.read(text_of(element))
            if reading and reading.offset and not reading.assumed:
                return reading.offset
    return UTC


def _first(words: dict[str, list[etree._Element]], wanted: Iterable[str]) -> str | None:
    return next((value for name in wanted for element in words.get(name, ()) if (value := text_of(element))), None)


def _related(links: Iterable[etree._Element], relation: str, url: str) -> list[str]:
    found = []
    for link in links:
        if relation in (link.get("rel") or "alternate").lower().split():
            address = web_link(link.get("href"), base_of(url, link.get(names.XML_BASE)))
            if address:
                found.append(address)
    return found


def _period(period: str | None, frequency: str | None) -> int | None:
    seconds = _PERIODS.get((period or "").strip().lower())
    if seconds is None:
        return None
    try:
        times = float((frequency or "1").strip().replace(",", "."))
    except ValueError:
        times = 1.0
    if not 0 < times < 100_000:  # also what is no number at all
        times = 1.0
    return max(60, min(int(seconds / times), 365 * 86_400))


def _hours(elements: Iterable[etree._Element]) -> Iterable[int]:
    """Read skipHours; 24 is midnight (RSS 0.91 counts from 1, RSS 2.0 from 0)."""
    for element in elements:
        for hour in element:
            number = whole(text_of(hour))
            if number is not None and number <= 24:
                yield number % 24


def _days(elements: Iterable[etree._Element]) -> Iterable[int]:
    for element in elements:
        for day in element:
            number = _DAYS.get((text_of(day) or "").strip().lower())
            if number is not None:
                yield number
