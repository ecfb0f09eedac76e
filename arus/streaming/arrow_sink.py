"""Kafka records into Delta tables, exactly once: each ends in the job's tables, or in its rejects with the reason.

One pass. Spark's tasks get Arrow batches of records, make rows and rejects of them by plain Python, and write their own
Parquet files; the driver commits the files of a micro-batch, table by table.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, Field
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import checkpoints, delta_files, home, locks, schemas
from arus.base.times import EPOCH
from arus.errors import ArusError
from arus.job import Job
from arus.listener import Counts
from arus.schemas import TIME_FAULT
from arus.settings import Trigger
from arus.streaming.spark_internals import MicroBatch, arrow_schema, map_arrow, running_query
from arus.streaming.table_writer import TableWriter
from arus.streaming.task_rows import RECORDS_READ, REJECTS, RESULT, FileFacts, RowsOf, Target, from_bytes, task_rows

# What the tasks get of a Kafka record. Headers come as JSON (record_batches.headers_of).
RECORD = ("topic", "partition", "offset", "timestamp", "key", "value", "headers")
LATEST = datetime(9999, 1, 1, tzinfo=timezone.utc)
# The log is condensed every 50 commits.
TABLE_PROPERTIES = {"delta.checkpointInterval": "50"}
# Where every commit replaces a part of the table (mutable_partition.py), it leaves a file behind.
REPLACED_PROPERTIES = {
    # Longer than files are kept: a checkpoint of the log forgets what was deleted before, and nobody would sweep it.
    "delta.deletedFileRetentionDuration": "interval 3 hours",
    "delta.logRetentionDuration": "interval 1 days",
}


@dataclass
class Found:
    """What the tasks made of a micro-batch: how many records it had, and by name the files and the rows."""

    records: int = 0
    files: dict[str, list[FileFacts]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, pa.Table] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Return how many rows there are of a name."""
        rows = int(self.rows[name].num_rows) if name in self.rows else 0
        return rows + sum(int(each["rows"]) for each in self.files[name])

    def present(self, name: str, column: str) -> int:
        """Return in how many rows of a name the column is not null."""
        files = sum(
            int(each["rows"]) - int(json.loads(each["stats"])["nullCount"][column]) for each in self.files[name]
        )
        return files + (len(self.rows[name]) - self.rows[name][column].null_count if name in self.rows else 0)


class ArrowSink:
    """The tables and rejects that one query of a job writes; made before the query, it locks the tables and makes them.

    ArusError where another job writes one of them, or where they hold rows and the query's checkpoint is gone.
    """

    def __init__(self, job: Job, query: str, *tables: str) -> None:
        self._job = job
        self._query = query
        claim(job, tables, query)
        self._targets = {table: _target(table, schemas.TABLES[table]) for table in tables}
        self._targets[REJECTS] = _target(f"rejects/{job.name}", schemas.REJECTS)
        self._writers: dict[str, TableWriter] = {}

    def target(self, table: str) -> Target:
        """Return where a table of the sink is, and its columns."""
        return self._targets[table]

    def tasks(self, rows_of: RowsOf) -> Callable[[DataFrame], Found]:
        """Return what makes rows of a micro-batch in its tasks, by a function of an Arrow batch of Kafka records.

        `rows_of` returns rows by table, and unusable records under REJECTS. Rows under other names are for the driver.
        """
        result = arrow_schema(RESULT)
        function = functools.partial(task_rows, rows_of=rows_of, targets=self._targets, result=result)
        in_tasks = map_arrow(function, RECORD, RESULT)
        return lambda batch: _gathered(in_tasks(as_records(batch)).toArrow())

    def commit(self, found: Found, batch_id: int) -> None:
        """Commit a micro-batch's rows, table by table, the rejects last; a table that has the batch is left alone."""
        for name in self._targets:
            if found.count(name):
                self.table(name).append(found.files[name], found.rows.get(name), batch_id)
        timed = [name for name, target in self._targets.items() if TIME_FAULT in target.schema.names]
        time_faults = sum(found.present(name, TIME_FAULT) for name in timed)
        counts = Counts(found.records, found.count(REJECTS), time_faults)
        self._job.listener.count(f"{self._job.name}.{self._query}", batch_id, counts)

    def append(self, table: str, batch: DataFrame, batch_id: int) -> None:
        """Commit the rows of a micro-batch that Spark has computed, such as an aggregation's: they pass the driver."""
        target = self._targets[table]
        rows = batch.select(*target.schema.names).toArrow().cast(target.schema)
        self.table(table).append([], rows, batch_id)
        topics = schemas.JOBS[self._job.name].reads
        records = MicroBatch(self._job.spark, batch_id).records(topics)
        counts = Counts(records, rejected=0, written=rows.num_rows)
        self._job.listener.count(f"{self._job.name}.{self._query}", batch_id, counts)

    def table(self, name: str) -> TableWriter:
        """Return one of the tables, within a micro-batch: the query's id is part of what is written."""
        if name not in self._writers:
            self._writers[name] = TableWriter(self._targets[name].path, running_query(self._job.spark))
        return self._writers[name]

    def query(self, records: DataFrame, write: Callable[[DataFrame, int], None], trigger: Trigger) -> DataStreamWriter:
        """Return the query, not yet started, that calls `write` with each micro-batch of records and its number."""
        if trigger.is_realtime:
            raise ArusError("settings: tables are written in micro-batches; Real-time Mode has no Delta sink")
        return (
            records.writeStream.foreachBatch(write)
            .queryName(f"{self._job.name}.{self._query}")
            .option("checkpointLocation", self._job.checkpoint(self._query))
            .trigger(**trigger.options())
        )


