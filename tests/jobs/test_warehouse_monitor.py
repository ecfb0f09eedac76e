"""Each record on its own: parsing, checks, warnings, the six statuses, and what is told of them."""

import dataclasses
import json
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from arus import schemas
from arus.board import Board, Sensor, Status, utc
from arus.errors import ArusError
from arus.heartbeat import Heart
from arus.pairing import BEAT, message, not_older, status, without_repeats
from arus.schemas import KELEMBABAN, SUHU
from arus.streaming.task_rows import REJECTS
from jobs.warehouse_monitor import (
    LONGEST_WAY,
    NEWEST,
    Settings,
    as_messages,
    hear,
    is_high,
    late_rows,
    parse,
    refuse_wrong,
    rows,
    show_statuses,
    show_warnings,
    side,
)
from tests.jobs.warehouse_records import ARRIVED, NOON, SETTINGS, batch, beat, frame, reading, record

DAY = 86_400
REJECTED = [
    # A reading of the other kind has none of the kind that the topic is for.
    (KELEMBABAN, reading(SUHU, 70.0), "missing-field:kelembaban"),
    (SUHU, reading(KELEMBABAN, 70.0), "missing-field:suhu"),
    *((kind, None, "null-value") for kind in (SUHU, KELEMBABAN)),
    *((kind, b"", "empty") for kind in (SUHU, KELEMBABAN)),
    *((kind, b"{", "not-json") for kind in (SUHU, KELEMBABAN)),
    *((kind, b"[1]", "not-object") for kind in (SUHU, KELEMBABAN)),
    *((kind, b'{"gudang_id":"\xff"}', "not-utf8") for kind in (SUHU, KELEMBABAN)),
    *((kind, reading(kind, 50.0) + b"{}", "trailing-bytes") for kind in (SUHU, KELEMBABAN)),
    *((kind, reading(kind, 50.0, gudang_id="G" * 65536), "oversize") for kind in (SUHU, KELEMBABAN)),
    *((kind, b'{"%s":50.0}' % kind.encode(), "missing-field:gudang_id") for kind in (SUHU, KELEMBABAN)),
    *((kind, reading(kind, 50.0, gudang_id=""), "wrong-type:gudang_id") for kind in (SUHU, KELEMBABAN)),
    *((kind, reading(kind, 50.0, gudang_id="  "), "wrong-type:gudang_id") for kind in (SUHU, KELEMBABAN)),
    *((kind, reading(kind, 50.0, gudang_id=BEAT), "wrong-type:gudang_id") for kind in (SUHU, KELEMBABAN)),
    *(
        (kind, b'{"gudang_id":"G1","%s":%s}' % (kind.encode(), number), f"{code}:{kind}")
        for kind in (SUHU, KELEMBABAN)
        for number, code in (
            (b"null", "missing-field"),
            (b'"panas"', "wrong-type"),
            (b"true", "wrong-type"),
            (b"[70.0]", "wrong-type"),
            (b"NaN", "not-finite"),
            (b"1e400", "not-finite"),
            (b"-1e400", "not-finite"),
        )
    ),
    (SUHU, reading(SUHU, math.nextafter(-273.15, -1e9)), "out-of-range:suhu"),
    (SUHU, reading(SUHU, math.nextafter(2000.0, 1e9)), "out-of-range:suhu"),
    (KELEMBABAN, reading(KELEMBABAN, -5e-324), "out-of-range:kelembaban"),
    (KELEMBABAN, reading(KELEMBABAN, math.nextafter(100.0, 1e9)), "out-of-range:kelembaban"),
]
USED = [
    (SUHU, reading(SUHU, -273.15), -273.15, 0.0),
    (SUHU, reading(SUHU, 2000.0), 2000.0, 0.0),
    (SUHU, reading(SUHU, 101.0), 101.0, 0.0),
    (SUHU, reading(SUHU, -0.5), -0.5, 0.0),
    (KELEMBABAN, reading(KELEMBABAN, 0.0), 0.0, 0.0),
    (KELEMBABAN, reading(KELEMBABAN, 100.0), 100.0, 0.0),
    (SUHU, b'{"gudang_id":"G1","suhu":70,"timestamp":null}', 70.0, 0.0),
    (SUHU, b'{"gudang_id":"G1","temperature":70,"timestamp":"2026-11-21T18:59:58+07:00"}', 70.0, -2.0),
    (KELEMBABAN, b'\xef\xbb\xbf{"gudang_id":"G1","humidity":"70","timestamp":1795262403500}', 70.0, 3.5),
    (KELEMBABAN, b'{"gudang_id":"G1","kelembaban":70,"timestamp":"noon"}', 70.0, 0.0),
    (SUHU, reading(SUHU, 70.5, DAY + 0.001), 70.5, 0.0),
    (SUHU, reading(SUHU, 70.5, -NOON), 70.5, 0.0),
    (KELEMBABAN, b' {"kelembaban":7.0e1,"gudang_id":"G1"}\n', 70.0, 0.0),
    (SUHU, reading(SUHU, 70.5, -3.25), 70.5, -3.25),
    (KELEMBABAN, reading(KELEMBABAN, 70.5, DAY), 70.5, DAY),
    (SUHU, reading(SUHU, 70.0, 0.000001), 70.0, 0.000001),
    (SUHU, reading(SUHU, 70.0, gudang_id="  G1 "), 70.0, 0.0),
    # A humidity in a temperature's record is no reading: the topic says what a record is.
    (SUHU, b'{"gudang_id":"G1","suhu":70.0,"kelembaban":999}', 70.0, 0.0),
]


