"""The only place that says "kafka" to Spark: one topic in, one topic out."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import home
from arus.settings import Trigger


def read_topic(
    spark: SparkSession, topic: str, starting_offsets: str, max_offsets_per_trigger: int = 0, **more: str
) -> DataFrame:
    """Return the topic as a stream of topic, partition, offset, timestamp, key, value (bytes) and headers.

    `max_offsets_per_trigger` bounds a micro-batch (rows; 0 = no bound). Lost offsets stop the query (failOnDataLoss).
    """
    reader = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", home.bootstrap_servers())
        .option("subscribe", topic)
        .option("startingOffsets", starting_offsets)
        .option("includeHeaders", "true")
        .option("kafka.fetch.max.wait.ms", "10")
        .options(**more)
    )
    if max_offsets_per_trigger:
        reader = reader.option("maxOffsetsPerTrigger", max_offsets_per_trigger)
    return reader.load().drop("timestampType")


def write_topic(records: DataFrame, topic: str, name: str, checkpoint: str, trigger: Trigger) -> DataStreamWriter:
    """Return the writer, not started, of `records` (key, value) into the topic, each at least once: give it ids."""
    writer = (
        records.writeStream.format("kafka")
        .queryName(name)
        .option("kafka.bootstrap.servers", home.bootstrap_servers())
        .option("topic", topic)
        .option("checkpointLocation", checkpoint)
        .trigger(**trigger.options())
    )
    return writer.outputMode("update") if trigger.is_realtime else writer


def position() -> Column:
    """Return a record's id, the same however often it is read: topic-partition-offset."""
    return F.concat_ws("-", "topic", "partition", "offset")
