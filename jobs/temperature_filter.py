"""Factory temperature alerts.

Reads `sensor-suhu`. Readings above the threshold go to `peringatan-suhu` at once (Real-time Mode; at least once, each
with its own id). A second query keeps every reading in `tables/sensor_suhu` and every alert in
`tables/peringatan_suhu`, exactly once, and what is no reading in the rejects.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import schemas
from arus.base.times import instant
from arus.base.values import identifier, number
from arus.errors import ArusError
from arus.job import Job, start
from arus.kafka_io import epoch_seconds, position, read_topic, write_topic
from arus.settings import Trigger
from arus.streaming import sent_alerts
from arus.streaming.arrow_sink import ArrowSink
from arus.streaming.record_batches import alert_ids, read_batch
from arus.streaming.record_columns import usable
from arus.streaming.records import Field, ahead, aliases
from arus.streaming.task_rows import REJECTS, Rows
from arus.text import printable

# A reading as every known producer writes it.
PLAIN_READING = (
    r'^\{"sensor_id": ?"[A-Za-z0-9_.:-]{1,64}", ?"suhu": ?(-?[0-9]{1,4}(?:\.[0-9]{1,9})?)'
    r'(?:, ?"timestamp": ?[0-9]{1,10}(?:\.[0-9]{1,9})?)?\}$'
)
# What the console shows of a micro-batch.
SHOWN = "shown"


@dataclass(frozen=True)
class Settings:
    threshold_celsius: float
    thresholds_file: str
    min_celsius: float
    max_celsius: float
    trigger: Trigger
    table_trigger: Trigger
    starting_offsets: str
    max_offsets_per_trigger: int
    max_value_bytes: int
    max_ahead_seconds: float
    aliases: str
    console: bool


@dataclass(frozen=True)
class Thresholds:
    """Degrees Celsius above which a reading is an alert: one for all sensors, and those of single sensors."""

    common: float
    by_sensor: Mapping[str, float]

    @property
    def lowest(self) -> float:
        return min([self.common, *self.by_sensor.values()])


def reading_fields(settings: Settings) -> tuple[Field, ...]:
    """Return the fields of a reading; a temperature out of bounds is a broken sensor's."""
    return aliases(
        settings.aliases,
        Field("sensor_id", identifier, "sensor_id"),
        Field("suhu", number, "suhu", least=settings.min_celsius, most=settings.max_celsius),
        Field("timestamp", instant, "event_time", required=False, ahead=ahead(settings.max_ahead_seconds)),
    )


# --- alerts, in Real-time Mode: columns ---


def maybe_hot(raw: DataFrame, lowest_threshold: float) -> DataFrame:
    """Drop what is plainly a reading at or below every threshold, by one look at the bytes; parsing judges the rest.

    Nothing else is dropped: whatever is not written exactly like PLAIN_READING stays. It doubles the rate at which a
    backlog becomes alerts.
    """
    suhu = F.regexp_extract(F.col("value").cast("string"), PLAIN_READING, 1).try_cast("double")
    candidates = raw.where(suhu.isNull() | (suhu > lowest_threshold))
    # Spark moves later filters, with all the parsing in them, down to this one, and would parse every record.
    # It cannot move them past an explode.
    return candidates.withColumn("value", F.explode(F.array("value")))


def parse(raw: DataFrame, settings: Settings) -> DataFrame:
    """Return the usable records of `sensor-suhu` with sensor_id, suhu and event_time."""
    return usable(raw, reading_fields(settings), settings.max_value_bytes)


def too_hot(readings: DataFrame, thresholds: Thresholds) -> DataFrame:
    """Return the readings strictly above their sensor's threshold, or the common one where the sensor has none."""
    threshold = F.lit(thresholds.common)
    if thresholds.by_sensor:
        by_sensor = F.create_map(*(F.lit(part) for part in chain.from_iterable(thresholds.by_sensor.items())))
        threshold = F.coalesce(F.try_element_at(by_sensor, F.col("sensor_id")), threshold)
    return readings.where(F.col("suhu") > threshold)


