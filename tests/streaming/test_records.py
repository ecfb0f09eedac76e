"""The plain rules: one value, one field, one record; no Spark."""

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from arus.streaming.records import (
    LARGEST_INT,
    MAX_AHEAD,
    Field,
    InvalidRecordError,
    date,
    epoch_seconds,
    identifier,
    json_object,
    number,
    read_record,
    text,
    whole_number,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
MAX_BYTES = 65_536


@pytest.mark.parametrize(
    ("value", "expected"),
    [("S1", "S1"), (" S 1\n", "S 1"), (12, "12"), (12.5, "12.5"), (True, "true"), ("\x00", "\x00"), ("\ud800", "?")],
)
def test_an_identifier_is_text_without_the_blanks_around_it(value: Any, expected: str) -> None:
    assert identifier(value) == expected


@pytest.mark.parametrize("value", ["", " \t\r\n", {}, {"a": 1}, [], ["S1"], "{", "[S1"])
def test_nothing_and_what_is_made_of_parts_identify_nothing(value: Any) -> None:
    with pytest.raises(ValueError, match="an object, an array or nothing"):
        identifier(value)


def test_what_is_nested_too_deeply_is_no_text() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="too many levels"):
        text(value)


def test_text_is_kept_as_it_is() -> None:
    assert [text(value) for value in (" a ", "", 6, {"a": [1]})] == [" a ", "", "6", '{"a": [1]}']


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (70.5, 70.5), (70, 70.0), (-0.0, 0.0), ("70.5", 70.5), (" +7.05e1 ", 70.5), (".5", 0.5), ("5.", 5.0),
        (10**400, math.inf), ("1e400", math.inf), ("Infinity", math.inf), ("-inf", -math.inf),
    ],
)  # fmt: skip
def test_a_number_may_come_as_text(value: Any, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    "value", [True, False, "", " ", "panas", "70,5", "1_000", "0x1A", "1d", "7 0", "--7", [70.5], {"a": 1}, "e5", "."]
)
def test_what_is_no_number_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match="no number"):
        number(value)


def test_a_long_text_of_digits_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no number"):
        number("1" * 1_000_000 + "x")


def test_nan_is_a_number_that_no_field_takes() -> None:
    assert math.isnan(number("nan"))
    with pytest.raises(InvalidRecordError, match="not-finite:suhu"):
        Field("suhu", number, "suhu").read({"suhu": math.nan}, NOON)


@pytest.mark.parametrize("value", [6, 6.0, "6", "6.0", " 6 "])
def test_a_whole_number_may_be_written_with_a_point(value: Any) -> None:
    assert (whole_number(value), type(whole_number(value))) == (6, int)


@pytest.mark.parametrize("value", [6.5, "6.5", LARGEST_INT + 1, -LARGEST_INT - 2, True, "six", math.inf, math.nan, ""])
def test_what_has_a_fraction_or_more_than_32_bits_is_no_whole_number(value: Any) -> None:
    with pytest.raises(ValueError, match="number"):
        whole_number(value)


def test_epoch_seconds_are_times_to_the_microsecond() -> None:
    assert epoch_seconds(1795262400.250001) == datetime(2026, 11, 21, 12, 0, 0, 250001, timezone.utc)
    assert epoch_seconds("1795262400") == epoch_seconds(1795262400) == NOON
    assert epoch_seconds(-0.000001) == datetime(1969, 12, 31, 23, 59, 59, 999999, timezone.utc)
    far = datetime.max.replace(tzinfo=timezone.utc)
    assert [epoch_seconds(value) for value in (1e18, -9e10, math.inf)] == [far] * 3, "no year is that far"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2011-10-06 16:20:00", (2011, 10, 6, 16, 20)),
        ("2011-10-06T16:20:00", (2011, 10, 6, 16, 20)),
        ("2011-10-06T16:20", (2011, 10, 6, 16, 20)),
        ("2011-10-06", (2011, 10, 6)),
        ("2011-10-06 16:20:00.250", (2011, 10, 6, 16, 20, 0, 250_000)),
        ("2011-10-06T16:20:00Z", (2011, 10, 6, 16, 20)),
        ("2011-10-06T16:20:00+07:00", (2011, 10, 6, 9, 20)),
        ("2011-10-06T16:20:00-0330", (2011, 10, 6, 19, 50)),
        ("2011-10-06T16:20:00-00:30", (2011, 10, 6, 16, 50)),
        ("10/6/11 16:20", (2011, 10, 6, 16, 20)),
        ("10/6/2011 16:20", (2011, 10, 6, 16, 20)),
    ],
)
def test_a_date_is_understood(value: str, expected: tuple[int, ...]) -> None:
    assert date(value) == datetime(*expected, tzinfo=timezone.utc)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    "value",
    [
        "16:20",
        "T16:20",
        "31/12/10 8:26",
        "kemarin",
        "2011-02-30 00:00:00",
        "2011-13-01",
        "2011-10-06 25:00",
        20111006,
        "9999-12-31 23:00-05:00",
        "0001-01-01T00:00+05:00",
        "0000-01-01",
        "2011-10-06T16:20+99:00",
        "2011-10-06T16:20+05:99",
    ],
)
def test_what_is_no_date_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"date|text|range|month|hour|day|year|offset"):
        date(value)


