"""Training on generated rows: python -m benchmarks training [--rows 3000000] [--part job|kmeans] .

Job: `retail_train` with 2 GiB of heap, on a table of invented rows (made once, kept under build/). k-means: Spark's
beside scikit-learn's, on what the job clusters and on the quantity and price of every line, in one process. More
options go to the job's spark-submit.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from arus import home, submit
from benchmarks.rig import machine, start_job
from producers.retail_data import Row
from producers.retail_data import rows as shop_rows

SEED = 7
PIECE_ROWS = 200_000
HEAP = "2g"
SCHEMA = pa.schema(
    [
        ("invoice_no", pa.string()),
        ("stock_code", pa.string()),
        ("description", pa.string()),
        ("quantity", pa.int32()),
        ("invoice_date", pa.timestamp("us", "UTC")),
        ("unit_price", pa.float64()),
        ("customer_id", pa.int32()),
        ("country", pa.string()),
        ("batch_id", pa.int64()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)


def typed(row: Row, offset: int) -> tuple[Any, ...]:
    """Return a generated row as `retail_ingest` would keep it."""
    customer = row["CustomerID"]
    return (
        row["InvoiceNo"],
        row["StockCode"],
        row["Description"],
        row["Quantity"],
        datetime.fromisoformat(str(row["InvoiceDate"])).replace(tzinfo=timezone.utc),
        row["UnitPrice"],
        None if customer is None else int(str(customer).removesuffix(".0")),
        row["Country"],
        offset // PIECE_ROWS,
        "retail_stream",
        0,
        offset,
    )


def generated(rows: int) -> Path:
    """Return the folder of a `retail` table of so many rows; made where it is not there yet."""
    folder = home.ROOT / "build" / f"retail-{SEED}-{rows}"
    if folder.exists():
        return folder
    print(f"making {rows:,} rows ...", flush=True)
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    source = itertools.islice(shop_rows(SEED), rows)
    for begin in range(0, rows, PIECE_ROWS):
        piece = [typed(row, begin + place) for place, row in enumerate(itertools.islice(source, PIECE_ROWS))]
        columns = [pa.array(column, field.type) for column, field in zip(zip(*piece, strict=True), SCHEMA, strict=True)]
        write_deltalake(draft, pa.Table.from_arrays(columns, schema=SCHEMA), mode="append")
    return draft.rename(folder)


@contextmanager
def store(table: Path) -> Iterator[None]:
    """A home of its own with a copy of the table, and no model yet."""
    folder = Path(tempfile.mkdtemp(prefix="arus bench "))
    os.environ["ARUS_HOME"] = str(folder)
    os.environ.pop("ARUS_STORE", None)
    try:
        shutil.copytree(table, folder / "tables" / "retail")
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def job(run: int, spark_options: list[str]) -> None:
    """Print the steps of a training as the job tells them, and the most memory that its driver had."""
    began = datetime.now(timezone.utc)
    process = start_job("retail_train", "--driver-memory", HEAP, *spark_options)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = (datetime.now(timezone.utc) - began).total_seconds()
    told = (home.logs() / "retail_train.out").read_text()
    if status:
        sys.exit(told)
    print(*(line for line in told.splitlines() if line.startswith("  ")), sep="\n")
    # In KiB, on a Mac in bytes.
    peak = used.ru_maxrss / (1 << 30 if sys.platform == "darwin" else 1 << 20)
    print(f"run {run}: {seconds:.1f} s from start to exit, JVM included; peak memory {peak:.2f} GiB", flush=True)


def run_kmeans() -> list[dict[str, Any]]:
    """Run benchmarks/training_peer.py as the job is run, and return its results."""
    line = [submit.spark_submit(), "--properties-file", str(submit.settings("retail_train"))]
    line += ["--jars", submit.spark_jars(), "--driver-memory", HEAP]
    environment = submit.environment("kmeans") | {"PYTHONPATH": str(home.ROOT)}
    line.append(str(home.ROOT / "benchmarks" / "training_peer.py"))
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return [json.loads(text.removeprefix("RESULT ")) for text in done.stdout.splitlines() if text.startswith("RESULT ")]


def kmeans() -> None:
    for found in run_kmeans():
        spark, sklearn = found["spark"], found["sklearn"]
        print(
            f"k-means, {found['points']:,} points of {found['what']}, k={found['k']}: Spark {spark:.2f} s, "
            f"scikit-learn {sklearn:.3f} s, {spark / sklearn:.1f} times; cost ratio {found['cost']:.4f}",
            flush=True,
        )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks training", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=("job", "kmeans"), action="append", help="only this part")
    options, spark_options = parser.parse_known_args(argv)
    parts = options.part or ["job", "kmeans"]
    table = generated(options.rows)
    print(machine())
    if "job" in parts:
        for run in range(1, options.runs + 1):
            with store(table):
                job(run, spark_options)
    if "kmeans" in parts:
        with store(table):
            kmeans()
    return 0
