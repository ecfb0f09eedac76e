import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from arus.errors import ArusError
from arus.settings import Trigger
from arus.streaming.task_rows import REJECTS
from jobs.temperature_filter import (
    SHOWN,
    Settings,
    Thresholds,
    as_messages,
    maybe_hot,
    parse,
    read_thresholds,
    rows,
    show,
    too_hot,
)
from producers.temperature import MALFORMED
from tests.streaming.kafka_records import ARRIVED, batch, frame

SETTINGS = Settings(
    threshold_celsius=80.0,
    thresholds_file="",
    min_celsius=-273.15,
    max_celsius=2000.0,
    trigger=Trigger("availableNow"),
    table_trigger=Trigger("availableNow"),
    starting_offsets="earliest",
    max_offsets_per_trigger=0,
    max_value_bytes=65536,
    max_ahead_seconds=10.0,
    aliases="temperature=suhu",
    console=False,
)
COMMON = Thresholds(80.0, {})

REASONS = {
    "null": "null-value",
    "empty": "empty",
    "blank": "empty",
    "invalid_utf8": "not-utf8",
    "truncated": "not-json",
    "trailing_bytes": "trailing-bytes",
    "not_json": "not-json",
    "array": "not-object",
    "bare_number": "not-object",
    "json_null": "not-object",
    "missing_suhu": "missing-field:suhu",
    "missing_sensor_id": "missing-field:sensor_id",
    "null_suhu": "missing-field:suhu",
    "null_sensor_id": "missing-field:sensor_id",
    "text_suhu": "wrong-type:suhu",
    "boolean_suhu": "wrong-type:suhu",
    "object_suhu": "wrong-type:suhu",
    "nan_suhu": "not-finite:suhu",
    "infinite_suhu": "not-finite:suhu",
    "overflowing_suhu": "not-finite:suhu",
    "schema_registry": "schema-registry-header",
    "oversize": "oversize",
}
MORE_MALFORMED = {
    b'{"sensor_id":"S1","suhu":70.0}{"sensor_id":"S2","suhu":90.0}': "trailing-bytes",
    b'{"sensor_id":"S1","suhu":90.0}]}': "trailing-bytes",
    b'{"sensor_id":"S1","suhu":90.0},{"_end":true}': "trailing-bytes",
    b'{"sensor_id":"S1","suhu":90.0}\x00': "trailing-bytes",
    b"{'sensor_id':'S1','suhu':90.0}": "not-json",
    b'{"sensor_id":"S1","suhu":090.0}': "not-json",
    b'{"sensor_id":"S1","suhu":90.0,"extra":tru}': "not-json",
    b'{"sensor_id":" ","suhu":90.0}': "wrong-type:sensor_id",
    b'{"sensor_id":{"a":1},"suhu":90.0}': "wrong-type:sensor_id",
    b'{"sensor_id":"S1","suhu":"90,0"}': "wrong-type:suhu",
    b'{"sensor_id":"S1","suhu":-273.16}': "out-of-range:suhu",
    b'{"sensor_id":"S1","suhu":2000.01}': "out-of-range:suhu",
    b'"{\\"sensor_id\\":\\"S1\\",\\"suhu\\":90.0}{}"': "not-object",
    b'"panas"': "not-object",
    b"\x00\x00\x00\x00\x07\x02S1\xff": "schema-registry-header",
    b"[" * 10_000: "not-json",
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000: "not-json",
}
GOOD = (
    b'{"sensor_id":"S1","suhu":90.0}',
    b'{"sensor_id": "S1", "suhu": 90.0}',
    b'{"suhu":9.0e1,"sensor_id":"S1"}',
    b'{"sensor_id":"S1","suhu":90,"timestamp":1795262400.25}',
    b'{"sensor_id":"S1","suhu":90.0,"unit":{"name":"C"}}',
    b' {"sensor_id":"S1","suhu":90.0}\n',
    b'{"sensor_id":"S1","suhu":70.0,"suhu":90.0}',
    b'{"sensor_id":"S\\u0031","suhu":90.0}',
    b'{"sensor_id":"S1","suhu":"90.0"}',
    b'{"sensor_id":"S1","temperature":90.0}',
    b'\xef\xbb\xbf{"sensor_id":"S1","suhu":90.0}',
    b'"{\\"sensor_id\\":\\"S1\\",\\"suhu\\":90.0}"',
    *(
        b'{"sensor_id":"S1","suhu":90.0,"timestamp":%s}' % time
        for time in (b'"kemarin"', b"-1e15", b"1e18", b"7", b"946684799.9", b'""', b"true", b'"2026-11-21 12:00:00"')
    ),
)


