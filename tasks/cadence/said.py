"""What an answer says about when to come back: Cache-Control, Expires, Retry-After, the feed's ttl and masks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from storage.records import FeedHints

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[,\s])no-(?:cache|store)(?:$|[,;\s=])", re.IGNORECASE)


def http_date(text: str | None) -> datetime | None:
    """Read an HTTP date (RFC 9110 §5.6.7, old forms too); None for anything else. `Expires: 0` is not a date."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def freshness(headers: Mapping[str, str], now: datetime) -> float:
    """Return for how many seconds the answer calls itself fresh (RFC 9111 §4.2.1); 0 where it does not.

    max-age stands before Expires, and the Age that the answer spent in a cache is taken off.
    """
    control = headers.get("cache-control", "")
    if _UNCACHED.search(control):
        return 0.0
    age = headers.get("age", "")
    spent = float(age) if age.isdecimal() and len(age) < 10 else 0.0
    match = _MAX_AGE.search(control)
    if match:
        return max(float(match[1]) - spent, 0.0)
    expires = http_date(headers.get("expires"))
    if expires is None:
        return 0.0
    return max((expires - (http_date(headers.get("date")) or now)).total_seconds() - spent, 0.0)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for, in either form, or None.

    A date is read against the answer's own Date: what counts is the distance, not whose clock is right.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:10])
    moment = http_date(text)
    if moment is None:
        return None
    return max((moment - (http_date(headers.get("date")) or now)).total_seconds(), 0.0)


def past_mask(moment: datetime, hints: FeedHints) -> datetime:
    """Return the first time from `moment` on that skipHours and skipDays leave open; a mask of everything is void."""
    hours = {hour % 24 for hour in hints.skip_hours}
    days = hints.skip_days  # Monday is 0
    if not hours and not days:
        return moment
    step = moment
    for _ in range(24 * 7 + 1):
        if step.hour not in hours and step.weekday() not in days:
            return step
        step = step.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return moment
