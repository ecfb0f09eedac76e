"""The factory notebook: its figures against plain Python, its pictures, and itself, run whole."""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from notebooks.factory import data, plots
from notebooks.shown import NO_READINGS, Shown
from notebooks.time_steps import Grid
from tests.arus.delta_tables import JOB, Row, append
from tests.notebooks import factory_sample as sample
from tests.notebooks.running import drawn, run

NAMES = ["S1", "S2", "$a_1$ <b>", "S10", "仓库"]
LINES = """
    SELECT sensor_id, point, min(suhu) AS least, avg(suhu) AS mean, max(suhu) AS most
    FROM readings GROUP BY sensor_id, point ORDER BY sensor_id, point
"""
HOTTEST = "SELECT sensor_id, point, max(suhu) AS most FROM alerts GROUP BY sensor_id, point"
BY_STEP = "SELECT sensor_id, step, count(*) AS alerts FROM alerts GROUP BY sensor_id, step"
FAULTS = "SELECT time_fault, count(*) AS readings FROM readings GROUP BY time_fault"
# Run after the notebook's cells: what its queries found.
TELL = """
import json
for found in (lines, alerts):
    print(json.dumps(found.to_pylist(), default=str))
"""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """An hour and a half of five sensors."""
    return sample.readings(NAMES, 5400)


def begun(grid: Grid, moment: datetime) -> str:
    """Return when a moment's step began."""
    epoch = datetime.fromtimestamp(0, moment.tzinfo)
    return str(moment - (moment - epoch) % timedelta(microseconds=grid.step))


def test_the_notebook_finds_what_a_loop_finds(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    printed, page, pictures, bare = run("factory", TELL)
    summary, lines, alerts = printed.splitlines()
    hot = sample.alerts(rows)
    between = "2026-01-02 03:04:05 to 2026-01-02 04:34:04 UTC"
    counts = f"27,000 readings and {len(hot):,} alerts"
    assert summary == f"Looking at {counts}, {between}, of {home}/tables."
    factory = data.open_factory()
    points = defaultdict(list)
    for row in rows:
        points[row["sensor_id"], begun(factory.points, row["event_time"])].append(row["suhu"])
    found = {(row["sensor_id"], row["point"]): row for row in json.loads(lines)}
    most = {name: max(row["suhu"] for row in rows if row["sensor_id"] == name) for name in NAMES}
    hottest = sorted(NAMES, key=lambda name: -most[name])[:4]
    assert found.keys() == {key for key in points if key[0] in hottest}
    for key, row in found.items():
        values = points[key]
        expected = (min(values), sum(values) / len(values), max(values))
        assert (row["least"], row["mean"], row["most"]) == pytest.approx(expected)
    by_step = Counter((row["sensor_id"], begun(factory.steps, row["event_time"])) for row in hot)
    told = {(row["sensor_id"], row["step"]): row["alerts"] for row in json.loads(alerts)}
    assert told == by_step
    assert (pictures, bare) == (2, [])
    for words in ("not-json</td>", ">2</td>", "absurd-time:timestamp</td>", ">270</td>"):
        assert words in page


def test_names_are_drawn_as_they_are_and_alerts_are_marked(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    factory = data.open_factory()
    found = factory.query(LINES), factory.query(HOTTEST)
    axes = drawn(plots.over_time(factory, *found, sample.LIMIT)).axes
    titles = [axis.get_title("left") for axis in axes]
    assert titles == [r"\$a_1\$ <b>", "S1", "S10", "S2", "□□"]
    marked = [len(axis.collections[-1].get_offsets()) for axis in axes]  # type: ignore[arg-type]
    assert sum(marked) == found[1].num_rows
    figure = drawn(plots.alerts_by_step(factory, factory.query(BY_STEP), most=2))
    counts = Counter(row["sensor_id"] for row in sample.alerts(rows))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"□□ ({counts['仓库']})", f"S10 ({counts['S10']})"]


def test_only_the_last_hours_are_looked_at(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    factory = data.open_factory(hours=0.5)
    newest = rows[-1]["event_time"]
    recent = [row for row in rows if row["event_time"] >= newest - timedelta(hours=0.5)]
    for view, expected in (("readings", recent), ("alerts", sample.alerts(recent))):
        found = factory.query(f"SELECT count(*) AS n FROM {view}")  # noqa: S608
        assert found["n"].to_pylist() == [len(expected)]


@pytest.mark.parametrize("is_there", [False, True])
def test_without_readings_the_notebook_says_how_to_get_them(home: Path, is_there: bool) -> None:
    if is_there:
        for name in ("sensor_suhu", "peringatan_suhu", f"rejects/{JOB}"):
            append(home, name, [])
    printed, page, pictures, bare = run("factory")
    get = "say `make demo`, then run this notebook again"
    assert printed == f"No factory readings yet in {home}/tables: {get}.\n"
    assert (pictures, bare) == (0, [])
    assert page.count("No readings yet: <code>make demo</code> brings some.") == 2
    assert "Traceback" not in page
    assert is_there or list(home.iterdir()) == []


@pytest.mark.parametrize("is_there", [False, True])
def test_readings_without_alerts(home: Path, is_there: bool) -> None:
    append(home, "sensor_suhu", sample.readings(NAMES, 1))
    if is_there:
        append(home, "peringatan_suhu", [])
    factory = data.open_factory()
    hottest = factory.query(HOTTEST)
    drawn(plots.over_time(factory, factory.query(LINES), hottest, sample.LIMIT))
    assert plots.alerts_by_step(factory, hottest) == Shown("No alert in this time.")
    assert "5 readings and 0 alerts" in data.summary(factory)


def test_a_table_from_before_times_were_judged(home: Path) -> None:
    old = {"sensor_id": pa.string(), "suhu": pa.float64(), "event_time": pa.timestamp("us", "UTC")}
    table = pa.Table.from_pylist(sample.readings(NAMES, 1), pa.schema(list(old.items())))
    write_deltalake(str(home / "tables" / "sensor_suhu"), table)
    factory = data.open_factory()
    assert factory.query(FAULTS).to_pylist() == [{"time_fault": None, "readings": 5}]
    empty = factory.query(LINES).slice(0, 0)
    assert plots.over_time(factory, empty, empty, sample.LIMIT) == NO_READINGS
