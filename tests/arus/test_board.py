import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from arus.board import Board, Sensor, Status, Turn, utc

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
SILENCE = timedelta(seconds=30)
SAFE, HOT = "Aman", "Suhu tinggi, kelembaban normal"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "a board.json", SILENCE)


def test_a_status_that_differs_from_the_present_one_is_a_change(board: Board) -> None:
    board.take({"G1": Status("G1", SAFE, at(0)), "G2": Status("G2", HOT, at(0))})
    same, other, new = Status("G1", SAFE, at(1)), Status("G2", SAFE, at(1)), Status("G3", SAFE, at(1))
    assert board.changes([same, other, new]) == ([1, 2], {"G1": same, "G2": other, "G3": new})


def test_each_change_within_one_batch_counts_and_repeats_do_not(board: Board) -> None:
    texts = (SAFE, SAFE, HOT, HOT, SAFE)
    statuses = [Status("G1", text, at(second)) for second, text in enumerate(texts)]
    assert board.changes(statuses) == ([0, 2, 4], {"G1": statuses[-1]})


def test_an_older_reading_changes_nothing_whether_the_present_one_is_of_this_batch_or_before(board: Board) -> None:
    board.take({"G1": Status("G1", SAFE, at(10))})
    assert board.changes([Status("G1", HOT, at(9.999999))]) == ([], {})
    newer = Status("G1", SAFE, at(20))
    assert board.changes([newer, Status("G1", HOT, at(15))]) == ([], {"G1": newer})


def test_a_correction_of_the_present_status_is_a_change(board: Board) -> None:
    board.take({"G1": Status("G1", "Suhu saja", at(10))})
    corrected = Status("G1", SAFE, at(10))
    assert board.changes([corrected]) == ([0], {"G1": corrected})


def test_changes_are_only_taken_by_take(board: Board) -> None:
    hot = Status("G1", HOT, at(0))
    assert board.changes([hot]) == board.changes([hot]) == ([0], {"G1": hot})
    board.take({"G1": hot})
    board.take({"G2": hot})
    assert board.changes([hot]) == ([], {"G1": hot})


def test_an_older_reading_is_heard_and_replaces_no_newer_one(board: Board) -> None:
    board.hear("G1", "suhu", Sensor(81.0, at(10), at(11), is_high=True))
    board.hear("G1", "suhu", Sensor(70.0, at(5), at(20)))
    assert board.sensors == {("G1", "suhu"): Sensor(81.0, at(10), at(20), is_high=True)}
    board.hear("G1", "suhu", Sensor(70.0, at(12), at(21)))
    assert board.sensors == {("G1", "suhu"): Sensor(70.0, at(12), at(21))}


def test_a_sensor_is_known_by_warehouse_and_kind(board: Board) -> None:
    board.hear("G1", "suhu", Sensor(1.0, at(1), at(1)))
    board.hear("G1", "kelembaban", Sensor(2.0, at(2), at(2)))
    board.hear("G2", "suhu", Sensor(3.0, at(3), at(3)))
    assert {key: sensor.value for key, sensor in board.sensors.items()} == {
        ("G1", "suhu"): 1.0,
        ("G1", "kelembaban"): 2.0,
        ("G2", "suhu"): 3.0,
    }
    assert board.newest() == {"suhu": at(3), "kelembaban": at(2)}


@pytest.mark.parametrize("values", [(70.0, 95.0), (95.0, 70.0)])
def test_of_two_readings_of_one_time_the_worse_is_on_the_board(board: Board, values: tuple[float, float]) -> None:
    for value in values:
        board.hear("G1", "suhu", Sensor(value, at(1), at(2), is_high=value > 80))
    assert board.sensors["G1", "suhu"] == Sensor(95.0, at(1), at(2), is_high=True)


def test_the_newest_of_a_kind_is_by_time_not_by_order(board: Board) -> None:
    board.hear("G1", "suhu", Sensor(1.0, at(9), at(1)))
    board.hear("G2", "suhu", Sensor(1.0, at(4), at(2)))
    assert board.newest() == {"suhu": at(9)}


