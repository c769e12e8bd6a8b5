"""Zone names as feeds write them, and how far from UTC they are."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Minutes east of UTC. Where a name has several meanings the one most written in feeds stands here: IST is India
# (not Israel or Ireland), BST is Britain (not Bangladesh), CST/EST/PST are North America (not China or Australia).
_MINUTES = {
    "Z": 0, "UT": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEZ": 0,
    "BST": 60, "WEST": 60, "CET": 60, "MEZ": 60, "WAT": 60,
    "CEST": 120, "MESZ": 120, "EET": 120, "OEZ": 120, "SAST": 120, "CAT": 120,
    "EEST": 180, "OESZ": 180, "MSK": 180, "EAT": 180, "TRT": 180, "AST3": 180,
    "GST": 240, "PKT": 300, "IST": 330, "NPT": 345, "ICT": 420, "WIB": 420,
    "SGT": 480, "HKT": 480, "AWST": 480, "JST": 540, "KST": 540,
    "ACST": 570, "AEST": 600, "ACDT": 630, "AEDT": 660, "NZST": 720, "NZDT": 780,
    "BRT": -180, "ART": -180, "NDT": -150, "NST": -210, "ADT": -180, "AST": -240, "EDT": -240, "EST": -300,
    "CDT": -300, "CST": -360, "MDT": -360, "MST": -420, "PDT": -420, "PST": -480, "AKDT": -480, "AKST": -540,
    "HST": -600,
}  # fmt: skip
# Names that do not say whether it is summer; the date does.
_PLACES = {
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "PT": "America/Los_Angeles",
    "EST5EDT": "America/New_York",
    "PST8PDT": "America/Los_Angeles",
}
_OFFSET = re.compile(r"(?:GMT|UTC|UT)?\s*([+\-\u2212])\s?(\d{1,2})(?::?([0-5]\d))?(?::?[0-5]\d)?$", re.IGNORECASE)
_MAX_OFFSET = 14 * 60  # minutes; Kiribati is the furthest


@lru_cache(maxsize=1_024)
def zone(text: str) -> tzinfo | None:
    """Return the zone that `text` names (`+0530`, `GMT+2`, `MESZ`, `Europe/Vienna`), or None when it names none."""
    if found := _OFFSET.match(text):
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        if minutes > _MAX_OFFSET:
            return None
        return timezone(timedelta(minutes=minutes if found[1] == "+" else -minutes))
    name = text.strip(" .").upper()
    if name in _MINUTES:
        return timezone(timedelta(minutes=_MINUTES[name]))
    if name in _PLACES:
        return _place(_PLACES[name])
    return _place(text) if "/" in text else None


def _place(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None  # a feed may write any path here; what is no zone is no zone


def fixed(moment: datetime) -> timezone | None:
    """Return the offset of an aware `moment` as a zone of its own."""
    offset = moment.utcoffset()
    return None if offset is None else timezone(offset)
