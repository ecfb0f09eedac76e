"""The warehouse job as people write it today, with one shuffle partition: warehouse_peer.py live SECONDS | drain.

Two sources, a join within 10 s under watermarks of 15 s, every 2 s, each pair collected and printed. Its times are
timestamps: with 32-bit floats, as the seed has them, it pairs wrong readings. `live` prints how long each temperature
reading took to its first line (ms) and how many lines there were; `drain` the rows per second of the join alone.
"""

import json
import sys
import time

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import home, schemas

first_shown: dict[tuple[str, float], float] = {}
lines = 0


def side(spark: SparkSession, topic: str, kind: str, starting: str) -> DataFrame:
    raw = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", home.bootstrap_servers())
        .option("subscribe", topic)
        .option("startingOffsets", starting)
        .option("maxOffsetsPerTrigger", 50_000)
        .load()
    )
    ddl = f"gudang_id string, {kind} double, timestamp double"
    message = F.from_json(F.col("value").cast("string"), ddl).alias("message")
    rows = raw.select(message).select(
        F.col("message.gudang_id").alias(f"{kind}_gudang_id"),
        F.col(f"message.{kind}").alias(kind),
        F.col("message.timestamp").cast("timestamp").alias(f"{kind}_time"),
        F.col("message.timestamp").alias(f"{kind}_seconds"),
    )
    return rows.withWatermark(f"{kind}_time", "15 seconds")


def joined(spark: SparkSession, starting: str) -> DataFrame:
    is_pair = """suhu_gudang_id = kelembaban_gudang_id AND suhu_time >= kelembaban_time - INTERVAL 10 SECONDS
        AND suhu_time <= kelembaban_time + INTERVAL 10 SECONDS"""
    suhu = side(spark, schemas.SENSOR_SUHU_GUDANG, "suhu", starting)
    return suhu.join(side(spark, schemas.SENSOR_KELEMBABAN_GUDANG, "kelembaban", starting), F.expr(is_pair), "inner")


def show(batch: DataFrame, _: int) -> None:
    global lines
    for row in batch.collect():
        print(text(row))
        lines += 1
        later = max(row.suhu_seconds, row.kelembaban_seconds)
        first_shown.setdefault((row.suhu_gudang_id, row.suhu_seconds), 1000 * (time.time() - later))


def text(row: Row) -> str:
    status = "Bahaya tinggi!" if row.suhu > 80 and row.kelembaban > 70 else "Aman"
    return f"[Status Gabungan] Gudang {row.suhu_gudang_id}: {row.suhu}, {row.kelembaban}: {status}"


def checkpointed(writer: DataStreamWriter) -> DataStreamWriter:
    return writer.option("checkpointLocation", f"{home.home()}/peer/{time.time_ns()}")


def main() -> None:
    spark = SparkSession.builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
    if sys.argv[1] == "live":
        writer = checkpointed(joined(spark, "latest").writeStream.foreachBatch(show))
        query = writer.trigger(processingTime="2 seconds").start()
        query.awaitTermination(int(float(sys.argv[2])))
        query.stop()
        print("RESULT", json.dumps({"taken": list(first_shown.values()), "lines": lines}))
        return
    begun = time.monotonic()
    query = checkpointed(joined(spark, "earliest").writeStream.format("noop")).trigger(availableNow=True).start()
    query.awaitTermination()
    print("RESULT", json.dumps({"seconds": time.monotonic() - begun}))


if __name__ == "__main__":
    main()
