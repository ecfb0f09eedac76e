"""Kafka records into Delta tables, exactly once: each ends in the job's tables, or in its rejects with the reason."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.sql.types import StructType

from arus import checkpoints, delta_files, home, locks, schemas
from arus.errors import ArusError
from arus.job import Job
from arus.ledger import Ledger
from arus.records import Check, passes, reason
from arus.settings import Trigger

STAMPS = ("batch_id", "rejected_at")
# How long a batch's counts may take after its write.
COUNT_PATIENCE_SECONDS = 30.0
# Small files are joined (how many: conf/spark-defaults.conf); the log is condensed every 50 commits.
TABLE_PROPERTIES = {
    "delta.autoOptimize.autoCompact": "true",
    "delta.checkpointInterval": "50",
    "delta.minReaderVersion": "1",
    "delta.minWriterVersion": "2",
}
# Where every commit replaces a part of the table (arus/open_part.py), it leaves a file behind.
REPLACED_PROPERTIES = {
    # Longer than files are kept: a checkpoint of the log forgets what was deleted before, and nobody would sweep it.
    "delta.deletedFileRetentionDuration": "interval 3 hours",
    "delta.logRetentionDuration": "interval 1 days",
}


def table_path(table: str) -> str:
    return f"{home.store()}/tables/{table}"


def rejects_path(job: str) -> str:
    return f"{home.store()}/rejects/{job}"


def create(spark: SparkSession, path: str, ddl: str, partitioned_by: str | None = None) -> None:
    """Create the table if it is not there, before the stream, so that its properties hold from the first commit on.

    One that is partitioned has a part that is replaced with every commit.
    """
    builder = DeltaTable.createIfNotExists(spark).location(path).addColumns(_struct(ddl))
    properties = TABLE_PROPERTIES
    if partitioned_by:
        builder = builder.partitionedBy(partitioned_by)
        properties = TABLE_PROPERTIES | REPLACED_PROPERTIES
    for name, value in properties.items():
        builder = builder.property(name, value)
    builder.execute()


def write_tables(
    job: Job,
    raw: DataFrame,
    parse: Callable[[DataFrame], DataFrame],
    checks: Sequence[Check],
    table: str,
    trigger: Trigger,
    derived: Mapping[str, Callable[[DataFrame], DataFrame]] | None = None,
    show: Callable[[DataFrame], None] | None = None,
    look: Callable[[DataFrame], None] | None = None,
) -> DataStreamWriter:
    """Return the writer, not started, of a topic's records (`raw`) into `table`, and what is no row into the rejects.

    `parse` adds the table's columns; a record that passes all `checks` is usable. `derived` are further tables, each of
    few rows, by their functions of the records; `show` sees those rows when they are written. `look` sees the usable
    records of every micro-batch once they are in the table.
    """
    if trigger.is_realtime:
        raise ArusError("settings: tables are written in micro-batches; Real-time Mode has no Delta sink")
    claim(job, [table, *(derived or {})], "tables")
    ledger = Ledger()

    def write(batch: DataFrame, batch_id: int) -> None:
        parsed = parse(batch)
        counted = append_usable(ledger, parsed, checks, table, batch_id)
        for name, rows_of in (derived or {}).items():
            append_few(ledger, rows_of(batch), table_path(name), batch_id, show)
        total, rejected = counted or (None, None)
        if rejected != 0:
            append_rejects(ledger, as_rejects(parsed, checks), job.name, batch_id)
        job.listener.count(f"{job.name}.tables", batch_id, total, rejected)
        if look:
            look(parsed.where(passes(checks)))

    return (
        raw.writeStream.foreachBatch(write)
        .queryName(f"{job.name}.tables")
        .option("checkpointLocation", job.checkpoint("tables"))
        .trigger(**trigger.options())
    )


def append_usable(
    ledger: Ledger, parsed: DataFrame, checks: Sequence[Check], table: str, batch_id: int
) -> tuple[int, int] | None:
    """Append the usable records; return how many records there were and how many unusable, counted on the way.

    None where that is not known: the table had the batch already, so that no record was looked at, or Spark lost them.
    """
    counts = Observation()
    columns = _struct(schemas.TABLES[table]).fieldNames()
    judged = parsed.select(*(name for name in columns if name != "batch_id"), passes(checks).alias("is_usable"))
    total, rejected = F.count(F.lit(1)).alias("total"), F.count_if(~F.col("is_usable")).alias("rejected")
    usable = judged.observe(counts, total, rejected).where("is_usable")
    # The number is part of the code that Spark generates. Here, after the parsing, only a few lines are compiled for
    # each batch; in one projection with it, all of it would be.
    rows = usable.withColumn("batch_id", F.lit(batch_id).cast("bigint")).select(columns)
    is_new = ledger.append(rows, table_path(table), batch_id)
    return (counts.get["total"], counts.get["rejected"]) if is_new and _have_come(counts) else None


def _have_come(counts: Observation) -> bool:
    """Wait for the counts, which follow a write by milliseconds; Observation.get would wait for ever for lost ones."""
    jvm_counts: Any = counts._jo
    deadline = time.monotonic() + COUNT_PATIENCE_SECONDS
    while not jvm_counts.future().isCompleted():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def append_few(
    ledger: Ledger, rows: DataFrame, path: str, batch_id: int, show: Callable[[DataFrame], None] | None = None
) -> None:
    """Append the rows, unless there are none: an empty commit costs as much as a full one. `show` gets what is new."""
    with _persisted(rows) as few:
        if not few.isEmpty() and ledger.append(few.coalesce(1), path, batch_id) and show:
            show(few)


def append_rejects(ledger: Ledger, rejects: DataFrame, job: str, batch_id: int) -> int:
    """Append rows of `as_rejects`, unless there are none, and return how many there are."""
    with _persisted(rejects) as few:
        if count := few.count():
            # Only now, since both are part of the code that Spark generates: before, all the parsing would be compiled
            # anew for each micro-batch.
            stamps = {"batch_id": F.lit(batch_id).cast("bigint"), "rejected_at": F.current_timestamp()}
            ledger.append(few.withColumns(stamps).coalesce(1), rejects_path(job), batch_id)
        return count


@contextmanager
def _persisted(rows: DataFrame) -> Iterator[DataFrame]:
    rows = rows.persist()
    try:
        yield rows
    finally:
        rows.unpersist()


def claim(job: Job, tables: Iterable[str], query: str) -> None:
    """Lock a query's tables and make those that are not there; refuse to fill them twice."""
    for table in tables:
        locks.hold(job.spark, f"tables/{table}", job.name)
    _refuse_lost_checkpoint(job, tables, query)
    for table in tables:
        create(job.spark, table_path(table), schemas.TABLES[table], schemas.PARTITIONED_BY.get(table))
    create(job.spark, rejects_path(job.name), schemas.REJECTS)
    for name in [*(f"tables/{table}" for table in tables), f"rejects/{job.name}"]:
        join_small_files(job.spark, name)


