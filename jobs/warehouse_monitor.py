"""Warehouse monitoring: what is too warm or too humid, at once, and one true status for each temperature reading.

Reads `sensor-suhu-gudang` and `sensor-kelembaban-gudang`. Warnings go to `peringatan-gudang` in Real-time Mode; a
second query keeps every reading and warning in tables. The third joins the two streams: each temperature reading gets
its status from the humidity reading nearest in time, in `tables/status_gudang`; where that changes a warehouse's
status, `status-gudang` is told, as it is of a sensor that falls silent.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter
from pyspark.sql.window import Window

from arus import home, kafka_io, records, schemas
from arus.board import Board, Sensor, Status, utc
from arus.delta_io import append_few, as_rejects, claim, rejects_path, table_path, write_tables
from arus.errors import ArusError
from arus.heartbeat import BEAT_SECONDS, Heart, Ticker
from arus.job import Job, start
from arus.joins import refuse_unbounded
from arus.kafka_io import position, read_topic, refuse_too_few_slots, write_topic
from arus.ledger import Ledger
from arus.microbatch import MicroBatch
from arus.records import Check
from arus.schemas import KELEMBABAN, SUHU
from arus.settings import Trigger
from arus.text import printable

SENSOR_TOPICS = (schemas.SENSOR_SUHU_GUDANG, schemas.SENSOR_KELEMBABAN_GUDANG)
# A gudang_id that no reading can have, since theirs are trimmed.
BEAT = " "
# A pair's rank, the lower the better, is made of bits: the distance in time (33 bits, microseconds), whether the
# humidity reading is the later of the two, and its offset, for two readings of one moment.
DISTANCE_BIT, LATER_BIT = 30, 29
LONGEST_WINDOW_SECONDS = 3600
PARTNER = (KELEMBABAN, "kelembaban_time", "kelembaban_partition", "kelembaban_offset")
CANDIDATE = ("gudang_id", SUHU, "suhu_time", "suhu_partition", "suhu_offset", *PARTNER)
# What is final moves out of the part of the table that each micro-batch rewrites when it has been there for so long.
SETTLE_MS = 30_000


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


def side(raw: DataFrame, readings: DataFrame, kind: str, watermark_seconds: int) -> DataFrame:
    """Return one side of the join: readings of a kind, and its beats, which move the watermark and match nothing."""
    of_kind = readings.where(F.col("kind") == kind)
    beats = raw.where((F.col("topic") == schemas.DETAK_GUDANG) & (F.col("key").cast("string") == kind))
    beat_time = F.get_json_object(F.col("value").cast("string"), "$.timestamp").try_cast("double")
    columns = ["gudang_id", "reading", "event_time", "partition", "offset"]
    names = ["gudang_id", kind, f"{kind}_time", f"{kind}_partition", f"{kind}_offset"]
    return (
        of_kind.select(*columns)
        .union(
            beats.select(
                F.lit(BEAT + kind),
                F.lit(None).cast("double"),
                records.seconds_to_timestamp(beat_time),
                "partition",
                "offset",
            )
        )
        .toDF(*names)
        .withWatermark(f"{kind}_time", f"{watermark_seconds} seconds")
    )


def join(suhu: DataFrame, kelembaban: DataFrame, window_seconds: int) -> DataFrame:
    """Return all pairs within the window (both ends included), and each reading that can have no partner any more.

    Spark compares a reading with all of its key. So time, cut into slots of two windows, is part of the key: a
    temperature reading is in one slot, a humidity reading in the one or two that its window touches, where
    `in_first` and `in_last` tell its copies apart.
    """
    window = F.expr(f"INTERVAL {window_seconds} SECONDS")
    slot_micros = 2 * window_seconds * 1_000_000
    micros = F.unix_micros("kelembaban_time")
    first, last = (F.floor((micros + sign * window_seconds * 1_000_000) / slot_micros) for sign in (-1, 1))
    copies = kelembaban.withColumn("kelembaban_slot", F.explode(F.array_distinct(F.array(first, last))))
    left = suhu.withColumn("slot", F.floor(F.unix_micros("suhu_time") / slot_micros)).withColumnRenamed(
        "gudang_id", "suhu_gudang_id"
    )
    right = copies.withColumnRenamed("gudang_id", "kelembaban_gudang_id").withColumns(
        {"in_first": F.col("kelembaban_slot") == first, "in_last": F.col("kelembaban_slot") == last}
    )
    is_pair = (
        (F.col("suhu_gudang_id") == F.col("kelembaban_gudang_id"))
        & (F.col("slot") == F.col("kelembaban_slot"))
        & (F.col("suhu_time") >= F.col("kelembaban_time") - window)
        & (F.col("suhu_time") <= F.col("kelembaban_time") + window)
    )
    return left.join(right, is_pair, "fullOuter")


def rank() -> Column:
    """Return how good a pair is, lowest best: nearest in time; of two equally near, the earlier."""
    distance = F.unix_micros("kelembaban_time") - F.unix_micros("suhu_time")
    is_later = F.when(distance > 0, 1 << LATER_BIT).otherwise(0)
    offset = F.col("kelembaban_offset").bitwiseAND((1 << LATER_BIT) - 1)
    return F.shiftleft(F.abs(distance), DISTANCE_BIT) + is_later + offset


def nearest(joined: DataFrame, before: DataFrame) -> DataFrame:
    """Return one row for each temperature reading, with its nearest partner, and each humidity reading that is alone.

    `joined` is what the join says in this micro-batch, `before` the rows of earlier ones that may still change.
    `is_new` says whether the join said anything of the row.
    """
    gudang_id = F.coalesce("suhu_gudang_id", "kelembaban_gudang_id")
    found = joined.withColumns({"gudang_id": gudang_id, "is_new": F.lit(True), "was_final": F.lit(False)})
    known = before.withColumnsRenamed({"is_final": "was_final"}).withColumns(
        {"in_first": F.lit(True), "in_last": F.lit(True), "is_new": F.lit(False)}
    )
    columns = (*CANDIDATE, "in_first", "in_last", "is_new", "was_final")
    candidates = found.where(~F.startswith("gudang_id", F.lit(BEAT))).select(*columns).union(known.select(*columns))
    ranked = candidates.withColumns(
        {
            "rank": F.when(F.col("suhu_time").isNull(), F.col("kelembaban_offset")).otherwise(rank()),
            "alone_time": F.when(F.col("suhu_time").isNull(), F.col("kelembaban_time")),
        }
    )
    # Only fixed-width buffers: Spark then aggregates by hash, and not by sorting all pairs.
    rows = ranked.groupBy("gudang_id", "suhu_time", "alone_time").agg(
        F.min_by(SUHU, "suhu_offset").alias(SUHU),
        F.min_by("suhu_partition", "suhu_offset").alias("suhu_partition"),
        F.min("suhu_offset").alias("suhu_offset"),
        *(F.min_by(name, "rank").alias(name) for name in PARTNER),
        *(F.max(name).alias(name) for name in ("in_first", "in_last", "is_new", "was_final")),
    )
    # A humidity reading is alone where both of its copies are.
    return rows.where(F.col("suhu_time").isNotNull() | (F.col("in_first") & F.col("in_last")))


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


def judged(rows: DataFrame, settings: Settings, watermark_ms: int, settles: bool) -> DataFrame:
    """Return the rows as those of `tables/status_gudang`, with `is_new`.

    A row is final where no nearer partner can come: all that is not after the watermark is late from now on.
    """
    # A decimal, because Spark writes other numbers into the code that it compiles: anew for every micro-batch.
    watermark = F.lit(Decimal(watermark_ms) * 1000)
    last_partner = F.unix_micros("suhu_time") + settings.window_seconds * 1_000_000
    is_alone = F.col(SUHU).isNull() | F.col(KELEMBABAN).isNull()
    is_final = is_alone | (last_partner.cast("decimal(20,0)") <= watermark)
    return rows.withColumns(
        {
            "status": status(settings),
            "event_time": F.coalesce("suhu_time", "kelembaban_time"),
            "is_final": is_final,
            "settled": is_final & F.lit(settles),
        }
    )


def statuses(rows: DataFrame) -> list[Status]:
    """Return the statuses that this micro-batch has brought, in order of time, without those that repeat the last."""
    in_time = Window.partitionBy("gudang_id").orderBy("event_time")
    is_change = ~F.col("status").eqNullSafe(F.lag("status").over(in_time)) | F.lead("status").over(in_time).isNull()
    new = rows.where("is_new").withColumn("is_change", is_change).where("is_change")
    times = (F.unix_micros(name).alias(name) for name in ("event_time", "suhu_time", "kelembaban_time"))
    records_of = (f"{kind}_{name}" for kind in (SUHU, KELEMBABAN) for name in ("partition", "offset"))
    found = new.select("gudang_id", "status", SUHU, KELEMBABAN, *records_of, *times).collect()
    return [as_status(**row.asDict()) for row in sorted(found, key=lambda row: row.event_time)]


def as_status(gudang_id: str, status: str, event_time: int, **fields: float | None) -> Status:
    """Return a row (times in epoch microseconds) with its message: both readings, their times, and their records."""
    kinds = [kind for kind in (SUHU, KELEMBABAN) if fields[kind] is not None]
    cause = "+".join(f"{kind}-{fields[f'{kind}_partition']}-{fields[f'{kind}_offset']}" for kind in kinds)
    told = {"id": cause, "gudang_id": gudang_id, "status": status, "timestamp": event_time / 1e6}
    for kind in (SUHU, KELEMBABAN):
        micros = fields[f"{kind}_time"]
        told |= {kind: fields[kind], f"{kind}_timestamp": None if micros is None else micros / 1e6}
    return Status(gudang_id, status, utc(event_time), json.dumps(told))


class StatusWriter:
    """The foreachBatch of the status query: the table's rows, the topic's changes, and what came too late."""

    def __init__(self, job: Job, settings: Settings, board: Board) -> None:
        self._job = job
        self._settings = settings
        self._board = board
        self._ledger = Ledger()
        self._path = table_path("status_gudang")
        self._settled_at_ms = 0

    def __call__(self, joined: DataFrame, batch_id: int) -> None:
        spark = self._job.spark
        micro_batch = MicroBatch(spark, batch_id)
        settles = micro_batch.watermark_ms - self._settled_at_ms >= SETTLE_MS
        before = spark.read.format("delta").load(self._path).where("NOT settled")
        rows = judged(nearest(joined, before), self._settings, micro_batch.watermark_ms, settles).persist()
        try:
            self._tell(rows)
            self._write(rows, batch_id)
        finally:
            rows.unpersist()
        if settles:
            self._settled_at_ms = micro_batch.watermark_ms
        late = self._keep_late(micro_batch, batch_id) if micro_batch.dropped() else 0
        self._job.listener.count(f"{self._job.name}.status", batch_id, micro_batch.records(SENSOR_TOPICS), late)

    def _tell(self, rows: DataFrame) -> None:
        """Send the changes before the commit: a crash in between sends them again, with the same ids."""
        changing, present = self._board.changes(statuses(rows))
        kafka_io.send(self._job.spark, schemas.STATUS_GUDANG, [(one.gudang_id, one.message) for one in changing])
        self._board.take(present)
        if self._settings.console:
            show_statuses(rows.where("is_new"))

    def _write(self, rows: DataFrame, batch_id: int) -> None:
        """Replace the part of the table that may still change, in one commit, if anything in it does."""
        is_changed = F.col("is_new") | F.col("settled") | (F.col("is_final") != F.col("was_final"))
        if not rows.where(is_changed).isEmpty():
            table = rows.select(*records.field_names(schemas.TABLES["status_gudang"])).coalesce(1)
            self._ledger.append(table, self._path, batch_id, instead_of="settled = false")

    def _keep_late(self, micro_batch: MicroBatch, batch_id: int) -> int:
        """Put what the join has dropped into the rejects: the batch's records are read again and judged as it did."""
        offsets = micro_batch.starting_offsets, micro_batch.ending_offsets
        raw = kafka_io.read_again(self._job.spark, ",".join((*SENSOR_TOPICS, schemas.DETAK_GUDANG)), *offsets)
        all_checks = checks(self._settings)
        readings = parse(raw.where(F.col("topic") != schemas.DETAK_GUDANG)).where(records.passes(all_checks))
        micros = F.unix_micros("event_time").cast("decimal(20,0)")
        is_late = Check(micros <= F.lit(Decimal(micro_batch.late_until_ms) * 1000), "late")
        rejects = as_rejects(readings, [is_late], batch_id)
        return append_few(self._ledger, rejects, rejects_path(self._job.name), batch_id)


