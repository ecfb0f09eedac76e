"""Kafka records into Delta tables, exactly once: each ends in the job's tables, or in its rejects with the reason."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.sql.types import StructType

from arus import home, locks, schemas
from arus.errors import ArusError
from arus.job import Job
from arus.settings import Trigger

# A batch below this many rows is written as one file: two tasks would only make two smaller ones.
ONE_FILE_ROWS = 50_000
# auto compaction joins small files as soon as there are 20 of them; one checkpoint of the log for 50 commits.
TABLE_PROPERTIES = {
    "delta.autoOptimize.autoCompact": "true",
    "delta.checkpointInterval": "50",
    "delta.minReaderVersion": "1",
    "delta.minWriterVersion": "2",
}
RAW_COLUMNS = ("key", "value", "headers")


def table_path(table: str) -> str:
    return f"{home.store()}/tables/{table}"


def rejects_path(job: str) -> str:
    return f"{home.store()}/rejects/{job}"


def create(spark: SparkSession, path: str, ddl: str) -> None:
    """Create the table if it is not there, before the stream, so that its properties hold from the first commit on."""
    builder = DeltaTable.createIfNotExists(spark).location(path).addColumns(_struct(ddl))
    for name, value in TABLE_PROPERTIES.items():
        builder = builder.property(name, value)
    builder.execute()


def append(rows: DataFrame, path: str, batch_id: int) -> None:
    """Append a micro-batch once: written again after a crash, the same batch of the same checkpoint changes nothing."""
    query_id = rows.sparkSession.sparkContext.getLocalProperty("sql.streaming.queryId")
    if not query_id:
        raise RuntimeError("append() belongs inside foreachBatch: only there is a batch known by its query and number")
    (rows.write.format("delta").mode("append").option("txnAppId", query_id).option("txnVersion", batch_id).save(path))


def write_tables(
    job: Job,
    parsed: DataFrame,
    tables: Mapping[str, Callable[[DataFrame], DataFrame]],
    trigger: Trigger,
    after: Callable[[DataFrame], None] | None = None,
) -> DataStreamWriter:
    """Return the writer, not yet started, of `parsed` into the tables: each by its function of the usable rows.

    `parsed` holds the record as it came (topic ... headers), its typed columns, and `reason`: NULL where the record is
    usable. The usable rows come with `batch_id`. `after` sees them when they are written.
    """
    _claim(job, tables)
    name = f"{job.name}.tables"

    def write(batch: DataFrame, batch_id: int) -> None:
        rows = batch.drop(*RAW_COLUMNS).withColumn("batch_id", F.lit(batch_id).cast("bigint")).persist()
        try:
            total, rejected = rows.agg(F.count("*"), F.count("reason")).first() or (0, 0)
            usable = rows.where(F.col("reason").isNull())
            usable = usable.coalesce(1) if total < ONE_FILE_ROWS else usable
            for table, columns in tables.items():
                append_some(columns(usable), table_path(table), batch_id)
            if rejected:
                append(as_rejects(batch, batch_id), rejects_path(job.name), batch_id)
            job.listener.count(name, batch_id, rows_out=total - rejected, rejected=rejected)
            if after:
                after(usable)
        finally:
            rows.unpersist()

    return (
        parsed.writeStream.foreachBatch(write)
        .queryName(name)
        .option("checkpointLocation", job.checkpoint("tables"))
        .trigger(**trigger.options())
    )


def _claim(job: Job, tables: Iterable[str]) -> None:
    """Lock the tables and make those that are not there; refuse to fill them twice."""
    for table in tables:
        locks.hold(job.spark, f"tables/{table}", job.name)
    _refuse_lost_checkpoint(job, tables)
    for table in tables:
        create(job.spark, table_path(table), schemas.TABLES[table])
    create(job.spark, rejects_path(job.name), schemas.REJECTS)


def _refuse_lost_checkpoint(job: Job, tables: Iterable[str]) -> None:
    """Refuse to begin again at the topic's start while the tables hold what was read before."""
    store = home.local_store()
    if store is None or Path(job.checkpoint("tables")).exists():
        return
    filled = [table for table in tables if (store / "tables" / table / "_delta_log").exists()]
    if filled:
        raise ArusError(
            f"the checkpoint {job.checkpoint('tables')} is gone, but its tables ({', '.join(filled)}) are there: "
            f"put it back, or begin afresh with `python -m arus reset {job.name}` (it moves the tables aside)"
        )


def append_some(rows: DataFrame, path: str, batch_id: int) -> None:
    """Append the rows unless there are none: an empty commit costs as much as a full one."""
    if not rows.isEmpty():
        append(rows, path, batch_id)


def as_rejects(batch: DataFrame, batch_id: int) -> DataFrame:
    """Return the batch's unusable records as rows of the rejects table."""
    rejects = batch.where(F.col("reason").isNotNull())
    columns = _struct(schemas.REJECTS).fieldNames()
    return rejects.withColumns(
        {"batch_id": F.lit(batch_id).cast("bigint"), "rejected_at": F.current_timestamp()}
    ).select(columns)


def _struct(ddl: str) -> StructType:
    return cast(StructType, StructType.fromDDL(ddl))
