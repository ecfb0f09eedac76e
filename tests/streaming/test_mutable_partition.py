from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from arus.streaming import mutable_partition, table_writer
from arus.streaming.mutable_partition import MutablePartition

SCHEMA = pa.schema([("reading", pa.string()), ("value", pa.float64()), ("settled", pa.bool_())])


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "a table")
    DeltaTable.create(path, SCHEMA, partition_by=["settled"])
    return path


def rows(*names: str, settled: bool = False, value: float = 0.0) -> pa.Table:
    return pa.table({"reading": names, "value": [value] * len(names), "settled": [settled] * len(names)}, SCHEMA)


def contents(path: str) -> dict[str, tuple[float, bool]]:
    found = DeltaTable(path).to_pyarrow_table().to_pylist()
    assert len({row["reading"] for row in found}) == len(found)
    return {row["reading"]: (row["value"], row["settled"]) for row in found}


def test_each_batch_replaces_what_may_change_and_adds_what_has_settled(path: str) -> None:
    table = MutablePartition(path, "query")
    assert table.rows().num_rows == 0
    assert table.replace(rows("a", "b"), 0)
    assert table.replace(pa.concat_tables([rows("a", settled=True), rows("b", "c", value=1.0)]), 1)
    assert contents(path) == {"a": (0.0, True), "b": (1.0, False), "c": (1.0, False)}
    assert sorted(table.rows()["reading"].to_pylist()) == ["b", "c"]
    assert table.replace(rows("b", "c", settled=True, value=2.0), 2)
    assert contents(path) == {"a": (0.0, True), "b": (2.0, True), "c": (2.0, True)}


def test_a_batch_that_the_table_has_is_left_out_also_after_a_restart(path: str) -> None:
    table = MutablePartition(path, "query")
    table.replace(rows("a"), 4)
    assert not table.replace(rows("b"), 4)
    again = MutablePartition(path, "query")
    assert not again.replace(rows("b"), 4)
    assert not again.replace(rows("b"), 3)
    assert contents(path) == {"a": (0.0, False)}
    assert again.replace(rows("b"), 5)
    assert contents(path) == {"b": (0.0, False)}


def test_the_newest_batch_is_that_of_the_own_query_however_long_ago(path: str) -> None:
    MutablePartition(path, "query").replace(rows("a"), 7)
    for number in range(30):
        noted = CommitProperties(app_transactions=[Transaction("another", 100 + number)])
        write_deltalake(path, rows(f"other {number}", settled=True), mode="append", commit_properties=noted)
    write_deltalake(path, rows("of nobody", settled=True), mode="append")
    assert not MutablePartition(path, "query").replace(rows("b"), 7)
    assert MutablePartition(path, "query").replace(rows("b"), 8)


def test_the_settled_part_is_kept_in_few_files_with_every_row(path: str) -> None:
    table = MutablePartition(path, "query")
    count = table_writer.MANY_FILES + 5
    for number in range(count):
        table.replace(pa.concat_tables([rows(f"r{number}", settled=True), rows("open")]), number)
    assert len(contents(path)) == count + 1
    assert len(DeltaTable(path).file_uris()) < 10
    assert not MutablePartition(path, "query").replace(rows("b"), count - 1)


def test_files_that_nobody_needs_go_and_the_table_stays(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writer, "SWEEP_SECONDS", -1.0)
    monkeypatch.setattr(mutable_partition, "KEPT_HOURS", 0)
    table = MutablePartition(path, "query")
    for number in range(5):
        table.replace(rows("a", value=float(number)), number)
    assert len(list(Path(path).glob("settled=false/*.parquet"))) == 1
    assert contents(path) == {"a": (4.0, False)}


def test_it_sweeps_now_and_then_and_not_with_every_batch(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutable_partition, "KEPT_HOURS", 0)
    table = MutablePartition(path, "query")
    for number in range(5):
        table.replace(rows("a", value=float(number)), number)
    assert len(list(Path(path).glob("settled=false/*.parquet"))) == 5


def test_the_log_says_how_many_rows_there_are(path: str) -> None:
    MutablePartition(path, "query").replace(pa.concat_tables([rows("a", "b"), rows("c", settled=True)]), 0)
    adds = pa.table(DeltaTable(path).get_add_actions(flatten=True))
    assert sum(adds["num_records"].to_pylist()) == 3
    assert DeltaTable(path).transaction_version("query") == 0
