"""The only place that says "kafka" to Spark: topics in, one topic out."""

import json
import os
import re
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import home
from arus.errors import ArusError
from arus.settings import Trigger

# How long the broker may hold back a fetch that finds nothing new. A consumer that comes back for its next micro-batch
# waits out the fetch that it sent ahead at the last one's end: with Kafka's 500 ms, a third of a small batch's time.
FETCH_WAIT_MS = "10"
# Records that a poll gives. Spark asks for the topic's ends after each poll, which throws away what was fetched beyond
# it: with Kafka's 500, a read is half as fast.
POLL_RECORDS = "5000"
CONSUMER = {
    "includeHeaders": "true",
    # What an aborted transaction has sent does not exist.
    "kafka.isolation.level": "read_committed",
    "kafka.fetch.max.wait.ms": FETCH_WAIT_MS,
    "kafka.max.poll.records": POLL_RECORDS,
}
# A producer gives a batch up after two minutes, and sends those after it: a gap that nobody would notice.
NEVER_MS = str(2**31 - 1)
# Which run of a job has sent a message.
RUN_HEADER = "run"
# Kafka's word for a partition's beginning.
EARLIEST_OFFSET = -2


def read_topic(
    spark: SparkSession, topic: str, starting_offsets: str, max_offsets_per_trigger: int = 0, **more: str
) -> DataFrame:
    """Return a topic, or several with commas between, as a stream of topic, partition, offset, timestamp, key, value
    (bytes) and headers.

    `max_offsets_per_trigger` bounds a micro-batch (rows; 0 = no bound). Lost offsets stop the query (failOnDataLoss).
    """
    reader = spark.readStream.format("kafka").options(**CONSUMER, **_address(), **more)
    reader = reader.option("subscribe", topic).option("startingOffsets", starting_offsets)
    if max_offsets_per_trigger:
        reader = reader.option("maxOffsetsPerTrigger", max_offsets_per_trigger)
    return reader.load().drop("timestampType")


def read_again(spark: SparkSession, starting_offsets: str, ending_offsets: str) -> DataFrame:
    """Return what topics hold from the first to the second offsets (Kafka's JSON), not as a stream.

    A partition that has no first offset is read from its beginning.
    """
    begin, end = json.loads(starting_offsets or "{}"), json.loads(ending_offsets)
    starts = {name: dict.fromkeys(each, EARLIEST_OFFSET) | begin.get(name, {}) for name, each in end.items()}
    partitions = {name: sorted(map(int, each)) for name, each in end.items()}
    offsets = {"startingOffsets": json.dumps(starts), "endingOffsets": ending_offsets}
    reader = spark.read.format("kafka").options(**CONSUMER, **_address(), **offsets)
    return reader.option("assign", json.dumps(partitions)).load().drop("timestampType")


def _address() -> dict[str, str]:
    return {"kafka.bootstrap.servers": home.bootstrap_servers()}


def write_topic(
    records: DataFrame, topic: str, name: str, checkpoint: str, trigger: Trigger, run: str
) -> DataStreamWriter:
    """Return the writer, not started, of `records` (key, value) into the topic, each at least once: give it ids.

    Each record carries the id of the run that sends it as a header.
    """
    header = F.struct(F.lit(RUN_HEADER).alias("key"), F.lit(run).cast("binary").alias("value"))
    writer = (
        records.withColumn("headers", F.array(header))
        .writeStream.format("kafka")
        .queryName(name)
        .option("kafka.bootstrap.servers", home.bootstrap_servers())
        .option("kafka.delivery.timeout.ms", NEVER_MS)
        .option("topic", topic)
        .option("checkpointLocation", checkpoint)
        .trigger(**trigger.options())
    )
    return writer.outputMode("update") if trigger.is_realtime else writer


def refuse_too_few_slots(spark: SparkSession, partitions: Mapping[str, int]) -> None:
    """Raise ArusError where Real-time queries over topics of so many partitions leave no slot for the job's tables.

    They hold one for each partition for as long as they run. What slots a cluster has is for the cluster to say.
    """
    master = str(spark.sparkContext.master)
    local = re.fullmatch(r"local(?:\[(\d+|\*)(?:,\s*\d+)?\])?", master)
    if not local:
        return
    slots = (os.cpu_count() or 1) if local[1] == "*" else int(local[1] or 1)
    held = sum(partitions.values())
    if held and slots <= held:
        names = ",".join(partitions)
        raise ArusError(
            f"settings: Real-time Mode holds a task slot for each of the {held} partitions of {names}, and the tables "
            f"need one more: --master local[{held + 1},4] or more, not {master}"
        )


def epoch_seconds(time: str) -> Column:
    """Return a column of times as seconds since 1970, which JSON then has as people write them: no exponent."""
    return (F.unix_micros(time) / 1e6).cast("decimal(18,6)")


def position() -> Column:
    """Return a record's id, the same however often it is read: topic-partition-offset."""
    return F.concat_ws("-", "topic", "partition", "offset")
