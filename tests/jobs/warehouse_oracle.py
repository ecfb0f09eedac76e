"""Which rows a set of readings gives, worked out one reading at a time, and sets of readings full of edges."""

import random
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from arus.pairing import PARTITION_BIT, TOPIC_OF
from arus.schemas import KELEMBABAN, SUHU
from tests.jobs.warehouse_records import NOON, SETTINGS

MICROS = 1_000_000


class Reading(NamedTuple):
    """A usable reading: when (epoch microseconds), and where in Kafka (partition, offset)."""

    gudang_id: str
    kind: str
    value: float
    micros: int
    partition: int
    offset: int


class StatusRow(NamedTuple):
    """A row of `tables/status_gudang` but for `settled`, times in epoch microseconds."""

    gudang_id: str
    suhu: float | None
    suhu_micros: int | None
    kelembaban: float | None
    kelembaban_micros: int | None
    status: str
    event_micros: int
    is_final: bool
    topic: str
    partition: int
    offset: int


def status_rows(readings: Iterable[Reading], window_seconds: int, watermark_ms: int = 0) -> list[StatusRow]:
    """Return the rows that the readings give, sorted: the plainest way, each reading with each other."""
    worst: dict[tuple[str, str, int], Reading] = {}
    for one in sorted(readings, key=lambda one: (-one.value, one.partition, one.offset)):
        worst.setdefault((one.gudang_id, one.kind, one.micros), one)
    window = window_seconds * MICROS
    suhu, kelembaban = ([one for one in worst.values() if one.kind == kind] for kind in (SUHU, KELEMBABAN))

    def near(one: Reading, others: list[Reading]) -> list[Reading]:
        found = [other for other in others if other.gudang_id == one.gudang_id]
        return [other for other in found if abs(other.micros - one.micros) <= window]

    rows = []
    for one in suhu:
        partners = near(one, kelembaban)
        nearest = min(partners, key=lambda other: (abs(other.micros - one.micros), other.micros), default=None)
        is_final = nearest is None or one.micros + window <= watermark_ms * 1000
        rows.append(row(one, nearest, is_final, one))
    rows += [row(None, one, True, one) for one in kelembaban if not near(one, suhu)]
    return sorted(rows, key=lambda row: (row.gudang_id, row.event_micros))


def row(suhu: Reading | None, kelembaban: Reading | None, is_final: bool, own: Reading) -> StatusRow:
    return StatusRow(
        own.gudang_id,
        suhu and suhu.value,
        suhu and suhu.micros,
        kelembaban and kelembaban.value,
        kelembaban and kelembaban.micros,
        named(suhu and suhu.value, kelembaban and kelembaban.value),
        own.micros,
        is_final,
        TOPIC_OF[own.kind],
        own.partition,
        own.offset,
    )


def named(suhu: float | None, kelembaban: float | None) -> str:
    if suhu is None or kelembaban is None:
        return "Kelembaban saja" if suhu is None else "Suhu saja"
    texts = {
        (True, True): "Bahaya tinggi! Barang berisiko rusak",
        (True, False): "Suhu tinggi, kelembaban normal",
        (False, True): "Kelembaban tinggi, suhu aman",
        (False, False): "Aman",
    }
    return texts[suhu > SETTINGS.threshold_celsius, kelembaban > SETTINGS.threshold_percent]


def random_readings(seed: int, window_seconds: int, warehouses: int = 3, each: int = 30) -> list[Reading]:
    """Return readings in the order of their arrival, which is that of their offsets, on both sides of the epoch or now.

    Half of them are a multiple of half a window apart, to the microsecond or one beside; a fifth comes twice or more.
    """
    dice = random.Random(seed)
    made = []
    for number in range(warehouses):
        windows = dice.choice((6, 15, 60))
        begin = dice.choice((-windows // 2, NOON // window_seconds - 1)) * window_seconds * MICROS
        for kind in (SUHU, KELEMBABAN) * each:
            micros = begin + dice.randrange(windows * window_seconds * MICROS)
            if dice.random() < 0.5:
                half = window_seconds * MICROS // 2
                micros = begin + dice.randrange(2 * windows) * half + dice.choice((-1, 0, 0, 0, 1))
            value = dice.uniform(77, 83) if kind == SUHU else dice.uniform(67, 73)
            one = Reading(f"s{seed}-{number}", kind, value, micros, number % 2, 0)
            made.append(one)
            while dice.random() < 0.2:
                made.append(one._replace(value=one.value + dice.choice((0, 0, 1))))
    dice.shuffle(made)
    return [one._replace(offset=offset) for offset, one in enumerate(made)]


def side_frame(spark: SparkSession, readings: Iterable[Reading], kind: str) -> DataFrame:
    """Return the readings of a kind with the columns of a side of the join."""
    own = [one for one in readings if one.kind == kind]
    columns = {
        f"{kind}_gudang_id": pa.array([one.gudang_id for one in own], pa.string()),
        kind: pa.array([one.value for one in own], pa.float64()),
        f"{kind}_time": pa.array([one.micros for one in own], pa.timestamp("us", "UTC")),
        f"{kind}_place": pa.array([(one.partition << PARTITION_BIT) + one.offset for one in own], pa.int64()),
    }
    return spark.createDataFrame(pa.table(columns)).coalesce(1)


def collected(rows: DataFrame) -> list[StatusRow]:
    """Return the job's rows, sorted as the oracle's are."""
    micros = {name: F.unix_micros(name) for name in ("suhu_time", "kelembaban_time", "event_time")}
    columns = (
        "gudang_id", "suhu", "suhu_time", "kelembaban", "kelembaban_time", "status", "event_time", "is_final", "topic",
        "partition", "offset",
    )  # fmt: skip
    found = rows.withColumns(micros).select(*columns).collect()
    return sorted((StatusRow(*one) for one in found), key=lambda row: (row.gudang_id, row.event_micros))
