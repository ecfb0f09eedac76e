"""The times that people send, each in every form that there is, against Python's own datetime."""

import itertools
import math
import random
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from arus.base.times import EPOCH, FAR, date, instant

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
JAKARTA = timezone(timedelta(hours=7))


def moments() -> list[datetime]:
    """Return moments from 2000 to 2099, to the microsecond, the millisecond, the second and the minute."""
    rng = random.Random(20261130)
    found = []
    for _ in range(50):
        moment = EPOCH + timedelta(seconds=rng.randrange(946_684_800, 4_102_444_800), microseconds=rng.randrange(10**6))
        found += [
            moment,
            moment.replace(microsecond=moment.microsecond // 1000 * 1000),
            moment.replace(microsecond=0),
            moment.replace(second=0, microsecond=0),
        ]
    return found


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def as_numbers(moment: datetime) -> list[Any]:
    """Return a moment as a number in each unit that it is whole in, as int, float and text."""
    whole = [micros(moment) // unit for unit in (1, 1_000, 1_000_000) if micros(moment) % unit == 0]
    return [*whole, *map(float, whole), *map(str, whole), *(f" {number}.0 " for number in whole)]


def as_texts(moment: datetime) -> list[str]:
    """Return a moment as ISO 8601, in all combinations of its parts that differ in kind."""
    found = []
    zones = {"": timezone.utc, "Z": timezone.utc, "z": timezone.utc, " UTC": timezone.utc, "+00:00": timezone.utc}
    zones |= dict.fromkeys(("+07:00", "+0700", "+07", " +07:00"), JAKARTA)
    zones["-03:30"] = timezone(-timedelta(hours=3, minutes=30))
    for (zone, offset), separator, dash in itertools.product(zones.items(), "T t", "-/"):
        local = moment.astimezone(offset)
        day = f"{local:%Y-%m-%d}".replace("-", dash)
        clocks = [f"{local:%H:%M:%S.%f}", f"{local:%H:%M:%S,%f}", f"{local:%H:%M:%S.%f}999"]
        clocks += [f"{local:%H:%M:%S}.{local.microsecond // 1000:03}"] if local.microsecond % 1000 == 0 else []
        clocks += [f"{local:%H:%M:%S}"] if local.microsecond == 0 else []
        clocks += [f"{local:%H:%M}", f"{local.hour}:{local:%M}"] if not (local.second or local.microsecond) else []
        found += [f"{day}{separator}{clock}{zone}" for clock in clocks]
    return found


def test_a_time_is_the_same_in_every_form() -> None:
    for moment in moments():
        for form in (*as_numbers(moment), *as_texts(moment)):
            assert (instant(form), date(form)) == (moment, moment), form


def test_nanoseconds_are_as_near_as_a_float_of_them() -> None:
    for moment in moments():
        assert abs(instant(micros(moment) * 1000) - moment) <= timedelta(microseconds=1)


def test_the_magnitude_of_a_number_says_its_unit() -> None:
    assert [instant(99_999_999_999), instant(100_000_000_000)] == [
        EPOCH + timedelta(seconds=99_999_999_999),
        EPOCH + timedelta(milliseconds=100_000_000_000),
    ]
    assert instant(1795262400.250001) == datetime(2026, 11, 21, 12, 0, 0, 250001, timezone.utc)
    assert instant(-0.000001) == datetime(1969, 12, 31, 23, 59, 59, 999999, timezone.utc)
    assert [instant(value) for value in (1e21, "-1e300", math.inf)] == [FAR] * 3, "no year is that far"


@pytest.mark.parametrize(
    "value",
    [
        "kemarin", "", "12:00", "T12:00", "2026-11-21T12", "2026-11", "20261121T120000Z", "2026-02-30", "2026-13-01",
        "2026-11-21 25:00", "2026-11-21 12:60", "2026-11-21T12:00:60Z", "2026-11-21T12:00+99:00",
        "2026-11-21T12:00+05:99", "2026-11-21T12:00 WIB", "0000-01-01", "9999-12-31 23:00-05:00",
        "0001-01-01T00:00+05:00", "2026-11-21+07:00", "21/11/2026 12:00", "21.11.2026", True, None, [1795262400], {},
        math.nan,
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|range|month|hour|minute|second|day|year|offset"):
        instant(value)


def as_dates(moment: datetime) -> list[Any]:
    """Return a moment, to the minute, as shops' exports have it."""
    short, long = f"{moment:%y}", f"{moment:%Y}"
    twelve = f"{moment.hour % 12 or 12}"
    clocks = [f"{moment:%H:%M}", f"{moment.hour}:{moment:%M}", f"{moment:%H:%M:%S}"]
    clocks += [
        f"{twelve}:{moment:%M} {moment:%p}",
        f"{twelve}:{moment:%M:%S} {moment:%p}",
        f"{twelve}:{moment:%M}{moment:%p}".lower(),
    ]
    days = [f"{moment.month}/{moment.day}/{year}" for year in (short, long)]
    days += [f"{moment:%m/%d/%Y}", f"{moment:%d.%m.%Y}", f"{moment.day}.{moment.month}.{short}"]
    serial = (moment - datetime(1899, 12, 30, tzinfo=timezone.utc)) / timedelta(days=1)
    return [f"{day} {clock}" for day in days for clock in clocks] + [serial, f"{serial:.5f}"]


def test_a_date_is_the_same_in_every_form_of_a_shop() -> None:
    for moment in {moment.replace(second=0, microsecond=0) for moment in moments()}:
        assert {form: date(form) for form in as_dates(moment)} == dict.fromkeys(as_dates(moment), moment)
    day = datetime(2010, 12, 1, tzinfo=timezone.utc)
    assert [date(text) for text in ("12/1/2010", "12/1/10", "1.12.2010", "2010/12/01", 40513, "40513")] == [day] * 6


@pytest.mark.parametrize(
    "value",
    ["31/12/10 8:26", "12/31/10 0:26 AM", "12/31/10 13:26 PM", "12.31.2010", "01-12-2010 08:26", "12/1", "soon", True],
)
def test_a_date_that_does_not_say_its_month_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|month|hour|day"):
        date(value)