def as_records(batch: DataFrame) -> DataFrame:
    """Return Kafka records as the tasks get them: headers as JSON, and no time that Python has no word for."""
    # A producer may send any number as its message's time.
    time = F.least(F.greatest("timestamp", F.lit(EPOCH)), F.lit(LATEST)).alias("timestamp")
    sent = {"timestamp": time, "headers": F.to_json("headers").alias("headers")}
    return batch.select(*(sent.get(name, F.col(name)) for name in RECORD))


def _target(name: str, ddl: str) -> Target:
    return Target(delta_files.path_of(name), arrow_schema(ddl))


def _gathered(results: pa.Table) -> Found:
    """Return the tasks' results (rows of task_rows.RESULT) together."""
    found = Found()
    pieces: dict[str, list[pa.Table]] = defaultdict(list)
    for result in results.to_pylist():
        if result["name"] == RECORDS_READ:
            found.records += result["rows"]
        elif result["file"]:
            found.files[result["name"]].append(result)
        else:
            pieces[result["name"]].append(from_bytes(result["data"]))
    found.rows = {name: pa.concat_tables(those) for name, those in pieces.items()}
    return found


def claim(job: Job, tables: Iterable[str], query: str) -> None:
    """Lock a query's tables and make those that are not there; refuse to fill them twice."""
    for table in tables:
        locks.hold(job.spark, f"tables/{table}", job.name)
    _refuse_lost_checkpoint(job, tables, query)
    for table in tables:
        create(table, schemas.TABLES[table], schemas.PARTITIONED_BY.get(table))
    create(f"rejects/{job.name}", schemas.REJECTS)


def create(name: str, ddl: str, partitioned_by: str | None = None) -> None:
    """Create a table if it is not there, and give one of an earlier version the columns that it lacks.

    One that is partitioned has a part that is replaced with every commit.
    """
    properties = TABLE_PROPERTIES | (REPLACED_PROPERTIES if partitioned_by else {})
    schema = arrow_schema(ddl)
    table = DeltaTable.create(
        delta_files.path_of(name), schema, mode="ignore", partition_by=partitioned_by, configuration=properties
    )
    there = {field.name for field in table.schema().fields}
    if lacking := [Field.from_arrow(field) for field in schema if field.name not in there]:
        table.alter.add_columns(lacking)


def _refuse_lost_checkpoint(job: Job, tables: Iterable[str], query: str) -> None:
    """Refuse to begin again at the topic's start while the tables hold what was read before."""
    if not home.local_store() or checkpoints.newest(Path(job.checkpoint(query)) / "offsets") >= 0:
        return
    names = [*tables, *([f"rejects/{job.name}"] if query == "tables" else [])]
    if filled := [name for name in names if has_rows(name)]:
        raise ArusError(
            f"the checkpoint {job.checkpoint(query)} is gone or empty, but there are rows in {', '.join(filled)}: "
            f"put it back, or begin afresh with `python -m arus reset {job.name}` (it moves the tables aside)"
        )


def has_rows(name: str) -> bool:
    """Return whether a table is there and has rows; ArusError where it is there and cannot be read."""
    if not DeltaTable.is_deltatable(delta_files.path_of(name)):
        return False
    return bool(delta_files.opened(name).get_add_actions().num_rows)
