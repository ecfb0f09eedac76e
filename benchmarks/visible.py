"""From the last send of 1,000 retail rows to their being in the table: python -m benchmarks visible [--times 20].

The job runs as conf/retail_ingest.conf says: a micro-batch when 1,000 rows wait, or after a second.
"""

import argparse
import itertools
import json
import resource
import statistics
import sys
import time
from collections.abc import Iterator

from confluent_kafka import Producer
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from arus import home, schemas
from benchmarks.rig import machine, rig, start_job
from producers.retail_data import Row
from producers.retail_data import rows as shop_rows

ROWS = 1000
WARM_UP_TIMES = 10
PATIENCE_SECONDS = 120


def rows_in_table() -> int:
    """Return how many rows the table's log counts: what a reader who looks now would get."""
    try:
        return sum(DeltaTable(home.home() / "tables" / "retail").get_add_actions()["num_records"].to_pylist())
    except TableNotFoundError:
        return 0


def send(producer: Producer, rows: Iterator[Row]) -> None:
    for row in itertools.islice(rows, ROWS):
        producer.produce(schemas.RETAIL_STREAM, key=str(row["InvoiceNo"]).encode(), value=json.dumps(row).encode())
        producer.poll(0)


def seconds_until(expected: int) -> float:
    begun = time.monotonic()
    while rows_in_table() < expected:
        if time.monotonic() - begun > PATIENCE_SECONDS:
            sys.exit(f"{expected:,} rows are not in the table: see {home.logs() / 'retail_ingest.out'}")
        time.sleep(0.02)
    return time.monotonic() - begun


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks visible", description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    options, spark_options = parser.parse_known_args(argv)
    print(machine())
    rows = shop_rows(7)
    taken = []
    with rig():
        job = start_job("retail_ingest", *spark_options)
        try:
            producer = Producer({"bootstrap.servers": home.bootstrap_servers()})
            for number in range(1, WARM_UP_TIMES + options.times + 1):
                send(producer, rows)
                taken.append(seconds_until(number * ROWS))
                producer.flush()
                time.sleep(1)
        finally:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            job.terminate()
            job.wait()
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
    warm = sorted(taken[WARM_UP_TIMES:])
    median, slowest = statistics.median(warm), warm[-1]
    print(f"{ROWS:,} rows visible after {median:.2f} s (median of {len(warm)}), at the latest {slowest:.2f} s")
    print(f"the first {ROWS:,} rows, with the job's start: {taken[0]:.1f} s")
    seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    print(f"the job and its Python workers took {seconds:.0f} s of a core, its start included")
    return 0
