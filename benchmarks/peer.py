"""What people write today, with default settings, draining a topic: peer.py alerts|readings|retail.

alerts: from_json, where, to_json, Kafka. readings, retail: from_json, Delta's own sink. No rejects, no positions kept.
"""

import json
import sys
import time

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import home, schemas

TYPED_READING = "sensor_id string, suhu double, timestamp double"
TYPED_RETAIL = (
    "InvoiceNo string, StockCode string, Description string, Quantity int, InvoiceDate string, UnitPrice double, "
    "CustomerID int, Country string"
)


def messages(spark: SparkSession, topic: str, ddl: str) -> DataFrame:
    raw = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", home.bootstrap_servers())
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        .load()
    )
    return raw.select(F.from_json(F.col("value").cast("string"), ddl).alias("message")).select("message.*")


def writer(spark: SparkSession, what: str) -> DataStreamWriter:
    if what == "retail":
        rows = messages(spark, schemas.RETAIL_STREAM, TYPED_RETAIL)
        rows = rows.withColumn("InvoiceDate", F.col("InvoiceDate").try_cast("timestamp"))
        return rows.writeStream.format("delta").option("path", f"{home.home()}/peer/{what}")
    readings = messages(spark, schemas.SENSOR_SUHU, TYPED_READING)
    if what == "readings":
        return readings.writeStream.format("delta").option("path", f"{home.home()}/peer/{what}")
    hot = readings.where("suhu > 80").select(F.col("sensor_id").alias("key"), F.to_json(F.struct("*")).alias("value"))
    to_kafka = hot.writeStream.format("kafka").option("kafka.bootstrap.servers", home.bootstrap_servers())
    return to_kafka.option("topic", schemas.PERINGATAN_SUHU)


def main() -> None:
    what = sys.argv[1]
    spark = SparkSession.builder.getOrCreate()
    begun = time.monotonic()
    query = (
        writer(spark, what)
        .option("checkpointLocation", f"{home.home()}/peer/checkpoint-{what}-{time.time_ns()}")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    rows = sum(progress["numInputRows"] for progress in query.recentProgress)
    print("RESULT", json.dumps({"rows": rows, "seconds": time.monotonic() - begun}))


if __name__ == "__main__":
    main()
