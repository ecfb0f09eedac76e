"""From the pairs of a join to one row of `status_gudang` for each reading: functions of DataFrames and Arrow tables."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from arus import schemas
from arus.board import Status
from arus.schemas import KELEMBABAN, SUHU

TOPIC_OF = {SUHU: schemas.SENSOR_SUHU_GUDANG, KELEMBABAN: schemas.SENSOR_KELEMBABAN_GUDANG}
# A gudang_id that no reading can have, since theirs are trimmed.
BEAT = " "
MICROS = 1_000_000
MOMENT = pa.timestamp("us", "UTC")
# A pair's rank, the lower the better, is made of bits: the distance in time (33 bits of microseconds, so windows up to
# an hour), whether the humidity reading is the later of the two, and how far it is below 100 %, for two of one moment.
DISTANCE_BIT, LATER_BIT = 30, 29
# A reading's precedence, the lower the better, too: how far it is below the highest value (°C or %), and the end of its
# place. Steps are what a unit is cut into.
VALUE_BIT = 29
HIGHEST, STEPS = 4096.0, 1 << 20
HIGHEST_PERCENT, PERCENT_STEPS = 100.0, 1 << 22
LONGEST_WINDOW_SECONDS = 3600
# A place in Kafka is made of the partition and the offset.
PARTITION_BIT = 48
# What is known of a row: which copies of a humidity reading are alone, whether this micro-batch has brought something
# for it, whether it was final before.
IN_FIRST, IN_LAST, IS_NEW, WAS_FINAL = 1, 2, 4, 8
TIMESTAMP_OF = {
    "event_time": "timestamp",
    "suhu_time": "suhu_timestamp",
    "kelembaban_time": "kelembaban_timestamp",
}


def place() -> Column:
    """Return a record's partition and offset as one number, which sorts as they do."""
    return F.shiftleft(F.col("partition").cast("bigint"), PARTITION_BIT) + F.col("offset")


def precedence(value: Column, place: Column) -> Column:
    """Return what decides between two readings of one sensor at one time, the lower the better.

    The higher value counts, which is the worse; of equal ones, the reading that came first.
    """
    below = (HIGHEST - F.least(F.greatest(value, F.lit(-HIGHEST)), F.lit(HIGHEST))) * STEPS
    return F.shiftleft(below.cast("bigint"), VALUE_BIT) + place.bitwiseAND((1 << VALUE_BIT) - 1)


def pair_rank() -> Column:
    """Return what decides between the partners of a temperature reading, the lower the better: the nearest in time, of
    two equally near the earlier, of two of one moment the more humid.
    """
    distance = F.unix_micros("kelembaban_time") - F.unix_micros("suhu_time")
    is_later = F.when(distance > 0, 1 << LATER_BIT).otherwise(0)
    below = ((HIGHEST_PERCENT - F.col(KELEMBABAN)) * PERCENT_STEPS).cast("bigint")
    return F.shiftleft(F.abs(distance), DISTANCE_BIT) + is_later + below


def join(suhu: DataFrame, kelembaban: DataFrame, window_seconds: int) -> DataFrame:
    """Return all pairs within the window (both ends included), and each reading that can have no partner any more.

    Spark compares a reading with all of its key. So time, cut into slots of two windows, is part of the key: a
    temperature reading is in one slot, a humidity reading has a copy in each of the one or two that its window touches.
    """
    window = F.expr(f"INTERVAL {window_seconds} SECONDS")
    first, last = slots_touched(window_seconds)
    left = suhu.withColumn("suhu_slot", slot(F.unix_micros("suhu_time"), window_seconds))
    right = kelembaban.withColumn("kelembaban_slot", F.explode(F.array_distinct(F.array(first, last))))
    is_pair = (
        (F.col("suhu_gudang_id") == F.col("kelembaban_gudang_id"))
        & (F.col("suhu_slot") == F.col("kelembaban_slot"))
        & (F.col("suhu_time") >= F.col("kelembaban_time") - window)
        & (F.col("suhu_time") <= F.col("kelembaban_time") + window)
    )
    return left.join(right, is_pair, "fullOuter")


def slot(micros: Column, window_seconds: int) -> Column:
    return F.floor(micros / (2 * window_seconds * MICROS))


def slots_touched(window_seconds: int) -> tuple[Column, Column]:
    """Return the first and the last slot in which a humidity reading can have a partner."""
    micros, window = F.unix_micros("kelembaban_time"), window_seconds * MICROS
    return slot(micros - window, window_seconds), slot(micros + window, window_seconds)


