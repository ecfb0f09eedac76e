"""Fields, and whole records: a row or the reason why there is none; no Spark."""

import json
import math
from datetime import datetime, timedelta, timezone

import pytest

from arus.base.times import date, instant
from arus.base.values import identifier, number, text, whole_number
from arus.errors import ArusError
from arus.streaming.records import MAX_AHEAD, Field, InvalidRecordError, ahead, aliases, json_object, read_record

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
MAX_BYTES = 65_536


def test_nan_is_a_number_that_no_field_takes() -> None:
    with pytest.raises(InvalidRecordError, match="not-finite:suhu"):
        Field("suhu", number, "suhu").read({"suhu": math.nan}, NOON)


SUHU = Field("suhu", number, "suhu", least=-50.0, most=50.0)
TIME = Field("timestamp", instant, "event_time", required=False, ahead=timedelta(seconds=3))


@pytest.mark.parametrize(("value", "code"), [(50.1, "out-of-range:suhu"), (1e400, "not-finite:suhu")])
def test_bounds_are_kept(value: float, code: str) -> None:
    assert [SUHU.read({"suhu": bound}, NOON) for bound in (-50, 50.0)] == [-50.0, 50.0]
    with pytest.raises(InvalidRecordError, match=code):
        SUHU.read({"suhu": value}, NOON)


def test_an_optional_field_may_be_missing_null_or_blank_and_a_missing_time_is_kafkas() -> None:
    customer = Field("CustomerID", whole_number, "customer_id", required=False)
    country = Field("CustomerID", text, "country", required=False)
    for value in (None, "", " ", "nan", "NULL", math.nan):
        assert customer.read({"CustomerID": value}, NOON) is country.read({"CustomerID": value}, NOON) is None
    assert [TIME.read(message, NOON) for message in ({}, {"timestamp": None}, {"timestamp": " "})] == [NOON] * 3


def test_a_required_field_must_be_there() -> None:
    for message in ({}, {"suhu": None}):
        with pytest.raises(InvalidRecordError, match="missing-field:suhu"):
            SUHU.read(message, NOON)
    with pytest.raises(InvalidRecordError, match="wrong-type:suhu"):
        SUHU.read({"suhu": ""}, NOON)


@pytest.mark.parametrize("ahead", [MAX_AHEAD, -timedelta(days=365 * 26)])
def test_a_date_may_be_a_day_ahead_and_go_back_to_2000(ahead: timedelta) -> None:
    day = Field("day", date, "day")
    assert day.read({"day": (NOON + ahead).isoformat()}, NOON) == NOON + ahead
    for seconds in (946_684_799.9, (NOON + MAX_AHEAD).timestamp() + 0.001, 1e21, -1e15):
        with pytest.raises(InvalidRecordError, match="absurd-time:day"):
            day.read({"day": seconds}, NOON)


def test_an_optional_time_that_cannot_be_used_is_kafkas_and_the_row_says_why() -> None:
    def read(sent: str) -> tuple[datetime, str | None]:
        row = read_record(b'{"suhu":20,"timestamp":%s}' % sent.encode(), NOON, (SUHU, TIME), MAX_BYTES)
        return row["event_time"], row["time_fault"]

    assert read("1795262399") == (NOON - timedelta(seconds=1), None)
    assert read("null") == read('" N/A "') == read("NaN") == (NOON, None)
    assert read('"kemarin"') == (NOON, "wrong-type:timestamp=kemarin")
    assert read("7") == (NOON, "absurd-time:timestamp=7")
    assert read(f"{NOON.timestamp() + 3.001:.3f}") == (NOON, "absurd-time:timestamp=1795262403.001")
    assert read("[" * 900 + "]" * 900) == (NOON, ("wrong-type:timestamp=" + "[" * 900)[:100])
    assert read('"' + "x" * 200 + '"') == (NOON, ("wrong-type:timestamp=" + "x" * 200)[:100])