SUHU = Field("suhu", number, "suhu", least=-50.0, most=50.0)
TIME = Field("timestamp", epoch_seconds, "event_time", required=False)


@pytest.mark.parametrize(("value", "code"), [(50.1, "out-of-range:suhu"), (1e400, "not-finite:suhu")])
def test_bounds_are_kept(value: float, code: str) -> None:
    assert [SUHU.read({"suhu": bound}, NOON) for bound in (-50, 50.0)] == [-50.0, 50.0]
    with pytest.raises(InvalidRecordError, match=code):
        SUHU.read({"suhu": value}, NOON)


def test_an_optional_field_may_be_missing_null_or_blank_and_a_missing_time_is_kafkas() -> None:
    customer = Field("CustomerID", whole_number, "customer_id", required=False)
    for message in ({}, {"CustomerID": None}, {"CustomerID": ""}, {"CustomerID": " "}):
        assert customer.read(message, NOON) is None
    assert [TIME.read(message, NOON) for message in ({}, {"timestamp": None}, {"timestamp": " "})] == [NOON] * 3


def test_a_required_field_must_be_there() -> None:
    for message in ({}, {"suhu": None}):
        with pytest.raises(InvalidRecordError, match="missing-field:suhu"):
            SUHU.read(message, NOON)
    with pytest.raises(InvalidRecordError, match="wrong-type:suhu"):
        SUHU.read({"suhu": ""}, NOON)


@pytest.mark.parametrize("ahead", [MAX_AHEAD, -timedelta(days=365 * 26)])
def test_a_clock_may_be_a_day_ahead_and_go_back_to_2000(ahead: timedelta) -> None:
    assert TIME.read({"timestamp": (NOON + ahead).timestamp()}, NOON) == NOON + ahead
    for seconds in (946_684_799.9, (NOON + MAX_AHEAD).timestamp() + 0.001, 1e18, -1e15):
        with pytest.raises(InvalidRecordError, match="absurd-time:timestamp"):
            TIME.read({"timestamp": seconds}, NOON)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null-value"),
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b'{"a":"\xff"}', "not-utf8"),
        (b"{", "not-json"),
        (b'{"a":tru}', "not-json"),
        (b'{"a":1}{"a":2}', "trailing-bytes"),
        (b'{"a":1}\x00', "trailing-bytes"),
        (b"[1] 2", "not-json"),
        (b"[1]", "not-object"),
        (b"null", "not-object"),
        (b"NaN", "not-object"),
        (b"[" * 10_000, "not-json"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "not-json"),
        (b'{"a":' + b"1" * 5_000 + b"}", "not-json"),
        (b" " * (MAX_BYTES + 1), "oversize"),
    ],
)
def test_what_is_not_one_json_object_has_its_reason(value: bytes | None, reason: str) -> None:
    with pytest.raises(InvalidRecordError) as raised:
        json_object(value, MAX_BYTES)
    assert raised.value.reason == reason


def test_an_object_may_have_more_than_json_has_words_for() -> None:
    assert json_object(b' {"a":1,"a":2}\n', MAX_BYTES) == {"a": 2}
    found = json_object(b'{"a":NaN,"b":1e400,"c":-Infinity}', MAX_BYTES)
    assert math.isnan(found.pop("a"))
    assert found == {"b": math.inf, "c": -math.inf}


def test_a_record_is_a_row_or_the_reason_of_its_first_wrong_field() -> None:
    fields = (Field("sensor_id", identifier, "sensor_id"), SUHU, TIME)
    value = json.dumps({"sensor_id": " S1", "suhu": "20.5", "unit": {"name": "C"}}).encode()
    assert read_record(value, NOON, fields, MAX_BYTES) == {"sensor_id": "S1", "suhu": 20.5, "event_time": NOON}
    with pytest.raises(InvalidRecordError, match="missing-field:sensor_id"):
        read_record(b'{"suhu":"panas"}', NOON, fields, MAX_BYTES)
