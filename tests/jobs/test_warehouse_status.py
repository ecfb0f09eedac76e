"""The status of the warehouse monitor, join to row, against an oracle: at once, in steps, and as a stream."""

import dataclasses
import random
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.sql import DataFrame, SparkSession

from arus import schemas
from arus.pairing import BEAT, IN_FIRST, IN_LAST, join, nearest, pairs, waiting
from arus.schemas import KELEMBABAN, SUHU
from jobs.warehouse_monitor import COLUMNS
from tests.jobs.warehouse_oracle import (
    MICROS,
    Reading,
    StatusRow,
    collected,
    random_readings,
    side_frame,
    status_rows,
)
from tests.jobs.warehouse_records import NOON, SETTINGS, at_watermark

BASE = NOON * MICROS
WHOLE = IN_FIRST + IN_LAST


def joined(spark: SparkSession, readings: list[Reading], window_seconds: int) -> DataFrame:
    suhu, kelembaban = (side_frame(spark, readings, kind) for kind in (SUHU, KELEMBABAN))
    return join(suhu, kelembaban, window_seconds)


def at_once(spark: SparkSession, readings: list[Reading], window_seconds: int = 10, watermark_ms: int = 0) -> DataFrame:
    settings = dataclasses.replace(SETTINGS, window_seconds=window_seconds)
    rows = nearest(pairs(joined(spark, readings, window_seconds), window_seconds))
    return at_watermark(rows, settings, watermark_ms, settles=False)


def many_readings(window_seconds: int, seeds: Iterable[int]) -> list[Reading]:
    return [one for seed in seeds for one in random_readings(seed, window_seconds)]


@pytest.mark.parametrize("window_seconds", [10, 1, 7])
def test_random_readings_give_the_rows_of_the_oracle(spark: SparkSession, window_seconds: int) -> None:
    readings = many_readings(window_seconds, range(6))
    watermark_ms = (BASE + 5 * window_seconds * MICROS) // 1000
    expected = status_rows(readings, window_seconds, watermark_ms)
    kinds = {row.status for row in expected}
    assert len(kinds) == 6
    assert {row.is_final for row in expected if row.kelembaban and row.suhu} == {True, False}
    random.Random(window_seconds).shuffle(readings)
    assert collected(at_once(spark, readings, window_seconds, watermark_ms)) == expected


def test_the_order_of_the_rows_does_not_matter(spark: SparkSession) -> None:
    readings = many_readings(10, (7, 8))
    expected = status_rows(readings, 10)
    assert [collected(at_once(spark, order)) for order in (readings, readings[::-1])] == [expected] * 2


def suhu(gudang_id: str, micros: int, offset: int = 0, value: float = 60.0) -> Reading:
    return Reading(gudang_id, SUHU, value, BASE + micros, 0, offset)


def kelembaban(gudang_id: str, micros: int, offset: int = 0, value: float = 60.0) -> Reading:
    return Reading(gudang_id, KELEMBABAN, value, BASE + micros, 0, offset)


# Name -> readings, and the rows: suhu's and kelembaban's time (microseconds after noon), offset.
WINDOW = 10 * MICROS
EDGES: dict[str, tuple[list[Reading], list[tuple[int | None, int | None, int]]]] = {
    "nearest": ([suhu("", 0), kelembaban("", -5), kelembaban("", 4), kelembaban("", 6)], [(0, 4, 0)]),
    "earlier": ([suhu("", 0), kelembaban("", 5), kelembaban("", -5)], [(0, -5, 0)]),
    "at the end": ([suhu("", 0), kelembaban("", WINDOW)], [(0, WINDOW, 0)]),
    "at the begin": ([suhu("", 0), kelembaban("", -WINDOW)], [(0, -WINDOW, 0)]),
    "after the end": ([suhu("", 0), kelembaban("", WINDOW + 1, 9)], [(0, None, 0), (None, WINDOW + 1, 9)]),
    "before the begin": ([suhu("", 0), kelembaban("", -WINDOW - 1, 9)], [(None, -WINDOW - 1, 9), (0, None, 0)]),
    "same time": ([suhu("", 0), kelembaban("", 0), kelembaban("", -1)], [(0, 0, 0)]),
    "suhu alone": ([suhu("", 3, 5), suhu("", 3, 4)], [(3, None, 4)]),
    "kelembaban alone": ([kelembaban("", 3, 5), kelembaban("", 3, 4)], [(None, 3, 4)]),
    "one for two": ([suhu("", 0, 1), suhu("", 7, 2), kelembaban("", 3)], [(0, 3, 1), (7, 3, 2)]),
    # Noon begins a slot: this one's window touches two, and there is a partner in the later, then in the earlier one.
    "later slot": ([kelembaban("", -1), suhu("", 2, 1)], [(2, -1, 1)]),
    "earlier slot": ([kelembaban("", 1), suhu("", -2, 1)], [(-2, 1, 1)]),
    "alone in two slots": ([kelembaban("", 0, 6)], [(None, 0, 6)]),
    "alone in one slot": ([kelembaban("", WINDOW, 6)], [(None, WINDOW, 6)]),
}


