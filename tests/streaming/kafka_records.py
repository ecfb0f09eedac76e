"""Kafka records as a task gets them from the sink, and as a query reads them."""

from collections.abc import Sequence
from datetime import datetime, timezone

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from arus.streaming.record_batches import MOMENT

ARRIVED = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", MOMENT),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.string()),
    ]
)


def batch(topic: str, values: Sequence[bytes | None], headers: str | None = None) -> pa.RecordBatch:
    """Return the values as records of partition 0, with offsets from 0 on."""
    rows = [(topic, 0, offset, ARRIVED, b"a key", value, headers) for offset, value in enumerate(values)]
    return pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


def frame(spark: SparkSession, records: pa.RecordBatch) -> DataFrame:
    """Return the same records as Spark reads them, but for their headers."""
    columns = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
    rows = [tuple(row.values())[:6] for row in records.to_pylist()]
    return spark.createDataFrame(rows, columns)
