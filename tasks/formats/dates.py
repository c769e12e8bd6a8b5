"""The date that a feed wrote, read from its raw text to aware UTC; None where it cannot be read for certain.

A wrong date is worse than none: it sorts an article into another year, or hides it. So every form is read by its own
rule and what fits none stays unread; the raw text is kept beside it either way. feedparser's own dates are not used:
it reads `2024/6/29` as the first of November and `CEST` as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from storage.frozen import record
from tasks.formats.zones import fixed, zone

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jän jänner janvier janv enero ene gennaio gen januari janeiro",
            "february feb febr februar feber février févr febrero febbraio februari fevereiro fev",
            "march mar märz mär maerz mrz mars marzo maart março",
            "april apr avril avr abril abr aprile",
            "may mai mayo maggio mag mei maio",
            "june jun juni juin junio giugno giu junho",
            "july jul juli juillet juil julio luglio lug julho",
            "august aug août aout agosto ago augustus",
            "september sep sept septembre septiembre settembre set setembro",
            "october oct oktober okt octobre octubre ottobre ott outubro out",
            "november nov novembre noviembre novembro",
            "december dec dezember dez décembre déc diciembre dic dicembre desember dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_RFC822 = re.compile(
    r"(?:[^\W\d]{2,12}\.?,?\s*)?(\d{1,2})[\s\-]([^\W\d]{3,10})\.?[\s\-](\d{4}|\d{2}),?\s+(\d{1,2}):(\d\d)(?::(\d\d))?(?:[.,]\d+)?"
    r"(?:\s*([A-Za-z0-9+\-:/_]{1,32}))?\s*(?:\([^()]{0,60}\))?$"
)
_ISO = re.compile(
    r"(\d{4})[\-/.](\d{1,2})[\-/.](\d{1,2})(?:(?:\s*T\s*|[\s,]+)(\d{1,2}):(\d\d)(?::(\d\d))?(?:[.,](\d{1,9}))?\s*(\S.*)?)?$"
)
_HALF = re.compile(r"([ap])\.?\s?m\b\.?\s*", re.IGNORECASE)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?\s*(\S+)?)?$")
_SHORT_ISO = re.compile(r"(\d{4})(?:-(\d\d))?$")
_EPOCH = re.compile(r"(\d{9,10}(?:\.\d+)?|\d{13}|\d{16}|\d{19})$")
_NUMERIC = re.compile(r"(\d{1,2})([./\-])(\d{1,2})\.?\2(\d{4}|\d{2})\b")
_TIME = re.compile(
    r"\b(\d{1,2})(?::(\d\d)(?::(\d\d)(?:[.,]\d+)?)?|[.h](\d\d)(?=\s*(?:Uhr|h\b|$)))(?:\s*(Uhr|[ap]\.?\s?m\b\.?))?"
    r"|\b(\d{1,2})\s*(Uhr|[ap]\.?\s?m\b\.?)",
    re.IGNORECASE,
)
_DAY = re.compile(r"(?<![\d:])(\d{1,2})(?:st|nd|rd|th|er)?\b(?![:\d])", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\d+\-:])(\d{4})\b(?!:)")
_ZONE = re.compile(
    r"((?:GMT|UTC|UT)?\s?[+\-\u2212]\d\d?:?\d{0,2}|[A-Za-z]{2,12}/[A-Za-z_/+\-]{2,30}|\b[A-Z]{1,7}(?:\d[A-Z]{3})?)\s*$"
)
_BESIDE = re.compile(r"\s*((?:GMT|UTC)?[+\-\u2212]\d\d:?\d\d|[A-Z]{1,5})(?![A-Za-z0-9:])")
_MAX = 120  # characters; a longer "date" is a sentence
_YEARS = range(1900, 2101)
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)  # what systems have where they have no date


@record(frozen=True, slots=True)
class Reading:
    """A date as read: the moment in UTC, the offset it was written in, and whether that offset was assumed."""

    at: datetime
    offset: timezone | None
    assumed: bool


def read(raw: str | None, *, default: tzinfo = UTC, language: str | None = None) -> Reading | None:
    """Read `raw`; `default` is the zone where it names none, `language` settles whether 3/4/2024 is March or April."""
    text = " ".join((raw or "").replace("&nbsp;", " ").split())
    if not text or len(text) > _MAX:
        return None
    for reader in (_rfc822, _iso, _epoch, _compact):
        parts = reader(text)
        if parts is not None:
            return parts.reading(default)
    parts = _words(text, language)
    return parts.reading(default) if parts is not None else None


@record(frozen=True, slots=True)
class _Parts:
    """A date in its parts as written; `zone` is the text of the zone, empty when there was none."""

    year: int
    month: int
    day: int
    hour: int = 0
    minute: int = 0
    second: int = 0
    micro: int = 0
    zone: str = ""

    def reading(self, default: tzinfo) -> Reading | None:
        if self.year not in _YEARS:
            return None
        midnight_after = self.hour == 24 and not self.minute and not self.second
        hour = 0 if midnight_after else self.hour
        second = 59 if self.second == 60 else self.second  # a leap second
        try:
            tz = zone(self.zone) if self.zone else None
            moment = datetime(self.year, self.month, self.day, hour, self.minute, second, self.micro, tz or default)
            if midnight_after:
                moment += timedelta(days=1)
            if self.year <= _ZERO.year and abs(moment - _ZERO) <= timedelta(days=1):
                return None  # a system's way to say that it has no date, in whatever zone
            return Reading(moment.astimezone(UTC), fixed(moment), tz is None)
        except (ValueError, OverflowError):
            return None


_NEVER = _Parts(0, 0, 0)  # the form is known and the value is no date: stop looking, read nothing


def _rfc822(text: str) -> _Parts | None:
    found = _RFC822.match(text)
    if found is None:
        return None
    day, named, year, hour, minute, second, tz = found.groups("")
    month = _MONTHS.get(named.casefold())
    if month is None or tz.casefold() in {"am", "pm", "uhr", "a", "p"}:
        return None
    return _Parts(_year(year), month, int(day), int(hour), int(minute), int(second or 0), zone=tz)


def _iso(text: str) -> _Parts | None:
    found = _ISO.match(text)
    if found is None:
        short = _SHORT_ISO.match(text)
        return _Parts(int(short[1]), int(short[2] or 1), 1) if short else _ordinal(text)
    year, month, day, hours, minute, second, fraction, rest = found.groups("")
    rest = rest.split(" (")[0]
    hour = int(hours or 0)
    if half := _HALF.match(rest):
        hour, rest = _twelve(hour, half[1]), rest[half.end() :]
    micro = int(fraction.ljust(9, "0")[:6]) if fraction else 0
    return _Parts(int(year), int(month), int(day), hour, int(minute or 0), int(second or 0), micro, rest.strip())


def _ordinal(text: str) -> _Parts | None:
    """Read the ISO 8601 forms by week (`2024-W09-4`) and by day of the year (`2024-060`)."""
    if not re.match(r"\d{4}-(?:W\d\d-[1-7]|\d{3})$", text):
        return None
    try:
        day = date.fromisoformat(text) if "W" in text else date(int(text[:4]), 1, 1) + timedelta(int(text[5:]) - 1)
    except ValueError:
        return _NEVER
    return _Parts(day.year, day.month, day.day)


def _epoch(text: str) -> _Parts | None:
    """Read seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their length."""
    if not _EPOCH.match(text):
        return None
    digits = text.split(".")[0]
    seconds = int(digits) // 10 ** max(0, len(digits) - 10)
    moment = datetime.fromtimestamp(seconds, UTC)
    return _Parts(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, zone="Z"
    )  # fmt: skip


def _compact(text: str) -> _Parts | None:
    found = _COMPACT.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, tz = found.groups()
    return _Parts(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), zone=tz or "")


def _words(text: str, language: str | None) -> _Parts | None:
    """Read a date with a month's name, or in numbers, with a time and a zone somewhere beside it."""
    clock, beside, text = _clock(text)
    numeric = _NUMERIC.search(text)
    if numeric:
        day = _numeric(numeric, language, american=clock.half)
        rest = text[numeric.end() :]
    else:
        day, rest = _named(text)
    if day is None or clock is _BAD_CLOCK:
        return None
    found = _ZONE.search(re.sub(r"\([^()]*\)\s*$", "", rest).rstrip())
    tz = beside or (found[1].strip() if found else "")
    return _Parts(*day, clock.hour, clock.minute, clock.second, zone=tz)


