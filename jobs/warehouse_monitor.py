"""Warehouse monitoring: what is too warm or too humid, at once, and one true status for each temperature reading.

Reads `sensor-suhu-gudang` and `sensor-kelembaban-gudang`. Warnings go to `peringatan-gudang` in Real-time Mode; a
second query keeps every reading and warning in tables. The third joins the two streams: each temperature reading gets
its status from the humidity reading nearest in time, in `tables/status_gudang`; where that changes a warehouse's
status, `status-gudang` is told, as it is of a sensor that falls silent.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import home, kafka_io, records, schemas
from arus.board import Board, Sensor, Status, utc
from arus.delta_io import append_rejects, as_rejects, claim, table_path, write_tables
from arus.errors import ArusError
from arus.heartbeat import BEAT_SECONDS, Heart, Ticker
from arus.job import Job, start
from arus.joins import refuse_unbounded
from arus.kafka_io import position, read_topic, refuse_too_few_slots, write_topic
from arus.ledger import Ledger
from arus.microbatch import MicroBatch
from arus.open_part import OpenPart
from arus.outbox import Outbox
from arus.records import Check
from arus.schemas import KELEMBABAN, SUHU
from arus.settings import Trigger
from arus.text import printable

TOPIC_OF = {SUHU: schemas.SENSOR_SUHU_GUDANG, KELEMBABAN: schemas.SENSOR_KELEMBABAN_GUDANG}
SENSOR_TOPICS = tuple(TOPIC_OF.values())
# A gudang_id that no reading can have, since theirs are trimmed.
BEAT = " "
MICROS = 1_000_000
MOMENT = pa.timestamp("us", "UTC")
# A pair's rank, the lower the better, is made of bits: the distance in time (33 bits, microseconds), whether the
# humidity reading is the later of the two, and the end of its place, for two readings of one moment.
DISTANCE_BIT, LATER_BIT = 30, 29
LONGEST_WINDOW_SECONDS = 3600
# A place in Kafka is made of the partition and the offset.
PARTITION_BIT = 48
# What is known of a row: which copies of a humidity reading are alone, whether this micro-batch has brought something
# for it, whether it was final before.
IN_FIRST, IN_LAST, IS_NEW, WAS_FINAL = 1, 2, 4, 8
COLUMNS = records.field_names(schemas.TABLES["status_gudang"])
TIMESTAMP_OF = {
    "event_time": "timestamp",
    "suhu_time": "suhu_timestamp",
    "kelembaban_time": "kelembaban_timestamp",
}
# What is final moves out of the part of the table that each micro-batch rewrites when it has been there for so long.
SETTLE_MS = 30_000
# More than it takes to hear of a side's readings: the tables' micro-batch tells of them.
QUIET_SECONDS = 10.0
# A reading was heard when it came to Kafka. Where Kafka's time of it lies further back, because there is a backlog or a
# producer's clock is wrong, it counts as heard so long ago.
LONGEST_WAY = timedelta(seconds=15)


@dataclass(frozen=True)
class Settings:
    threshold_celsius: float
    threshold_percent: float
    min_celsius: float
    max_celsius: float
    watermark_seconds: int
    window_seconds: int
    silence_seconds: float
    trigger: Trigger
    table_trigger: Trigger
    status_trigger: Trigger
    starting_offsets: str
    max_offsets_per_trigger: int
    max_value_bytes: int
    console: bool


def parse(raw: DataFrame) -> DataFrame:
    """Return the records of both topics with gudang_id, kind, reading (°C or %) and event_time, NULL where missing."""
    is_suhu = F.col("topic") == schemas.SENSOR_SUHU_GUDANG
    seconds = F.col("message.timestamp")
    own_time = F.when(seconds.isNull(), F.col("timestamp")).otherwise(records.seconds_to_timestamp(seconds))
    # Spark moves filters on the readings down into the parsing, and would then parse a record for each field that it
    # looks at. It cannot move them past an explode.
    message = F.explode(F.array(records.json_object(F.col("value"), schemas.GUDANG_MESSAGE)))
    return raw.withColumn("message", message).select(
        "*",
        records.identifier(F.col("message.gudang_id")).alias("gudang_id"),
        F.when(is_suhu, SUHU).otherwise(KELEMBABAN).alias("kind"),
        F.when(is_suhu, F.col("message.suhu")).otherwise(F.col("message.kelembaban")).alias("reading"),
        own_time.alias("event_time"),
    )


def checks(settings: Settings) -> list[Check]:
    """Return what makes a parsed record no reading: unreadable, incomplete, or physically impossible."""
    value, reading = F.col("value"), F.col("reading")
    bounds = {SUHU: (settings.min_celsius, settings.max_celsius), KELEMBABAN: (0.0, 100.0)}
    of_kinds = [
        Check((F.col("kind") == kind) & check.fails, check.code)
        for kind, (least, most) in bounds.items()
        for check in (
            *records.has_fields(value, {"gudang_id": F.col("gudang_id"), kind: reading}),
            records.not_finite(kind, reading),
            Check(~reading.between(least, most), f"out-of-range:{kind}"),
        )
    ]
    return [
        *records.is_text(value, settings.max_value_bytes),
        *of_kinds,
        records.ill_typed(value, "timestamp", F.col("message.timestamp")),
        records.absurd_time("timestamp", F.col("event_time"), F.col("timestamp")),
    ]


def is_high(settings: Settings) -> Column:
    """Return whether a reading is strictly above the threshold of its kind."""
    threshold = F.when(F.col("kind") == SUHU, settings.threshold_celsius).otherwise(settings.threshold_percent)
    return F.col("reading") > threshold


def as_warnings(readings: DataFrame) -> DataFrame:
    """Return high readings as rows of `tables/peringatan_gudang`; the id says which record caused the warning."""
    columns = ("gudang_id", "kind", F.col("reading").alias("value"), "event_time")
    return readings.select(position().alias("alert_id"), *columns)


def as_messages(warnings: DataFrame) -> DataFrame:
    """Return warnings as messages of `peringatan-gudang`: key gudang_id, timestamp in epoch seconds."""
    seconds = (F.unix_micros("event_time") / 1e6).alias("timestamp")
    text = F.when(F.col("kind") == SUHU, "Peringatan Suhu Tinggi").otherwise("Peringatan Kelembaban Tinggi")
    fields = F.struct("alert_id", "gudang_id", "kind", "value", seconds, text.alias("peringatan"))
    return warnings.select(F.col("gudang_id").alias("key"), F.to_json(fields).alias("value"))


def side(raw: DataFrame, kind: str, all_checks: list[Check], watermark_seconds: int) -> DataFrame:
    """Return one side of the join: readings of a kind, and its beats, which move the watermark and match nothing."""
    is_beat = (F.col("topic") == schemas.DETAK_GUDANG) & (F.col("key").cast("string") == kind)
    is_reading = (F.col("topic") == TOPIC_OF[kind]) & records.passes(all_checks)
    own = parse(raw.where(F.col("topic").isin(TOPIC_OF[kind], schemas.DETAK_GUDANG))).where(is_beat | is_reading)
    return own.select(
        F.when(is_beat, BEAT).otherwise(F.col("gudang_id")).alias(f"{kind}_gudang_id"),
        F.col("reading").alias(kind),
        F.col("event_time").alias(f"{kind}_time"),
        place().alias(f"{kind}_place"),
    ).withWatermark(f"{kind}_time", f"{watermark_seconds} seconds")


def place() -> Column:
    """Return a record's partition and offset as one number, which sorts as they do."""
    return F.shiftleft(F.col("partition").cast("bigint"), PARTITION_BIT) + F.col("offset")


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
    distance = F.unix_micros("kelembaban_time") - F.unix_micros("suhu_time")
    is_later = F.when(distance > 0, 1 << LATER_BIT).otherwise(0)
    tie = F.col("kelembaban_place").bitwiseAND((1 << LATER_BIT) - 1)
    rank = F.shiftleft(F.abs(distance), DISTANCE_BIT) + is_later + tie
    first, last = (F.col("kelembaban_slot") == touched for touched in slots_touched(window_seconds))
    copy = F.when(first, IN_FIRST).otherwise(0) + F.when(last, IN_LAST).otherwise(0)
    return [
        F.coalesce("suhu_gudang_id", "kelembaban_gudang_id").alias("gudang_id"),
        F.col("suhu_time"),
        F.when(is_alone, F.col("kelembaban_time")).alias("alone_time"),
        F.when(is_alone, F.col("kelembaban_place")).otherwise(F.col("suhu_place")).alias("place"),
        F.col(SUHU),
        F.when(is_alone, F.col("kelembaban_place")).otherwise(rank).alias("rank"),
        F.col(KELEMBABAN),
        F.when(is_alone, copy).otherwise(IN_FIRST + IN_LAST).bitwiseOR(F.lit(IS_NEW)).alias("flags"),
    ]


