"""A date is read for certain or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.formats.dates import read

READ = [
    # what feedparser reads wrongly
    ("1704103200", "2024-01-01T10:00:00+00:00"),
    ("1520932969", "2018-03-13T09:22:49+00:00"),
    ("1704103200000", "2024-01-01T10:00:00+00:00"),
    ("20240101T100000Z", "2024-01-01T10:00:00+00:00"),
    ("2024-06-01 10:00:00 UTC", "2024-06-01T10:00:00+00:00"),
    ("2024-06-01 10:00:00 +0530", "2024-06-01T04:30:00+00:00"),
    ("January 5, 2024 1:55 PM EST", "2024-01-05T18:55:00+00:00"),
    ("1:55 PM EST, January 5, 2024", "2024-01-05T18:55:00+00:00"),
    ("Mon, 01 Jul 2024 10:00:00 CEST", "2024-07-01T08:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 IST", "2024-01-01T04:30:00+00:00"),
    ("Sat, 01 Jun 2024 10:00:00 Europe/Berlin", "2024-06-01T08:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 Europe/Vienna", "2024-01-01T09:00:00+00:00"),
    # what feedparser does not read
    ("Fri,24 Nov 2023 10:00:00 +0100", "2023-11-24T09:00:00+00:00"),
    ("Mon, 01 Jan 2024 24:00:00 +0100", "2024-01-01T23:00:00+00:00"),
    ("Mo, 02 Okt 2023 10:00:00 +0200", "2023-10-02T08:00:00+00:00"),
    ("Di, 05. Dez. 2023 17:00:00 MESZ", "2023-12-05T15:00:00+00:00"),
    ("Montag, 1. Jänner 2024, 15:04 MEZ", "2024-01-01T14:04:00+00:00"),
    ("5. März 2023 um 17 Uhr MEZ", "2023-03-05T16:00:00+00:00"),
    ("mer., 13 déc. 2023 15:04:05 +0100", "2023-12-13T14:04:05+00:00"),
    # what is written every day
    ("Mon, 02 Mar 2026 05:58:00 +0000", "2026-03-02T05:58:00+00:00"),
    ("Mon, 1 Jan 24 10:00 GMT", "2024-01-01T10:00:00+00:00"),
    ("1 Jan 2024 10:00:00 Z", "2024-01-01T10:00:00+00:00"),
    ("Tue, 10 Jun 2003 04:00:00 -0000", "2003-06-10T04:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 +0100 (CET)", "2024-01-01T09:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00+01:00", "2024-01-01T09:00:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 GMT+2", "2024-01-01T08:00:00+00:00"),
    ("Mon Jan 01 2024 10:00:00 GMT+0100 (Central European Standard Time)", "2024-01-01T09:00:00+00:00"),
    ("Thu Jan  4 10:00:00 EST 2024", "2024-01-04T15:00:00+00:00"),
    ("2024-01-01T10:00:00.123456789+01:00", "2024-01-01T09:00:00.123456+00:00"),
    ("2024-01-01T10:00:00-05:00", "2024-01-01T15:00:00+00:00"),
    ("2024-01-01T10:00Z", "2024-01-01T10:00:00+00:00"),
    ("2024-12-31T23:59:60Z", "2024-12-31T23:59:59+00:00"),
    ("December 5th, 2023 at 5 p.m. ET", "2023-12-05T22:00:00+00:00"),
    ("July 5th, 2023 at 5 p.m. ET", "2023-07-05T21:00:00+00:00"),
    ("12:00 AM EST, 1 Jan 2024", "2024-01-01T05:00:00+00:00"),
]
ASSUMED = [
    ("2024/6/29 15:07", "2024-06-29T14:07:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00", "2024-01-01T09:00:00+00:00"),
    ("2024-01-01 10:00:00.0", "2024-01-01T09:00:00+00:00"),
    ("2024-01-01T10:00", "2024-01-01T09:00:00+00:00"),
    ("20240101100000", "2024-01-01T09:00:00+00:00"),
    ("2024-W09-4", "2024-02-28T23:00:00+00:00"),
    ("2024-060", "2024-02-28T23:00:00+00:00"),
    ("1. März 2024", "2024-02-29T23:00:00+00:00"),
    ("Do., 12.05.2022 08:15 Uhr", "2022-05-12T07:15:00+00:00"),
    ("01.03.2024 15.04 Uhr", "2024-03-01T14:04:00+00:00"),
    ("13 décembre 2023 15h04", "2023-12-13T14:04:00+00:00"),
    ("Mon, 01 Jan 2024 10:00:00 XYZ", "2024-01-01T09:00:00+00:00"),
    ("2024-1-1 9:05 PM", "2024-01-01T20:05:00+00:00"),
    ("3/4/2024 1:55 PM", "2024-03-04T12:55:00+00:00"),
    ("24/12/2023 18:00", "2023-12-24T17:00:00+00:00"),
    ("Wednesday, December 13, 2023 - 12:00", "2023-12-13T11:00:00+00:00"),
]
UNREAD = [
    None, "", "   ", "yesterday", "vor 2 Stunden", "0000-00-00", "0000-00-00 00:00:00", "Fri, 31 Feb 2024 10:00:00 GMT",
    "2024-13-01", "3/4/2024", "99999999999999999999", "Mon, 01 Jan 2024 25:00:00 GMT", "-0001-11-30T00:00:00+00:00",
    "Mon, 01 Jan 0001 00:00:00 GMT", "13 PM, 1 Jan 2024", "2024-01-01T24:30:00Z", "x" * 500,
    "Mon, 01 Jan 2024 10:00:00 +0100 " + "(" * 300, "Thu, 01 Jan 1970 00:00:00 GMT", "1969-12-31T19:00:00-05:00",
    "1970-01-01 01:00:00", "0000000000",
]  # fmt: skip


@pytest.mark.parametrize(("raw", "moment"), READ)
def test_a_date_that_names_its_zone_is_read_exactly(raw: str, moment: str) -> None:
    found = read(raw, default=timezone(timedelta(hours=7)))
    assert found is not None
    assert (found.at.isoformat(), found.assumed) == (moment, False)


@pytest.mark.parametrize(("raw", "moment"), ASSUMED)
def test_a_date_without_a_zone_is_read_in_the_feeds_own_and_says_so(raw: str, moment: str) -> None:
    found = read(raw, default=timezone(timedelta(hours=1)))
    assert found is not None
    assert (found.at.isoformat(), found.assumed) == (moment, True)


@pytest.mark.parametrize("raw", UNREAD)
def test_what_is_no_certain_date_stays_unread(raw: str | None) -> None:
    assert read(raw) is None


@pytest.mark.parametrize(
    ("language", "month"), [("de", 4), ("en-GB", 4), ("en-US", 3), ("fr", 4), ("de_AT", 4), (None, None), ("en", None)]
)
def test_the_language_settles_which_number_is_the_month(language: str | None, month: int | None) -> None:
    found = read("3/4/2024 10:00", language=language)
    assert (found and found.at.month) == month


MOMENTS = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001  hypothesis wants bounds without zone
    max_value=datetime(2099, 12, 31),  # noqa: DTZ001  as above
    timezones=st.sampled_from([timezone(timedelta(minutes=m)) for m in (0, 60, 120, 330, -210, -480, 840)]),
).map(lambda moment: moment.replace(microsecond=0))
MONTHS = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")
DAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")


@given(MOMENTS)
def test_what_a_feed_writes_by_the_book_is_read_back_in_every_form(moment: datetime) -> None:
    offset = moment.strftime("%z")
    day = f"{DAYS[moment.weekday()]}, {moment.day:02d} {MONTHS[moment.month - 1]} {moment.year}"
    german = f"{day} {moment:%H:%M:%S} {offset}"
    for text in (
        format_datetime(moment),
        moment.isoformat(),
        moment.isoformat(" "),
        moment.strftime("%Y%m%dT%H%M%S") + offset,
        moment.strftime("%B %d, %Y %I:%M:%S %p ") + offset,
        moment.strftime("%d.%m.%Y %H:%M:%S ") + offset,
        moment.strftime("%a %b %d %H:%M:%S %Y ") + offset,
        german,
    ):
        found = read(text)
        assert found is not None, text
        assert (found.at, found.assumed) == (moment.astimezone(UTC), False), text


@given(st.text(alphabet="0123456789:.,-+/ TZJanMaiPMUhr()é", max_size=60))
def test_no_text_makes_the_reader_fail_and_every_answer_is_aware(text: str) -> None:
    found = read(text, language="de")
    assert found is None or found.at.utcoffset() == timedelta(0)