def records(*values: bytes | None) -> pa.RecordBatch:
    return batch("sensor-suhu", values)


def reading(sensor_id: str, suhu: float) -> bytes:
    return json.dumps({"sensor_id": sensor_id, "suhu": suhu}).encode()


def table(name: str, *values: bytes | None, thresholds: Thresholds = COMMON) -> list[dict[str, Any]]:
    """Return the rows that a batch gives a table."""
    found: list[dict[str, Any]] = rows(records(*values), SETTINGS, thresholds)[name].to_pylist()
    return found


def test_the_malformed_kinds_of_the_producer_all_have_a_reason_here() -> None:
    assert MALFORMED.keys() == REASONS.keys()


def test_every_malformed_value_has_its_reason() -> None:
    expected = [(MALFORMED[kind], code) for kind, code in REASONS.items()] + list(MORE_MALFORMED.items())
    rejected = table(REJECTS, *(value for value, _ in expected))
    assert [(row["value"] and row["value"][:60], row["reason"]) for row in rejected] == [
        (value and value[:60], code) for value, code in expected
    ]


def test_every_form_of_a_good_reading_is_used() -> None:
    found = rows(records(*GOOD), SETTINGS, COMMON)
    assert found[REJECTS].num_rows == 0
    assert [(row["sensor_id"], row["suhu"]) for row in found["sensor_suhu"].to_pylist()] == [("S1", 90.0)] * len(GOOD)


def test_a_reading_without_a_time_of_its_own_has_that_of_its_arrival() -> None:
    own = b'{"sensor_id":"S1","suhu":70.5,"timestamp":1795262400.25}'
    names = ("sensor_id", "suhu", "event_time", "topic", "partition", "offset")
    assert [tuple(row[name] for name in names) for row in table("sensor_suhu", reading("S1", 70.0), own)] == [
        ("S1", 70.0, ARRIVED, "sensor-suhu", 0, 0),
        ("S1", 70.5, datetime.fromtimestamp(1795262400.25, timezone.utc), "sensor-suhu", 0, 1),
    ]


@pytest.mark.parametrize(
    ("time", "moment", "fault"),
    [
        ("1795262399.5", ARRIVED - timedelta(seconds=0.5), None),
        ("1795262410", ARRIVED + timedelta(seconds=10), None),
        ("1795262410.001", ARRIVED, "absurd-time:timestamp=1795262410.001"),
        ("7", ARRIVED, "absurd-time:timestamp=7"),
        ('"kemarin"', ARRIVED, "wrong-type:timestamp=kemarin"),
        ('{"a":[1]}', ARRIVED, 'wrong-type:timestamp={"a": [1]}'),
        ('"N/A"', ARRIVED, None),
        ('"2026-11-21T18:59:59+07:00"', ARRIVED - timedelta(seconds=1), None),
        ("1795262399000", ARRIVED - timedelta(seconds=1), None),
    ],
)
def test_a_reading_with_any_time_alerts_at_it_or_at_kafkas(
    spark: SparkSession, time: str, moment: datetime, fault: str | None
) -> None:
    value = b'{"sensor_id":"S1","suhu":99.5,"timestamp":%s}' % time.encode()
    [kept] = table("sensor_suhu", value)
    assert (kept["event_time"], kept["time_fault"]) == (moment, fault)
    [alert] = table("peringatan_suhu", value)
    assert alert["event_time"] == moment
    assert table(REJECTS, value) == []
    hot = too_hot(parse(maybe_hot(frame(spark, records(value)), 80.0), SETTINGS), COMMON)
    [message] = as_messages(hot).collect()
    assert json.loads(message["value"])["timestamp"] == moment.timestamp()