def test_each_edge_has_its_rows(spark: SparkSession) -> None:
    readings = [one._replace(gudang_id=name) for name, (own, _) in EDGES.items() for one in own]
    found: dict[str, list[tuple[int | None, int | None, int]]] = {name: [] for name in EDGES}
    for row in collected(at_once(spark, readings)):
        of_suhu, of_kelembaban = (micros and micros - BASE for micros in (row.suhu_micros, row.kelembaban_micros))
        found[row.gudang_id].append((of_suhu, of_kelembaban, row.offset))
    assert found == {name: rows for name, (_, rows) in EDGES.items()}


def test_of_two_readings_of_one_sensor_at_one_time_the_worse_counts(spark: SparkSession) -> None:
    readings = [
        suhu("pair", 0, 3, 75.0),
        suhu("pair", 0, 9, 85.0),
        kelembaban("pair", 1, 2, 65.0),
        kelembaban("pair", 1, 8, 75.0),
        suhu("suhu", 0, 3, -20.5),
        suhu("suhu", 0, 9, -20.6),
    ]
    for order in (readings, readings[::-1]):
        rows = collected(at_once(spark, order))
        assert [(row.gudang_id, row.suhu, row.kelembaban, row.status, row.offset) for row in rows] == [
            ("pair", 85.0, 75.0, "Bahaya tinggi! Barang berisiko rusak", 9),
            ("suhu", -20.5, None, "Suhu saja", 3),
        ]


def test_of_two_records_of_one_reading_the_first_counts(spark: SparkSession) -> None:
    readings = [suhu("suhu", 0, 9), suhu("suhu", 0, 3), kelembaban("humid", 0, 9), kelembaban("humid", 0, 3)]
    for order in (readings, readings[::-1]):
        assert [row.offset for row in collected(at_once(spark, order))] == [3, 3]


def test_the_worse_reading_counts_in_whichever_micro_batch_it_comes(spark: SparkSession) -> None:
    mild = [suhu("G1", 0, 1, 70.0), kelembaban("G1", 0, 2, 60.0)]
    bad = [suhu("G1", 0, 3, 95.0), kelembaban("G1", 0, 4, 90.0)]
    for first, second in ((mild, bad), (bad, mild)):
        before = at_once(spark, first)
        all_pairs = joined(spark, first + second, 10).toArrow()
        [row] = collected(step(spark, all_pairs, before, watermark_ms=0))
        assert (row.suhu, row.kelembaban, row.status, row.offset) == (
            *(95.0, 90.0),
            "Bahaya tinggi! Barang berisiko rusak",
            3,
        )


@pytest.mark.parametrize("offsets", [(3, 9), (9, 3)])
def test_of_two_humidity_readings_alone_at_one_time_the_worse_counts(
    spark: SparkSession, offsets: tuple[int, int]
) -> None:
    readings = [kelembaban("G1", 0, offset, 50.0 + offset) for offset in offsets]
    assert [(row.offset, row.kelembaban) for row in collected(at_once(spark, readings))] == [(9, 59.0)]


def test_beats_are_in_no_row(spark: SparkSession) -> None:
    readings = [
        suhu(BEAT, 0),
        kelembaban(BEAT, 0),
        suhu(BEAT, 90 * MICROS),
        kelembaban(BEAT, -90 * MICROS),
        suhu("G1", 0),
        kelembaban("G1", 0),
    ]
    assert [row.gudang_id for row in collected(at_once(spark, readings))] == ["G1"]


def test_a_row_is_final_when_the_watermark_is_where_its_last_partner_could_be(spark: SparkSession) -> None:
    readings = [suhu("G1", 0), kelembaban("G1", 1), suhu("G1", 40 * MICROS, 1), kelembaban("G1", 90 * MICROS, 2)]
    rows = nearest(pairs(joined(spark, readings, 10), 10)).localCheckpoint()
    last_ms = (BASE + WINDOW) // 1000
    for watermark_ms, pair_is_final in ((0, False), (last_ms - 1, False), (last_ms, True), (last_ms + 1, True)):
        settles = watermark_ms in (last_ms - 1, last_ms)
        found = at_watermark(rows, SETTINGS, watermark_ms, settles).orderBy("event_time").collect()
        final = [pair_is_final, True, True]
        assert [row.is_final for row in found] == final
        assert [row.settled for row in found] == [settles and is_final for is_final in final]


def test_rows_have_the_columns_of_the_table(spark: SparkSession) -> None:
    columns = schemas.TABLES["status_gudang"]
    rows = at_once(spark, [suhu("G1", 0)]).select(COLUMNS)
    assert rows.schema.simpleString() == spark.createDataFrame([], columns).schema.simpleString()
    assert waiting(rows).dtypes == pairs(joined(spark, [suhu("G1", 0)], 10), 10).dtypes


