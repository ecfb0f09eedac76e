"""What the tests of the warehouse monitor share: its settings, and records as Kafka gives them."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from arus.board import utc
from arus.pairing import TOPIC_OF, judged, timed
from arus.schemas import DETAK_GUDANG
from arus.settings import Trigger
from jobs.warehouse_monitor import Settings, side
from tests.streaming.kafka_records import SCHEMA

ARRIVED = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
NOON = int(ARRIVED.timestamp())
DRAIN = Trigger("availableNow")
SETTINGS = Settings(
    threshold_celsius=80.0,
    threshold_percent=70.0,
    min_celsius=-273.15,
    max_celsius=2000.0,
    watermark_seconds=15,
    window_seconds=10,
    silence_seconds=30.0,
    trigger=DRAIN,
    table_trigger=DRAIN,
    status_trigger=DRAIN,
    starting_offsets="earliest",
    max_offsets_per_trigger=0,
    max_value_bytes=65536,
    max_ahead_seconds=86_400.0,
    aliases="temperature=suhu humidity=kelembaban",
    console=False,
)
RAW = "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary"
Record = tuple[str, int, int, datetime, bytes | None, bytes | None]


def record(kind: str, value: bytes | None, offset: int = 0, partition: int = 0) -> Record:
    return TOPIC_OF[kind], partition, offset, ARRIVED, b"G1", value


def reading(kind: str, number: float, seconds: float | None = None, gudang_id: str = "G1") -> bytes:
    """Return a message; `seconds` are after noon, None leaves the timestamp out."""
    told: dict[str, Any] = {"gudang_id": gudang_id, kind: number}
    return json.dumps(told if seconds is None else {**told, "timestamp": NOON + seconds}).encode()


def beat(kind: str, seconds: float, offset: int = 0) -> Record:
    value = json.dumps({"kind": kind, "timestamp": NOON + seconds}).encode()
    return DETAK_GUDANG, 0, offset, ARRIVED, kind.encode(), value


def batch(*records: Record) -> pa.RecordBatch:
    """Return the records as a task gets them."""
    rows = [dict(zip(SCHEMA.names, (*record, None), strict=True)) for record in records]
    return pa.RecordBatch.from_pylist(rows, SCHEMA)


def frame(spark: SparkSession, *records: Record) -> DataFrame:
    return spark.createDataFrame(list(records), RAW)


def streamed_side(spark: SparkSession, folder: Path, kind: str, marked: bool = True) -> DataFrame:
    """Return a side of the join over a folder of Parquet files of raw records, or its columns without a watermark."""
    raw = spark.readStream.schema(RAW).option("maxFilesPerTrigger", 1).parquet(str(folder))
    if marked:
        return side(raw, kind, SETTINGS)
    return raw.select(
        F.col("key").cast("string").alias(f"{kind}_gudang_id"),
        F.col("timestamp").alias(f"{kind}_time"),
        F.col("offset").alias(f"{kind}_place"),
        F.lit(1.0).alias(kind),
    )


def at_watermark(rows: DataFrame, settings: Settings, watermark_ms: int, settles: bool) -> DataFrame:
    """Return rows of `nearest` as the job's foreachBatch makes rows of the table of them."""
    found = judged(rows, settings.threshold_celsius, settings.threshold_percent).toArrow()
    found = timed(found, settings.window_seconds, utc(1000 * watermark_ms), settles)
    return rows.sparkSession.createDataFrame(found.combine_chunks())
