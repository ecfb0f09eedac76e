"""What Arus uses of Spark without a promise, use by use. MicroBatch: tests/jobs/test_warehouse_stream.py."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from arus.streaming.spark_internals import (
    add_shutdown_hook,
    arrow_schema,
    executors,
    map_arrow,
    running_batch,
    running_query,
)

BATCHES = 3


def numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Return the numbers of a task, doubled, with its micro-batch."""
    for batch in batches:
        doubled = pa.array([2 * number for number in batch.column("n").to_pylist()], pa.int64())
        yield pa.RecordBatch.from_arrays(
            [doubled, pa.array([running_batch()] * len(doubled), pa.int64())], ["n", "batch"]
        )


def test_map_arrow_runs_a_function_in_tasks(spark: SparkSession) -> None:
    applied = map_arrow(numbered, ("n",), "n bigint, batch bigint")
    for rows in (spark.range(3).toDF("n"), spark.range(3, 6).toDF("n").selectExpr("'unused' AS other", "n")):
        expected = [(2 * row.n, 0) for row in rows.collect()]
        assert [tuple(row) for row in applied(rows.select("n")).collect()] == expected, "also a second time"


def test_tasks_and_foreach_batch_know_their_query_and_micro_batch(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "numbers").mkdir()
    for number in range(BATCHES):
        pq.write_table(pa.table({"n": [number]}), tmp_path / "numbers" / f"{number}.parquet")
    applied, found = map_arrow(numbered, ("n",), "n bigint, batch bigint"), list[tuple[str, int, int]]()

    def write(batch: DataFrame, batch_id: int) -> None:
        [row] = applied(batch).collect()
        found.append((running_query(spark), batch_id, row.batch))

    stream = spark.readStream.schema("n bigint").option("maxFilesPerTrigger", 1).parquet(str(tmp_path / "numbers"))
    writer = stream.writeStream.foreachBatch(write).option("checkpointLocation", str(tmp_path / "checkpoint"))
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    assert found == [(query.id, batch, batch) for batch in range(BATCHES)]


def test_outside_foreach_batch_there_is_no_query(spark: SparkSession) -> None:
    with pytest.raises(RuntimeError, match="inside foreachBatch"):
        running_query(spark)
    assert running_batch() == 0


def test_arrow_schemas_are_those_that_delta_and_the_tasks_agree_on(spark: SparkSession) -> None:  # noqa: ARG001
    ddl = "a string, b int, c timestamp, d binary, e array<struct<key: string, value: binary>>"
    pair = pa.struct([("key", pa.string()), ("value", pa.binary())])
    types = [pa.string(), pa.int32(), pa.timestamp("us", "UTC"), pa.binary(), pa.list_(pair)]
    assert arrow_schema(ddl).types == types


def test_a_local_session_has_no_executors_of_its_own(spark: SparkSession) -> None:
    assert executors(spark) == 0


class Hook:
    """A java.lang.Runnable that does nothing, and remembers that the JVM has looked at it."""

    class Java:
        implements = ("java.lang.Runnable",)

    was_taken = False

    def run(self) -> None: ...

    def hashCode(self) -> int:  # noqa: N802
        self.was_taken = True
        return 1

    def equals(self, other: object) -> bool:
        return self is other


def test_the_jvm_takes_a_hook_for_its_end(spark: SparkSession) -> None:  # noqa: ARG001
    hook = Hook()
    add_shutdown_hook(hook, priority=1)
    assert hook.was_taken