def test_every_record_that_cannot_be_used_has_its_reason(spark: SparkSession) -> None:
    records = [record(kind, value, offset) for offset, (kind, value, _) in enumerate(REJECTED)]
    found = rows(batch(*records), SETTINGS)
    codes = {row["offset"]: row["reason"] for row in found[REJECTS].to_pylist()}
    assert codes == {offset: code for offset, (_, _, code) in enumerate(REJECTED)}
    assert found["sensor_gudang"].num_rows == 0
    usable = parse(frame(spark, *records), SETTINGS).where("is_usable").select("topic", "value").collect()
    assert usable == [], "the join and the warnings judge as the tables do"


def test_every_good_record_is_a_reading_of_its_topics_kind_with_its_own_time_or_kafkas(spark: SparkSession) -> None:
    records = [record(kind, value, offset, 3) for offset, (kind, value, *_) in enumerate(USED)]
    columns = schemas.TABLES["sensor_gudang"].removesuffix(f", {schemas.TIME_FAULT} string")
    names = [column.split()[0] for column in columns.split(", ")]
    expected = [
        ("G1", kind, number, ARRIVED + timedelta(seconds=seconds), records[offset][0], 3, offset)
        for offset, (kind, _, number, seconds) in enumerate(USED)
    ]
    in_tables = rows(batch(*records), SETTINGS)["sensor_gudang"].select(names).sort_by("offset").to_pylist()
    assert [tuple(row.values()) for row in in_tables] == expected
    parsed = parse(frame(spark, *records), SETTINGS).where("is_usable").select(names).orderBy("offset")
    frame_of_expected = spark.createDataFrame(expected, columns)
    assert parsed.collect() == frame_of_expected.collect()
    assert parsed.schema.simpleString() == frame_of_expected.schema.simpleString()


def test_late_readings_are_rejected_whole_up_to_the_watermark_and_nothing_else() -> None:
    records = [
        record(SUHU, reading(SUHU, 70.0, 4.0), 0),
        record(KELEMBABAN, reading(KELEMBABAN, 60.0, 5.0), 1),
        record(SUHU, reading(SUHU, 70.0, 5.001), 2),
        record(SUHU, b"{", 3),
        beat(SUHU, 1.0, 4),
    ]
    found = late_rows(batch(*records), SETTINGS, 1000 * (NOON + 5))
    assert [(row["offset"], row["value"], row["reason"]) for row in found[REJECTS].to_pylist()] == [
        (offset, records[offset][5], "late") for offset in (0, 1)
    ]
    assert found.keys() == {REJECTS}


