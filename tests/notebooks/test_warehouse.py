"""The warehouse notebook: its numbers against plain Python, its pictures' words, and itself, run as a reader would."""

import json
import math
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import numpy as np
import pytest

from arus.errors import ArusError
from notebooks import __main__ as pages
from notebooks.time_steps import SECOND, as_datetime, grid_of
from notebooks.warehouse import data, plots, tables
from tests.notebooks import warehouse_sample as sample
from tests.notebooks.running import drawn, run
from tests.notebooks.warehouse_sample import Row

DANGER = "Bahaya tinggi! Barang berisiko rusak"
NAMES = ["G1", "G2", "G10", "$a_1$ <b>x</b> \\$y", "仓库\n" + "panjang sekali " * 9]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Two hours of five warehouses: more than one piece, with gaps and equal moments."""
    return sample.statuses(NAMES, 7_500)


def held_by_hand(rows: list[Row], step: timedelta) -> dict[tuple[str, datetime, str], float]:
    """Return the seconds of each warehouse, step and status, reading by reading."""
    newest = max(row["event_time"] for row in rows)
    by_warehouse = defaultdict(list)
    for row in rows:
        by_warehouse[row["gudang_id"]].append((row["event_time"], -data.STATUSES.index(row["status"]), row["status"]))
    seconds: dict[tuple[str, datetime, str], float] = defaultdict(float)
    for name, own in by_warehouse.items():
        own.sort()
        ends = [moment for moment, _, _ in own[1:]] + [newest]
        for (moment, _, status), end in zip(own, ends, strict=True):
            begin = moment - (moment - datetime.fromtimestamp(0, moment.tzinfo)) % step
            seconds[name, begin, status] += min(10.0, (end - moment).total_seconds())
    return seconds


def test_time_in_status_is_what_a_loop_over_the_readings_finds(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows[::2])
    sample.write(home, "tables/status_gudang", rows[1::2])
    monitor = data.open_monitor()
    held = data.time_in_status(monitor)
    expected = held_by_hand(rows, timedelta(microseconds=held.grid.step))
    edges = held.grid.edges.tolist()
    found = {
        (name, as_datetime(edges[step]), data.STATUSES[status]): held.seconds[at, step, status]
        for at, name in enumerate(held.warehouses)
        for step, status in zip(*np.nonzero(held.seconds[at]), strict=True)
    }
    assert len(list(monitor.pieces())) == 3
    assert found == pytest.approx({key: seconds for key, seconds in expected.items() if seconds})
    danger: Counter[str] = Counter()
    for (name, _, status), seconds in expected.items():
        danger[name] += int(1000 * seconds) if status == DANGER else 0
    assert held.warehouses == sorted(danger, key=lambda name: -danger[name])


def test_of_two_readings_at_one_moment_the_worse_holds(home: Path) -> None:
    later = sample.START + timedelta(seconds=4)
    first = [sample.status_row("G1", sample.START, suhu, 75.0, is_final=True) for suhu in (81.0, 70.0)]
    sample.write(home, "tables/status_gudang", [*first, sample.status_row("G1", later, 70.0, 60.0, is_final=True)])
    held = data.time_in_status(data.open_monitor())
    assert dict(zip(data.STATUSES, held.seconds.sum(axis=(0, 1)), strict=True)) == {
        **dict.fromkeys(data.STATUSES, 0.0),
        DANGER: 4.0,
    }


def test_only_the_last_hours_are_looked_at(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    newest = max(row["event_time"] for row in rows)
    recent = [row for row in rows if row["event_time"] >= newest - timedelta(hours=0.5)]
    held = data.time_in_status(data.open_monitor(hours=0.5))
    expected = held_by_hand(recent, timedelta(hours=1))
    assert held.seconds.sum() == pytest.approx(sum(expected.values()))


@pytest.mark.parametrize("most_steps", [50, 1_000_000])
def test_a_line_keeps_the_least_and_the_most_of_its_readings(home: Path, rows: list[Row], most_steps: int) -> None:
    sample.fill(home, rows)
    lines = data.series(data.open_monitor(), NAMES, most_steps)
    for (name, kind), line in lines.items():
        values = [row[kind] for row in rows if row["gudang_id"] == name and row[kind] is not None]
        assert len(line.moments) <= min(most_steps + 1, len(values))
        assert (line.least.min(), line.most.max()) == (min(values), max(values))
        assert (line.least <= line.mean + 1e-9).all()
        assert (line.mean <= line.most + 1e-9).all()
        assert (np.diff(line.moments) >= 0).all()


@pytest.mark.parametrize(
    ("seconds", "step"), [(0, 1), (59, 2), (600, 30), (3600, 120), (86400, 3600), (86400 * 90, 86400 * 3)]
)
def test_steps_are_those_of_a_clock(seconds: int, step: int) -> None:
    grid = grid_of(5, 5 + seconds * SECOND, 30)
    assert grid.step == step * SECOND
    assert grid.edges[0] <= 5
    assert grid.edges[-2] <= 5 + seconds * SECOND < grid.edges[-1]
    assert grid.steps <= 31


def test_counts_and_what_waits(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    monitor = data.open_monitor()
    open_rows = [row for row in rows if not row["is_final"]]
    shown = tables.waiting(monitor, count=3)
    assert f"may still change: {len(open_rows)}. Of them, those 3" in shown.caption
    assert "The join holds 42 readings (told 2026-01-02 03:04:05 UTC)." in shown.caption
    newest, oldest = max(row["event_time"] for row in rows), min(row["event_time"] for row in open_rows)
    assert shown.rows[0][-1] == f"{(newest - oldest).total_seconds():.1f}"
    assert len(shown.rows) == 3
    kinds = Counter(reading["kind"] for reading in sample.readings(rows))
    assert set(tables.counts(monitor).rows) >= {
        ("reading, suhu", f"{kinds['suhu']:,}"),
        ("status, may change", f"{len(open_rows):,}"),
        ("rejected, late", "2"),
        ("rejected, not-json", "1"),
    }


@pytest.mark.parametrize("text", [None, "{", "[]", '{"queries": {}}', '{"queries": {"warehouse_monitor.status": {}}}'])
def test_a_job_that_has_not_said_what_it_holds(home: Path, text: str | None) -> None:
    if text is not None:
        (home / "run").mkdir()
        (home / "run" / "warehouse_monitor.status.json").write_text(text)
    assert tables.waiting(data.open_monitor()).caption == "Nothing waits. No job has told how much its join holds."


def test_an_unknown_status_is_not_left_out_in_silence(home: Path) -> None:
    row = {**sample.status_row("G1", sample.START, 70.0, 60.0, is_final=True), "status": "Baru"}
    sample.write(home, "tables/status_gudang", [row])
    with pytest.raises(ArusError, match="has the status 'Baru'"):
        data.time_in_status(data.open_monitor())


def test_names_are_drawn_as_they_are(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    monitor = data.open_monitor()
    held = data.time_in_status(monitor)
    figures = [plots.hours_in_status(held), plots.dangerous_hours(held)]
    drawn(plots.over_time(monitor, held, most=9))
    for figure in figures:
        labels = [label.get_text() for label in drawn(figure).axes[0].get_yticklabels()]
        assert sorted(labels) == sorted(["G1", "G2", "G10", r"\$a_1\$ <b>x</b> \\$y", "□□□panjang seka…g sekali"])
    page = tables.most_dangerous(held, 10**6)._repr_html_()
    assert "&lt;b&gt;x" in page
    assert "<b>" not in page


@pytest.mark.parametrize("seconds", [1, 40, 5000])
def test_one_warehouse_that_is_always_safe(home: Path, seconds: int) -> None:
    moments = (sample.START + timedelta(seconds=at) for at in range(seconds))
    rows = [sample.status_row("G1", moment, 70.0, 60.0, is_final=True) for moment in moments]
    sample.write(home, "tables/status_gudang", rows)
    monitor = data.open_monitor()
    held = data.time_in_status(monitor)
    for figure in (plots.over_time(monitor, held), plots.hours_in_status(held), plots.dangerous_hours(held)):
        drawn(figure)
    assert math.isclose(held.seconds.sum(), seconds - 1)
    assert tables.most_dangerous(held) == (f"No warehouse was ever in '{DANGER}'.", (), (), 1)


def test_the_notebook_shows_a_home_with_data(home: Path, rows: list[Row]) -> None:
    sample.fill(home, rows)
    printed, page, pictures, bare = run("warehouse")
    assert "Looking at 2026-01-02 03:04:05 to 2026-01-02 05:0" in printed
    assert bare == []
    assert pictures == 3
    assert "The join holds 42 readings" in page
    assert "<script" not in page


def test_without_tables_the_notebook_says_how_to_get_them(home: Path) -> None:
    printed, page, pictures, bare = run("warehouse")
    assert printed == (f"No warehouse readings yet in {home}/tables: say `make demo`, then run this notebook again.\n")
    assert bare == []
    assert pictures == 0
    assert "Traceback" not in page
    assert list(home.iterdir()) == []


def test_every_notebook_is_committed_without_outputs() -> None:
    for path in pages.HERE.glob("*.ipynb"):
        node = json.loads(path.read_text("utf-8"))
        nbformat.validate(node)
        code = [cell for cell in node["cells"] if cell["cell_type"] == "code"]
        assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)
        assert set(node["metadata"]["language_info"]) == {"name"}
