"""Warehouse monitoring: what is too warm or too humid, at once, and one true status for each temperature reading.

Reads `sensor-suhu-gudang` and `sensor-kelembaban-gudang`. Warnings go to `peringatan-gudang` in Real-time Mode; a
second query keeps every reading and warning in tables. The third joins the two streams: each temperature reading gets
its status from the humidity reading nearest in time, in `tables/status_gudang`; where that changes a warehouse's
status, `status-gudang` is told, as it is of a sensor that falls silent.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
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
from arus.heartbeat import BEAT_SECONDS, LONGEST_STEP_SECONDS, Heart, Ticker
from arus.job import Job, start
from arus.joins import refuse_unbounded
from arus.kafka_io import position, read_topic, refuse_too_few_slots, write_topic
from arus.ledger import Ledger
from arus.microbatch import MicroBatch
from arus.open_part import OpenPart
from arus.outbox import Outbox
from arus.pairing import (
    BEAT,
    LONGEST_WINDOW_SECONDS,
    TOPIC_OF,
    join,
    judged,
    message,
    nearest,
    not_older,
    pairs,
    place,
    timed,
    waiting,
    without_repeats,
)
from arus.records import Check
from arus.schemas import KELEMBABAN, SUHU
from arus.settings import Trigger
from arus.text import printable

SENSOR_TOPICS = tuple(TOPIC_OF.values())
COLUMNS = records.field_names(schemas.TABLES["status_gudang"])
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
        thresholds = self._settings.threshold_celsius, self._settings.threshold_percent
        found = judged(nearest(candidates), *thresholds).toArrow()
        watermark = utc(1000 * micro_batch.watermark_ms)
        rows = timed(found, self._settings.window_seconds, watermark, settles)
        # From before a crash, the table has the batch and the topic its changes; what settled then is in `rows` again.
        is_known = self._table.has(batch_id)
        if not is_known:
            self._tell(rows.filter(rows["is_new"]))
            if pc.any(rows["is_changed"]).as_py():
                self._table.replace(rows.select(COLUMNS), batch_id)
        self._open = None if is_known else rows.filter(pc.invert(rows["settled"])).select(COLUMNS)
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
        if told:
            self._board.write()
        if self._settings.console:
            show_statuses(new.sort_by("event_time").to_pylist())

    def _keep_late(self, micro_batch: MicroBatch, batch_id: int) -> int:
        """Put what the join has dropped into the rejects: the batch's records are read again and judged as it did."""
        offsets = micro_batch.starting_offsets, micro_batch.ending_offsets
        raw = kafka_io.read_again(self._job.spark, ",".join((*SENSOR_TOPICS, schemas.DETAK_GUDANG)), *offsets)
        all_checks = checks(self._settings)
        readings = parse(raw.where(F.col("topic") != schemas.DETAK_GUDANG)).where(records.passes(all_checks))
        is_late = Check(F.unix_micros("event_time") <= 1000 * micro_batch.late_until_ms, "late")
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
        newest: dict[str, datetime] = {}
        ages: dict[str, float] = {}
        for row in by_sensor:
            moment, heard = utc(row.micros), min(max(utc(row.came), now - LONGEST_WAY), now)
            board.hear(row.gudang_id, row.kind, Sensor(row.reading, moment, heard, row.is_high))
            newest[row.kind] = max(moment, newest.get(row.kind, moment))
            age = (now - heard).total_seconds()
            ages[row.kind] = min(age, ages.get(row.kind, age))
        heart.heard(newest, ages)
        board.write()

    return look


def keeping_time(job: Job, board: Board, heart: Heart, outbox: Outbox) -> Callable[[float], None]:
    """Return what happens once a second while the job runs: beats for quiet sides, news of silent sensors."""
    listens_from = 0.0

    def tick(seconds: float) -> None:
        nonlocal listens_from
        begun = time.monotonic()
        if job.listener.has_caught_up(f"{job.name}.status"):
            outbox.send(schemas.DETAK_GUDANG, heart.pass_time(seconds))
        if seconds + time.monotonic() - begun > LONGEST_STEP_SECONDS:
            # Kafka or this machine stood still: nobody is silent before what was held up is read.
            listens_from = time.monotonic() + LONGEST_WAY.total_seconds()
        if job.listener.has_caught_up(f"{job.name}.tables") and time.monotonic() >= listens_from:
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