def step(spark: SparkSession, found: pa.Table, before: DataFrame, watermark_ms: int) -> DataFrame:
    """Return the rows after a micro-batch in which the join has found this, as the job's foreachBatch has them."""
    candidates = pairs(spark.createDataFrame(found.combine_chunks()), 10).union(waiting(before.where("NOT settled")))
    return at_watermark(nearest(candidates), SETTINGS, watermark_ms, settles=False)


def random_steps(readings: list[Reading], found: pa.Table, steps: int, dice: random.Random) -> list[int]:
    """Return in which step the join finds each of its rows, where readings come in the order of their offsets.

    A pair comes with the later of the two. A reading alone comes when the watermark has passed it: all its copies then.
    """
    cuts = {name: sorted(dice.choices(range(len(readings)), k=steps - 1)) for name in sorted({r[0] for r in readings})}
    alone: dict[tuple[str, int], int] = {}
    numbers = []
    for row in found.to_pylist():
        offsets = [row[f"{kind}_place"] % (1 << 48) for kind in (SUHU, KELEMBABAN) if row[f"{kind}_place"] is not None]
        name = row["suhu_gudang_id"] or row["kelembaban_gudang_id"]
        arrives = sum(cut <= max(offsets) for cut in cuts[name])
        if len(offsets) == 1:
            arrives = alone.setdefault((name, row["suhu_time"] or row["kelembaban_time"]), dice.choice((1, 2)))
        numbers.append(arrives)
    return numbers


@pytest.mark.parametrize("seed", [1, 2])
def test_the_rows_are_the_same_however_the_readings_are_split_over_micro_batches(
    spark: SparkSession, seed: int
) -> None:
    steps = 4
    # Warehouses do not meet: each is split in a way of its own, so that one run tries many.
    readings = random_readings(seed, 10, warehouses=12, each=20)
    found = joined(spark, readings, 10).toArrow()
    numbers = pa.array(random_steps(readings, found, steps, random.Random(seed)))
    rows = spark.createDataFrame([], schemas.TABLES["status_gudang"])
    watermarks = [(BASE + n * 5 * MICROS) // 1000 for n in range(steps)]
    corrected = 0
    before: dict[tuple[str, int], StatusRow] = {}
    for number, watermark_ms in enumerate(watermarks):
        rows = step(spark, found.filter(pc.equal(numbers, number)), rows, watermark_ms)
        after = {(row.gudang_id, row.event_micros): row for row in collected(rows)}
        assert before.keys() <= after.keys(), "no row is ever taken back"
        corrected += sum(after[key].kelembaban_micros != row.kelembaban_micros for key, row in before.items())
        before = after
    assert corrected > 10, "the splits are such that a nearer partner comes later"
    assert list(before.values()) == status_rows(readings, 10, watermarks[-1])


def test_a_row_knows_whether_it_is_new_and_whether_it_was_final(spark: SparkSession) -> None:
    readings = [suhu("G1", 0), kelembaban("G1", 5), suhu("G2", 0), kelembaban("G3", 0)]
    found = joined(spark, readings, 10).toArrow()
    none, last_ms = found.slice(0, 0), (BASE + WINDOW) // 1000
    rows = spark.createDataFrame([], schemas.TABLES["status_gudang"])

    def flags(rows: DataFrame) -> list[tuple[bool, bool]]:
        return [tuple(row) for row in rows.orderBy("gudang_id").select("is_new", "is_changed").collect()]

    rows = step(spark, found, rows, last_ms - 1)
    assert flags(rows) == [(True, True)] * 3
    rows = step(spark, none, rows, last_ms - 1)
    assert flags(rows) == [(False, False)] * 3
    rows = step(spark, none, rows, last_ms)
    assert flags(rows) == [(False, True), (False, False), (False, False)], "it has become final"
    rows = step(spark, none, rows, last_ms)
    assert flags(rows) == [(False, False)] * 3
    settled = at_watermark(nearest(waiting(rows)), SETTINGS, last_ms, settles=True)
    assert flags(settled) == [(False, True)] * 3, "it moves"
    is_pair = pc.and_(pc.is_valid(found["suhu_time"]), pc.is_valid(found["kelembaban_time"]))
    rows = step(spark, found.filter(is_pair), rows, last_ms)
    assert flags(rows) == [(True, True), (False, False), (False, False)], "a second record of it"


def test_one_copy_of_a_humidity_reading_alone_is_no_row_until_the_other_is(spark: SparkSession) -> None:
    found = joined(spark, [kelembaban("G1", 0, 6)], 10).toArrow()
    assert found.num_rows == 2
    none = spark.createDataFrame([], schemas.TABLES["status_gudang"])
    assert [step(spark, part, none, 0).count() for part in (found.slice(0, 1), found.slice(1), found)] == [0, 0, 1]