def show_warnings(warnings: DataFrame) -> None:
    for row in warnings.orderBy("event_time").toLocalIterator():
        name, unit = ("Suhu", "°C") if row.kind == SUHU else ("Kelembaban", "%")
        gudang = printable(row.gudang_id)
        print(f"[Peringatan {name} Tinggi] Gudang {gudang}: {name} {row.value}{unit} - {row.event_time}", flush=True)


def show_statuses(rows: DataFrame) -> None:
    for row in rows.orderBy("event_time").toLocalIterator():
        suhu, kelembaban = ("-" if value is None else value for value in (row.suhu, row.kelembaban))
        lines = [
            f"[Status Gabungan] Gudang {printable(row.gudang_id)}:",
            f"- Suhu: {suhu}°C",
            f"- Kelembaban: {kelembaban}%",
            f"- Status: {row.status}",
            "-" * 30,
        ]
        print("\n".join(lines), flush=True)


def listening(settings: Settings, board: Board, heart: Heart) -> Callable[[DataFrame], None]:
    """Return what board and heart hear of each micro-batch of usable readings."""

    def look(readings: DataFrame) -> None:
        latest = readings.groupBy("gudang_id", "kind").agg(
            F.max_by("reading", "event_time").alias("reading"),
            F.max(F.unix_micros("event_time")).alias("micros"),
        )
        by_sensor = latest.withColumn("is_high", is_high(settings)).collect()
        now = datetime.now(timezone.utc)
        for row in by_sensor:
            board.hear(row.gudang_id, row.kind, Sensor(row.reading, utc(row.micros), now, row.is_high))
        newest: dict[str, int] = {}
        for row in by_sensor:
            newest[row.kind] = max(row.micros, newest.get(row.kind, row.micros))
        heart.heard({kind: utc(micros) for kind, micros in newest.items()})
        board.write()

    return look