def join_small_files(spark: SparkSession, name: str) -> None:
    """Join the table's small files, if it has many: Delta's own compaction counts only those of the running driver."""
    limit = int(str(spark.conf.get("spark.databricks.delta.autoCompact.minNumFiles")))
    if delta_files.summary(name.removeprefix("tables/")).files >= limit:
        DeltaTable.forPath(spark, f"{home.store()}/{name}").optimize().executeCompaction()


def _refuse_lost_checkpoint(job: Job, tables: Iterable[str], query: str) -> None:
    """Refuse to begin again at the topic's start while the tables hold what was read before."""
    if not home.local_store() or checkpoints.newest(Path(job.checkpoint(query)) / "offsets") >= 0:
        return
    paths = {table: table_path(table) for table in tables}
    if query == "tables":
        paths[f"rejects/{job.name}"] = rejects_path(job.name)
    filled = [name for name, path in paths.items() if has_rows(job.spark, path)]
    if filled:
        raise ArusError(
            f"the checkpoint {job.checkpoint(query)} is gone or empty, but there are rows in {', '.join(filled)}: "
            f"put it back, or begin afresh with `python -m arus reset {job.name}` (it moves the tables aside)"
        )


def has_rows(spark: SparkSession, path: str) -> bool:
    return DeltaTable.isDeltaTable(spark, path) and not spark.read.format("delta").load(path).isEmpty()


def as_rejects(parsed: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """Return a batch's unusable records as rows of the rejects table, but for when and in which batch."""
    explained = parsed.where(~passes(checks)).withColumn("reason", reason(checks))
    return explained.select(*(name for name in _struct(schemas.REJECTS).fieldNames() if name not in STAMPS))


def _struct(ddl: str) -> StructType:
    return cast(StructType, StructType.fromDDL(ddl))