def test_a_side_has_its_own_readings_and_its_own_beats_and_nothing_unusable(spark: SparkSession) -> None:
    records = [
        record(SUHU, reading(SUHU, 70.0, 1.5), offset=7, partition=1),
        record(KELEMBABAN, reading(KELEMBABAN, 60.0, 2.5, gudang_id=" G2 "), offset=8),
        record(KELEMBABAN, reading(KELEMBABAN, 101.0, 2.5), offset=9),
        record(SUHU, b"{", offset=10),
        beat(SUHU, 9.25, offset=3),
        beat(KELEMBABAN, 11.0, offset=4),
        (schemas.DETAK_GUDANG, 0, 5, ARRIVED, None, b'{"kind":"suhu"}'),
        # A beat of the kind that its key says; a reading in the topic of beats is none.
        (schemas.DETAK_GUDANG, 0, 6, ARRIVED, b"G1", reading(SUHU, 70.0, 1.0)),
    ]
    raw = frame(spark, *records)

    def of_side(kind: str) -> list[tuple[Any, ...]]:
        own = side(raw, kind, SETTINGS)
        assert own.columns == [f"{kind}_gudang_id", kind, f"{kind}_time", f"{kind}_place"]
        return [(row[0], row[1], row[2], row[3]) for row in own.orderBy(f"{kind}_place").collect()]

    at = next(row[0] for row in spark.createDataFrame([(ARRIVED,)], "a timestamp").collect())
    assert of_side(SUHU) == [
        (BEAT, None, at + timedelta(seconds=9.25), 3),
        ("G1", 70.0, at + timedelta(seconds=1.5), (1 << 48) + 7),
    ]
    assert of_side(KELEMBABAN) == [
        (BEAT, None, at + timedelta(seconds=11), 4),
        ("G2", 60.0, at + timedelta(seconds=2.5), 8),
    ]


def test_a_reading_at_the_threshold_is_no_warning_and_one_a_hair_above_is(spark: SparkSession) -> None:
    above = {SUHU: math.nextafter(80.0, 100), KELEMBABAN: math.nextafter(70.0, 100)}
    numbers = [
        *((kind, number) for kind in above for number in (above[kind], 69.0, 70.0, 75.0, 80.0)),
        (SUHU, 1999.0),
        (KELEMBABAN, 100.0),
    ]
    records = [
        record(kind, reading(kind, number, 0.25), offset, partition=1) for offset, (kind, number) in enumerate(numbers)
    ]
    high_readings = parse(frame(spark, *records), SETTINGS).where(is_high(SETTINGS))
    told = [(row.key, json.loads(row.value)) for row in as_messages(high_readings).collect()]
    text = {SUHU: "Peringatan Suhu Tinggi", KELEMBABAN: "Peringatan Kelembaban Tinggi"}
    high = [(0, SUHU, above[SUHU]), (5, KELEMBABAN, above[KELEMBABAN]), (8, KELEMBABAN, 75.0), (9, KELEMBABAN, 80.0)]
    assert told == [
        (
            "G1",
            {
                "alert_id": f"sensor-{kind}-gudang-1-{offset}",
                "gudang_id": "G1",
                "kind": kind,
                "value": number,
                "timestamp": NOON + 0.25,
                "peringatan": text[kind],
            },
        )
        for offset, kind, number in (*high, (10, SUHU, 1999.0), (11, KELEMBABAN, 100.0))
    ]
    in_table = rows(batch(*records), SETTINGS)["peringatan_gudang"].to_pylist()
    assert sorted((row["alert_id"], row["kind"], row["value"]) for row in in_table) == sorted(
        (message["alert_id"], message["kind"], message["value"]) for _, message in told
    )


def test_two_readings_give_one_of_six_statuses(spark: SparkSession) -> None:
    warm, humid = math.nextafter(80.0, 100), math.nextafter(70.0, 100)
    expected: list[tuple[float | None, float | None, str]] = [
        (80.0, 70.0, "Aman"),
        (-10.0, 0.0, "Aman"),
        (warm, 70.0, "Suhu tinggi, kelembaban normal"),
        (80.0, humid, "Kelembaban tinggi, suhu aman"),
        (warm, humid, "Bahaya tinggi! Barang berisiko rusak"),
        (75.0, 75.0, "Kelembaban tinggi, suhu aman"),
        (warm, None, "Suhu saja"),
        (80.0, None, "Suhu saja"),
        (None, humid, "Kelembaban saja"),
        (None, 70.0, "Kelembaban saja"),
    ]
    rows = spark.createDataFrame([row[:2] for row in expected], "suhu double, kelembaban double").coalesce(1)
    assert [row.status for row in rows.select(status(80.0, 70.0).alias("status")).collect()] == [
        row[2] for row in expected
    ]


