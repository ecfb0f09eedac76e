"""Warehouse monitoring: what is too warm or too humid, at once, and one true status for each temperature reading.

Reads `sensor-suhu-gudang` and `sensor-kelembaban-gudang`. Warnings go to `peringatan-gudang` in Real-time Mode; a
second query keeps every reading and warning in tables. The third joins the two streams: each temperature reading gets
its status from the humidity reading nearest in time, in `tables/status_gudang`; where that changes a warehouse's
status, `status-gudang` is told, as it is of a sensor that falls silent.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import delta_files, home, schemas
from arus.base.times import instant
from arus.base.values import identifier, number
from arus.board import Board, Sensor, Status, utc
from arus.errors import ArusError
from arus.heartbeat import BEAT_SECONDS, LONGEST_STEP_SECONDS, Heart
from arus.job import Job, start
from arus.joins import refuse_unbounded
from arus.kafka_io import epoch_seconds, position, read_again, read_topic, write_topic
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
from arus.schemas import KELEMBABAN, SUHU
from arus.settings import Trigger
from arus.streaming import sent_alerts
from arus.streaming.arrow_sink import ArrowSink, Found
from arus.streaming.mutable_partition import MutablePartition
from arus.streaming.record_batches import MOMENT, Batch, alert_ids, as_rejects, positions, read_batch
from arus.streaming.record_columns import is_usable, typed, with_message
from arus.streaming.records import MAX_AHEAD, Field, ahead, aliases
from arus.streaming.spark_internals import MicroBatch, running_query
from arus.streaming.task_rows import REJECTS, Rows
from arus.streaming.ticker import Ticker
from arus.text import printable

SENSOR_TOPICS = tuple(TOPIC_OF.values())
COLUMNS = [column.split()[0] for column in schemas.TABLES["status_gudang"].split(",")]
# Rows of a micro-batch that are for the driver: each sensor's newest reading; what the console shows.
NEWEST, SHOWN = "newest", "shown"
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
    max_ahead_seconds: float
    aliases: str
    console: bool


def sensor_fields(settings: Settings) -> dict[str, tuple[Field, ...]]:
    """Return the fields of a reading of each kind; one out of bounds is a broken sensor's."""
    gudang, suhu, kelembaban, time = aliases(
        settings.aliases,
        Field("gudang_id", identifier, "gudang_id"),
        Field(SUHU, number, "reading", least=settings.min_celsius, most=settings.max_celsius),
        Field(KELEMBABAN, number, "reading", least=0.0, most=100.0),
        Field("timestamp", instant, "event_time", required=False, ahead=ahead(settings.max_ahead_seconds)),
    )
    return {SUHU: (gudang, suhu, time), KELEMBABAN: (gudang, kelembaban, time)}


def parse(raw: DataFrame, settings: Settings) -> DataFrame:
    """Return the records of both topics with gudang_id, kind, reading (°C or %) and event_time, and if they are usable.

    A beat (arus/heartbeat.py) has a time and no more, and is not usable. It goes on from readings that count: how far
    they may be ahead is no matter to its beat_time.
    """
    is_suhu = F.col("topic") == schemas.SENSOR_SUHU_GUDANG
    of_kind = sensor_fields(settings)
    (gudang, suhu, time), (_, kelembaban, _) = of_kind[SUHU], of_kind[KELEMBABAN]

    def usable(kind: str) -> Column:
        return is_usable(of_kind[kind], settings.max_value_bytes)

    return with_message(raw, (gudang, suhu, kelembaban, time)).select(
        "*",
        typed(gudang).alias("gudang_id"),
        F.when(is_suhu, SUHU).otherwise(KELEMBABAN).alias("kind"),
        F.when(is_suhu, typed(suhu)).otherwise(typed(kelembaban)).alias("reading"),
        typed(time).alias("event_time"),
        typed(replace(time, ahead=MAX_AHEAD)).alias("beat_time"),
        F.when(is_suhu, usable(SUHU)).otherwise(usable(KELEMBABAN)).alias("is_usable"),
    )


def is_high(settings: Settings) -> Column:
    """Return whether a reading is strictly above the threshold of its kind."""
    threshold = F.when(F.col("kind") == SUHU, settings.threshold_celsius).otherwise(settings.threshold_percent)
    return F.col("reading") > threshold


def as_messages(warnings: DataFrame) -> DataFrame:
    """Return high readings as messages of `peringatan-gudang`: key gudang_id, timestamp in epoch seconds."""
    text = F.when(F.col("kind") == SUHU, "Peringatan Suhu Tinggi").otherwise("Peringatan Kelembaban Tinggi")
    fields = F.struct(
        position().alias("alert_id"),
        "gudang_id",
        "kind",
        F.col("reading").alias("value"),
        epoch_seconds("event_time").alias("timestamp"),
        text.alias("peringatan"),
    )
    return warnings.select(F.col("gudang_id").alias("key"), F.to_json(fields).alias("value"))