def test_a_field_is_read_under_its_other_names_where_its_own_has_nothing() -> None:
    suhu, time = aliases(" temperature=suhu temp=suhu ts=timestamp ", SUHU, TIME)
    assert time.names == ("timestamp", "ts")
    assert suhu.names == ("suhu", "temperature", "temp")
    for message in (
        {"temp": 20},
        {"suhu": None, "temp": "20"},
        {"temperature": 20, "temp": 7},
        {"suhu": 20, "temp": 7},
    ):
        assert suhu.read(message, NOON) == 20.0
    with pytest.raises(InvalidRecordError, match="wrong-type:suhu"):
        suhu.read({"temperature": "panas", "temp": 20}, NOON)
    assert aliases("", SUHU) == (SUHU,)


@pytest.mark.parametrize("setting", ["Suhu=suhu", "temp=suhu Temp=suhu", "a=suhu a=timestamp", "suhu=timestamp"])
def test_a_name_may_be_there_once(setting: str) -> None:
    with pytest.raises(ArusError, match=r"spark\.arus\.aliases has a name twice: "):
        aliases(setting, SUHU, TIME)


def test_how_far_ahead_a_time_may_be_is_0_to_a_day() -> None:
    assert [ahead(seconds) for seconds in (0, 0.5, 86_400)] == [timedelta(0), timedelta(seconds=0.5), MAX_AHEAD]
    for seconds in (-0.001, 86_400.001):
        with pytest.raises(ArusError, match=r"spark\.arus\.max-ahead-seconds must be 0 to 86400"):
            ahead(seconds)


@pytest.mark.parametrize(
    "setting", ["temperature", "=suhu", "a=", "a=b", "a=suhu=c", "tempe`rature=suhu", "a,b=suhu", "_end=suhu"]
)
def test_a_wrong_setting_of_other_names_is_one_line(setting: str) -> None:
    with pytest.raises(ArusError, match=r"spark\.arus\.aliases: .* is not ALIAS=FIELD"):
        aliases(setting, SUHU)


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
        (b'"panas"', "not-object"),
        (b'"{"', "not-object"),
        (b'"{}{}"', "not-object"),
        (b'"\\"{}\\""', "not-object"),
        (b'"{}" 1', "not-json"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfe{\0}\0", "not-utf8"),
        (b'\0\0\0\0\7{"a":1}', "schema-registry-header"),
        (b"\0\0\0\0\7\x02S1\xff", "schema-registry-header"),
        (b"\0\0\0\0\7", "not-json"),
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


@pytest.mark.parametrize("around", [b"%s", b" %s\n", b"\xef\xbb\xbf%s", b"\r\n\xef\xbb\xbf\t%s\n"])
@pytest.mark.parametrize("twice", [False, True])
def test_what_may_stand_around_an_object(around: bytes, twice: bool) -> None:
    value = around.replace(b"%s", b'{"a":12345678901234567890123}')
    if twice:
        value = around.replace(b"%s", json.dumps(value.decode()).encode())
    row = read_record(value, NOON, (Field("a", identifier, "a"),), MAX_BYTES)
    assert row == {"a": "12345678901234567890123"}


def test_an_object_may_have_more_than_json_has_words_for() -> None:
    assert json_object(b' {"a":1,"a":2}\n', MAX_BYTES) == {"a": 2}
    found = json_object(b'{"a":NaN,"b":1e400,"c":-Infinity}', MAX_BYTES)
    assert math.isnan(found.pop("a"))
    assert found == {"b": math.inf, "c": -math.inf}


def test_a_record_is_a_row_or_the_reason_of_its_first_wrong_field() -> None:
    fields = (Field("sensor_id", identifier, "sensor_id"), SUHU, TIME)
    value = json.dumps({"sensor_id": " S1", "suhu": "20.5", "unit": {"name": "C"}}).encode()
    row = {"sensor_id": "S1", "suhu": 20.5, "event_time": NOON, "time_fault": None}
    assert read_record(value, NOON, fields, MAX_BYTES) == row
    with pytest.raises(InvalidRecordError, match="missing-field:sensor_id"):
        read_record(b'{"suhu":"panas"}', NOON, fields, MAX_BYTES)