@record(frozen=True, slots=True)
class _Clock:
    hour: int = 0
    minute: int = 0
    second: int = 0
    half: bool = False


_BAD_CLOCK = _Clock(-1)


def _clock(text: str) -> tuple[_Clock, str, str]:
    """Take the time of day out of `text`, and the zone when it stands right behind the time (`10:00 EST 2024`)."""
    found = _TIME.search(text)
    if found is None:
        return _Clock(), "", text
    hour, minute = int(found[1] or found[6]), int(found[2] or found[4] or 0)
    mark = (found[5] or found[7] or "").casefold()
    half = mark.startswith(("a", "p"))
    if half:
        if not 1 <= hour <= 12:
            return _BAD_CLOCK, "", text
        hour = _twelve(hour, mark[0])
    rest = text[found.end() :]
    beside = _BESIDE.match(rest)
    tz = beside[1] if beside and zone(beside[1]) else ""
    rest = rest[beside.end() :] if beside and tz else rest
    return _Clock(hour, minute, int(found[3] or 0), half), tz, f"{text[: found.start()]} {rest}"


def _twelve(hour: int, half: str) -> int:
    return hour % 12 + (12 if half.casefold() == "p" else 0)


def _numeric(found: re.Match[str], language: str | None, *, american: bool) -> tuple[int, int, int] | None:
    """Order day and month of `3/4/2024`; None when nothing tells which is which."""
    first, second, year = int(found[1]), int(found[3]), _year(found[4])
    if found[2] == "." or first > 12:
        return year, second, first
    if second > 12 or american:
        return year, first, second
    if first == second:
        return year, first, second
    tongue = (language or "").replace("_", "-").casefold()
    if not tongue or tongue == "en":
        return None
    return (year, first, second) if tongue in {"en-us", "en-ph"} else (year, second, first)


def _named(text: str) -> tuple[tuple[int, int, int] | None, str]:
    """Find month name, day and year in `text`; also return what follows the last of them."""
    named = next(((m, _MONTHS[w]) for m in re.finditer(r"[^\W\d_]+", text) if (w := m[0].casefold()) in _MONTHS), None)
    if named is None:
        return None, text
    word, month = named
    year = _YEAR.search(text)
    before, after = text[: word.start()], text[word.end() :]
    day = None
    for found in _DAY.finditer(before):
        day = found
    day = day or _DAY.search(after)
    if day is None:
        return None, text
    if year is None:
        short = re.match(r"[\s\-.']*(\d\d)\b", after)
        return ((_year(short[1]), month, int(day[1])), after[short.end() :]) if short else (None, text)
    rest = text[max(year.end(), word.end()) :]
    if year.end() <= word.start():  # 2024 January 5
        rest = after
    return (int(year[1]), month, int(day[1])), rest


def _year(text: str) -> int:
    """Widen a year of two digits as RFC 2822 §4.3 does, with the turn at 70."""
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 70 else 1900)
