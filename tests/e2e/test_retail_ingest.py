import csv
import io
import json
import os
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest
from deltalake import DeltaTable

from arus import schemas
from producers.text_files import encoding_of
from tests.conftest import Broker
from tests.e2e.support import (
    DRAIN,
    drain,
    everything,
    kill,
    positions,
    python,
    row_count,
    send,
    submit,
    table,
    until,
    words,
)

pytestmark = pytest.mark.e2e

REAL_FILE = os.environ.get("ARUS_RETAIL_CSV")
TYPED = ("invoice_no", "stock_code", "description", "quantity", "invoice_date", "unit_price", "customer_id", "country")
OFTEN = ("--conf", "spark.arus.batch-rows=20", "--conf", "spark.arus.batch-delay=200ms")


def produce(cluster: Broker, *options: str) -> str:
    producer = python(cluster, "-m", "producers.retail", *options)
    said = words(producer)
    assert producer.returncode == 0, said
    return said


def write_csv(path: Path) -> list[list[str]]:
    """Write a data set with the quirks of the real one, and return its rows."""
    rows = [
        ["536365", "85123A", "LIGHT HOLDER, WHITE", "6", "12/13/10 8:26", "2.55", "17850.0", "United Kingdom"],
        ["C536379", "D", "Discount", "-1", "2010-12-01 09:41:00", "27.5", "14527", "United Kingdom"],
        ["536414", "22139", "", "56", "2010-12-01 11:52:00", "0.0", "", "United Kingdom"],
        ["536389", "POST", 'POSTAGE "EXTRA"', "1", "2010-12-01 10:03:00", "18.0", "12431", "EIRE"],
        ["536390", "22", "CAF\u00c9 SIGN\nTWO LINES", "2", "2010-12-01 10:03:00", "1.0", "12431", "EIRE"],
    ]
    with path.open("w", encoding="iso-8859-1", newline="") as file:
        csv.writer(file).writerows([list(schemas.RETAIL_FIELDS), *rows])
    return rows


def test_every_row_of_a_csv_file_arrives_as_it_stands(cluster: Broker, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "online retail.csv")
    produce(cluster, "--csv", str(tmp_path / "online retail.csv"), "--delay", "0")
    drain(cluster, "retail_ingest")
    kept = table(cluster, "tables/retail").to_pylist()
    assert {row["invoice_no"]: row["description"] for row in kept} == {row[0]: row[2] or None for row in rows}
    assert {row["customer_id"] for row in kept} == {17850, 14527, 12431, None}
    assert table(cluster, "rejects/retail_ingest").num_rows == 0


@pytest.mark.skipif(REAL_FILE is None, reason="ARUS_RETAIL_CSV names no file: the real data is not in the project")
def test_every_row_of_a_real_file_arrives(cluster: Broker) -> None:
    path = Path(str(REAL_FILE)).resolve()
    with path.open(encoding=encoding_of(path), newline="") as file:
        expected = Counter(typed(row) for row in csv.DictReader(file))
    produce(cluster, "--csv", str(path), "--delay", "0")
    drain(cluster, "retail_ingest")
    kept = table(cluster, "tables/retail").to_pylist()
    assert Counter(tuple(row[name] for name in TYPED) for row in kept) == expected
    assert table(cluster, "rejects/retail_ingest").num_rows == 0


def typed(row: dict[str, str]) -> tuple[object, ...]:
    """Return what the table must hold for a row of the file, in the order of TYPED."""
    form = "%Y-%m-%d %H:%M:%S" if "-" in row["InvoiceDate"] else "%m/%d/%y %H:%M"
    date = datetime.strptime(row["InvoiceDate"], form).replace(tzinfo=timezone.utc)
    customer = int(float(row["CustomerID"])) if row["CustomerID"] else None
    numbers = (int(row["Quantity"]), date, float(row["UnitPrice"]), customer)
    return (row["InvoiceNo"], row["StockCode"], row["Description"] or None, *numbers, row["Country"] or None)


def test_generated_rows_are_kept_once_each_in_two_runs_and_exported_as_batches(cluster: Broker, tmp_path: Path) -> None:
    produce(cluster, "--count", "3000", "--delay", "0", "--seed", "7")
    small = ("--conf", "spark.arus.max-offsets-per-trigger=1000")
    said = drain(cluster, "retail_ingest", *small)
    assert "retail_ingest.tables batch 2" in said
    first = table(cluster, "tables/retail").sort_by([("partition", "ascending"), ("offset", "ascending")])
    assert positions(first) == everything(cluster, "retail_stream")
    drain(cluster, "retail_ingest", *small)
    again = table(cluster, "tables/retail").sort_by([("partition", "ascending"), ("offset", "ascending")])
    assert again.equals(first)

    folder = tmp_path / "batch"
    done = cluster.arus("tables", "export", "retail", "--csv", str(folder))
    assert done.returncode == 0, done.stderr
    files = sorted(folder.glob("batch_*.csv"))
    assert sum(len(list(csv.DictReader(io.StringIO(path.read_text())))) for path in files) == 3000
    assert len(files) == len(set(first["batch_id"].to_pylist())) >= 3