def as_messages(hot: DataFrame) -> DataFrame:
    """Return hot readings as messages of `peringatan-suhu`: key sensor_id, timestamp in epoch seconds."""
    seconds = epoch_seconds("event_time").alias("timestamp")
    alert = F.struct(position().alias("alert_id"), "sensor_id", "suhu", seconds)
    return hot.select(F.col("sensor_id").alias("key"), F.to_json(alert).alias("value"))


# --- tables: Arrow batches, in tasks ---


def rows(records: pa.RecordBatch, settings: Settings, thresholds: Thresholds) -> Rows:
    """Return a batch of Kafka records as readings, alerts and rejects."""
    readings, invalid = read_batch(records, reading_fields(settings), settings.max_value_bytes)
    hot = readings.filter(is_too_hot(readings, thresholds))
    alerts = hot.append_column("alert_id", alert_ids(hot))
    shown = {SHOWN: alerts.select(["sensor_id", "suhu", "event_time"])} if settings.console else {}
    return {"sensor_suhu": readings, "peringatan_suhu": alerts, REJECTS: invalid, **shown}


def is_too_hot(readings: pa.Table, thresholds: Thresholds) -> pa.Array:
    """Return which readings `too_hot` would return."""
    if not thresholds.by_sensor:
        return pc.greater(readings["suhu"], thresholds.common)
    limits = [thresholds.by_sensor.get(sensor, thresholds.common) for sensor in readings["sensor_id"].to_pylist()]
    return pc.greater(readings["suhu"], pa.array(limits, pa.float64()))


def read_thresholds(path: str) -> dict[str, float]:
    """Read {"sensor": degrees Celsius}; no path, no thresholds."""
    if not path:
        return {}
    try:
        return {str(sensor): float(celsius) for sensor, celsius in json.loads(Path(path).read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ArusError(f'thresholds-file {path} is not a JSON object like {{"S1": 85.0}}: {error}') from error


def show(alerts: pa.Table) -> None:
    for alert in alerts.sort_by("event_time").to_pylist():
        sensor, time = printable(alert["sensor_id"]), alert["event_time"].replace(tzinfo=None)
        print(f"[Peringatan Suhu Tinggi] Sensor {sensor}: Suhu {alert['suhu']}°C - {time}", flush=True)


def alerts_query(job: Job, settings: Settings, thresholds: Thresholds) -> DataStreamWriter:
    """Return the query, not yet started, of alerts into the topic."""
    raw = read_topic(job.spark, schemas.SENSOR_SUHU, settings.starting_offsets)
    hot = too_hot(parse(maybe_hot(raw, thresholds.lowest), settings), thresholds)
    run = sent_alerts.begin(job, "alerts", schemas.PERINGATAN_SUHU)
    messages = as_messages(sent_alerts.without(hot, run.sent))
    name, checkpoint = f"{job.name}.alerts", job.checkpoint("alerts")
    return write_topic(messages, schemas.PERINGATAN_SUHU, name, checkpoint, settings.trigger, run.id)


def tables_query(job: Job, settings: Settings, thresholds: Thresholds) -> DataStreamWriter:
    """Return the query, not yet started, of readings and alerts into the tables."""
    sink = ArrowSink(job, "tables", "sensor_suhu", "peringatan_suhu")
    in_tasks = sink.tasks(partial(rows, settings=settings, thresholds=thresholds))

    def write(batch: DataFrame, batch_id: int) -> None:
        found = in_tasks(batch)
        sink.commit(found, batch_id)
        if SHOWN in found.rows:
            show(found.rows[SHOWN])

    raw = read_topic(job.spark, schemas.SENSOR_SUHU, settings.starting_offsets, settings.max_offsets_per_trigger)
    return sink.query(raw, write, settings.trigger if settings.trigger.drains else settings.table_trigger)


def main() -> None:
    job, settings = start(Settings)
    thresholds = Thresholds(settings.threshold_celsius, read_thresholds(settings.thresholds_file))
    alerts, tables = alerts_query(job, settings, thresholds), tables_query(job, settings, thresholds)
    realtime = {alerts: schemas.SENSOR_SUHU} if settings.trigger.is_realtime else {}
    job.run(alerts, tables, one_by_one=settings.trigger.drains, realtime=realtime)


if __name__ == "__main__":
    main()
