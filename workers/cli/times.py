"""Times as an operator types them: without a zone they are UTC, and an age such as `2h` counts back from now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

AGE = re.compile(r"(\d+)\s*([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def utc(moment: datetime | None) -> datetime | None:
    """`moment` as aware UTC."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment(text: str, now: datetime) -> datetime:
    """An ISO time or an age (`90m`, `2h`, `7d`); raises typer.BadParameter naming the text."""
    age = AGE.fullmatch(text.strip())
    try:
        if age is not None:
            return now - timedelta(**{UNITS[age[2]]: int(age[1])})
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise typer.BadParameter(f"{text!r} is beyond the years 1 to 9999") from error
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is neither a time as 2026-11-23T10:00 (UTC) or 2026-11-23T10:00+01:00 nor an age as 2h or 7d"
        ) from error


def span(since: str | None, until: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Both ends of a range, each open where it is None; raises typer.BadParameter where nothing can lie in it."""
    first, last = (None if text is None else moment(text, now) for text in (since, until))
    if first is not None and last is not None and first >= last:
        raise typer.BadParameter(f"--since {since} is not before --until {until}")
    return first, last
