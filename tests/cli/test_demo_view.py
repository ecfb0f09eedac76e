"""What the demo shows, from tables, status files and alerts that are there; the real thing: tests/e2e/test_demo.py."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from arus import locks
from arus.cli import demo_view
from arus.cli.demo_view import View

FACTORY = ["temperature_filter"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    (tmp_path / "run").mkdir()
    return tmp_path


def alert(seconds_ago: float) -> Any:
    at = time.time() - seconds_ago
    value = json.dumps({"alert_id": "a", "sensor_id": "S1", "suhu": 91.26, "timestamp": at}).encode()
    record = {"timestamp": round(1000 * at) + 7, "partition": 0, "offset": 1, "key": b"S1", "value": value}
    return cast(Any, SimpleNamespace(**record, headers=[]))


def section(view: View, counts: dict[str, int], notes: list[str], jobs: list[str]) -> list[str]:
    """Return what a terminal would show, without the clock of its first line."""
    first, *rest = view._section("0:07", counts, notes, jobs)
    assert first == "0:07   Ctrl-C stops it"
    return rest


def test_the_rows_stand_under_headings_with_what_is_new() -> None:
    view = View({"sensor_suhu": 1_000}, "Ctrl-C stops it")
    section(view, {"menit_suhu": 3}, [], ["retail_ingest"])
    lines = section(view, {"sensor_suhu": 1_250, "menit_suhu": 4}, ["retail models: 1"], ["retail_ingest"])
    assert lines[0].split()[:3] == ["table", "rows", "new"]
    assert [line.split() for line in lines[1:3]] == [["sensor_suhu", "1,250", "+250"], ["menit_suhu", "4", "+1"]]
    assert lines[3:] == ["retail models: 1"]
    assert len({len(line) for line in lines[:3]}) == 1, "the columns are not in line"


def test_a_quiet_stream_shows_how_long_ago_the_last_alert_was() -> None:
    view = View({}, "Ctrl-C stops it")
    assert section(view, {}, [], FACTORY)[-1] == "no alert yet: a reading above the threshold makes one"
    view.add(alert(seconds_ago=114))
    view.add(alert(seconds_ago=74))
    lines = section(view, {}, [], FACTORY)
    assert lines[1] == "latest alerts, the last one 1:14 ago:"
    assert lines[2].endswith("S1  91.3 °C, 7 ms after the reading")


def test_alerts_are_shown_only_where_the_job_runs_that_sends_them() -> None:
    assert "alert" not in " ".join(section(View({}, "Ctrl-C stops it"), {}, [], ["image_analytics"]))


def test_what_is_offered_is_what_runs() -> None:
    images = demo_view.look_further(["image_analytics", "image_resize"], serves=True)
    assert "images consumed" in images
    assert "/upload" in images
    assert "peringatan-suhu" not in images
    assert "models" not in images
    factory = demo_view.look_further(FACTORY, serves=True)
    assert "tail peringatan-suhu" in factory
    assert "In a browser" not in factory
    assert "In a browser" not in demo_view.look_further(["image_resize"], serves=False)


def test_tables_of_the_jobs_and_of_nobodys_are_counted(home: Path) -> None:
    for name, rows in (("sensor_suhu", 3), ("retail", 5), ("of_my_own", 2)):
        write_deltalake(home / "tables" / name, pa.table({"a": list(range(rows))}))
    assert demo_view.row_counts(FACTORY) == {"sensor_suhu": 3, "peringatan_suhu": 0, "of_my_own": 2}


def test_a_job_that_is_not_at_work_yet_says_what_it_is_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"updated": "2999-01-01", "state": "training", "doing": "model 1: customers, step 2 of 7", "queries": {}}
    (home / "run" / "retail_train.status.json").write_text(json.dumps(told))
    locks.path_of("checkpoints/retail_train").write_text(json.dumps({"since": "2000-01-01"}))
    monkeypatch.setattr(locks, "is_held", lambda _: True)
    assert demo_view.state_lines(["retail_train"]) == ["retail_train: training: model 1: customers, step 2 of 7"]
    (home / "run" / "retail_train.status.json").write_text(json.dumps(told | {"state": "running"}))
    assert demo_view.state_lines(["retail_train"]) == []
    (home / "run" / "retail_train.status.json").write_text(json.dumps(told | {"updated": "1999-01-01"}))
    assert demo_view.state_lines(["retail_train"]) == ["retail_train: starting"]


@pytest.mark.parametrize("state", ["stopped", "failed", "running"])
def test_what_the_run_before_said_is_not_what_a_job_that_starts_is_at(home: Path, state: str) -> None:
    told = {"updated": "2026-01-01", "state": state, "doing": "", "queries": {}}
    (home / "run" / "retail_train.status.json").write_text(json.dumps(told))
    assert demo_view.state_lines(["retail_train"]) == ["retail_train: starting"]