@pytest.mark.parametrize(
    ("thresholds", "hot"),
    [
        (COMMON, [("S1", 80.00001), ("S1", 84.0), ("S1", 86.0), ("S2", 84.0)]),
        (Thresholds(80.0, {"S1": 85.0, "S3": 60.0}), [("S1", 86.0), ("S2", 84.0), ("S3", 60.5), ("S3", 79.9)]),
    ],
)
def test_readings_strictly_above_their_threshold_are_alerts_in_table_and_topic(
    spark: SparkSession, thresholds: Thresholds, hot: list[tuple[str, float]]
) -> None:
    numbers = {"S1": (80.0, 80.00001, 84.0, 86.0), "S2": (80.0, 84.0), "S3": (60.0, 60.5, 79.9)}
    values = [reading(sensor, suhu) for sensor, suhus in numbers.items() for suhu in suhus]
    in_table = table("peringatan_suhu", *values, thresholds=thresholds)
    assert sorted((row["sensor_id"], row["suhu"]) for row in in_table) == hot
    sent = as_messages(too_hot(parse(frame(spark, records(*values)), SETTINGS), thresholds)).collect()
    told = [json.loads(row.value) for row in sent]
    assert [row.key for row in sent] == [message["sensor_id"] for message in told]
    assert told == [
        {name: row[name] for name in ("alert_id", "sensor_id", "suhu")} | {"timestamp": ARRIVED.timestamp()}
        for row in in_table
    ]
    offsets = {f"sensor-suhu-0-{offset}" for offset, value in enumerate(values) if json.loads(value)["suhu"] != 80.0}
    assert {row["alert_id"] for row in in_table} <= offsets


def test_the_first_look_drops_nothing_that_parsing_would_alert_on(spark: SparkSession) -> None:
    numbers = [80.0, 80.01, 79.99, 1999.0, 2001.0, -40.0, 0.0]
    values = (
        [reading("S1", number) for number in numbers] + list(GOOD) + list(MALFORMED.values()) + list(MORE_MALFORMED)
    )
    raw = frame(spark, records(*values))
    looked_at = maybe_hot(raw, 80.0)
    hot = too_hot(parse(looked_at, SETTINGS), COMMON).select(F.concat_ws("-", "topic", "partition", "offset"))
    assert {row[0] for row in hot.collect()} == {row["alert_id"] for row in table("peringatan_suhu", *values)}
    assert looked_at.count() < raw.count()


def test_the_console_shows_each_alert_once_in_order_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    later = b'{"sensor_id":"S\\u001b2","suhu":91.5,"timestamp":1795262400.25}'
    shown = rows(records(later, reading("S1", 70.0), reading("S1", 81.0)), replace(SETTINGS, console=True), COMMON)
    show(shown[SHOWN])
    assert capsys.readouterr().out.splitlines() == [
        f"[Peringatan Suhu Tinggi] Sensor S1: Suhu 81.0°C - {ARRIVED:%Y-%m-%d %H:%M:%S}",
        "[Peringatan Suhu Tinggi] Sensor S\\x1b2: Suhu 91.5°C - 2026-11-21 12:00:00.250000",
    ]
    assert SHOWN not in rows(records(later), SETTINGS, COMMON)


@pytest.mark.parametrize("text", ["{", "[85]", '{"S1": "hot"}', '{"S1": null}'])
def test_a_damaged_thresholds_file_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(text)
    with pytest.raises(ArusError, match=r"thresholds\.json is not a JSON object"):
        read_thresholds(str(path))


def test_thresholds_are_numbers_by_sensor(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text('{"S1": 85, "S2": 60.5}')
    assert read_thresholds(str(path)) == {"S1": 85.0, "S2": 60.5}
    assert read_thresholds("") == {}