def table(*rows: tuple[str, int, str]) -> pa.Table:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    types = (pa.string(), pa.int64(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["gudang_id", "event_time", "status"])


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([], []),
        ([("G1", 5, "A")], [("G1", 5, "A")]),
        ([("G1", 2, "A"), ("G1", 1, "A")], [("G1", 1, "A"), ("G1", 2, "A")]),
        (
            [("G1", time, text) for time, text in enumerate("AAABBA")],
            [("G1", 0, "A"), ("G1", 3, "B"), ("G1", 5, "A")],
        ),
        ([("G1", time, text) for time, text in enumerate("ABBB")], [("G1", 0, "A"), ("G1", 1, "B"), ("G1", 3, "B")]),
        # The next warehouse begins with the status that the one before ended with.
        (
            [("G2", 1, "A"), ("G1", 3, "A"), ("G2", 2, "A"), ("G1", 1, "A"), ("G2", 3, "A"), ("G1", 2, "A")],
            [("G1", 1, "A"), ("G1", 3, "A"), ("G2", 1, "A"), ("G2", 3, "A")],
        ),
    ],
)
def test_repeats_are_left_out_but_for_a_warehouses_last(
    rows: list[tuple[str, int, str]], kept: list[tuple[str, int, str]]
) -> None:
    left = without_repeats(table(*rows))
    assert [tuple(row.values()) for row in left.to_pylist()] == kept
    if len(rows) > 2:
        halves = pa.concat_tables([table(*rows[:2]), table(*rows[2:])])
        assert without_repeats(halves).to_pylist() == left.to_pylist(), "as Spark gives it, in several chunks"


# An older reading, late or corrected, comes in the micro-batch in which the status changes and changes back.
def test_a_change_is_told_though_an_older_reading_had_the_same_status(tmp_path: Path) -> None:
    board = Board(tmp_path / "board.json", timedelta(seconds=30))
    board.take({"G1": Status("G1", "A", utc(100))})
    new = table(("G1", 50, "B"), ("G1", 110, "B"), ("G1", 120, "A"))
    new = new.set_column(1, "event_time", new["event_time"].cast(pa.timestamp("us", "UTC")))
    left = without_repeats(not_older(new, board.present)).to_pylist()
    statuses = [Status(row["gudang_id"], row["status"], row["event_time"]) for row in left]
    assert [statuses[number].time for number in board.changes(statuses)[0]] == [utc(110), utc(120)]


def row_of_table(**changes: Any) -> dict[str, Any]:
    return {
        "gudang_id": "G1",
        "suhu": 81.5,
        "suhu_time": ARRIVED,
        "kelembaban": 71.5,
        "kelembaban_time": ARRIVED - timedelta(microseconds=1),
        "status": "Bahaya tinggi! Barang berisiko rusak",
        "event_time": ARRIVED,
        "is_final": False,
        "topic": "sensor-suhu-gudang",
        "partition": 1,
        "offset": 42,
        "settled": False,
        "flags": 7,
        **changes,
    }


def test_a_message_of_a_status_has_both_readings_and_an_id_of_the_pair() -> None:
    key, value = message(row_of_table())
    before = (ARRIVED - timedelta(microseconds=1)).timestamp()
    assert (key, json.loads(value)) == (
        "G1",
        {
            "id": f"sensor-suhu-gudang-1-42@{before}=71.5",
            "gudang_id": "G1",
            "status": "Bahaya tinggi! Barang berisiko rusak",
            "suhu": 81.5,
            "kelembaban": 71.5,
            "timestamp": NOON,
            "suhu_timestamp": NOON,
            "kelembaban_timestamp": before,
        },
    )
    assert message(row_of_table(is_final=True, settled=True, flags=12)) == (key, value), "the same however often"
    assert message(row_of_table(kelembaban_time=ARRIVED))[1] != value


def test_a_message_of_a_reading_alone_says_so_with_null() -> None:
    alone = row_of_table(
        suhu=None, suhu_time=None, kelembaban_time=ARRIVED, status="Kelembaban saja", topic="sensor-kelembaban-gudang"
    )
    told = json.loads(message(alone)[1])
    assert (told["suhu"], told["suhu_timestamp"], told["timestamp"]) == (None, None, NOON)
    assert told["id"] == f"sensor-kelembaban-gudang-1-42@{float(NOON)}=71.5"
    told = json.loads(message(row_of_table(kelembaban=None, kelembaban_time=None))[1])
    assert (told["kelembaban"], told["kelembaban_timestamp"]) == (None, None)
    assert told["id"] == "sensor-suhu-gudang-1-42@None=None"


