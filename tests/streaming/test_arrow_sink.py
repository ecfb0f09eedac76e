"""What the sink hands to its tasks, and what it makes of their results. Whole jobs: tests/e2e."""

from datetime import datetime, timezone

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from arus.streaming.arrow_sink import LATEST, RECORD, Found, as_records
from arus.streaming.record_batches import headers_of
from arus.streaming.records import EPOCH

KAFKA = (
    "headers array<struct<key: string, value: binary>>, key binary, value binary, topic string, partition int, "
    "offset bigint, seconds bigint"
)


def test_a_record_reaches_the_tasks_with_headers_as_json_and_a_time_that_python_knows(spark: SparkSession) -> None:
    headers = [("h", b"\xff\x00"), ("none", None), ("h", b"")]
    seconds = (1_795_262_400, 1_795_262_400_000, -62_167_219_200)
    rows = [(headers if number else None, b"k", None, "t", 1, number, one) for number, one in enumerate(seconds)]
    raw = spark.createDataFrame(rows, KAFKA).withColumn("timestamp", F.timestamp_seconds("seconds"))
    records = as_records(raw).toArrow()
    assert tuple(records.column_names) == RECORD
    assert records["timestamp"].to_pylist() == [datetime(2026, 11, 21, 12, tzinfo=timezone.utc), LATEST, EPOCH]
    none, *some = map(headers_of, records["headers"].to_pylist())
    assert none is None
    assert some == [[{"key": name, "value": value} for name, value in headers]] * 2


def test_rows_are_counted_in_files_and_in_memory() -> None:
    found = Found(7, rows={"a": pa.table({"n": [1, 2]})})
    found.files["a"] += [{"rows": 3}, {"rows": 4}]
    assert [found.count(name) for name in ("a", "b")] == [9, 0]