def pairs(joined: DataFrame, window_seconds: int) -> DataFrame:
    """Return what the join says as candidates for rows: see `nearest`."""
    is_beat = F.coalesce("suhu_gudang_id", "kelembaban_gudang_id") == BEAT
    return joined.where(~is_beat).select(*pair_columns(window_seconds))


# Columns that are the same in every micro-batch are made once: each takes some calls to the JVM.
@cache
def pair_columns(window_seconds: int) -> list[Column]:
    is_alone = F.col("suhu_time").isNull()
    own_place = F.when(is_alone, F.col("kelembaban_place")).otherwise(F.col("suhu_place"))
    own_precedence = precedence(F.when(is_alone, F.col(KELEMBABAN)).otherwise(F.col(SUHU)), own_place)
    first, last = (F.col("kelembaban_slot") == touched for touched in slots_touched(window_seconds))
    copy = F.when(first, IN_FIRST).otherwise(0) + F.when(last, IN_LAST).otherwise(0)
    return [
        F.coalesce("suhu_gudang_id", "kelembaban_gudang_id").alias("gudang_id"),
        F.col("suhu_time"),
        F.when(is_alone, F.col("kelembaban_time")).alias("alone_time"),
        own_place.alias("place"),
        own_precedence.alias("precedence"),
        F.col(SUHU),
        F.when(is_alone, own_precedence).otherwise(pair_rank()).alias("rank"),
        F.col(KELEMBABAN),
        F.when(is_alone, copy).otherwise(IN_FIRST + IN_LAST).bitwiseOR(F.lit(IS_NEW)).alias("flags"),
    ]


def nearest(candidates: DataFrame) -> DataFrame:
    """Return, of candidates, one row for each temperature reading and each humidity reading that is alone.

    The lowest `rank` wins of the pairs of a temperature reading, the lowest `precedence` of two readings of one sensor
    at one time. A humidity reading is alone where both of its copies are. `flags` are those of all candidates of a row
    together.
    """
    rows = candidates.groupBy("gudang_id", "suhu_time", "alone_time").agg(*best_columns())
    return rows.where(f"flags & {IN_FIRST + IN_LAST} = {IN_FIRST + IN_LAST}")


@cache
def best_columns() -> list[Column]:
    # Only numbers of fixed width: so Spark aggregates by hash, and does not sort all pairs.
    return [
        F.min_by("place", "precedence").alias("place"),
        F.min_by(SUHU, "precedence").alias(SUHU),
        F.min("rank").alias("rank"),
        F.min_by(KELEMBABAN, "rank").alias(KELEMBABAN),
        F.bit_or("flags").alias("flags"),
    ]


def status(celsius: float, percent: float) -> Column:
    """Return the status that two readings give, of which one may be missing; high is strictly above these."""
    warm, humid = F.col(SUHU) > celsius, F.col(KELEMBABAN) > percent
    return (
        F.when(F.col(KELEMBABAN).isNull(), "Suhu saja")
        .when(F.col(SUHU).isNull(), "Kelembaban saja")
        .when(warm & humid, "Bahaya tinggi! Barang berisiko rusak")
        .when(warm, "Suhu tinggi, kelembaban normal")
        .when(humid, "Kelembaban tinggi, suhu aman")
        .otherwise("Aman")
    )


def judged(rows: DataFrame, celsius: float, percent: float) -> DataFrame:
    """Return the rows of `nearest` as those of `tables/status_gudang`, with their flags, but for what time decides."""
    return rows.select(*row_columns(celsius, percent))


@cache
def row_columns(celsius: float, percent: float) -> list[Column]:
    distance = F.shiftright("rank", DISTANCE_BIT)
    is_later = F.col("rank").bitwiseAND(1 << LATER_BIT) > 0
    partner_time = F.timestamp_micros(F.unix_micros("suhu_time") + F.when(is_later, distance).otherwise(-distance))
    topic = F.when(F.col("suhu_time").isNull(), TOPIC_OF[KELEMBABAN]).otherwise(TOPIC_OF[SUHU])
    return [
        *map(F.col, ("gudang_id", SUHU, "suhu_time", KELEMBABAN)),
        F.when(F.col(KELEMBABAN).isNotNull(), F.coalesce("alone_time", partner_time)).alias("kelembaban_time"),
        status(celsius, percent).alias("status"),
        F.coalesce("suhu_time", "alone_time").alias("event_time"),
        topic.alias("topic"),
        F.shiftright("place", PARTITION_BIT).cast("int").alias("partition"),
        F.col("place").bitwiseAND((1 << PARTITION_BIT) - 1).alias("offset"),
        F.col("flags"),
    ]


