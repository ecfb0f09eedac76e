"""Factory temperature alerts.

Reads `sensor-suhu`. Readings above the threshold go to `peringatan-suhu` at once (Real-time Mode; at least once, each
with its own id). A second query keeps every reading in `tables/sensor_suhu` and every alert in
`tables/peringatan_suhu`, exactly once, and what is no reading in the rejects.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.readwriter import DataStreamWriter

from arus import records, schemas
from arus.delta_io import write_tables
from arus.errors import ArusError
from arus.job import Job, start
from arus.kafka_io import position, read_topic, refuse_too_few_slots, write_topic
from arus.records import Check
from arus.settings import Trigger
from arus.text import printable

# A reading as every known producer writes it.
PLAIN_READING = (
    r'^\{"sensor_id": ?"[A-Za-z0-9_.:-]{1,64}", ?"suhu": ?(-?[0-9]{1,4}(?:\.[0-9]{1,9})?)'
    r'(?:, ?"timestamp": ?[0-9]{1,10}(?:\.[0-9]{1,9})?)?\}$'
)


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
    console: bool


def parse(raw: DataFrame) -> DataFrame:
    """Return the records of `sensor-suhu` with sensor_id, suhu and event_time, each NULL where there is none."""
    seconds = F.col("message.timestamp")
    own_time = F.when(seconds.isNull(), F.col("timestamp")).otherwise(records.seconds_to_timestamp(seconds))
    return raw.withColumn("message", records.json_object(F.col("value"), schemas.SUHU_MESSAGE)).select(
        "*",
        records.identifier(F.col("message.sensor_id")).alias("sensor_id"),
        "message.suhu",
        own_time.alias("event_time"),
    )


def checks(settings: Settings) -> list[Check]:
    """Return what makes a parsed record no reading: unreadable, incomplete, or physically impossible."""
    value, suhu = F.col("value"), F.col("suhu")
    return [
        *records.is_text(value, settings.max_value_bytes),
        *records.has_fields(value, {"sensor_id": F.col("sensor_id"), "suhu": suhu}),
        records.ill_typed(value, "timestamp", F.col("message.timestamp")),
        records.not_finite("suhu", suhu),
        Check(~suhu.between(settings.min_celsius, settings.max_celsius), "out-of-range:suhu"),
        records.absurd_time("timestamp", F.col("event_time"), F.col("timestamp")),
    ]


def maybe_hot(raw: DataFrame, lowest_threshold: float) -> DataFrame:
    """Drop what is plainly a reading at or below every threshold, by one look at the bytes; `parse` judges the rest.

    Nothing else is dropped: whatever is not written exactly like PLAIN_READING stays. It doubles the rate at which a
    backlog becomes alerts.
    """
    suhu = F.regexp_extract(F.col("value").cast("string"), PLAIN_READING, 1).try_cast("double")
    candidates = raw.where(suhu.isNull() | (suhu > lowest_threshold))
    # Spark moves later filters, with all the parsing in them, down to this one, and would parse every record.
    # It cannot move them past an explode.
    return candidates.withColumn("value", F.explode(F.array("value")))


def too_hot(readings: DataFrame, threshold_celsius: float, by_sensor: Mapping[str, float]) -> DataFrame:
    """Return the readings strictly above their sensor's threshold, or the common one where the sensor has none."""
    threshold = F.lit(threshold_celsius)
    if by_sensor:
        thresholds = F.create_map(*(F.lit(part) for part in chain.from_iterable(by_sensor.items())))
        threshold = F.coalesce(F.try_element_at(thresholds, F.col("sensor_id")), threshold)
    return readings.where(F.col("suhu") > threshold)


def as_alerts(readings: DataFrame) -> DataFrame:
    """Return hot readings as rows of `tables/peringatan_suhu`; the id says which record caused the alert."""
    return readings.select(position().alias("alert_id"), "sensor_id", "suhu", "event_time")


def as_messages(alerts: DataFrame) -> DataFrame:
    """Return alerts as messages of `peringatan-suhu`: key sensor_id, timestamp in epoch seconds."""
    seconds = (F.unix_micros("event_time") / 1e6).alias("timestamp")
    return alerts.select(
        F.col("sensor_id").alias("key"), F.to_json(F.struct("alert_id", "sensor_id", "suhu", seconds)).alias("value")
    )


def read_thresholds(path: str) -> dict[str, float]:
    """Read {"sensor": degrees Celsius}; no path, no thresholds."""
    if not path:
        return {}
    try:
        return {str(sensor): float(celsius) for sensor, celsius in json.loads(Path(path).read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ArusError(f'thresholds-file {path} is not a JSON object like {{"S1": 85.0}}: {error}') from error


def show(alerts: DataFrame) -> None:
    for alert in alerts.orderBy("event_time").toLocalIterator():
        print(
            f"[Peringatan Suhu Tinggi] Sensor {printable(alert.sensor_id)}: Suhu {alert.suhu}°C - {alert.event_time}",
            flush=True,
        )


def queries(job: Job, settings: Settings) -> tuple[DataStreamWriter, DataStreamWriter]:
    """Return the two queries, not yet started: alerts into the topic, readings and alerts into the tables."""
    by_sensor = read_thresholds(settings.thresholds_file)
    lowest = min([settings.threshold_celsius, *by_sensor.values()])
    all_checks = checks(settings)

    def alerts(raw: DataFrame) -> DataFrame:
        readings = parse(maybe_hot(raw, lowest)).where(records.passes(all_checks))
        return as_alerts(too_hot(readings, settings.threshold_celsius, by_sensor))

    if settings.trigger.is_realtime:
        refuse_too_few_slots(job.spark, schemas.SENSOR_SUHU)
    raw = read_topic(job.spark, schemas.SENSOR_SUHU, settings.starting_offsets)
    to_topic = write_topic(
        as_messages(alerts(raw)),
        schemas.PERINGATAN_SUHU,
        f"{job.name}.alerts",
        job.checkpoint("alerts"),
        settings.trigger,
    )
    bounded = read_topic(job.spark, schemas.SENSOR_SUHU, settings.starting_offsets, settings.max_offsets_per_trigger)
    trigger = settings.trigger if settings.trigger.drains else settings.table_trigger
    shown = show if settings.console else None
    to_tables = write_tables(
        job, bounded, parse, all_checks, "sensor_suhu", trigger, {"peringatan_suhu": alerts}, shown
    )
    return to_topic, to_tables


def main() -> None:
    job, settings = start(Settings)
    job.run(*queries(job, settings), one_by_one=settings.trigger.drains)


if __name__ == "__main__":
    main()