def keeping_time(job: Job, board: Board, heart: Heart) -> Callable[[float], None]:
    """Return what happens once a second while the job runs: beats for quiet sides, news of silent sensors."""

    def tick(seconds: float) -> None:
        if job.listener.has_caught_up(f"{job.name}.status"):
            kafka_io.send(job.spark, schemas.DETAK_GUDANG, heart.pass_time(seconds))
        if job.listener.has_caught_up(f"{job.name}.tables"):
            turns = board.turns(datetime.now(timezone.utc))
            kafka_io.send(job.spark, schemas.STATUS_GUDANG, [turn.message for turn in turns])
            board.told(turns)
        board.write()

    return tick


def queries(job: Job, settings: Settings, board: Board, heart: Heart) -> list[DataStreamWriter]:
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
    return [to_topic, to_tables, status_query(job, settings, board, all_checks)]


def status_query(job: Job, settings: Settings, board: Board, all_checks: list[Check]) -> DataStreamWriter:
    claim(job, ["status_gudang"], "status")
    topics = ",".join((*SENSOR_TOPICS, schemas.DETAK_GUDANG))
    raw = read_topic(job.spark, topics, settings.starting_offsets, settings.max_offsets_per_trigger)
    readings = parse(raw.where(F.col("topic") != schemas.DETAK_GUDANG)).where(records.passes(all_checks))
    suhu, kelembaban = (side(raw, readings, kind, settings.watermark_seconds) for kind in (SUHU, KELEMBABAN))
    joined = join(suhu, kelembaban, settings.window_seconds)
    refuse_unbounded(joined)
    return (
        joined.writeStream.foreachBatch(StatusWriter(job, settings, board))
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
    heart = Heart((SUHU, KELEMBABAN), rest_seconds)
    heart.heard(board.newest())
    writers = queries(job, settings, board, heart)
    ticker = Ticker(BEAT_SECONDS, keeping_time(job, board, heart))
    if not settings.trigger.drains:
        ticker.start()
    job.run(*writers, one_by_one=settings.trigger.drains)
    ticker.stop()


if __name__ == "__main__":
    main()