def timed(rows: pa.Table, window_seconds: int, watermark: datetime, settles: bool) -> pa.Table:
    """Return the rows of `judged` with is_final and settled, and is_new and is_changed: what this micro-batch did.

    A row is final where no nearer partner can come: all that is not after the watermark is late from now on. Done
    here because Spark writes a watermark into the code that it generates, and would compile all anew each time.
    """
    is_alone = pc.or_(pc.is_null(rows[SUHU]), pc.is_null(rows[KELEMBABAN]))
    last = pa.scalar(watermark - timedelta(seconds=window_seconds), MOMENT)
    is_final = pc.or_kleene(is_alone, pc.less_equal(rows["suhu_time"], last))
    settled = is_final if settles else pc.and_(is_final, pa.scalar(value=False))
    is_new = pc.not_equal(pc.bit_wise_and(rows["flags"], IS_NEW), 0)
    was_final = pc.not_equal(pc.bit_wise_and(rows["flags"], WAS_FINAL), 0)
    is_changed = pc.or_(pc.or_(is_new, settled), pc.not_equal(is_final, was_final))
    added = {"is_final": is_final, "settled": settled, "is_new": is_new, "is_changed": is_changed}
    for name, column in added.items():
        rows = rows.append_column(name, column)
    return rows


def waiting(rows: DataFrame) -> DataFrame:
    """Return rows of `tables/status_gudang` as candidates: for the next micro-batch, those that may still change."""
    return rows.select(*waiting_columns())


@cache
def waiting_columns() -> list[Column]:
    is_alone = F.col("suhu_time").isNull()
    own_precedence = precedence(F.coalesce(SUHU, KELEMBABAN), place())
    was_final = F.when(F.col("is_final"), WAS_FINAL).otherwise(0)
    return [
        *map(F.col, ("gudang_id", "suhu_time")),
        F.when(is_alone, F.col("kelembaban_time")).alias("alone_time"),
        place().alias("place"),
        own_precedence.alias("precedence"),
        F.col(SUHU),
        F.when(is_alone, own_precedence).otherwise(pair_rank()).alias("rank"),
        F.col(KELEMBABAN),
        was_final.bitwiseOR(F.lit(IN_FIRST + IN_LAST)).alias("flags"),
    ]


def not_older(rows: pa.Table, present: Mapping[str, Status]) -> pa.Table:
    """Return the rows but those older than their warehouse's present status, which they cannot change."""
    moments = pa.array(
        [present[name].time if name in present else None for name in rows["gudang_id"].to_pylist()], MOMENT
    )
    return rows.filter(pc.fill_null(pc.greater_equal(rows["event_time"], moments), fill_value=True))


def without_repeats(rows: pa.Table) -> pa.Table:
    """Return a warehouse's first status, each that differs from the one before in time, and the last."""
    if rows.num_rows < 2:
        return rows
    rows = rows.sort_by([("gudang_id", "ascending"), ("event_time", "ascending")])
    before, after = rows.slice(0, rows.num_rows - 1), rows.slice(1)
    same_warehouse = pc.equal(before["gudang_id"], after["gudang_id"])
    repeats = pc.and_(same_warehouse, pc.equal(before["status"], after["status"]))
    true = pa.array([True])
    is_change = pa.chunked_array([true, *pc.invert(repeats).chunks])
    is_last = pa.chunked_array([*pc.invert(same_warehouse).chunks, true])
    return rows.filter(pc.or_(is_change, is_last))


def message(row: dict[str, Any]) -> tuple[str, str]:
    """Return a row of `tables/status_gudang` as key and value of a message: both readings, times in epoch seconds."""
    told: dict[str, Any] = {name: row[name] for name in ("gudang_id", "status", SUHU, KELEMBABAN)}
    for name in ("event_time", "suhu_time", "kelembaban_time"):
        told[TIMESTAMP_OF[name]] = row[name] and row[name].timestamp()
    told["id"] = f"{row['topic']}-{row['partition']}-{row['offset']}@{told['kelembaban_timestamp']}={row[KELEMBABAN]}"
    return row["gudang_id"], json.dumps(told)