def test_a_sensor_is_silent_after_the_limit_and_not_at_it(board: Board) -> None:
    board.hear("G1", "suhu", Sensor(65.5, at(0), at(2)))
    assert board.turns(at(2) + SILENCE) == []
    (turn,) = board.turns(at(2) + SILENCE + timedelta(microseconds=1))
    assert (turn.sensor, turn.is_silent, turn.message[0]) == (("G1", "suhu"), True, "G1")
    assert json.loads(turn.message[1]) == {
        "id": f"G1-suhu-{NOON.timestamp():.6f}-diam",
        "gudang_id": "G1",
        "status": "Sensor suhu diam",
        "timestamp": NOON.timestamp(),
        "suhu": 65.5,
    }


def test_each_turn_is_told_once_and_a_sensor_that_speaks_again_is_a_turn(board: Board) -> None:
    board.hear("G1", "kelembaban", Sensor(65.5, at(0), at(0)))
    board.hear("G2", "kelembaban", Sensor(65.5, at(99), at(99)))
    turns = board.turns(at(99))
    assert [turn.sensor for turn in turns] == [("G1", "kelembaban")]
    assert board.turns(at(99)) == turns, "what has not been told comes again"
    board.told(turns)
    assert board.turns(at(100)) == []
    board.hear("G1", "kelembaban", Sensor(66.0, at(101), at(102)))
    (back,) = board.turns(at(102))
    assert (back.sensor, back.is_silent) == (("G1", "kelembaban"), False)
    assert json.loads(back.message[1]) == {
        "id": f"G1-kelembaban-{at(101).timestamp():.6f}-aktif",
        "gudang_id": "G1",
        "status": "Sensor kelembaban aktif kembali",
        "timestamp": at(101).timestamp(),
        "kelembaban": 66.0,
    }
    board.told([back])
    assert board.turns(at(103)) == []


def test_a_sensor_heard_while_its_silence_is_being_told_keeps_its_reading_and_speaks_again(board: Board) -> None:
    board.hear("G1", "suhu", Sensor(1.0, at(0), at(0)))
    turns = board.turns(at(31))
    board.hear("G1", "suhu", Sensor(2.0, at(31), at(31)))
    board.told(turns)
    assert board.sensors["G1", "suhu"].value == 2.0
    assert [turn.is_silent for turn in board.turns(at(31))] == [False]


def test_what_is_written_is_there_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "a board.json"
    board = Board(path, SILENCE)
    board.take({"G1": Status("G1", SAFE, at(0.000001))})
    board.hear("G1", "suhu", Sensor(81.5, at(0.25), at(1), is_high=True))
    board.hear("G1", "kelembaban", Sensor(1.0, at(1), at(1)))
    board.told([Turn(("G1", "kelembaban"), True, ("", ""))])
    board.write()
    again = Board(path, SILENCE)
    assert (again.present, again.sensors) == (board.present, board.sensors)
    assert [path.name for path in tmp_path.iterdir()] == ["a board.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"present": [{}], "sensors": []}',
        '{"present": [], "sensors": [["G1", "suhu", {"value": 1.0}]]}',
        '{"present": [], "sensors": [["G1"]]}',
        '{"present": [{"gudang_id": "G1", "status": "Aman", "time": "noon"}], "sensors": []}',
        '{"present": [{"gudang_id": "G1", "status": "Aman", "time": 5}], "sensors": []}',
        '{"present": [{"gudang_id": "G1", "status": "Aman", "time": "2026-11-21T12:00:00+00:00", "more": 1}],'
        ' "sensors": []}',
        '{"present": null, "sensors": null}',
    ],
)
def test_a_damaged_file_is_an_empty_board(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a board.json"
    path.write_text(text)
    board = Board(path, SILENCE)
    assert (board.present, board.sensors) == ({}, {})


def test_a_board_that_is_no_text_is_an_empty_board(tmp_path: Path) -> None:
    path = tmp_path / "a board.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert Board(path, SILENCE).present == {}


def test_micros_are_utc_to_the_microsecond() -> None:
    assert utc(1_795_262_400_000_001) == NOON + timedelta(microseconds=1)
    assert utc(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc)