def nearest(candidates: DataFrame) -> DataFrame:
    """Return, of candidates, one row for each temperature reading and each humidity reading that is alone.

    The lowest `rank` wins: of the pairs of a temperature reading the nearest in time; of two equally near the earlier.
    `place` tells two records of one reading apart: the first counts. A humidity reading is alone where both of its
    copies are. `flags` are those of all candidates of a row together.
    """
    rows = candidates.groupBy("gudang_id", "suhu_time", "alone_time").agg(*best_columns())
    return rows.where(f"flags & {IN_FIRST + IN_LAST} = {IN_FIRST + IN_LAST}")


@cache
def best_columns() -> list[Column]:
    # Only numbers of fixed width: so Spark aggregates by hash, and does not sort all pairs.
    return [
        F.min("place").alias("place"),
        F.min_by(SUHU, "place").alias(SUHU),
        F.min("rank").alias("rank"),
        F.min_by(KELEMBABAN, "rank").alias(KELEMBABAN),
        F.bit_or("flags").alias("flags"),
    ]


def status(settings: Settings) -> Column:
    """Return the status that two readings give, of which one may be missing."""
    warm, humid = F.col(SUHU) > settings.threshold_celsius, F.col(KELEMBABAN) > settings.threshold_percent
    return (
        F.when(F.col(KELEMBABAN).isNull(), "Suhu saja")
        .when(F.col(SUHU).isNull(), "Kelembaban saja")
        .when(warm & humid, "Bahaya tinggi! Barang berisiko rusak")
        .when(warm, "Suhu tinggi, kelembaban normal")
        .when(humid, "Kelembaban tinggi, suhu aman")
        .otherwise("Aman")
    )


