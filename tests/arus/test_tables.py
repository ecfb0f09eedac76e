"""`python -m arus tables`: the list and the CSV export, on real Delta tables."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from arus import csv_export, home, tables
from arus.csv_export import Batch, export
from arus.errors import ArusError
from tests.arus.delta_tables import append, at, reading, rejected

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return folder


def sale(batch: int, offset: int, **more: Any) -> dict[str, Any]:
    return {
        "invoice_no": f"5363{batch:02d}",
        "stock_code": "85123A",
        "description": "WHITE HANGING HEART, T-LIGHT",
        "quantity": 6,
        "invoice_date": datetime(2010, 12, 1, 8, 26 + batch, tzinfo=timezone.utc),
        "unit_price": 2.55,
        "customer_id": 17850,
        "country": "United Kingdom",
        "batch_id": batch,
        "topic": "retail_stream",
        "partition": 0,
        "offset": offset,
        **more,
    }


def written(folder: Path) -> dict[str, list[list[str]]]:
    return {path.name: list(csv.reader(path.read_text().splitlines())) for path in sorted(folder.iterdir())}


def rows_in(folder: Path) -> Iterator[list[str]]:
    for lines in written(folder).values():
        yield from lines[1:]


def test_no_tables_says_what_to_do_and_is_no_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main([]) == 0
    assert capsys.readouterr().out == (
        f"no tables in {store} yet: start a job, as with `./spark-submit.sh retail_ingest`, or `make demo`\n"
    )


def test_each_table_and_each_rejects_table_is_listed_in_figures(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    append(store, "sensor_suhu", [reading(1), reading(2)])
    append(store, "sensor_suhu", [reading(3)])
    append(store, "peringatan_suhu", [])
    append(store, "rejects/temperature_filter", [rejected(4, b"{")])
    assert tables.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    figures = [(table["name"], table["rows"], table["version"], table["error"]) for table in found]
    assert figures == [
        ("peringatan_suhu", 0, 0, None),
        ("sensor_suhu", 3, 1, None),
        ("rejects/temperature_filter", 1, 0, None),
    ]
    live = DeltaTable(str(store / "tables" / "sensor_suhu")).file_uris()
    assert found[1]["files"] == len(live) == 2
    assert found[1]["size"] == sum(path.stat().st_size for path in (store / "tables/sensor_suhu").glob("*.parquet"))
    assert found[1]["committed"].endswith("+00:00")


def test_rows_are_counted_in_the_files_where_the_log_has_no_statistics(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    append(store, "sensor_suhu", [reading(1), reading(2)])
    log = store / "tables" / "sensor_suhu" / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        action.get("add", {}).pop("stats", None)
    log.write_text("\n".join(map(json.dumps, actions)))
    assert tables.main([]) == 0
    name, rows, files, *_ = capsys.readouterr().out.splitlines()[1].split()
    assert (name, rows, files) == ("sensor_suhu", "2", "1")


def test_a_broken_table_shows_its_error_beside_the_others_and_exits_1(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    append(store, "sensor_suhu", [reading(1)])
    append(store, "peringatan_suhu", [])
    (store / "tables" / "peringatan_suhu" / "_delta_log" / f"{0:020}.json").write_text("{nonsense")
    (store / "tables" / "empty").mkdir()
    assert tables.main([]) == 1
    empty, broken, whole = capsys.readouterr().out.splitlines()[1:]
    assert empty.startswith("empty            cannot be read: ")
    assert broken.startswith("peringatan_suhu  cannot be read: ")
    assert whole.startswith("sensor_suhu                 1 ")


def test_a_store_that_is_a_uri_is_looked_through_for_the_known_tables(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    append(store, "sensor_suhu", [reading(1)])
    append(store, "rejects/retail_ingest", [rejected(1, b"{")])
    monkeypatch.setattr(home, "local_store", lambda: None)
    assert tables.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(table["name"], table["rows"]) for table in found] == [("sensor_suhu", 1), ("rejects/retail_ingest", 1)]


def test_each_batch_becomes_a_file_that_looks_like_the_original_data(store: Path, tmp_path: Path) -> None:
    nothing_optional = {"description": "", "customer_id": None, "country": None}
    append(store, "retail", [sale(1, 11, quantity=-1), sale(0, 2, **nothing_optional)])
    append(store, "retail", [sale(0, 1)])
    folder = tmp_path / "csv files"
    assert export("retail", folder) == f"{folder}: 2 new batches (3 rows), 0 were there already"
    heart = ["85123A", "WHITE HANGING HEART, T-LIGHT"]
    assert written(folder) == {
        "batch_000000_20101201T082600.csv": [
            HEADER,
            ["536300", *heart, "6", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom"],
            ["536300", "85123A", "", "6", "2010-12-01 08:26:00", "2.55", "", ""],
        ],
        "batch_000001_20101201T082700.csv": [
            HEADER,
            ["536301", *heart, "-1", "2010-12-01 08:27:00", "2.55", "17850", "United Kingdom"],
        ],
    }


def test_a_second_export_writes_the_new_batches_only_though_files_were_compacted(store: Path, tmp_path: Path) -> None:
    for batch in range(3):
        append(store, "retail", [sale(batch, batch)])
    export("retail", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    DeltaTable(str(store / "tables" / "retail")).optimize.compact()
    append(store, "retail", [sale(3, 3)])
    line = export("retail", tmp_path / "out")
    assert line == f"{tmp_path / 'out'}: 1 new batch (1 row), 3 were there already"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_batches_are_whole_whatever_a_pass_and_a_piece_can_hold(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "PASS_ROWS", 7)
    monkeypatch.setattr("arus.delta_files.PIECE_ROWS", 2)
    sales = [sale(batch, offset, stock_code=f"{batch}-{offset}") for batch in range(5) for offset in range(5)]
    append(store, "retail", sales[::-1])
    export("retail", tmp_path / "out")
    sizes = [len(lines) - 1 for lines in written(tmp_path / "out").values()]
    assert sizes == [5] * 5
    assert [row[1] for row in rows_in(tmp_path / "out")] == [row["stock_code"] for row in sales]


def test_a_pass_takes_whole_batches_and_never_none() -> None:
    small, big = Batch(0, 120_000, None), Batch(1, 300_000, None)
    assert list(csv_export.passes([small, small, big, small])) == [[small], [small], [big], [small]]
    assert list(csv_export.passes([Batch(0, 100_000, None)] * 3)) == [
        [Batch(0, 100_000, None)] * 2,
        [Batch(0, 100_000, None)],
    ]


def test_an_export_that_fails_leaves_nothing_behind(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, "retail", [sale(0, 0)])

    def disk_full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(csv_export, "_write_rows", disk_full)
    with pytest.raises(
        ArusError, match=r"batch_000000_20101201T082600.csv was not written \(No space left on device\)"
    ):
        export("retail", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_table_without_batches_becomes_one_file(store: Path, tmp_path: Path) -> None:
    append(store, "sensor_suhu", [reading(1)])
    for _ in range(2):
        assert export("sensor_suhu", tmp_path) == f"{tmp_path / 'sensor_suhu.csv'}: 1 row (version 0)"
    assert (tmp_path / "sensor_suhu.csv").read_text().splitlines() == [
        "sensor_id,suhu,event_time,topic,partition,offset,time_fault",
        "S1,70.5,2026-01-02 03:04:01,sensor-suhu,0,1,",
    ]


def test_cells_of_other_kinds_are_text_too() -> None:
    cells = [csv_export.cell(value) for value in (b"\xff\x00", ["a", "b"], {"at": at(1)}, None)]
    assert cells == ["ff00", '["a", "b"]', '{"at": "2026-01-02 03:04:01+00:00"}', None]


def test_an_unknown_table_is_refused_by_name(store: Path, tmp_path: Path) -> None:
    append(store, "sensor_suhu", [reading(1)])
    with pytest.raises(ArusError, match=r"^no table 'retail'; there are: sensor_suhu$"):
        export("retail", tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(store: Path, tmp_path: Path) -> None:
    append(store, "sensor_suhu", [reading(1)])
    (tmp_path / "file").touch()
    with pytest.raises(ArusError, match=r"cannot write into .*file.* \(File exists\)"):
        export("sensor_suhu", tmp_path / "file")