def test_board_and_heart_hear_the_newest_reading_of_each_sensor(tmp_path: Path) -> None:
    board, heart = Board(tmp_path / "board.json", timedelta(seconds=30)), Heart((SUHU, KELEMBABAN), 1.0, 100.0)
    before = datetime.now(timezone.utc)
    records = [
        record(SUHU, reading(SUHU, 79.5, 3.000001), 3),
        record(SUHU, reading(SUHU, 80.5, 3.000001), 0),
        record(SUHU, reading(SUHU, 78.5, 3.000001), 4),
        record(SUHU, reading(SUHU, 90.0, 2.0), 1),
        record(SUHU, reading(SUHU, 80.0, 9.0, gudang_id="G2"), 2),
        record(KELEMBABAN, reading(KELEMBABAN, 75.0, 1.0), 0),
    ]
    hear(rows(batch(*records), SETTINGS)[NEWEST], SETTINGS, board, heart)
    heard = {sensor.heard for sensor in board.sensors.values()}
    assert len(heard) == 1
    now = heard.pop()
    assert before <= now + LONGEST_WAY <= datetime.now(timezone.utc), "Kafka's time of them is long ago"
    at = {seconds: ARRIVED + timedelta(seconds=seconds) for seconds in (1.0, 3.000001, 9.0)}
    assert board.sensors == {
        ("G1", SUHU): Sensor(80.5, at[3.000001], now, is_high=True),
        ("G2", SUHU): Sensor(80.0, at[9.0], now),
        ("G1", KELEMBABAN): Sensor(75.0, at[1.0], now, is_high=True),
    }
    assert Board(tmp_path / "board.json", timedelta(seconds=30)).sensors == board.sensors, "written at once"
    way = LONGEST_WAY.total_seconds()
    assert {key: json.loads(value)["timestamp"] - NOON for key, value in heart.pass_time(2.0)} == {
        SUHU: 9 + way + 2,
        KELEMBABAN: 1 + way + 2,
    }


def test_the_console_says_what_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    later, earlier = (ARRIVED + timedelta(seconds=seconds) for seconds in (1.5, 0))
    warned = [("G\x1b1", KELEMBABAN, 71.5, later), ("G2", SUHU, 81.5, earlier)]
    show_warnings(
        pa.table(dict(zip(("gudang_id", "kind", "value", "event_time"), zip(*warned, strict=True), strict=True)))
    )
    show_statuses([{"gudang_id": "G1", "suhu": 81.5, "kelembaban": None, "status": "Suhu saja"}])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "[Peringatan Suhu Tinggi] Gudang G2: Suhu 81.5°C - 2026-11-21 12:00:00"
    assert said[1].endswith("1: Kelembaban 71.5% - 2026-11-21 12:00:01.500000")
    assert "\x1b" not in said[1]
    assert said[2:6] == ["[Status Gabungan] Gudang G1:", "- Suhu: 81.5°C", "- Kelembaban: -%", "- Status: Suhu saja"]


def test_a_clock_that_is_ahead_moves_time_by_no_more_than_the_setting(spark: SparkSession) -> None:
    settings = dataclasses.replace(SETTINGS, max_ahead_seconds=10.0)
    ahead = [record(kind, reading(kind, 70.0, seconds), 0) for kind in (SUHU, KELEMBABAN) for seconds in (10, 10.001)]
    in_table = rows(batch(*ahead), settings)["sensor_gudang"].sort_by("event_time")
    assert in_table["event_time"].to_pylist() == [ARRIVED, ARRIVED, *[ARRIVED + timedelta(seconds=10)] * 2]
    assert in_table["time_fault"].to_pylist() == ["absurd-time:timestamp=1795262410.001"] * 2 + [None] * 2
    for kind in (SUHU, KELEMBABAN):
        times = side(frame(spark, *ahead), kind, settings).select(f"{kind}_time").orderBy(f"{kind}_time").collect()
        assert [row[0] - ARRIVED.replace(tzinfo=None) for row in times] == [timedelta(0), timedelta(seconds=10)]


@pytest.mark.parametrize("seconds", [1, 3600])
def test_windows_that_the_rank_has_room_for_are_accepted(seconds: int) -> None:
    refuse_wrong(dataclasses.replace(SETTINGS, window_seconds=seconds))


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(SETTINGS, window_seconds=0),
        dataclasses.replace(SETTINGS, window_seconds=3601),
        dataclasses.replace(SETTINGS, watermark_seconds=0),
        dataclasses.replace(SETTINGS, silence_seconds=0.0),
    ],
)
def test_times_that_the_join_cannot_work_with_are_refused(wrong: Settings) -> None:
    with pytest.raises(ArusError, match=r"^settings: spark\.arus\."):
        refuse_wrong(wrong)