def judged(rows: DataFrame, settings: Settings) -> DataFrame:
    """Return the rows of `nearest` as those of `tables/status_gudang`, with their flags, but for what time decides."""
    return rows.select(*row_columns(settings))


@cache
def row_columns(settings: Settings) -> list[Column]:
    distance = F.shiftright("rank", DISTANCE_BIT)
    is_later = F.col("rank").bitwiseAND(1 << LATER_BIT) > 0
    partner_time = F.timestamp_micros(F.unix_micros("suhu_time") + F.when(is_later, distance).otherwise(-distance))
    topic = F.when(F.col("suhu_time").isNull(), TOPIC_OF[KELEMBABAN]).otherwise(TOPIC_OF[SUHU])
    return [
        *map(F.col, ("gudang_id", SUHU, "suhu_time", KELEMBABAN)),
        F.when(F.col(KELEMBABAN).isNotNull(), F.coalesce("alone_time", partner_time)).alias("kelembaban_time"),
        status(settings).alias("status"),
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
    distance = F.unix_micros("kelembaban_time") - F.unix_micros("suhu_time")
    rank = F.shiftleft(F.abs(distance), DISTANCE_BIT) + F.when(distance > 0, 1 << LATER_BIT).otherwise(0)
    was_final = F.when(F.col("is_final"), WAS_FINAL).otherwise(0)
    return [
        *map(F.col, ("gudang_id", "suhu_time")),
        F.when(is_alone, F.col("kelembaban_time")).alias("alone_time"),
        place().alias("place"),
        F.col(SUHU),
        F.when(is_alone, place()).otherwise(rank).alias("rank"),
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
    told["id"] = f"{row['topic']}-{row['partition']}-{row['offset']}@{told['kelembaban_timestamp']}"
    return row["gudang_id"], json.dumps(told)


class StatusWriter:
    """The foreachBatch of the status query: the table's rows, the topic's changes, and what came too late."""

    def __init__(self, job: Job, settings: Settings, board: Board, outbox: Outbox) -> None:
        self._job = job
        self._settings = settings
        self._board = board
        self._outbox = outbox
        self._ledger = Ledger()
        self._table: OpenPart | None = None
        # The rows that may still change; None: only the table knows them.
        self._open: pa.Table | None = None
        self._settled_at_ms = 0

    def __call__(self, joined: DataFrame, batch_id: int) -> None:
        micro_batch = MicroBatch(self._job.spark, batch_id)
        self._table = self._table or OpenPart(table_path("status_gudang"), micro_batch.query_id)
        settles = micro_batch.watermark_ms - self._settled_at_ms >= SETTLE_MS
        before = self._table.rows() if self._open is None else self._open
        # In one chunk: of a table in several, PySpark 4.2 was seen to lose rows.
        waiting_rows = waiting(self._job.spark.createDataFrame(before.combine_chunks()))
        candidates = pairs(joined, self._settings.window_seconds).union(waiting_rows)
        found = judged(nearest(candidates), self._settings).toArrow()
        watermark = utc(1000 * micro_batch.watermark_ms)
        rows = timed(found, self._settings.window_seconds, watermark, settles)
        self._tell(rows.filter(rows["is_new"]))
        # Where the table has the batch from before a crash, what settled then is in `rows` again.
        is_written = not pc.any(rows["is_changed"]).as_py() or self._table.replace(rows.select(COLUMNS), batch_id)
        self._open = rows.filter(pc.invert(rows["settled"])).select(COLUMNS) if is_written else None
        self._settled_at_ms = micro_batch.watermark_ms if settles else self._settled_at_ms
        late = self._keep_late(micro_batch, batch_id) if micro_batch.dropped() else 0
        self._job.listener.count(f"{self._job.name}.status", batch_id, micro_batch.records(SENSOR_TOPICS), late)

    def _tell(self, new: pa.Table) -> None:
        """Send the changes before the commit: a crash in between sends them again, with the same ids."""
        changed = without_repeats(not_older(new, self._board.present)).sort_by("event_time")
        columns = (changed[name].to_pylist() for name in ("gudang_id", "status", "event_time"))
        changing, present = self._board.changes(map(Status, *columns))
        told = changed.take(pa.array(changing, pa.int64())).to_pylist()
        self._outbox.send(schemas.STATUS_GUDANG, [*map(message, told)])
        self._board.take(present)
        if self._settings.console:
            show_statuses(new.sort_by("event_time").to_pylist())

    def _keep_late(self, micro_batch: MicroBatch, batch_id: int) -> int:
        """Put what the join has dropped into the rejects: the batch's records are read again and judged as it did."""
        offsets = micro_batch.starting_offsets, micro_batch.ending_offsets
        raw = kafka_io.read_again(self._job.spark, ",".join((*SENSOR_TOPICS, schemas.DETAK_GUDANG)), *offsets)
        all_checks = checks(self._settings)
        readings = parse(raw.where(F.col("topic") != schemas.DETAK_GUDANG)).where(records.passes(all_checks))
        micros = F.unix_micros("event_time").cast("decimal(20,0)")
        is_late = Check(micros <= F.lit(Decimal(micro_batch.late_until_ms) * 1000), "late")
        return append_rejects(self._ledger, as_rejects(readings, [is_late]), self._job.name, batch_id)


def show_warnings(warnings: DataFrame) -> None:
    for row in warnings.orderBy("event_time").toLocalIterator():
        name, unit = ("Suhu", "°C") if row.kind == SUHU else ("Kelembaban", "%")
        gudang = printable(row.gudang_id)
        print(f"[Peringatan {name} Tinggi] Gudang {gudang}: {name} {row.value}{unit} - {row.event_time}", flush=True)


def show_statuses(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        suhu, kelembaban = ("-" if row[kind] is None else row[kind] for kind in (SUHU, KELEMBABAN))
        print(
            f"[Status Gabungan] Gudang {printable(row['gudang_id'])}:\n- Suhu: {suhu}°C\n"
            f"- Kelembaban: {kelembaban}%\n- Status: {row['status']}\n{'-' * 30}",
            flush=True,
        )


def listening(settings: Settings, board: Board, heart: Heart) -> Callable[[DataFrame], None]:
    """Return what board and heart hear of each micro-batch of usable readings."""

    def look(readings: DataFrame) -> None:
        latest = readings.groupBy("gudang_id", "kind").agg(
            F.max_by("reading", "event_time").alias("reading"),
            F.max(F.unix_micros("event_time")).alias("micros"),
            F.max(F.unix_micros("timestamp")).alias("came"),
        )
        by_sensor = latest.withColumn("is_high", is_high(settings)).collect()
        now = datetime.now(timezone.utc)
        for row in by_sensor:
            heard = min(max(utc(row.came), now - LONGEST_WAY), now)
            board.hear(row.gudang_id, row.kind, Sensor(row.reading, utc(row.micros), heard, row.is_high))
        newest: dict[str, int] = {}
        for row in by_sensor:
            newest[row.kind] = max(row.micros, newest.get(row.kind, row.micros))
        heart.heard({kind: utc(micros) for kind, micros in newest.items()})
        board.write()

    return look


def keeping_time(job: Job, board: Board, heart: Heart, outbox: Outbox) -> Callable[[float], None]:
    """Return what happens once a second while the job runs: beats for quiet sides, news of silent sensors."""

    def tick(seconds: float) -> None:
        if job.listener.has_caught_up(f"{job.name}.status"):
            outbox.send(schemas.DETAK_GUDANG, heart.pass_time(seconds))
        if job.listener.has_caught_up(f"{job.name}.tables"):
            turns = board.turns(datetime.now(timezone.utc))
            outbox.send(schemas.STATUS_GUDANG, [turn.message for turn in turns])
            board.told(turns)
        board.write()

    return tick


def queries(job: Job, settings: Settings, board: Board, heart: Heart, outbox: Outbox) -> list[DataStreamWriter]:
    """Return the three queries, not yet started: warnings into the topic, readings into tables, and the status."""
    all_checks = checks(settings)

    def warnings(raw: DataFrame) -> DataFrame:
        return as_warnings(parse(raw).where(records.passes(all_checks)).where(is_high(settings)))

    sensors = ",".join(SENSOR_TOPICS)
    if settings.trigger.is_realtime:
        refuse_too_few_slots(job.spark, sensors)
    live = read_topic(job.spark, sensors, settings.starting_offsets)
    to_topic = write_topic(
        as_messages(warnings(live)),
        schemas.PERINGATAN_GUDANG,
        f"{job.name}.warnings",
        job.checkpoint("warnings"),
        settings.trigger,
    )
    drains = settings.trigger.drains
    bounded = read_topic(job.spark, sensors, settings.starting_offsets, settings.max_offsets_per_trigger)
    to_tables = write_tables(
        job, bounded, parse, all_checks, "sensor_gudang", settings.trigger if drains else settings.table_trigger,
        {"peringatan_gudang": warnings}, show_warnings if settings.console else None, listening(settings, board, heart),
    )  # fmt: skip
    return [to_topic, to_tables, status_query(job, settings, StatusWriter(job, settings, board, outbox), all_checks)]


def status_query(job: Job, settings: Settings, writer: StatusWriter, all_checks: list[Check]) -> DataStreamWriter:
    claim(job, ["status_gudang"], "status")
    topics = ",".join((*SENSOR_TOPICS, schemas.DETAK_GUDANG))
    raw = read_topic(job.spark, topics, settings.starting_offsets, settings.max_offsets_per_trigger)
    suhu, kelembaban = (side(raw, kind, all_checks, settings.watermark_seconds) for kind in (SUHU, KELEMBABAN))
    joined = join(suhu, kelembaban, settings.window_seconds)
    refuse_unbounded(joined)
    return (
        joined.writeStream.foreachBatch(writer)
        .queryName(f"{job.name}.status")
        .option("checkpointLocation", job.checkpoint("status"))
        .trigger(**(settings.trigger if settings.trigger.drains else settings.status_trigger).options())
    )


def refuse_wrong(settings: Settings) -> None:
    """Raise ArusError for times that the join cannot work with."""
    if not 0 < settings.window_seconds <= LONGEST_WINDOW_SECONDS:
        raise ArusError(f"settings: spark.arus.window-seconds must be 1 to {LONGEST_WINDOW_SECONDS}")
    if settings.watermark_seconds <= 0 or settings.silence_seconds <= 0:
        raise ArusError("settings: spark.arus.watermark-seconds and spark.arus.silence-seconds must be above 0")


def main() -> None:
    job, settings = start(Settings)
    refuse_wrong(settings)
    board = Board(home.run() / f"{job.name}.board.json", timedelta(seconds=settings.silence_seconds))
    rest_seconds = settings.watermark_seconds + 2 * settings.window_seconds + 2 * SETTLE_MS / 1000
    heart = Heart((SUHU, KELEMBABAN), QUIET_SECONDS, rest_seconds)
    heart.heard(board.newest())
    outbox = Outbox(schemas.STATUS_GUDANG, schemas.DETAK_GUDANG)
    writers = queries(job, settings, board, heart, outbox)
    ticker = Ticker(BEAT_SECONDS, keeping_time(job, board, heart, outbox))
    if not settings.trigger.drains:
        ticker.start()
    job.run(*writers, one_by_one=settings.trigger.drains)
    ticker.stop()


if __name__ == "__main__":
    main()
