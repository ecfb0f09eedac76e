"""What Arus uses of Spark 4.2 that Spark does not promise: each use here, with its reason, and nowhere else.

tests/streaming/test_spark_internals.py fails by the name of a use when another version of Spark has it no more.
"""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyspark import SparkContext, TaskContext
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType
from pyspark.sql.udf import UserDefinedFunction
from pyspark.util import PythonEvalType

NO_WATERMARK = 0
# What Spark tells the tasks of a micro-batch, and the thread of a foreachBatch, of where they belong.
QUERY_ID, BATCH_ID = "sql.streaming.queryId", "streaming.sql.batchId"


def map_arrow(function: Callable[..., Any], columns: tuple[str, ...], ddl: str) -> Callable[[DataFrame], DataFrame]:
    """Return what DataFrame.mapInArrow does, for these columns of any data frame, made once for all micro-batches.

    The public call wants pandas, which nothing here needs, and pickles the function anew each time: a tenth of the time
    of a small micro-batch.
    """
    struct = StructType.fromDDL(ddl)
    udf = UserDefinedFunction(function, struct, evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF)
    column: Any = udf(*columns)

    def applied(rows: DataFrame) -> DataFrame:
        jvm_frame = rows._jdf.mapInArrow(column._jc, False, None)
        return DataFrame(jvm_frame, rows.sparkSession)

    return applied


def arrow_schema(ddl: str) -> pa.Schema:
    """Return columns given as Spark DDL as Spark itself would send them to a task; times are UTC."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(StructType.fromDDL(ddl), timezone="UTC")  # type: ignore[arg-type]


def running_query(spark: SparkSession) -> str:
    """Return the id of the query that this foreachBatch belongs to: foreachBatch itself tells only the batch."""
    query_id = spark.sparkContext.getLocalProperty(QUERY_ID)
    if not query_id:
        raise RuntimeError("a batch is known by its query and number: this belongs inside foreachBatch")
    return str(query_id)


def running_batch() -> int:
    """Return the number of the micro-batch that this task belongs to.

    The same number as a column would be a literal in the code that Spark generates, compiled anew for each micro-batch.
    """
    context = TaskContext.get()
    return int((context.getLocalProperty(BATCH_ID) if context else None) or 0)


def add_shutdown_hook(hook: object, priority: int) -> None:
    """Have the JVM call `hook` (a java.lang.Runnable) when it is asked to end, before those of a lower priority.

    The JVM of spark-submit is there before any session is.
    """
    SparkContext._ensure_initialized()
    gateway: Any = SparkContext._gateway
    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
    gateway.jvm.org.apache.hadoop.util.ShutdownHookManager.get().addShutdownHook(hook, priority)


def executors(spark: SparkSession) -> int:
    """Return how many executors the application has, the driver not counted: no Python call tells."""
    context: Any = spark.sparkContext._jsc
    return int(context.sc().getExecutorMemoryStatus().size()) - 1


class MicroBatch:
    """What Spark's own log of the running query says of one of its micro-batches: watermarks, offsets, dropped rows."""

    def __init__(self, spark: SparkSession, batch_id: int) -> None:
        streams: Any = spark._jsparkSession.streams()
        self._query = streams.get(running_query(spark)).streamingQuery()
        self._before, self._own = (self._logged(number) for number in (batch_id - 1, batch_id))

    @property
    def late_until_ms(self) -> int:
        """The watermark (epoch milliseconds) that this batch drops by: rows at or before it are late."""
        return _watermark(self._before)

    @property
    def watermark_ms(self) -> int:
        """The watermark (epoch milliseconds) that this batch ends state by, and the next one drops by."""
        return _watermark(self._own)

    @property
    def starting_offsets(self) -> str:
        """Where in Kafka the batch begins, as the option startingOffsets takes it."""
        return _offsets(self._before)

    @property
    def ending_offsets(self) -> str:
        return _offsets(self._own)

    def records(self, topics: tuple[str, ...]) -> int:
        """Return how many records of the topics the batch has; those before the log's first entry are not known."""
        begin, end = (json.loads(text or "{}") for text in (self.starting_offsets, self.ending_offsets))
        return sum(
            offset - begin.get(topic, {}).get(partition, 0)
            for topic in topics
            for partition, offset in end.get(topic, {}).items()
        )

    def dropped(self) -> int:
        """Return how many rows the stateful operators have dropped as late; known once the batch has been computed."""
        return _dropped(self._query.lastExecution().executedPlan())

    def _logged(self, batch_id: int) -> Any:
        found = self._query.offsetLog().get(batch_id)
        return found.get() if found.isDefined() else None


def _watermark(logged: Any) -> int:
    return int(logged.metadataOpt().get().batchWatermarkMs()) if logged else NO_WATERMARK


def _offsets(logged: Any) -> str:
    return str(logged.offsets().apply(0).get().json()) if logged else ""


def _dropped(plan: Any) -> int:
    metric = plan.metrics().get("numRowsDroppedByWatermark")
    children = plan.children()
    own = int(metric.get().value()) if metric.isDefined() else 0
    return own + sum(_dropped(children.apply(index)) for index in range(children.size()))
