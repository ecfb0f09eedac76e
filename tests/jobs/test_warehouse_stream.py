"""The join of the warehouse monitor as a stream of micro-batches: what waits, what is late, what is forgotten."""

import os
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from arus.pairing import IN_FIRST, IN_LAST, join, nearest, pairs
from arus.schemas import KELEMBABAN, SUHU
from arus.streaming.spark_internals import MicroBatch
from tests.jobs.warehouse_oracle import MICROS, Reading, collected, status_rows
from tests.jobs.warehouse_records import NOON, SETTINGS, Record, at_watermark, beat, reading, record, streamed_side

WHOLE = IN_FIRST + IN_LAST
# Each a reading (kind, seconds after noon, gudang_id) or a beat (kind, seconds), by micro-batch.
STEADY = [[(SUHU, at, "G1"), (KELEMBABAN, at + 1.0, "G1")] for at in (130.0, 145.0, 160.0, 175.0, 190.0)]
BATCHES: list[list[tuple[Any, ...]]] = [
    [(SUHU, 0.0, "G1"), (KELEMBABAN, 4.0, "G1")],
    # A reading of each kind that stays alone, and a nearer partner for the one before.
    [(SUHU, 20.0, "G1"), (KELEMBABAN, 22.0, "G2"), (KELEMBABAN, 1.0, "G1")],
    [(SUHU, 60.0, "G1"), (KELEMBABAN, 45.0, "G1")],
    # What the batch before went by is late: up to 5 seconds after noon.
    [(SUHU, 5.0, "late"), (KELEMBABAN, 5.0, "late"), (SUHU, 5.001, "in time"), (KELEMBABAN, 36.0, "G1")],
    # Silence: beats of both sides let time go on until all that waited is told.
    [(SUHU, 100.0), (KELEMBABAN, 100.0)],
    [(SUHU, 120.0), (KELEMBABAN, 120.0)],
    *STEADY,
]
ALONE = {
    (SUHU, 5.001, "in time"),
    (SUHU, 20.0, "G1"),
    (SUHU, 60.0, "G1"),
    (KELEMBABAN, 22.0, "G2"),
    (KELEMBABAN, 36.0, "G1"),
    (KELEMBABAN, 45.0, "G1"),
}


def raw_record(event: tuple[Any, ...], offset: int) -> Record:
    if len(event) == 2:
        return beat(*event, offset=offset)
    kind, seconds, gudang_id = event
    return record(kind, reading(kind, 50.0, seconds, gudang_id), offset)


def write_batches(folder: Path) -> None:
    """Write a Parquet file of raw records for each micro-batch, in the order of their modification times."""
    folder.mkdir()
    offset = 0
    for number, events in enumerate(BATCHES):
        records = [raw_record(event, offset + place) for place, event in enumerate(events)]
        offset += len(records)
        names = ("topic", "partition", "offset", "timestamp", "key", "value")
        rows = pa.Table.from_pylist([dict(zip(names, one, strict=True)) for one in records])
        path = folder / f"{number:03}.parquet"
        pq.write_table(rows.set_column(1, "partition", rows["partition"].cast(pa.int32())), path)
        os.utime(path, (NOON + number, NOON + number))


class Found(NamedTuple):
    """What a micro-batch found: its watermarks (seconds after noon), how many rows it dropped, candidates for rows."""

    late_until: float
    watermark: float
    dropped: int
    candidates: pa.Table


def alone(found: Found) -> set[tuple[str, float, str]]:
    """Return the readings that have come out alone: of a humidity reading, all copies."""
    flags: dict[tuple[str, float, str], int] = defaultdict(int)
    for row in found.candidates.to_pylist():
        if row[KELEMBABAN] is None or row["alone_time"]:
            kind, time = (SUHU, row["suhu_time"]) if row["suhu_time"] else (KELEMBABAN, row["alone_time"])
            flags[kind, round(time.timestamp() - NOON, 6), row["gudang_id"]] |= row["flags"]
    return {key for key, known in flags.items() if known & WHOLE == WHOLE}


def test_time_drops_what_is_late_tells_what_is_alone_and_keeps_the_state_small(
    spark: SparkSession, tmp_path: Path
) -> None:
    folder, batches = tmp_path / "the raw records", list[Found]()
    write_batches(folder)

    def keep(joined: DataFrame, batch_id: int) -> None:
        own, candidates = MicroBatch(spark, batch_id), pairs(joined, SETTINGS.window_seconds).toArrow()
        late_until, watermark = (ms / 1000 - NOON for ms in (own.late_until_ms, own.watermark_ms))
        batches.append(Found(late_until, watermark, own.dropped(), candidates))

    suhu, kelembaban = (streamed_side(spark, folder, kind) for kind in (SUHU, KELEMBABAN))
    writer = join(suhu, kelembaban, SETTINGS.window_seconds).writeStream.foreachBatch(keep)
    query = writer.option("checkpointLocation", str(tmp_path / "checkpoint")).trigger(availableNow=True).start()
    query.awaitTermination()

    # Both sides carry the join's watermark: the slower holds it back.
    passed = [-15.0, 5.0, 30.0, 30.0, 85.0, 105.0]
    assert [batch.watermark for batch in batches][1:7] == passed
    assert [batch.late_until for batch in batches][2:7] == passed[:-1]
    assert [batch.dropped for batch in batches] == [0, 0, 0, 3] + [0] * (len(batches) - 4), "the humidity in two copies"
    told = [(number, one) for number, batch in enumerate(batches) for one in alone(batch)]
    assert sorted(one for _, one in told) == sorted(ALONE), "each alone once, beats and what is late never"
    for number, (_, seconds, _) in told:
        window = SETTINGS.window_seconds
        assert batches[number - 1].watermark <= seconds + window < batches[number].watermark

    state = [progress["stateOperators"][0]["numRowsTotal"] for progress in query.recentProgress]
    # A reading, its partner, and that one's copy, for each of three or four batches that a watermark goes back.
    assert max(state[-len(STEADY) :]) <= 12, state
    candidates = spark.createDataFrame(pa.concat_tables([batch.candidates for batch in batches]).combine_chunks())
    rows = at_watermark(nearest(candidates), SETTINGS, 0, settles=False)
    events = [(offset, event) for offset, event in enumerate(chain(*BATCHES)) if len(event) == 3]
    in_time = [
        Reading(name, kind, 50.0, round((NOON + at) * MICROS), 0, offset)
        for offset, (kind, at, name) in events
        if name != "late"
    ]
    assert collected(rows) == status_rows(in_time, SETTINGS.window_seconds)
