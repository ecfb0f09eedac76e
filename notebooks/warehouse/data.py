"""The warehouse monitor's tables in figures: read by `deltalake`, without Spark, an hour of them at a time.

Moments are microseconds since 1970, UTC, as the tables have them; temperatures are °C, humidity is relative, in %.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from arus.errors import ArusError
from notebooks.stored import dataset
from notebooks.time_steps import HOUR, SECOND, Floats, Grid, Integers, Series, grid_of

# Worst first; the last two are readings that found no partner of the other kind.
STATUSES = (
    "Bahaya tinggi! Barang berisiko rusak",
    "Suhu tinggi, kelembaban normal",
    "Kelembaban tinggi, suhu aman",
    "Suhu saja",
    "Kelembaban saja",
    "Aman",
)
DANGER = STATUSES.index("Bahaya tinggi! Barang berisiko rusak")
KINDS = ("suhu", "kelembaban")
# A status says nothing about the time long after its reading: a gap in the readings belongs to no status.
LONGEST_HOLD_SECONDS = 10.0


@dataclass(frozen=True)
class Monitor:
    """The tables as they were when opened (None: not there), and the first and last moment to look at."""

    readings: ds.Dataset | None
    warnings: ds.Dataset | None
    statuses: ds.Dataset | None
    rejects: ds.Dataset | None
    start: int = 0
    end: int = -1

    @property
    def is_empty(self) -> bool:
        return self.end < self.start

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Return the time to look at as [from, until): an hour each, or a hundredth of a long time."""
        length = max(HOUR, (self.end - self.start) // 100)
        return ((at, min(at + length, self.end + 1)) for at in range(self.start, self.end + 1, length))


class Held(NamedTuple):
    """For how long each status held: seconds[warehouse, step, status]. The warehouse longest in danger comes first."""

    warehouses: list[str]
    grid: Grid
    seconds: Floats


def open_monitor(hours: float = 24) -> Monitor:
    """Return this store's tables, looked at from `hours` before the newest reading on; ArusError if one is broken."""
    readings, warnings, statuses, rejects = (
        dataset(name)
        for name in (
            "sensor_gudang",
            "peringatan_gudang",
            "status_gudang",
            "rejects/warehouse_monitor",
        )
    )
    spans = [span for table in (readings, statuses) if table and (span := _span(table))]
    if not spans:
        return Monitor(readings, warnings, statuses, rejects)
    end = max(newest for _, newest in spans)
    start = max(min(oldest for oldest, _ in spans), end - round(hours * HOUR))
    return Monitor(readings, warnings, statuses, rejects, start, end)


def time_in_status(monitor: Monitor, most_steps: int = 30, only: Sequence[str] | None = None) -> Held:
    """Return how long each status held, of all warehouses or `only` some, in so many steps of time at most.

    A reading's status holds until the warehouse's next reading, for LONGEST_HOLD_SECONDS at most; all of that time
    counts in the step that the reading is in.
    """
    grid = grid_of(monitor.start, monitor.end, most_steps)
    sums: dict[str, Floats] = {}
    for begin, until in monitor.pieces():
        # What follows the piece is read as well, as far as it can end a hold that begins in it.
        rows = _rows(monitor.statuses, ("status",), begin, until + round(LONGEST_HOLD_SECONDS * SECOND), only)
        for name, seconds in _held(rows, grid, (begin, until), monitor.end):
            sums[name] = sums[name] + seconds if name in sums else seconds
    ordered = sorted(sums, key=lambda name: (-sums[name][:, DANGER].sum(), _natural(name)))
    return Held(ordered, grid, np.array([sums[name] for name in ordered]).reshape(-1, grid.steps, len(STATUSES)))


def _held(rows: pa.Table, grid: Grid, piece: tuple[int, int], end: int) -> Iterator[tuple[str, Floats]]:
    """Return, by warehouse, seconds[step, status] of the piece's readings; of two at one moment the worse holds."""
    names = pc.dictionary_encode(rows["gudang_id"].combine_chunks())
    warehouse, moment = names.indices.to_numpy(), _moments(rows)
    status = _codes(rows["status"])
    order = np.lexsort((-status, moment, warehouse))
    warehouse, moment, status = warehouse[order], moment[order], status[order]
    hold = np.full(len(order), LONGEST_HOLD_SECONDS)
    followed = np.flatnonzero(warehouse[1:] == warehouse[:-1])
    hold[followed] = np.minimum(hold[followed], (moment[followed + 1] - moment[followed]) / SECOND)
    hold = np.minimum(hold, (end - moment) / SECOND)
    counted = (moment >= piece[0]) & (moment < piece[1])
    step = (moment - grid.origin) // grid.step
    cell = ((warehouse * grid.steps + step) * len(STATUSES) + status)[counted]
    shape = (len(names.dictionary), grid.steps, len(STATUSES))
    seconds = np.bincount(cell, hold[counted], math.prod(shape)).reshape(shape)
    return zip(names.dictionary.to_pylist(), seconds, strict=True)


def _codes(statuses: pa.ChunkedArray) -> Integers:
    """Return each status as its place in STATUSES; ArusError where there is another."""
    codes = pc.index_in(statuses, pa.array(STATUSES, statuses.type))
    if codes.null_count:
        unknown = statuses.filter(codes.is_null())[0].as_py()
        where = "STATUSES in notebooks/warehouse/data.py"
        raise ArusError(f"status_gudang has the status {unknown!r}: add it to {where}")
    places: Integers = codes.to_numpy()
    return places


def series(monitor: Monitor, warehouses: Sequence[str], most_steps: int = 600) -> dict[tuple[str, str], Series]:
    """Return the readings of these warehouses, by warehouse and kind, in so many points each at most."""
    grid = grid_of(monitor.start, monitor.end, most_steps)
    rows = _rows(monitor.readings, ("kind", "reading"), monitor.start, monitor.end + 1, warehouses)
    keys = [(warehouse, kind) for warehouse in warehouses for kind in KINDS]
    return {
        key: _series(rows.filter((pc.field("gudang_id") == key[0]) & (pc.field("kind") == key[1])), grid)
        for key in keys
    }


def _series(rows: pa.Table, grid: Grid) -> Series:
    moment, value = _moments(rows), rows["reading"].to_numpy()
    order = np.argsort(moment, kind="stable")
    moment, value = moment[order], value[order]
    if len(moment) <= grid.steps:
        return Series(moment, value, value, value)
    steps, first, count = np.unique((moment - grid.origin) // grid.step, return_index=True, return_counts=True)
    return Series(
        grid.origin + steps * grid.step + grid.step // 2,
        np.add.reduceat(value, first) / count,
        np.minimum.reduceat(value, first),
        np.maximum.reduceat(value, first),
    )


def _span(table: ds.Dataset) -> tuple[int, int] | None:
    """Return the oldest and the newest moment of a table, None of an empty one."""
    oldest, newest = [], []
    for batch in table.to_batches(columns=["event_time"]):
        if batch.num_rows:
            moments = _moments(batch)
            oldest.append(int(moments.min()))
            newest.append(int(moments.max()))
    return (min(oldest), max(newest)) if oldest else None


def _rows(
    table: ds.Dataset | None, columns: Sequence[str], begin: int, until: int, only: Sequence[str] | None
) -> pa.Table:
    names = ["gudang_id", "event_time", *columns]
    if table is None:
        types = {"event_time": pa.timestamp("us", "UTC"), "reading": pa.float64()}
        return pa.schema([(name, types.get(name, pa.string())) for name in names]).empty_table()
    moment = table.schema.field("event_time").type
    where = (ds.field("event_time") >= pa.scalar(begin, moment)) & (ds.field("event_time") < pa.scalar(until, moment))
    return table.to_table(names, where if only is None else where & ds.field("gudang_id").isin(list(only)))


def _moments(rows: Any) -> Integers:
    moments: Integers = rows["event_time"].cast(pa.int64()).to_numpy()
    return moments


def _natural(name: str) -> str:
    """Return a key by which G2 comes before G10."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(20), name)
