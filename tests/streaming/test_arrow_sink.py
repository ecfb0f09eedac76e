"""What the sink hands to its tasks, and what it makes of their results. Whole jobs: tests/e2e."""

import json
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from arus import delta_files
from arus.base.times import EPOCH
from arus.streaming.arrow_sink import LATEST, RECORD, Found, as_records, create
from arus.streaming.record_batches import headers_of
from arus.streaming.table_writer import TableWriter

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
    files = [{"rows": rows, "stats": json.dumps({"nullCount": {"n": rows - 1}})} for rows in (3, 4)]
    found.files["a"] += files
    assert [found.count(name) for name in ("a", "b")] == [9, 0]
    assert [found.present(name, "n") for name in ("a", "b")] == [4, 0]


def test_a_table_of_an_earlier_version_gets_the_columns_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    create("t", "a string, n bigint")
    write_deltalake(delta_files.path_of("t"), pa.table({"a": ["x"], "n": [1]}), mode="append")
    for _ in range(2):
        create("t", "a string, moment timestamp, n bigint, fault string")
    table = delta_files.opened("t")
    assert table.to_pyarrow_table().to_pylist() == [{"a": "x", "n": 1, "moment": None, "fault": None}]
    assert table.version() == 2, "columns are added once"
    rows = pa.table({"a": ["y"], "moment": [EPOCH], "n": [2], "fault": ["f"]})
    assert TableWriter(delta_files.path_of("t"), "q").append([], rows, 0)
    found = delta_files.opened("t").to_pyarrow_table(filters=[("fault", "=", "f")]).to_pylist()
    assert found == [{"a": "y", "n": 2, "moment": EPOCH, "fault": "f"}]
