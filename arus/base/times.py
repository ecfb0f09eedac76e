"""The times that people send, as UTC: numbers since 1970 in four units, ISO 8601, and the dates of shops' exports."""

import math
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from arus.base.values import BLANKS, number

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FAR = datetime.max.replace(tzinfo=timezone.utc)
# The magnitude of a number since 1970 says its unit: what is below the bound counts in so many microseconds.
# Seconds reach to the year 5138, milliseconds begin in 1973, as do the others.
UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))
# Year, month, day; hour, minute, second, fraction; the zone's hours and minutes. In capitals.
ISO_TEXT = (
    r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,6})[0-9]*)?)?"
    r" ?(?:Z|UTC|GMT|([+-](?:0[0-9]|1[0-7]))(?::?([0-5][0-9]))?)?)?"
)
_CLOCK = r"(?: +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: ?([AP]M))?)?"
_YEAR = r"([0-9]{2}|[0-9]{4})"
_MONTH_FIRST = re.compile(rf"([0-9]{{1,2}})/([0-9]{{1,2}})/{_YEAR}{_CLOCK}")
_DAY_FIRST = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.{_YEAR}{_CLOCK}")
_ISO = re.compile(ISO_TEXT)
# Excel counts days from here; these are the years 2000 to 2118. As seconds they would be of 1970.
_EXCEL_EPOCH = datetime(1899, 12, 30, tzinfo=timezone.utc)
_EXCEL_DAYS = (36_526, 80_000)


def instant(value: Any) -> datetime:
    """Return a time as UTC, to the microsecond: a number since 1970, or ISO 8601, which is UTC where it names no zone.

    The number is in seconds, milliseconds, microseconds or nanoseconds, as its magnitude says (UNITS); as a float has
    them, nanoseconds are right to a microsecond. Numbers too far from 1970 for a year of four digits give the last
    moment there is. ValueError for anything else.
    """
    if isinstance(value, str) and (match := _ISO.fullmatch(value.strip(BLANKS).upper())):
        return _from_iso(match)
    return _since_1970(number(value))


def date(value: Any) -> datetime:
    """Return the date of a shop's export: what `instant` reads, days as Excel counts them, and years that come last.

    `12/1/10 8:26` and `12/1/2010 2:26 PM` have the month first, as the data set has them; `01.12.2010 8:26` has the
    day first. Other dates with the year last do not say which of the two comes first: ValueError.
    """
    if isinstance(value, str):
        found = value.strip(BLANKS).upper()
        if match := _MONTH_FIRST.fullmatch(found):
            month, day, *rest = match.groups()
            return on_clock(int(day), int(month), *rest)
        if match := _DAY_FIRST.fullmatch(found):
            day, month, *rest = match.groups()
            return on_clock(int(day), int(month), *rest)
        if match := _ISO.fullmatch(found):
            return _from_iso(match)
    amount = number(value)
    if _EXCEL_DAYS[0] <= amount < _EXCEL_DAYS[1]:
        return _EXCEL_EPOCH + timedelta(seconds=round(amount * 86_400))
    return _since_1970(amount)


def on_clock(day: int, month: int, *rest: str | None) -> datetime:
    """Return the moment of a day, a month, and the texts of year, hour, minute, second, and AM or PM, as UTC.

    A year of two digits is of this century. ValueError where there is no such moment.
    """
    year, hour, minute, second = (int(part or 0) for part in rest[:4])
    if half := rest[4]:
        if not 1 <= hour <= 12:
            raise ValueError("no hour of a clock with twelve")
        hour = hour % 12 + (12 if half.upper() == "PM" else 0)
    year += 2000 if year < 100 else 0
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)


def _since_1970(amount: float) -> datetime:
    if math.isnan(amount):
        raise ValueError("no number")
    unit = next((micros for bound, micros in UNITS if abs(amount) < bound), None)
    try:
        return EPOCH + timedelta(microseconds=math.floor(amount * unit + 0.5)) if unit else FAR
    except OverflowError:
        return FAR


def _from_iso(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, hours, minutes = match.groups()[6:]
    micros = int((fraction or "").ljust(6, "0"))
    before = -1 if (hours or "").startswith("-") else 1
    zone = timezone(timedelta(hours=int(hours or 0), minutes=before * int(minutes or 0)))
    try:
        return datetime(year, month, day, hour, minute, second, micros, zone).astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError("no year of four digits") from error