def side(raw: DataFrame, kind: str, settings: Settings) -> DataFrame:
    """Return one side of the join: readings of a kind, and its beats, which move the watermark and match nothing."""
    is_beat = (F.col("topic") == schemas.DETAK_GUDANG) & (F.col("key").cast("string") == kind)
    is_reading = (F.col("topic") == TOPIC_OF[kind]) & F.col("is_usable")
    own = parse(raw.where(F.col("topic").isin(TOPIC_OF[kind], schemas.DETAK_GUDANG)), settings)
    return (
        own.where(is_beat | is_reading)
        .select(
            F.when(is_beat, BEAT).otherwise(F.col("gudang_id")).alias(f"{kind}_gudang_id"),
            F.col("reading").alias(kind),
            F.when(is_beat, F.col("beat_time")).otherwise(F.col("event_time")).alias(f"{kind}_time"),
            place().alias(f"{kind}_place"),
        )
        .withWatermark(f"{kind}_time", f"{settings.watermark_seconds} seconds")
    )


# --- tables: Arrow batches, in tasks ---


def readings_of(records: pa.RecordBatch, settings: Settings) -> Batch:
    """Return the readings of both topics in a batch of Kafka records, with their kind, and the rejects."""
    found = []
    for kind, fields in sensor_fields(settings).items():
        own = records.filter(pc.equal(records.column("topic"), TOPIC_OF[kind]))
        rows, rejects = read_batch(own, fields, settings.max_value_bytes)
        found.append(Batch(rows.append_column("kind", pa.repeat(kind, rows.num_rows)), rejects))
    return Batch(*(pa.concat_tables(parts) for parts in zip(*found, strict=True)))


def rows(records: pa.RecordBatch, settings: Settings) -> Rows:
    """Return a batch of Kafka records as readings, warnings and rejects, and the newest reading of each sensor."""
    readings, rejects = readings_of(records, settings)
    warnings = readings.filter(are_high(readings, settings)).rename_columns({"reading": "value"})
    warnings = warnings.append_column("alert_id", alert_ids(warnings))
    tables = {"sensor_gudang": readings, "peringatan_gudang": warnings, REJECTS: rejects}
    return tables | {NEWEST: newest(readings)} | ({SHOWN: warnings} if settings.console else {})


def late_rows(records: pa.RecordBatch, settings: Settings, late_until_ms: int) -> Rows:
    """Return as rejects the readings of a batch that the join drops as late."""
    readings, _ = readings_of(records, settings)
    is_late = pc.less_equal(readings["event_time"], pa.scalar(utc(1000 * late_until_ms), MOMENT))
    late_ones = set(positions(readings.filter(is_late)))
    late = records.filter(pa.array([position in late_ones for position in positions(records)], pa.bool_()))
    return {REJECTS: as_rejects(late, ["late"] * late.num_rows)}


def are_high(readings: pa.Table, settings: Settings) -> pa.ChunkedArray:
    """Return for which readings `is_high` holds."""
    is_suhu = pc.equal(readings["kind"], SUHU)
    return pc.greater(readings["reading"], pc.if_else(is_suhu, settings.threshold_celsius, settings.threshold_percent))


def newest(readings: pa.Table) -> pa.Table:
    """Return each sensor's newest reading (gudang_id, kind, reading, event_time), and when it last came to Kafka.

    Of two readings of one time, it is the higher, which is the worse.
    """
    in_order = readings.sort_by([("event_time", "ascending"), ("reading", "ascending")])
    by_sensor = in_order.group_by(["gudang_id", "kind"], use_threads=False)
    found = by_sensor.aggregate([("reading", "last"), ("event_time", "last"), ("timestamp", "max")])
    return found.rename_columns(["gudang_id", "kind", "reading", "event_time", "timestamp"])


class StatusWriter:
    """The foreachBatch of the status query: the table's rows, the topic's changes, and what came too late."""

    def __init__(self, job: Job, settings: Settings, sink: ArrowSink, board: Board, outbox: Outbox) -> None:
        self._job = job
        self._settings = settings
        self._sink = sink
        self._board = board
        self._outbox = outbox
        self._table: MutablePartition | None = None
        # The rows that may still change; None: only the table knows them.
        self._open: pa.Table | None = None
        self._settled_at_ms = 0

    def __call__(self, joined: DataFrame, batch_id: int) -> None:
        micro_batch = MicroBatch(self._job.spark, batch_id)
        path = delta_files.path_of("status_gudang")
        self._table = self._table or MutablePartition(path, running_query(self._job.spark))
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
        late = self._late(micro_batch) if micro_batch.dropped() else Found()
        late.records = micro_batch.records(SENSOR_TOPICS)
        self._sink.commit(late, batch_id)

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

    def _late(self, micro_batch: MicroBatch) -> Found:
        """Return, as rejects, what the join has dropped: the batch's records, read again and judged as it did."""
        offsets = micro_batch.starting_offsets, micro_batch.ending_offsets
        records = read_again(self._job.spark, *offsets)
        late = partial(late_rows, settings=self._settings, late_until_ms=micro_batch.late_until_ms)
        return self._sink.tasks(late)(records)