def retail_rows(count: int) -> list[bytes]:
    row = {"InvoiceNo": "1", "StockCode": "2", "Quantity": 1, "InvoiceDate": "2010-12-01 08:26:00", "UnitPrice": 2.5}
    return [json.dumps(row | {"Description": f"ROW {number}"}).encode() for number in range(count)]


def test_a_batch_comes_when_it_is_full_and_not_before(cluster: Broker) -> None:
    send(cluster, "retail_stream", retail_rows(20))
    job = submit(cluster, "retail_ingest", "--conf", "spark.arus.batch-rows=20", "--conf", "spark.arus.batch-delay=1h")
    try:
        until(lambda: row_count(cluster, "tables/retail") == 20, "the first batch")
        send(cluster, "retail_stream", retail_rows(19))
        time.sleep(3)
        assert row_count(cluster, "tables/retail") == 20
        send(cluster, "retail_stream", retail_rows(1))
        until(lambda: row_count(cluster, "tables/retail") == 40, "the second batch")
    finally:
        job.terminate()
        words(job)
    assert set(table(cluster, "tables/retail")["batch_id"].to_pylist()) == {0, 1}


def test_a_batch_comes_when_its_time_is_up_and_not_before(cluster: Broker) -> None:
    send(cluster, "retail_stream", retail_rows(1))
    job = submit(
        cluster, "retail_ingest", "--conf", "spark.arus.batch-rows=1000000", "--conf", "spark.arus.batch-delay=4s"
    )
    try:
        until(lambda: row_count(cluster, "tables/retail") == 1, "the first batch")
        for row in retail_rows(5):
            send(cluster, "retail_stream", [row])
        until(lambda: row_count(cluster, "tables/retail") == 6, "the rest")
    finally:
        job.terminate()
        words(job)
    assert len(set(table(cluster, "tables/retail")["batch_id"].to_pylist())) <= 3


def test_a_table_of_many_small_batches_stays_in_few_files(cluster: Broker) -> None:
    send(cluster, "retail_stream", retail_rows(600))
    few = ("--conf", "spark.databricks.delta.autoCompact.minNumFiles=20")
    drain(cluster, "retail_ingest", "--conf", "spark.arus.max-offsets-per-trigger=30", *few)
    assert len(set(table(cluster, "tables/retail")["batch_id"].to_pylist())) >= 20
    retail = DeltaTable(cluster.home / "tables" / "retail")
    assert len(retail.file_uris()) <= 20
    assert (retail.protocol().min_reader_version, retail.protocol().min_writer_version) == (1, 2)


def test_a_broker_killed_under_producer_and_job_loses_nothing_and_doubles_nothing(cluster: Broker) -> None:
    send(cluster, "retail_stream", retail_rows(1))
    job = submit(cluster, "retail_ingest", *OFTEN)
    try:
        until(lambda: row_count(cluster, "tables/retail") == 1, "the first row")
        producer = python(cluster, "-m", "producers.retail", "--count", "1500", "--delay", "0..0.02", "--seed", "5")
        until(lambda: row_count(cluster, "tables/retail") > 50, "rows of the producer")
        assert producer.poll() is None
        kill(cluster.pid)
        assert cluster.arus("broker", "start").returncode == 0
        assert "sent 1500, acked 1500, failed 0" in words(producer)
        until(lambda: row_count(cluster, "tables/retail") >= 1501, "1,501 rows in retail")
    finally:
        job.terminate()
        words(job)
    kept = table(cluster, "tables/retail")
    assert positions(kept) == everything(cluster, "retail_stream")
    assert kept.num_rows == 1501


def test_a_table_whose_checkpoint_is_gone_is_not_filled_again(cluster: Broker) -> None:
    send(cluster, "retail_stream", [json.dumps({"InvoiceNo": "1"}).encode()])
    drain(cluster, "retail_ingest")
    (cluster.home / "checkpoints" / "retail_ingest").rename(cluster.home / "elsewhere")
    job = submit(cluster, "retail_ingest", *DRAIN)
    said = words(job)
    assert job.returncode == 1
    assert "python -m arus reset retail_ingest" in said
    assert table(cluster, "rejects/retail_ingest").num_rows == 1

    done = cluster.arus("reset", "retail_ingest", "--yes")
    assert done.returncode == 0, done.stderr
    drain(cluster, "retail_ingest")
    assert table(cluster, "rejects/retail_ingest").num_rows == 1
