"""The factory's tables, asked by SQL: `deltalake` runs it, in pieces and without Spark."""

from typing import NamedTuple

import pyarrow as pa
from deltalake import QueryBuilder

from arus import home
from notebooks import stored
from notebooks.shown import Shown
from notebooks.time_steps import HOUR, SECOND, Grid, Integers, as_datetime, grid_of

READING = {"sensor_id": "varchar", "suhu": "double", "event_time": "timestamp"}
# What the SQL calls a table, its name in the store, and which columns of it are used.
TABLES = {
    "all_readings": ("sensor_suhu", READING | {"time_fault": "varchar"}),
    "all_alerts": ("peringatan_suhu", READING),
    "rejects": ("rejects/temperature_filter", {"reason": "varchar"}),
}
# How many points a line has at most, and how many steps the time of the alerts.
MOST_POINTS, MOST_STEPS = 600, 30
MOMENT = "%Y-%m-%d %H:%M:%S"


class Factory(NamedTuple):
    """The tables as they were when opened, and the first and last moment to look at.

    SQL finds `readings` and `alerts`, of that time, each row with the `point` of a line and the
    `step` of time that it is in, and all `rejects`.
    """

    builder: QueryBuilder
    start: int
    end: int

    @property
    def is_empty(self) -> bool:
        return self.end < self.start

    @property
    def points(self) -> Grid:
        return grid_of(self.start, self.end, MOST_POINTS)

    @property
    def steps(self) -> Grid:
        return grid_of(self.start, self.end, MOST_STEPS)

    def query(self, sql: str) -> pa.Table:
        found = pa.table(self.builder.execute(sql).read_all())
        # Arrow's functions know few things to do with the views of text that come from SQL.
        schema = found.schema
        for at, field in enumerate(schema):
            if field.type == pa.string_view():
                schema = schema.set(at, field.with_type(pa.string()))
        return found.cast(schema)


def open_factory(hours: float = 24) -> Factory:
    """Return this store's tables, from `hours` before the newest reading on.

    A table that is not there is empty, and so is a column that an older table has not; ArusError
    if one is broken.
    """
    builder = QueryBuilder()
    for view, (name, columns) in TABLES.items():
        _add(builder, view, name, columns)
    factory = _looked_at(builder, hours)
    for view in ("readings", "alerts"):
        builder.execute(
            f"CREATE VIEW {view} AS SELECT *, "  # noqa: S608 (of our own words and numbers)
            f"{_begin(factory.points)} AS point, {_begin(factory.steps)} AS step "
            f"FROM all_{view} WHERE event_time >= to_timestamp_micros({factory.start})"
        )
    return factory


def _add(builder: QueryBuilder, view: str, name: str, columns: dict[str, str]) -> None:
    table = stored.table(name)
    there = {field.name for field in table.schema().fields} if table else set()
    kinds = columns.items()
    parts = (own if own in there else f"CAST(NULL AS {kind}) AS {own}" for own, kind in kinds)
    if table:
        builder.register(f"stored_{view}", table)
    source = f"FROM stored_{view}" if table else "WHERE false"
    builder.execute(f"CREATE VIEW {view} AS SELECT {', '.join(parts)} {source}")


def _looked_at(builder: QueryBuilder, hours: float) -> Factory:
    factory = Factory(builder, 0, -1)
    ends = factory.query("SELECT min(event_time) AS a, max(event_time) AS z FROM all_readings")
    if ends["z"].null_count:
        return factory
    (oldest,), (newest,) = moments(ends["a"]).tolist(), moments(ends["z"]).tolist()
    return Factory(builder, max(oldest, newest - round(hours * HOUR)), newest)


def _begin(grid: Grid) -> str:
    return f"date_bin(INTERVAL '{grid.step // SECOND} seconds', event_time)"


def moments(column: pa.ChunkedArray) -> Integers:
    """Return a query's times as microseconds since 1970."""
    found: Integers = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    return found


def summary(factory: Factory) -> str:
    """Return in one line what there is to see, or how to get it."""
    tables = f"{home.store()}/tables"
    if factory.is_empty:
        get = "say `make demo`, then run this notebook again"
        return f"No factory readings yet in {tables}: {get}."
    readings, alerts = (
        factory.query(f"SELECT count(*) AS n FROM {view}")["n"][0].as_py()  # noqa: S608
        for view in ("readings", "alerts")
    )
    between = f"{as_datetime(factory.start):{MOMENT}} to {as_datetime(factory.end):{MOMENT}} UTC"
    return f"Looking at {readings:,} readings and {alerts:,} alerts, {between}, of {tables}."


def counted(caption: str, found: pa.Table, nothing: str) -> Shown:
    """Return a query's words and their numbers as a small table, or what to say of nothing."""
    rows = [(word, f"{number:,}") for word, number in zip(*found.to_pydict().values(), strict=True)]
    return Shown(caption, found.column_names, rows) if rows else Shown(nothing)
