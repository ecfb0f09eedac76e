"""A table as one query writes it: every micro-batch once, few files, and nothing that others did is undone."""

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql import SparkSession

from arus.streaming import table_writer
from arus.streaming.record_batches import MOMENT
from arus.streaming.table_writer import TableWriter
from arus.streaming.task_rows import FileFacts, write_file

SCHEMA = pa.schema([("number", pa.int64()), ("name", pa.string()), ("at", MOMENT), ("share", pa.float64())])
EPOCH = datetime(2026, 11, 21, tzinfo=timezone.utc)


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "a table")
    DeltaTable.create(path, SCHEMA)
    return path


def rows(*numbers: int) -> pa.Table:
    columns = [(number, f"n{number}", EPOCH + timedelta(microseconds=number), number / 4) for number in numbers]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in columns], SCHEMA)


def there(path: str) -> list[int]:
    return sorted(DeltaTable(path).to_pyarrow_table()["number"].to_pylist())


def file_of(table: TableWriter, *numbers: int) -> FileFacts:
    """Return a file as a task leaves it in the table's folder."""
    return write_file(table.target, rows(*numbers))


def test_files_of_tasks_and_rows_of_the_driver_are_one_commit(path: str) -> None:
    table = TableWriter(path, "query")
    assert table.append([file_of(table, 1, 2), file_of(table, 3)], rows(4), 0)
    assert there(path) == [1, 2, 3, 4]
    assert DeltaTable(path).version() == 1


def test_a_batch_is_appended_once_also_by_the_next_run(path: str) -> None:
    table = TableWriter(path, "query")
    assert [table.append([], rows(1), batch) for batch in (4, 4, 3, 5)] == [True, False, False, True]
    again = TableWriter(path, "query")
    assert [again.has(batch) for batch in (3, 4, 5, 6)] == [True, True, True, False]
    assert [again.append([], rows(2), batch) for batch in (5, 6)] == [False, True]
    assert there(path) == [1, 1, 2]


def test_another_query_has_batches_of_its_own_in_the_same_table(path: str) -> None:
    one, other = TableWriter(path, "one"), TableWriter(path, "other")
    for batch in range(3):
        assert one.append([], rows(batch), batch)
        assert other.append([], rows(10 + batch), batch)
    assert there(path) == [0, 1, 2, 10, 11, 12]


def test_a_second_writer_of_the_same_query_is_refused_by_delta(path: str) -> None:
    first, second = TableWriter(path, "query"), TableWriter(path, "query")
    first.append([], rows(1), 0)
    with pytest.raises(CommitFailedError):
        second.append([], rows(2), 0)
    assert there(path) == [1]


def test_the_newest_batch_is_known_however_long_ago_and_after_the_log_was_cleared(path: str) -> None:
    TableWriter(path, "query").append([], rows(1), 7)
    for number in range(30):
        write_deltalake(path, rows(100 + number), mode="append")
    table = DeltaTable(path)
    table.create_checkpoint()
    for entry in sorted(Path(path, "_delta_log").glob("*.json"))[:-1]:
        entry.unlink()
    assert TableWriter(path, "query").has(7)


def test_no_rows_make_no_commit(path: str) -> None:
    table = TableWriter(path, "query")
    assert not table.append([], rows(), 0)
    assert not table.append([], None, 0)
    assert DeltaTable(path).version() == 0


def test_small_files_are_joined_when_there_are_many(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writer, "MANY_FILES", 5)
    table = TableWriter(path, "query")
    for number in range(12):
        table.append([], rows(number), number)
    assert there(path) == list(range(12))
    assert len(DeltaTable(path).file_uris()) <= 6
    assert TableWriter(path, "query").has(11)
    for number in range(12, 16):
        TableWriter(path, "query").append([], rows(number), number)
    assert len(DeltaTable(path).file_uris()) <= 6, "also those of runs before"


def test_two_writers_of_one_table_may_both_join_its_files(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writer, "MANY_FILES", 3)
    one, other = TableWriter(path, "one"), TableWriter(path, "other")
    for batch in range(10):
        one.append([], rows(batch), batch)
        other.append([], rows(100 + batch), batch)
    assert there(path) == [*range(10), *range(100, 110)]


def test_a_file_that_nobody_committed_is_not_read_and_goes_when_it_is_old(path: str) -> None:
    table = TableWriter(path, "query")
    orphan, committed = file_of(table, 1), file_of(table, 2)
    table.append([committed], None, 0)
    assert there(path) == [2]
    old = time.time() - 3600 * (table_writer.KEPT_HOURS + 1)
    for facts in (orphan, committed):
        os.utime(Path(path) / facts["file"], (old, old))
    young = file_of(table, 3)
    TableWriter(path, "query").append([], rows(4), 1)
    assert [Path(path, each["file"]).exists() for each in (orphan, committed, young)] == [False, True, True]
    assert there(path) == [2, 4]


def test_every_reader_skips_files_by_their_statistics_and_finds_every_row(path: str, spark: SparkSession) -> None:
    table = TableWriter(path, "query")
    table.append([file_of(table, *range(0, 10)), file_of(table, *range(10, 20))], rows(*range(20, 30)), 0)
    actions = pa.table(DeltaTable(path).get_add_actions(flatten=True)).sort_by("min.number").to_pylist()
    assert [(each["num_records"], each["min.number"], each["max.number"]) for each in actions] == [
        (10, 0, 9),
        (10, 10, 19),
        (10, 20, 29),
    ]
    edge = EPOCH + timedelta(microseconds=19)
    found = DeltaTable(path).to_pyarrow_table(filters=[("at", ">=", edge)])
    assert sorted(found["number"].to_pylist()) == list(range(19, 30))
    one = DeltaTable(path).to_pyarrow_dataset().filter((ds.field("number") == 9) & (ds.field("share") == 2.25))
    assert one.to_table()["number"].to_pylist() == [9]
    frame = spark.read.format("delta").load(path)
    by_time = frame.where(f"at >= timestamp'{edge:%Y-%m-%d %H:%M:%S.%f}'")
    assert sorted(row.number for row in by_time.collect()) == list(range(19, 30))
    assert len(by_time.inputFiles()) == 3, "a file's last moment is rounded up by readers"
    by_number = frame.where("number BETWEEN 3 AND 4")
    assert sorted(row.number for row in by_number.collect()) == [3, 4]
    assert frame.schema.simpleString() == "struct<number:bigint,name:string,at:timestamp,share:double>"


def test_a_table_that_cannot_be_tidied_is_written_all_the_same(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("not allowed")

    monkeypatch.setattr(DeltaTable, "vacuum", refused)
    table = TableWriter(path, "query")
    assert [table.append([], rows(number), number) for number in range(3)] == [True] * 3
    assert there(path) == [0, 1, 2]
    assert capsys.readouterr().err == f"{path} was not tidied: not allowed\n", "not with every commit"
