import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.testing import assertDataFrameEqual

from arus import schemas
from arus.errors import ArusError
from arus.records import passes, reason
from arus.settings import Trigger
from jobs.temperature_filter import (
    Settings,
    as_alerts,
    as_messages,
    checks,
    maybe_hot,
    parse,
    read_thresholds,
    too_hot,
)
from producers.temperature import MALFORMED

ARRIVED = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
SETTINGS = Settings(
    80.0, "", -273.15, 2000.0, Trigger("availableNow"), Trigger("availableNow"), "earliest", 0, 65536, False
)
RAW = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"

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
    "text_timestamp": "wrong-type:timestamp",
    "far_past": "absurd-time:timestamp",
    "far_future": "absurd-time:timestamp",
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
    b'{"sensor_id":"S1","suhu":"90.0"}': "wrong-type:suhu",
    b'{"sensor_id":"S1","suhu":-273.16}': "out-of-range:suhu",
    b'{"sensor_id":"S1","suhu":2000.01}': "out-of-range:suhu",
    b'{"sensor_id":"S1","suhu":90.0,"timestamp":946684799.9}': "absurd-time:timestamp",
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
)


def records(spark: SparkSession, *values: bytes | None) -> DataFrame:
    rows = [("sensor-suhu", 0, offset, ARRIVED, b"S1", value) for offset, value in enumerate(values)]
    return spark.createDataFrame(rows, RAW)


def judged(raw: DataFrame) -> DataFrame:
    """Parse, and add the yes or no that every record gets, and the reason that only a rejected one gets."""
    rules = checks(SETTINGS)
    return parse(raw).withColumns({"is_usable": passes(rules), "reason": reason(rules)})


def reading(sensor_id: str, suhu: float) -> bytes:
    return json.dumps({"sensor_id": sensor_id, "suhu": suhu}).encode()


def test_the_malformed_kinds_of_the_producer_all_have_a_reason_here() -> None:
    assert MALFORMED.keys() == REASONS.keys()


def test_every_malformed_value_has_its_reason(spark: SparkSession) -> None:
    expected = [(MALFORMED[kind], code) for kind, code in REASONS.items()] + list(MORE_MALFORMED.items())
    rejected = judged(records(spark, *(value for value, _ in expected))).orderBy("offset").collect()
    assert [(row.value and bytes(row.value)[:60], row.is_usable, row.reason) for row in rejected] == [
        (value and value[:60], False, code) for value, code in expected
    ]


def test_every_form_of_a_good_reading_is_used(spark: SparkSession) -> None:
    usable = judged(records(spark, *GOOD)).select("sensor_id", "suhu", "is_usable", "reason").collect()
    assert usable == [Row(sensor_id="S1", suhu=90.0, is_usable=True, reason=None)] * len(GOOD)


def test_a_reading_without_a_time_of_its_own_has_that_of_its_arrival(spark: SparkSession) -> None:
    own = b'{"sensor_id":"S1","suhu":70.5,"timestamp":1795262400.25}'
    parsed = parse(records(spark, reading("S1", 70.0), own))
    expected = [
        ("S1", 70.0, ARRIVED, "sensor-suhu", 0, 0),
        ("S1", 70.5, datetime.fromtimestamp(1795262400.25, timezone.utc), "sensor-suhu", 0, 1),
    ]
    rows = spark.createDataFrame(expected, schemas.TABLES["sensor_suhu"])
    assertDataFrameEqual(parsed.select(rows.columns), rows)


def test_a_clock_may_be_a_day_ahead_but_no_more(spark: SparkSession) -> None:
    day = ARRIVED + timedelta(days=1)
    values = [b'{"sensor_id":"S1","suhu":70.0,"timestamp":%.3f}' % (day.timestamp() + ahead) for ahead in (0, 0.001)]
    rows = judged(records(spark, *values)).orderBy("offset").collect()
    assert [(row.is_usable, row.reason) for row in rows] == [(True, None), (False, "absurd-time:timestamp")]


def test_a_reading_at_the_threshold_is_no_alert(spark: SparkSession) -> None:
    readings = spark.createDataFrame([("S1", 80.0), ("S2", 80.00001), ("S3", 79.9)], "sensor_id string, suhu double")
    assert [row.sensor_id for row in too_hot(readings, 80.0, {}).collect()] == ["S2"]


def test_a_sensor_may_have_a_threshold_of_its_own(spark: SparkSession) -> None:
    readings = spark.createDataFrame(
        [("S1", 84.0), ("S1", 86.0), ("S2", 84.0), ("S3", 60.5)], "sensor_id string, suhu double"
    )
    hot = too_hot(readings, 80.0, {"S1": 85.0, "S3": 60.0}).collect()
    assert [(row.sensor_id, row.suhu) for row in hot] == [("S1", 86.0), ("S2", 84.0), ("S3", 60.5)]


def test_an_alert_is_named_after_the_record_that_caused_it(spark: SparkSession) -> None:
    parsed = parse(records(spark, reading("S1", 70.0), reading("S2", 91.5)))
    message = as_messages(as_alerts(too_hot(parsed, 80.0, {}))).collect()
    assert [(row.key, json.loads(row.value)) for row in message] == [
        (
            "S2",
            {"alert_id": "sensor-suhu-0-1", "sensor_id": "S2", "suhu": 91.5, "timestamp": ARRIVED.timestamp()},
        )
    ]


def test_the_first_look_drops_nothing_that_parsing_would_alert_on(spark: SparkSession) -> None:
    numbers = [80.0, 80.01, 79.99, 1999.0, 2001.0, -40.0, 0.0]
    values = (
        [reading("S1", number) for number in numbers] + list(GOOD) + list(MALFORMED.values()) + list(MORE_MALFORMED)
    )
    raw = records(spark, *values)

    def alerts(candidates: DataFrame) -> DataFrame:
        return as_alerts(too_hot(judged(candidates).where("is_usable"), 80.0, {}))

    looked_at = maybe_hot(raw, 80.0)
    assertDataFrameEqual(alerts(looked_at), alerts(raw))
    assert looked_at.count() < raw.count()


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
