"""What one task does with its records: few rows travel, many stay in a file, and the table's columns are kept."""

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from arus.streaming import task_rows
from arus.streaming.record_batches import MOMENT
from arus.streaming.table_writer import add_action
from arus.streaming.task_rows import RECORDS_READ, FileFacts, TableFile, Target, from_bytes, write_file
from tests.streaming.kafka_records import batch

SCHEMA = pa.schema([("offset", pa.int64()), ("value", pa.binary()), ("batch_id", pa.int64())])
RESULT = pa.schema(
    [
        ("name", pa.string()),
        ("rows", pa.int64()),
        ("file", pa.string()),
        ("size", pa.int64()),
        ("stats", pa.string()),
        ("data", pa.binary()),
    ]
)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    path = str(tmp_path / "a table")
    DeltaTable.create(path, SCHEMA)
    return Target(path, SCHEMA)


def everything(records: pa.RecordBatch) -> dict[str, pa.Table]:
    rows = pa.table({name: records.column(name) for name in ("value", "offset", "topic")})
    return {"a": rows, "empty": rows.slice(0, 0), "for the driver": rows.select(["topic"])}


def run(target: Target, *sizes: int, value: bytes = b"x") -> dict[str, FileFacts]:
    """Return by name what a task gives of batches of so many records."""
    batches: Iterator[pa.RecordBatch] = (batch("a-topic", [value] * size) for size in sizes)
    [results] = task_rows.task_rows(batches, everything, {"a": target}, RESULT)
    return {result["name"]: result for result in results.to_pylist()}


def test_few_rows_travel_with_the_columns_of_their_table(target: Target) -> None:
    results = run(target, 2, 3)
    assert results.keys() == {RECORDS_READ, "a", "for the driver"}
    assert results[RECORDS_READ]["rows"] == results["a"]["rows"] == 5
    rows = from_bytes(results["a"]["data"])
    assert rows.schema == SCHEMA
    assert rows["offset"].to_pylist() == [0, 1, 0, 1, 2]
    assert rows["batch_id"].to_pylist() == [0] * 5, "outside Spark there is no micro-batch"
    assert from_bytes(results["for the driver"]["data"]).column_names == ["topic"]
    assert list(Path(target.path).glob("*.parquet")) == []


def test_many_rows_stay_in_one_file_of_several_row_groups(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_rows, "FEW_BYTES", 1_000)
    monkeypatch.setattr(task_rows, "ROW_GROUP_BYTES", 3_000)
    found = run(target, 100, 300, 5)["a"]
    [file] = Path(target.path).glob("*.parquet")
    assert (found["file"], found["size"], found["rows"], found["data"]) == (file.name, file.stat().st_size, 405, None)
    assert pq.ParquetFile(file).num_row_groups == 2, "of 400 rows and of 5"
    assert pq.read_table(file).schema.equals(SCHEMA)
    bounds = json.loads(found["stats"])
    assert (bounds["numRecords"], bounds["minValues"]["offset"], bounds["maxValues"]["offset"]) == (405, 0, 299)


def test_rows_for_the_driver_alone_always_travel(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_rows, "FEW_BYTES", 1)
    monkeypatch.setattr(task_rows, "ROW_GROUP_BYTES", 1)
    assert run(target, 100, 100)["for the driver"]["rows"] == 200


def test_a_task_without_records_says_so(target: Target) -> None:
    assert run(target) == {RECORDS_READ: dict.fromkeys(RESULT.names) | {"name": RECORDS_READ, "rows": 0}}


def test_rows_of_large_values_are_counted_in_bytes(target: Target) -> None:
    assert run(target, 3, value=b"x" * 500_000)["a"]["file"]


def test_a_file_with_nan_has_no_bounds_and_its_table_stays_readable(tmp_path: Path) -> None:
    rows = pa.table({"x": pa.array([float("nan")]), "n": [1]})
    path = str(tmp_path / "a table")
    DeltaTable.create(path, rows.schema)
    table = DeltaTable(path)
    facts = write_file(Target(path, rows.schema), rows)
    table.create_write_transaction([add_action(facts)], "append", table.schema())
    assert DeltaTable(path).to_pyarrow_dataset().to_table(filter=ds.field("n") == 1).num_rows == 1


def test_statistics_bound_every_plain_column(tmp_path: Path) -> None:
    at = [datetime(2026, 11, 21, 12, 0, 0, micros, timezone.utc) for micros in (7, 9)]
    columns: dict[str, pa.Array] = {
        "n": pa.array([2, None], pa.int32()),
        "x": pa.array([-0.5, 1e-300]),
        "at": pa.array(at, MOMENT),
        "s": pa.array(["b" * 40, "a" * 40]),
        "b": pa.array([True, False]),
        "nothing": pa.array([None, None], pa.int64()),
        "bytes": pa.array([b"", b"x"], pa.binary()),
        "flags": pa.array([["z"], []]),
    }
    rows = pa.table(columns)
    path = str(tmp_path / "a table")
    DeltaTable.create(path, rows.schema)
    file = TableFile(Target(path, rows.schema))
    for row in range(2):
        file.write(rows.slice(row, 1))
    facts = file.close()
    assert json.loads(facts["stats"]) == {
        "numRecords": 2,
        "minValues": {"n": 2, "x": -0.5, "at": "2026-11-21T12:00:00.000007Z", "s": "a" * 32, "b": False},
        "maxValues": {
            "n": 2,
            "x": 1e-300,
            "at": "2026-11-21T12:00:00.000009Z",
            "s": "b" * 32 + "\U0010ffff",
            "b": True,
        },
        "nullCount": {"n": 1, "x": 0, "at": 0, "s": 0, "b": 0, "nothing": 2},
    }
    table = DeltaTable(path)
    table.create_write_transaction([add_action(facts)], "append", table.schema())
    for name in ("n", "x", "at", "s", "b", "bytes"):
        value = columns[name][0]
        found = DeltaTable(path).to_pyarrow_dataset().to_table(filter=ds.field(name) == value)
        assert found[name].to_pylist() == [value.as_py()], "a reader that skips files by statistics finds the row"
    for name, nulls in (("n", 1), ("nothing", 2), ("s", 0)):
        assert DeltaTable(path).to_pyarrow_dataset().to_table(filter=ds.field(name).is_null()).num_rows == nulls
