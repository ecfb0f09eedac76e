"""The warehouses in `python -m arus status`, from the file that a real board writes."""

import json
import os
from datetime import datetime, timedelta, timezone
from itertools import cycle
from pathlib import Path

import pytest

from arus import board_view, locks, status
from arus.board import Board, Sensor, Status
from arus.cli import demo_view
from arus.home import home as arus_home
from arus.schemas import KELEMBABAN, SUHU
from tests.conftest import free_port

JOB = "warehouse_monitor"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
DANGER = "Bahaya tinggi! Barang berisiko rusak"
WARM = "Suhu tinggi, kelembaban normal"
HUMID = "Kelembaban tinggi, suhu aman"
STATUSES = (DANGER, WARM, HUMID, "Suhu saja", "Kelembaban saja", "Aman")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "arus home"
    (folder / "run").mkdir(parents=True)
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f"localhost:{free_port()}")
    return folder


def path() -> Path:
    return arus_home() / "run" / f"{JOB}.board.json"


def write(
    present: dict[str, str], sensors: dict[tuple[str, str], tuple[float, int, bool, bool]], written: int = 0
) -> None:
    """Have a board write statuses, and sensors by value, age in seconds, high, silent; `written` seconds ago."""
    board = Board(path(), timedelta(seconds=30))
    board.take({name: Status(name, text, NOW) for name, text in present.items()})
    for key, (value, age, is_high, is_silent) in sensors.items():
        heard = NOW - timedelta(seconds=age)
        # What is silent was read two seconds before it came in.
        time = heard - timedelta(seconds=2 * is_silent)
        board.sensors[key] = Sensor(value, time, heard, is_high, is_silent)
    board.write()
    then = NOW.timestamp() - written
    os.utime(path(), (then, then))


def view() -> board_view.BoardView:
    found = board_view.read(JOB, NOW)
    assert found
    return found


def names() -> list[str]:
    return [warehouse.gudang_id for warehouse in view().warehouses]


def small() -> None:
    write(
        {"G1": WARM, "G2": "Aman", "G10": "Aman"},
        {
            ("G1", SUHU): (81.24, 3, True, False),
            ("G1", KELEMBABAN): (65, 120, False, False),
            ("G2", SUHU): (-7.5, 2, False, False),
            ("G2", KELEMBABAN): (71, 34, True, True),
            ("G10", KELEMBABAN): (100, 7200, False, False),
        },
    )


def test_a_small_board_is_shown_whole() -> None:
    small()
    assert board_view.text_of(view(), is_running=True, shows_all=False) == [
        "  warehouses: 3; open warnings (!): 2; silent sensors (diam): 1",
        "  1 Suhu tinggi, 2 Aman",
        "  warehouse          status                               suhu                  kelembaban",
        "  G2                 Aman                                   -7.5 °C   2s          71.0 % ! diam 34s",
        "  G1                 Suhu tinggi, kelembaban normal         81.2 °C ! 3s          65.0 %   2m",
        "  G10                Aman                                      -                 100.0 %   2h",
    ]


def test_where_the_job_does_not_run_ages_count_on_and_the_last_write_is_told() -> None:
    write({"G1": "Aman"}, {("G1", SUHU): (20, 7230, False, True)}, written=7200)
    at = datetime.fromtimestamp(path().stat().st_mtime).astimezone()
    lines = board_view.text_of(view(), is_running=False, shows_all=False)
    assert lines[1] == f"  as of {at:%Y-%m-%d %H:%M:%S} (2h ago), the job is not running"
    assert lines[-1].endswith("20.0 °C   diam 2h        -")
    write({"G1": "Aman"}, {}, written=1)
    assert "(1s ago), the job is not running" in board_view.text_of(view(), is_running=False, shows_all=False)[1]


@pytest.mark.parametrize(("written", "says_so"), [(5, False), (60, True)])
def test_a_running_job_that_has_not_written_for_long_is_told(written: int, says_so: bool) -> None:
    write({"G1": "Aman"}, {}, written)
    lines = board_view.text_of(view(), is_running=True, shows_all=False)
    assert any(line.startswith("  as of ") and line.endswith(" (60s ago)") for line in lines) == says_so
    assert not any("not running" in line for line in lines)


def test_the_most_urgent_come_first() -> None:
    high, silent = (90.0, 1, True, False), (20.0, 40, False, True)
    write(
        {"aman": "Aman", "saja": "Suhu saja", "G10": WARM, "G2": HUMID, "diam": "Aman", "bahaya": DANGER, "baru": WARM},
        {
            ("G3", SUHU): high,
            ("diam", KELEMBABAN): silent,
            ("baru", SUHU): high,
            ("baru", KELEMBABAN): high,
            ("tanpa status", SUHU): (20.0, 1, False, False),
        },
    )
    assert names() == ["bahaya", "baru", "diam", "G2", "G3", "G10", "saja", "tanpa status", "aman"]


def test_names_are_in_natural_order() -> None:
    found = ["G10", "G2", "G02", "gudang", "2", "10", "G2b", "²", "G" + "9" * 5000]
    write(dict.fromkeys(found, "Aman"), {})
    assert names() == ["2", "10", "G02", "G2", "G2b", "G10", "G" + "9" * 5000, "gudang", "²"]