def show_warnings(warnings: pa.Table) -> None:
    for row in warnings.sort_by("event_time").to_pylist():
        name, unit = ("Suhu", "°C") if row["kind"] == SUHU else ("Kelembaban", "%")
        gudang, time = printable(row["gudang_id"]), row["event_time"].replace(tzinfo=None)
        print(f"[Peringatan {name} Tinggi] Gudang {gudang}: {name} {row['value']}{unit} - {time}", flush=True)


def show_statuses(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        suhu, kelembaban = ("-" if row[kind] is None else row[kind] for kind in (SUHU, KELEMBABAN))
        print(
            f"[Status Gabungan] Gudang {printable(row['gudang_id'])}:\n- Suhu: {suhu}°C\n"
            f"- Kelembaban: {kelembaban}%\n- Status: {row['status']}\n{'-' * 30}",
            flush=True,
        )


def hear(readings: pa.Table, settings: Settings, board: Board, heart: Heart) -> None:
    """Tell board and heart of a micro-batch's newest readings."""
    now = datetime.now(timezone.utc)
    times: dict[str, datetime] = {}
    ages: dict[str, float] = {}
    by_sensor = newest(readings)
    for row, high in zip(by_sensor.to_pylist(), are_high(by_sensor, settings).to_pylist(), strict=True):
        kind, moment = row["kind"], row["event_time"]
        heard = min(max(row["timestamp"], now - LONGEST_WAY), now)
        board.hear(row["gudang_id"], kind, Sensor(row["reading"], moment, heard, high))
        times[kind] = max(moment, times.get(kind, moment))
        age = (now - heard).total_seconds()
        ages[kind] = min(age, ages.get(kind, age))
    heart.heard(times, ages)
    board.write()


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


def warnings_query(job: Job, settings: Settings) -> DataStreamWriter:
    """Return the query, not yet started, of warnings into the topic."""
    sensors = ",".join(SENSOR_TOPICS)
    readings = parse(read_topic(job.spark, sensors, settings.starting_offsets), settings).where("is_usable")
    run = sent_alerts.begin(job, "warnings", schemas.PERINGATAN_GUDANG)
    messages = as_messages(sent_alerts.without(readings.where(is_high(settings)), run.sent))
    name, checkpoint = f"{job.name}.warnings", job.checkpoint("warnings")
    return write_topic(messages, schemas.PERINGATAN_GUDANG, name, checkpoint, settings.trigger, run.id)


def tables_query(job: Job, settings: Settings, board: Board, heart: Heart) -> DataStreamWriter:
    """Return the query, not yet started, of readings and warnings into their tables."""
    sink = ArrowSink(job, "tables", "sensor_gudang", "peringatan_gudang")
    in_tasks = sink.tasks(partial(rows, settings=settings))

    def write(batch: DataFrame, batch_id: int) -> None:
        found = in_tasks(batch)
        sink.commit(found, batch_id)
        if NEWEST in found.rows:
            hear(found.rows[NEWEST], settings, board, heart)
        if SHOWN in found.rows:
            show_warnings(found.rows[SHOWN])

    sensors = ",".join(SENSOR_TOPICS)
    raw = read_topic(job.spark, sensors, settings.starting_offsets, settings.max_offsets_per_trigger)
    return sink.query(raw, write, settings.trigger if settings.trigger.drains else settings.table_trigger)


def status_query(job: Job, settings: Settings, board: Board, outbox: Outbox) -> DataStreamWriter:
    """Return the query, not yet started, of the two streams joined into the status of each reading."""
    sink = ArrowSink(job, "status", "status_gudang")
    topics = ",".join((*SENSOR_TOPICS, schemas.DETAK_GUDANG))
    raw = read_topic(job.spark, topics, settings.starting_offsets, settings.max_offsets_per_trigger)
    suhu, kelembaban = (side(raw, kind, settings) for kind in (SUHU, KELEMBABAN))
    joined = join(suhu, kelembaban, settings.window_seconds)
    refuse_unbounded(joined)
    write = StatusWriter(job, settings, sink, board, outbox)
    return sink.query(joined, write, settings.trigger if settings.trigger.drains else settings.status_trigger)


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
    warnings = warnings_query(job, settings)
    tables, status = tables_query(job, settings, board, heart), status_query(job, settings, board, outbox)
    realtime = {warnings: ",".join(SENSOR_TOPICS)} if settings.trigger.is_realtime else {}
    ticker = Ticker(BEAT_SECONDS, keeping_time(job, board, heart, outbox))
    if not settings.trigger.drains:
        ticker.start()
    job.run(warnings, tables, status, one_by_one=settings.trigger.drains, realtime=realtime)
    ticker.stop()


if __name__ == "__main__":
    main()
