from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from arus import driver_append
from arus.driver_append import DriverAppend
from arus.ledger import RECENT_COMMITS


@pytest.fixture
def path(tmp_path: Path) -> str:
    write_deltalake(str(tmp_path), rows(), mode="append")
    return str(tmp_path)


def rows(*numbers: int) -> pa.Table:
    return pa.table({"number": pa.array(numbers, pa.int64())})


def there(path: str) -> list[int]:
    return sorted(DeltaTable(path).to_pyarrow_table()["number"].to_pylist())


def test_a_batch_is_appended_once(path: str) -> None:
    table = DriverAppend(path, "query")
    assert [table.append(rows(1, 2), 0), table.append(rows(1, 2), 0), table.append(rows(3), 1)] == [True, False, True]
    assert there(path) == [1, 2, 3]


def test_a_batch_of_before_a_crash_is_known_to_the_next_run(path: str) -> None:
    DriverAppend(path, "query").append(rows(1), 4)
    again = DriverAppend(path, "query")
    assert (again.has(4), again.has(5)) == (True, False)
    again.append(rows(1), 4)
    assert there(path) == [1]


def test_another_query_has_batches_of_its_own(path: str) -> None:
    DriverAppend(path, "one").append(rows(1), 4)
    DriverAppend(path, "other").append(rows(2), 0)
    assert there(path) == [1, 2]


def test_the_newest_batch_is_found_behind_many_commits_of_others(path: str) -> None:
    DriverAppend(path, "query").append(rows(1), 7)
    for number in range(RECENT_COMMITS + 1):
        write_deltalake(path, rows(100 + number), mode="append")
    assert DriverAppend(path, "query").has(7)


def test_small_files_are_joined_when_there_are_many(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_append, "MANY_FILES", 5)
    table = DriverAppend(path, "query")
    for number in range(12):
        table.append(rows(number), number)
    assert there(path) == list(range(12))
    assert len(DeltaTable(path).file_uris()) <= 6
    assert DriverAppend(path, "query").has(11)


def test_no_rows_make_no_commit(path: str) -> None:
    table = DriverAppend(path, "query")
    assert not table.append(rows(), 0)
    assert DeltaTable(path).version() == 0
