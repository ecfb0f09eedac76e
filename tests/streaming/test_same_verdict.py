"""One definition of a reading, three ways to read it: by plain rules, by Arrow batches, by Spark columns."""

import functools
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from arus.base.times import instant
from arus.base.values import identifier, number
from arus.schemas import TIME_FAULT
from arus.streaming.record_batches import read_batch
from arus.streaming.record_columns import is_usable, typed, with_message
from arus.streaming.records import Field, InvalidRecordError, read_record
from tests.streaming import forms
from tests.streaming.kafka_records import ARRIVED, batch, frame

MAX_BYTES = 65_536
FIELDS = (
    Field("sensor_id", identifier, "sensor_id"),
    Field("suhu", number, "suhu", least=-273.15, most=2000.0, aliases=("temperature", "temp")),
    Field("timestamp", instant, "event_time", required=False),
)
COLUMNS = [*(field.column for field in FIELDS), TIME_FAULT]


@functools.cache
def values() -> list[bytes | None]:
    return [*forms.one_at_a_time(), *forms.combined(20261121)]


@functools.cache
def by_rules() -> tuple[dict[int, list[Any]], dict[int, str]]:
    """Return rows and reasons by offset, as the plain rules have them."""
    rows, reasons = {}, {}
    for offset, value in enumerate(values()):
        try:
            rows[offset] = list(read_record(value, ARRIVED, FIELDS, MAX_BYTES).values())
        except InvalidRecordError as error:
            reasons[offset] = error.reason
    return rows, reasons


def test_the_forms_are_of_all_kinds() -> None:
    rows, reasons = by_rules()
    assert len(rows) > 1_000
    assert len(reasons) > 1_000
    assert set(reasons.values()) >= {
        "null-value", "empty", "oversize", "not-utf8", "not-json", "not-object", "trailing-bytes",
        "missing-field:sensor_id", "wrong-type:sensor_id", "missing-field:suhu", "wrong-type:suhu", "not-finite:suhu",
        "out-of-range:suhu", "schema-registry-header",
    }  # fmt: skip
    faults = {str(row[-1]).partition("=")[0] for row in rows.values()}
    assert faults == {"None", "wrong-type:timestamp", "absurd-time:timestamp"}


def test_arrow_batches_have_the_rows_and_reasons_of_the_plain_rules() -> None:
    rows, rejects = read_batch(batch("sensor-suhu", values()), FIELDS, MAX_BYTES)
    found = {row["offset"]: [row[name] for name in COLUMNS] for row in rows.to_pylist()}
    reasons = {row["offset"]: row["reason"] for row in rejects.to_pylist()}
    assert (found, reasons) == by_rules()


def test_it_does_not_matter_what_else_is_in_a_batch() -> None:
    expected, reasons = by_rules()
    records = batch("sensor-suhu", values())
    rows, rejects = read_batch(records.take(sorted(expected)), FIELDS, MAX_BYTES)
    assert rejects.num_rows == 0
    assert {row["offset"]: [row[name] for name in COLUMNS] for row in rows.to_pylist()} == expected
    alone = [read_batch(records.slice(offset, 1), FIELDS, MAX_BYTES).rejects for offset in reasons]
    assert [one["reason"].to_pylist() for one in alone] == [[reason] for reason in reasons.values()]


def test_spark_columns_have_the_same_verdict_and_the_same_values(spark: SparkSession) -> None:
    raw = frame(spark, batch("sensor-suhu", values()))
    parsed = with_message(raw, FIELDS).select(
        "offset",
        *(typed(field).alias(field.column) for field in FIELDS),
        is_usable(FIELDS, MAX_BYTES).alias("is_usable"),
    )
    micros = F.unix_micros("event_time").alias("micros")
    found = parsed.select("offset", "sensor_id", "suhu", micros, "is_usable").collect()
    rows, reasons = by_rules()
    wrongly = [values()[row.offset] for row in found if row.is_usable != (row.offset in rows)]
    assert wrongly == []
    assert {row.offset for row in found} == rows.keys() | reasons.keys()
    for row in found:
        if row.is_usable:
            sensor_id, suhu, moment, _ = rows[row.offset]
            assert (row.sensor_id, row.suhu, row.micros) == (sensor_id, suhu, round(moment.timestamp() * 1e6)), (
                values()[row.offset]
            )