def a_thousand() -> None:
    of = {f"Gudang-{number}": text for number, text in zip(range(1, 1001), cycle(STATUSES), strict=False)}
    write(
        of,
        {(name, kind): (1999.96, 9_000_000, True, True) for name in of for kind in (SUHU, KELEMBABAN)},
        written=9_000_000,
    )


def test_a_thousand_fit_a_screen_and_what_is_not_shown_is_counted() -> None:
    a_thousand()
    lines = board_view.text_of(view(), is_running=False, shows_all=False)
    assert len(lines) <= 14
    assert max(map(len, lines)) <= 100
    assert lines[0] == "  warehouses: 1,000; open warnings (!): 2,000; silent sensors (diam): 2,000"
    assert lines[2:4] == [
        "  167 Bahaya tinggi!, 167 Suhu tinggi, 167 Kelembaban tinggi, 167 Suhu saja, 166 Kelembaban saja,",
        "    166 Aman",
    ]
    assert [line.split()[0] for line in lines[5:12]] == [f"Gudang-{number}" for number in range(1, 8)]
    assert lines[12:] == [
        "  993 more (--all shows them): 165 Bahaya tinggi!, 166 Suhu tinggi, 166 Kelembaban tinggi,",
        "    166 Suhu saja, 165 Kelembaban saja, 165 Aman",
    ]


def test_all_shows_a_thousand() -> None:
    a_thousand()
    lines = board_view.text_of(view(), is_running=False, shows_all=True)
    assert len(lines) == 1005
    assert lines[-1].startswith("  Gudang-1000 ")


def test_what_would_command_the_terminal_is_escaped_and_cut() -> None:
    write({"\x1b[2J": "Aman\x07", "G" * 40: "Aman " * 40}, {("\x1b[2J", SUHU): (1e300, 1, True, True)})
    lines = board_view.text_of(view(), is_running=True, shows_all=False)
    shown = [*lines, board_view.line_of(view())]
    assert all(line.isprintable() for line in shown)
    assert lines[3].startswith("  \\x1b[2J            Aman\\x07 ")
    assert lines[4].startswith(f"  {'G' * 17}… Aman Aman ")
    assert max(map(len, shown)) <= 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"present": {}, "sensors": [1]}',
        '{"present": [{"gudang_id": "G1", "status": "Aman", "time": "2026-01-01T00:00:00"}], "sensors": []}',
        '{"present": [], "sensors": [["G1", "suhu", {"value": null}]]}',
        '{"present": [{"gudang_id": [], "status": "Aman", "time": 5}], "sensors": []}',
        "\x80",
    ],
)
def test_a_damaged_board_shows_nothing_and_hides_nothing(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    report()
    path().write_bytes(text.encode("latin-1"))
    assert status.main([]) == 0
    said = capsys.readouterr().out
    assert f"{JOB}: stopped" in said
    assert "warehouses" not in said


def report() -> None:
    (path().parent / f"{JOB}.status.json").write_text('{"updated": "2026-01-01T00:00:00+00:00", "queries": {}}')


def test_the_status_shows_the_board_below_the_job(capsys: pytest.CaptureFixture[str]) -> None:
    report()
    write(dict.fromkeys(map(str, range(20)), "Aman"), {})
    assert status.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:4] == [f"{JOB}: stopped", "  warehouses: 20; open warnings (!): 0; silent sensors (diam): 0"]
    assert "the job is not running" in lines[4]
    assert "  13 more (--all shows them): 13 Aman" in lines
    assert status.main(["--all"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[7:27]] == [str(n) for n in range(20)]


def test_json_has_each_warehouse_with_ages_in_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    report()
    small()
    assert status.main(["--json"]) == 0
    board = json.loads(capsys.readouterr().out)["jobs"][JOB]["board"]
    assert datetime.fromisoformat(board["written"]).tzinfo
    first = board["warehouses"][0]
    ages = [first["status_age_s"], first["suhu"].pop("age_s"), first["kelembaban"].pop("age_s")]
    ages += [first["suhu"].pop("heard_s"), first["kelembaban"].pop("heard_s")]
    assert [round(age - board["age_s"]) for age in ages] == [0, 2, 36, 2, 34]
    assert first == {
        "gudang_id": "G2",
        "status": "Aman",
        "status_age_s": ages[0],
        "suhu": {"value": -7.5, "is_high": False, "is_silent": False},
        "kelembaban": {"value": 71, "is_high": True, "is_silent": True},
    }
    assert [board["warehouses"][2][kind] is None for kind in (SUHU, KELEMBABAN)] == [True, False]


def test_a_board_without_a_warehouse_says_so() -> None:
    write({}, {})
    assert board_view.text_of(view(), is_running=True, shows_all=False) == ["  warehouses: none yet"]
    assert board_view.line_of(view()) == "warehouses: none yet"


def test_the_demo_names_the_three_most_urgent() -> None:
    small()
    assert board_view.line_of(view()) == "warehouses: G2 Aman (sensor diam), G1 Suhu tinggi, G10 Aman"
    path().unlink()
    a_thousand()
    assert board_view.line_of(view()).endswith("Gudang-3 Kelembaban tinggi (sensor diam), 997 more")


def test_the_demo_says_nothing_of_a_job_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    small()
    assert demo_view.warehouse_lines([JOB]) == []
    monkeypatch.setattr(locks, "is_held", lambda name: name == f"checkpoints/{JOB}")
    assert demo_view.warehouse_lines([JOB]) == [board_view.line_of(view())]
